"""AlignDiff: preferences over attributes of behavior (Dong et al. 2024, arXiv 2310.02054)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["code_loss", "loss", "strength"]


def strength(raw: Tensor, *, limit: float = 20.0) -> Tensor:
    """Strength of each attribute: the mean of an ensemble, each member bounded.

    mean_e limit tanh(raw / limit)

    The official code trains members one by one: `strength(raw[e : e + 1])`.

    Args:
        raw: [E, B, A] outputs of E members for A attributes.
        limit: bound of a strength, > 0.
    Returns: [B, A] (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: utils/attrfunc_utils.py of ZibinDong/AlignDiff-ICLR2024.

    >>> strength(torch.tensor([[[1.0]], [[1000.0]]]))
    tensor([[10.4996]])
    """
    from prefcore._checks import numbers, positive, tensors, upcast
    from prefcore.errors import ShapeError

    tensors(raw=raw)
    if raw.ndim != 3 or raw.shape[0] == 0:
        raise ShapeError(f"raw must be [E, B, A] with E > 0, got {list(raw.shape)}")
    numbers(limit=limit)
    positive(limit=limit)
    (raw,) = upcast(raw=raw)
    return limit * (raw / limit).tanh().mean(0)


def loss(first: Tensor, second: Tensor, prob: Num) -> Tensor:
    """Bradley-Terry loss of each attribute, with ties.

    loss = -p log sigmoid(first - second) - (1 - p) log sigmoid(second - first)

    Args:
        first: [B, A] strengths of the attributes of one trajectory.
        second: [B, A] of the other.
        prob: that the first shows more of the attribute, in [0, 1]: 1, 0, or 1/2 for a tie; float, [B] or [B, A]. The
            official labels are one minus this.
    Returns: [B, A] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: utils/attrfunc_utils.py of ZibinDong/AlignDiff-ICLR2024, without the 1e-8 in its logs (`code_loss`).

    >>> loss(torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.5]]))
    tensor([[0.3133, 0.8133]])
    """
    from prefcore._checks import unit_interval
    from prefcore.losses import bradley_terry
    from prefcore.papers._inputs import alike, fitting

    first, second = alike(first=first, second=second)
    unit_interval(prob=prob)
    (prob,) = fitting(first, prob=prob)
    return bradley_terry(first, second, label_smoothing=1 - prob)


def code_loss(first: Tensor, second: Tensor, prob: Num) -> Tensor:
    """The loss as the official code has it, with 1e-8 inside the logs, for parity only.

    -p log(sigmoid(first - second) + 1e-8) - (1 - p) log(sigmoid(second - first) + 1e-8)

    It ends at 18.4 nats, and from there on a wrong pair has no gradient.

    Args:
        first: as in `loss`.
        second: as in `loss`.
        prob: as in `loss`.
    Returns: [B, A] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: utils/attrfunc_utils.py of ZibinDong/AlignDiff-ICLR2024.

    >>> code_loss(torch.tensor([[-50.0]]), torch.tensor([[0.0]]), 1.0)
    tensor([[18.4207]])
    """
    from prefcore._checks import per_example, unit_interval
    from prefcore.papers._inputs import alike, floored_logistic

    first, second = alike(first=first, second=second)
    unit_interval(prob=prob)
    return floored_logistic(first - second, per_example("prob", prob, first), 1e-8)
