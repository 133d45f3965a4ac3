"""AlignDiff: preferences over attributes of behavior (Dong et al. 2024, arXiv 2310.02054)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["code_loss", "guide", "loss", "match_area", "plan", "relabel", "strength"]


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
    Returns: [B, A] losses in nats (f32; f64 for f64 input). NaN in, NaN out, but a NaN `prob` raises.
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
    Returns: [B, A] losses in nats (f32; f64 for f64 input). NaN in, NaN out, but a NaN `prob` raises.
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


def guide(cond: Tensor, uncond: Tensor, *, weight: Num) -> Tensor:
    """Classifier-free guidance of the planner: `scores.guidance_combine` with the attributes as the condition.

    uncond + weight (cond - uncond)

    Args:
        cond: noise predicted under the wanted attributes, any shape.
        uncond: noise predicted without, of the same shape.
        weight: 0 ignores the attributes, 1 is `cond`, more exaggerates; float or [B].
    Returns: of that shape (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: diffusion/ode.py of ZibinDong/AlignDiff-ICLR2024.

    >>> guide(torch.tensor([1.0, 2.0]), torch.tensor([0.5, -1.0]), weight=1.5)
    tensor([1.2500, 3.5000])
    """
    from prefcore.papers._inputs import alike, renamed
    from prefcore.scores import guidance_combine

    cond, uncond = alike(cond=cond, uncond=uncond)
    with renamed(w_delta="weight"):
        return guidance_combine(uncond, cond, w_delta=weight)


def match_area(strength: Any, target: Any, mask: Any) -> float:
    """Area under the curve of matches: how many rollouts lie within a threshold of their target, over thresholds.

    mean_k share(error < t_k),  error_n = mean of |strength - target| over the attributes asked for

    The 100 thresholds fall from 1 to e^-4.6 in 90 equal steps of their logarithm and in 10 of their own to 0.

    Args:
        strength: [N, A] strengths of the attributes shown, scaled to [0, 1].
        target: [N, A] those asked for.
        mask: [N, A] bool, True = asked for; at least one in each row.
    Returns: float in [0, 1]; the official code counts an error below a threshold strictly.
    Raises: ShapeError, DomainError, TypeError.
    Source: plot.py and eval.py of ZibinDong/AlignDiff-ICLR2024.

    >>> round(match_area([[0.55], [0.7], [1.0], [0.51]], [[0.5], [0.5], [0.4], [0.5]], [[True]] * 4), 4)
    0.4775
    """
    from prefcore import _arrays
    from prefcore.errors import DomainError, ShapeError

    shown, wanted = _arrays.floats("strength", strength), _arrays.floats("target", target)
    counts = _arrays.mask("mask", mask)
    _arrays.same_shape(strength=shown, target=wanted, mask=counts)
    shown, wanted = _asked("strength", shown, counts), _asked("target", wanted, counts)
    if shown.ndim != 2 or len(shown) == 0:
        raise ShapeError(f"strength must be [N, A] with N > 0, got {list(shown.shape)}")
    if not counts.any(1).all():
        row = int(counts.any(1).argmin())
        raise DomainError(f"mask[{row}] must ask for an attribute, got False in all")
    with np.errstate(over="ignore"):  # an infinite error is one above all thresholds
        errors = np.sort(np.abs(shown - wanted).sum(1) / counts.sum(1))
    thresholds = np.concatenate([np.exp(np.linspace(0, -4.6, 90)), np.linspace(np.exp(-4.6), 0, 10)])
    return float(np.searchsorted(errors, thresholds).mean() / len(errors))


def relabel(strength: Any, *, bins: int = 100) -> NDArray[np.int64]:
    """Strengths of a data set as bins of their range, the labels that a diffusion model is conditioned on.

    bin = min(floor((s - min) / ((max - min) / bins)), bins - 1), by attribute, rounded in this order

    Args:
        strength: [N, A] strengths, N > 0; no attribute the same everywhere.
        bins: their number, >= 1.
    Returns: int64 [N, A] in 0..bins - 1.
    Raises: ShapeError, DomainError, TypeError.
    Source: utils/common_utils.py of ZibinDong/AlignDiff-ICLR2024, where a range of 0 gives NaN.

    >>> relabel([[-3.0, 2.0], [1.0, 7.0], [5.0, 4.5]]).tolist()
    [[0, 0], [50, 99], [99, 50]]
    """
    from prefcore import _arrays
    from prefcore.errors import DomainError, ShapeError

    s = _arrays.finite("strength", _arrays.floats("strength", strength))
    if s.ndim != 2 or len(s) == 0:
        raise ShapeError(f"strength must be [N, A] with N > 0, got {list(s.shape)}")
    bins = _arrays.whole_number("bins", bins, 1, 2**31)
    if (same := (s == s[0]).all(0)).any():
        place = int(same.argmax())
        raise DomainError(f"strength[:, {place}] must not be the same everywhere, got {s[0, place]}")
    s = _arrays.near_one(s, axis=0)
    low, spread = s.min(0), np.ptp(s, axis=0)
    return np.asarray(np.minimum((s - low) / (spread / bins), bins - 1).astype(np.int64))


def plan(strength: Any, target: Any, mask: Any) -> int:
    """The candidate whose attributes are nearest to those asked for.

    argmin_c sum of (strength_c - target)^2 over the attributes asked for

    Args:
        strength: [C, A] strengths of C > 0 candidate trajectories, scaled to [0, 1].
        target: [A] those asked for.
        mask: bool [A], True = asked for; at least one.
    Returns: a row of 0..C; of equal candidates the first.
    Raises: ShapeError, DomainError, TypeError.
    Source: diffusion/planner.py of ZibinDong/AlignDiff-ICLR2024.

    >>> plan([[0.0, 0.0], [0.5, 1.0], [1.0, 0.5]], [0.3, 0.8], [True, False])
    1
    """
    from prefcore import _arrays
    from prefcore.errors import DomainError, ShapeError

    shown, wanted = _arrays.floats("strength", strength), _arrays.floats("target", target)
    counts = _arrays.mask("mask", mask)
    if shown.ndim != 2 or len(shown) == 0 or wanted.shape != shown.shape[1:]:
        raise ShapeError(f"expected strength [C, A] and target [A], got {list(shown.shape)} and {list(wanted.shape)}")
    _arrays.same_shape(target=wanted, mask=counts)
    if not counts.any():
        raise DomainError("mask must ask for an attribute, got False in all")
    both = np.vstack([_asked("strength", shown, counts), _asked("target", wanted, counts)])
    shown, wanted = np.split(_arrays.near_one(both) / 2, [len(shown)])  # so that no square overflows
    return int(np.square(shown - wanted).sum(1).argmin())


def _asked(name: str, values: NDArray[np.float64], counts: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The values where they count, 0 elsewhere; those that count must be finite."""
    from prefcore import _arrays

    return _arrays.finite(name, np.where(counts, values, 0.0))
