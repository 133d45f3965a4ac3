"""Checks of lists, `[B, L]` or `[N]` with offsets."""

from torch import Tensor

from prefcore._checks import dense_or_ragged, same_device, same_shape, tensors, tensors_or_none, upcast
from prefcore.errors import DomainError, ShapeError


def lists(name: str, rows: Tensor, offsets: Tensor | None, *, dense: str = "[B, L]", flat: str = "[N]") -> None:
    """Refuse what is neither `[B, L]` nor `[N]` with offsets `[G+1]`; `dense` and `flat` say the two in words."""
    tensors_or_none(offsets=offsets)
    dense_or_ragged(name, rows, offsets, dense=dense, flat=flat)


def scores_and_labels(scores: Tensor, labels: Tensor, offsets: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return scores in f32 or f64 and labels, of any real type, in f64: integers up to 2^53 stay exact."""
    tensors(scores=scores, labels=labels)
    same_shape(scores=scores, labels=labels)
    lists("scores", scores, offsets)
    if labels.is_complex():
        raise TypeError(f"labels must be real numbers, got {labels.dtype}")
    constant(labels=labels)
    return upcast(scores=scores)[0], labels.double()


def by_position(name: str, weights: Tensor | None, like: Tensor) -> Tensor | None:
    """Return weights `[W]` of positions or distances in f64."""
    tensors_or_none(**{name: weights})
    if weights is None:
        return None
    if weights.ndim != 1:
        raise ShapeError(f"{name} must be one-dimensional, got {list(weights.shape)}")
    constant(**{name: weights})
    same_device(**{"scores": like, name: weights})
    return upcast(**{name: weights})[0].double()


def constant(**given: Tensor) -> None:
    """Refuse tensors that ask for a gradient: they would get none."""
    for name, tensor in given.items():
        if tensor.requires_grad:
            raise TypeError(f"{name} must not require a gradient, there is none; call .detach()")


def at_least_one(**given: object) -> None:
    """Refuse what is neither None nor an integer from 1."""
    for name, number in given.items():
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int):
            got = "a tensor; call .item()" if isinstance(number, Tensor) else f"{type(number).__name__} {number}"
            raise TypeError(f"{name} must be an int, got {got}")
        if number < 1:
            raise DomainError(f"{name} must be at least 1, got {number}")
        if number >= 2**63:
            raise DomainError(f"{name} must be below 2**63, got {number}; None stands for all")


def flag(**given: object) -> None:
    """Refuse what is neither True nor False."""
    for name, value in given.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be True or False, got {value!r}")
