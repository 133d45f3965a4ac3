"""PAL: pluralistic alignment by ideal points (Chen et al. 2024, arXiv 2406.08469)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, dtype

    from prefcore._checks import Num

__all__ = [
    "fit_user",
    "ideal_point",
    "last_token_loss",
    "logistic_loss",
    "loss",
    "model_b_loss",
    "smooth_hinge",
    "smooth_loss",
    "token_loss",
    "users",
]


def users(weights: Tensor, prototypes: Tensor) -> Tensor:
    """Ideal point of each user: a mixture of prototypes.

    softmax(weights) @ prototypes

    Args:
        weights: [U, K] logits of the mixture of each user (divided by a temperature, if there is one).
        prototypes: [K, D] ideal points of K groups.
    Returns: [U, D] (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: src/pal_rm_a of RamyaLab/pluralistic-alignment.

    >>> users(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 3.0]]))
    tensor([[0.5000, 1.5000]])
    """
    from prefcore._checks import full_precision, same_device, tensors, upcast
    from prefcore.errors import ShapeError

    tensors(weights=weights, prototypes=prototypes)
    if weights.ndim != 2 or prototypes.ndim != 2 or weights.shape[1] != prototypes.shape[0]:
        got = f"{list(weights.shape)} and {list(prototypes.shape)}"
        raise ShapeError(f"expected weights [U, K] and prototypes [K, D], got {got}")
    same_device(weights=weights, prototypes=prototypes)
    weights, prototypes = upcast(weights=weights, prototypes=prototypes)
    with full_precision(weights):
        return weights.softmax(1) @ prototypes


def ideal_point(items: Tensor, ideal: Tensor) -> Tensor:
    """Score of an item for a user: how near it is to the user's ideal point.

    score = -||item - ideal||

    The loss of a pair is `losses.hinge(beta=1)`, `losses.bradley_terry` or `smooth_hinge` of two such scores.

    Args:
        items: [B, D] embeddings of items.
        ideal: [B, D] ideal point of the user of each item.
    Returns: [B] scores <= 0 (f32; f64 for f64 input); the gradient at distance 0 is 0. NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: src/pal_rm_a of RamyaLab/pluralistic-alignment, which divides by 0 there.

    >>> ideal_point(torch.tensor([[3.0, 4.0], [1.0, 1.0]]), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    tensor([-5., -0.])
    """
    import torch

    from prefcore._checks import same_shape, tensors, upcast
    from prefcore.errors import ShapeError

    tensors(items=items, ideal=ideal)
    same_shape(items=items, ideal=ideal)
    if items.ndim != 2:
        raise ShapeError(f"items must be [B, D], got {list(items.shape)}")
    items, ideal = upcast(items=items, ideal=ideal)
    distance: Tensor = torch.linalg.vector_norm(items - ideal, dim=1)
    return -distance


def smooth_hinge(chosen: Tensor, rejected: Tensor, *, margin: Num = 1.0, smoothness: Num = 5.0) -> Tensor:
    """Hinge on the gap between two scores with a parabola in place of its corner.

    loss = u^2 / (2 smoothness) up to u = smoothness, u - smoothness / 2 beyond,
    u = max(0, margin - (chosen - rejected))

    Args:
        chosen: [B] scores of the preferred items.
        rejected: [B] scores of the others.
        margin: gap at which the loss vanishes, float or [B].
        smoothness: width of the parabola, > 0, float or [B].
    Returns: [B] losses >= 0 (f32; f64 for f64 input). Any common shape works elementwise. NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: src/loss_function.py of RamyaLab/pluralistic-alignment.

    >>> smooth_hinge(torch.tensor([1.0, 0.0, -6.0]), torch.zeros(3))
    tensor([0.0000, 0.1000, 4.5000])
    """
    import torch

    from prefcore._checks import finite, per_example, positive, same_shape, tensors, upcast

    tensors(chosen=chosen, rejected=rejected)
    same_shape(chosen=chosen, rejected=rejected)
    finite(margin=margin)
    positive(smoothness=smoothness)
    chosen, rejected = upcast(chosen=chosen, rejected=rejected)
    width = per_example("smoothness", smoothness, chosen)
    u = (per_example("margin", margin, chosen) - (chosen - rejected)).relu()
    near = u <= width
    curved = u.where(near, 0.0)  # the branch not taken has gradient 0 times this: an infinite u would make it NaN
    return torch.where(near, curved.square() / (2 * width), u - width / 2)


def loss(left: Tensor, right: Tensor, ideal: Tensor, side: Tensor) -> Tensor:
    """Hinge on how much nearer the preferred item is to the user's ideal point: model A.

    loss = max(0, 1 - side (||left - ideal|| - ||right - ideal||))

    Args:
        left: [B, D] embeddings of one item of each pair.
        right: [B, D] of the other.
        ideal: [B, D] ideal points of the users who compared them (`users`).
        side: [B] 1 where the right item is preferred, -1 where the left is.
    Returns: [B] losses (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: src/pal_rm_a and src/loss_function.py of RamyaLab/pluralistic-alignment.

    >>> left, right = torch.tensor([[0.5, 0.0]]), torch.tensor([[0.0, 0.0]])
    >>> loss(left, right, torch.zeros(1, 2), torch.tensor([1]))
    tensor([0.5000])
    """
    from prefcore.losses import hinge

    return hinge(*_scores(left, right, ideal, side), beta=1.0)


def logistic_loss(left: Tensor, right: Tensor, ideal: Tensor, side: Tensor) -> Tensor:
    """The same with the logistic curve.

    loss = -log sigmoid(side (||left - ideal|| - ||right - ideal||))

    Args:
        left: as in `loss`.
        right: as in `loss`.
        ideal: as in `loss`.
        side: as in `loss`.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: as `loss`.

    >>> left, right = torch.tensor([[0.5, 0.0]]), torch.tensor([[0.0, 0.0]])
    >>> logistic_loss(left, right, torch.zeros(1, 2), torch.tensor([1]))
    tensor([0.4741])
    """
    from prefcore.losses import bradley_terry

    return bradley_terry(*_scores(left, right, ideal, side))


def smooth_loss(left: Tensor, right: Tensor, ideal: Tensor, side: Tensor, *, smoothness: Num = 5.0) -> Tensor:
    """The same with `smooth_hinge`.

    Args:
        left: as in `loss`.
        right: as in `loss`.
        ideal: as in `loss`.
        side: as in `loss`.
        smoothness: width of the parabola, > 0; float or [B].
    Returns: [B] losses (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: as `loss`.

    >>> left, right = torch.tensor([[0.5, 0.0]]), torch.tensor([[0.0, 0.0]])
    >>> smooth_loss(left, right, torch.zeros(1, 2), torch.tensor([1]))
    tensor([0.0250])
    """
    return smooth_hinge(*_scores(left, right, ideal, side), smoothness=smoothness)


def model_b_loss(left: Tensor, right: Tensor, user: Tensor, side: Tensor, *, scale: Num) -> Tensor:
    """Logistic loss on cosines with a user's direction: model B.

    loss = -log sigmoid(side scale (cos(right, user) - cos(left, user)))

    Args:
        left: [B, D] embeddings of one response of each pair.
        right: [B, D] of the other.
        user: [B, D] direction of the user given the prompt; a vector of zeros has cosine 0 with everything.
        side: [B] 1 where the right response is preferred, -1 where the left is.
        scale: of the cosines, > 0; float, [] or [B]. The official code learns `scale.log()` and bounds `scale` at 100.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: src/pal_rm_b of RamyaLab/pluralistic-alignment.

    >>> left, right = torch.tensor([[0.0, 3.0]]), torch.tensor([[2.0, 0.0]])
    >>> model_b_loss(left, right, torch.tensor([[1.0, 0.0]]), torch.tensor([1]), scale=2.0)
    tensor([0.1269])
    """
    from torch.nn.functional import normalize

    from prefcore._checks import positive
    from prefcore.losses import dpo
    from prefcore.papers._inputs import fitting

    left, right, user, sign = _comparison(side, left=left, right=right, user=user)
    positive(scale=scale)
    fitting(sign, scale=scale)
    left, right, user = (normalize(vectors, dim=1, eps=1e-30) for vectors in (left, right, user))
    return dpo(sign * ((right - left) * user).sum(1), sign.new_zeros(sign.shape), beta=scale)


def fit_user(prototypes: Tensor, left: Tensor, right: Tensor, side: Tensor, *, steps: int, lr: float) -> Tensor:
    """Place a new user among known groups by a few of their comparisons: the prototypes stay as they are.

    min_w mean_b loss(left_b, right_b, softmax(w) @ prototypes, side_b), by Adam from w = 0

    Args:
        prototypes: [K, D] ideal points of the groups.
        left: [B, D] embeddings of one item of each pair, B > 0.
        right: [B, D] of the other.
        side: [B] 1 where the user prefers the right item, -1 where the left.
        steps: steps of Adam, >= 0. No source gives the paper's, nor its rate.
        lr: rate, > 0.
    Returns: [K] logits, detached (f32; f64 for f64 input); the user's point is `users(logits[None], prototypes)`.
    Raises: ShapeError, DomainError, TypeError.
    Source: few-shot users of the abstract; src/pal_rm_a of RamyaLab/pluralistic-alignment trains new users so.

    >>> groups, left, right = torch.eye(2), torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    >>> fit_user(groups, left, right, torch.tensor([1]), steps=20, lr=0.1).argmax()
    tensor(1)
    """
    import torch

    from prefcore import _arrays
    from prefcore._checks import numbers, positive, tensors
    from prefcore.errors import ShapeError
    from prefcore.papers._inputs import alike

    steps = _arrays.whole_number("steps", steps, 0, 2**63)
    numbers(lr=lr)
    positive(lr=lr)
    items, others = (values.detach() for values in alike(left=left, right=right))
    if left.ndim != 2 or len(left) == 0:
        raise ShapeError(f"left must be [B, D] with B > 0, got {list(left.shape)}")
    tensors(prototypes=prototypes)
    if prototypes.ndim != 2 or len(prototypes) == 0 or prototypes.shape[1] != left.shape[1]:
        got = list(prototypes.shape)
        raise ShapeError(f"prototypes must be [K, D] with K > 0 and D = {left.shape[1]}, got {got}")
    points = prototypes.detach().to(items.dtype)
    with torch.enable_grad():
        logits = points.new_zeros(1, len(points)).requires_grad_()
        optimizer = torch.optim.Adam([logits], lr=lr)
        for _ in range(steps):
            ideal = users(logits, points).expand(len(items), -1)
            (logits.grad,) = torch.autograd.grad(loss(items, others, ideal, side).mean(), logits)
            optimizer.step()
    return logits.detach()[0]


def token_loss(gaps: Tensor, side: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Hinge at every token from the first different one on, with weights that grow along the response.

    loss = sum_t w_t max(0, 1 - side gaps_t),  w = 1, 2, ... over their sum on start <= t < end

    Args:
        gaps: [B, T] score of the right response minus score of the left one after each token.
        side: [B] 1 where the right response is preferred, -1 where the left is.
        start: [B] int64 position of the first different token.
        end: [B] int64 position after the last token, > start and at most T.
    Returns: [B] losses (f32; f64 for f64 input). What stands outside start and end does not matter.
    Raises: ShapeError, DomainError, TypeError.
    Source: src/loss_function.py of RamyaLab/pluralistic-alignment.

    >>> token_loss(torch.tensor([[9.0, 0.0, 0.75]]), torch.tensor([1]), torch.tensor([1]), torch.tensor([3]))
    tensor([0.5000])
    """
    from prefcore.weights import normalize

    return _token_hinge(gaps, side, start, end, lambda mask, dtype: normalize(mask.cumsum(1).to(dtype), mask))


def last_token_loss(gaps: Tensor, side: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Hinge at the last token alone.

    Args:
        gaps: as in `token_loss`.
        side: as in `token_loss`.
        start: as in `token_loss`.
        end: as in `token_loss`.
    Returns: [B] losses (f32; f64 for f64 input).
    Raises: ShapeError, DomainError, TypeError.
    Source: as `token_loss`; the official code takes the end of the row for accuracies.

    >>> last_token_loss(torch.tensor([[9.0, 0.0, 0.75]]), torch.tensor([1]), torch.tensor([1]), torch.tensor([3]))
    tensor([0.2500])
    """
    from prefcore.weights import last

    return _token_hinge(gaps, side, start, end, lambda mask, dtype: last(mask).to(dtype))


def _token_hinge(
    gaps: Tensor, side: Tensor, start: Tensor, end: Tensor, weights: Callable[[Tensor, dtype], Tensor]
) -> Tensor:
    import torch

    from prefcore._checks import readable, same_shape
    from prefcore.errors import DomainError
    from prefcore.logps import sequence_logps
    from prefcore.losses import hinge
    from prefcore.papers._inputs import integers

    integers(start=start, end=end)
    gaps, sign = _comparison(side, gaps=gaps)
    same_shape(side=side, start=start, end=end)
    wrong = (start < 0) | (end <= start) | (end > gaps.shape[1])
    if readable(wrong) and bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        got = f"{start[row].item()} and {end[row].item()} in row {row}"
        raise DomainError(f"expected 0 <= start < end <= T = {gaps.shape[1]}, got {got}")
    place = torch.arange(gaps.shape[1], device=gaps.device)
    mask = (place >= start.unsqueeze(1)) & (place < end.unsqueeze(1))
    tokens = hinge(sign.unsqueeze(1) * gaps, gaps.new_zeros(gaps.shape), beta=1.0)
    return sequence_logps(tokens, mask, weights=weights(mask, tokens.dtype)).sums


def _scores(left: Tensor, right: Tensor, ideal: Tensor, side: Tensor) -> tuple[Tensor, Tensor]:
    """Scores of the preferred items, and of the others."""
    left, right, ideal, sign = _comparison(side, left=left, right=right, ideal=ideal)
    of_right, of_left = sign * ideal_point(right, ideal), sign * ideal_point(left, ideal)
    return of_right, of_left


def _comparison(side: Tensor, **given: Tensor) -> list[Tensor]:
    """The given [B, D] tensors, upcast, and the side of each row as a number of their dtype."""
    from prefcore._checks import readable, same_device, tensors
    from prefcore.errors import DomainError, ShapeError
    from prefcore.papers._inputs import alike

    values = alike(**given)
    tensors(side=side)
    (name, first), *_ = given.items()
    if first.ndim != 2 or side.shape != first.shape[:1]:
        raise ShapeError(f"expected {name} [B, ...] and side [B], got {list(first.shape)} and {list(side.shape)}")
    same_device(side=side, **given)
    sign = side.to(values[0].dtype)
    if readable(sign) and not bool((sign.abs() == 1).all()):
        row = int((sign.abs() != 1).nonzero()[0])
        raise DomainError(f"side[{row}] must be 1 or -1, got {side[row].item()}")
    return [*values, sign]
