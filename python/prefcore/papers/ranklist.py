"""RankList: listwise preference learning for subjective preferences (arXiv 2508.09826)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["RankReport", "evaluate", "loss", "skip_at", "sum_loss"]


class RankReport(NamedTuple):
    """How well predicted orders agree with the labels."""

    tau: NDArray[np.float64]
    """[G] Kendall's tau-b."""
    accuracy: NDArray[np.float64]
    """[G] share of the pairs with different labels that are ordered right; half for equal scores."""


def loss(
    scores: Tensor,
    labels: Tensor,
    offsets: Tensor | None = None,
    *,
    max_skip: int | None,
    temperature: float = 1.0,
    min_gap: float = 0.0,
) -> Tensor:
    """RankList: one log-sum-exp over all pairs at the same distance in the order of the labels.

    loss = sum_{k <= max_skip} log(1 + sum_i exp(-(s_i - s_{i+k}) / temperature))  over label gaps >= min_gap

    Args:
        scores: [n] with `offsets`, or [G, L] with a list in each row; higher is better.
        labels: grades of the shape of `scores`; equal ones form no pair.
        offsets: int64 [G + 1] boundaries of the lists.
        max_skip: largest distance k; None = all. Raise it in training by `skip_at`.
        temperature: divides the score gap, > 0.
        min_gap: labels must differ by at least this (the paper's margin W), >= 0. The other reading, a list thinned
            until neighbors differ that much: `selection.thin_by_gap` before.
    Returns: [G] losses (f32; f64 for f64 scores). NaN scores give NaN.
    Raises: ShapeError, DomainError, TypeError.
    Source: derived from the abstract and two captions: no code or full text was at hand. `losses.ranklist`.

    >>> loss(torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[3, 2, 1]]), max_skip=None)
    tensor([0.6784])
    """
    from prefcore.losses import ranklist

    rule: dict[str, Any] = {"offsets": offsets, "max_skip": max_skip, "min_gap": min_gap, "inclusive": True}
    return ranklist(scores, labels, temperature=temperature, **rule).loss


def sum_loss(
    scores: Tensor,
    labels: Tensor,
    offsets: Tensor | None = None,
    *,
    max_skip: int | None,
    temperature: float = 1.0,
    min_gap: float = 0.0,
) -> Tensor:
    """The form that `loss` bounds from below: a logistic term for every pair.

    loss = sum_{k <= max_skip} sum_i log(1 + exp(-(s_i - s_{i+k}) / temperature)); all distances: RankNet

    Args:
        scores: as in `loss`.
        labels: as in `loss`.
        offsets: as in `loss`.
        max_skip: as in `loss`.
        temperature: as in `loss`.
        min_gap: as in `loss`.
    Returns: [G] losses (f32; f64 for f64 scores). NaN scores give NaN.
    Raises: ShapeError, DomainError, TypeError.
    Source: as `loss`; `losses.ranknet`.

    >>> sum_loss(torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[3, 2, 1]]), max_skip=1)
    tensor([0.6265])
    """
    from prefcore._checks import numbers, positive
    from prefcore.losses import ranknet
    from prefcore.papers._inputs import renamed

    numbers(temperature=temperature)
    positive(temperature=temperature)
    rule: dict[str, Any] = {"offsets": offsets, "max_skip": max_skip, "min_gap": min_gap, "inclusive": True}
    with renamed(sigma="1 / temperature"):
        return ranknet(scores, labels, sigma=1 / temperature, **rule).loss


def skip_at(step: int, total: int, longest: int) -> int:
    """Largest distance at a step of training: near neighbors first, all pairs at the end.

    min(longest, 1 + floor(step longest / total))

    Args:
        step: steps done, >= 0.
        total: steps of the whole training, >= 1.
        longest: largest distance, >= 1.
    Returns: `max_skip` of `loss`, 1 to `longest`.
    Raises: DomainError, TypeError.
    Source: progressive exposure of the abstract; the even schedule is derived.

    >>> [skip_at(step, 4, 4) for step in range(5)]
    [1, 2, 3, 4, 4]
    """
    from prefcore import _arrays

    step = _arrays.whole_number("step", step, 0, 2**63)
    total, longest = _arrays.whole_number("total", total, 1, 2**63), _arrays.whole_number("longest", longest, 1, 2**63)
    return min(longest, 1 + step * longest // total)


def evaluate(scores: Any, labels: Any, offsets: Any = None) -> RankReport:
    """Agreement of predicted scores with the order of the labels, by list.

    Args:
        scores: [n] with `offsets`, [G, L], or one list.
        labels: grades of the shape of `scores`.
        offsets: int [G + 1] boundaries of the lists.
    Returns: RankReport(tau, accuracy), one number each for one list; NaN for a list without a pair of different labels.
    Raises: ShapeError, DomainError, TypeError.
    Source: the paper's measures: `metrics.kendall_tau`, and the counts of `metrics.concordance_counts`.

    >>> evaluate([3.0, 1.0, 2.0], [3, 2, 1])
    RankReport(tau=np.float64(0.3333333333333333), accuracy=np.float64(0.6666666666666666))
    """
    import numpy as np

    from prefcore import _arrays, metrics

    columns = {"scores": scores, "labels": labels}
    scores, labels = (_arrays.column(name, values) for name, values in columns.items())
    for name, values in {"scores": scores, "labels": labels}.items():
        _arrays.refuse(name, values, np.isnan(values), "a number")
    _arrays.same_shape(scores=scores, labels=labels)
    tau = metrics.kendall_tau(scores, labels, offsets=offsets)
    counts = metrics.concordance_counts(scores, labels, offsets=offsets)
    tied = counts.ties_x - counts.ties_xy  # scores are equal, labels are not
    pairs = counts.concordant + counts.discordant + tied
    with np.errstate(invalid="ignore"):
        return RankReport(tau, np.divide(counts.concordant + tied / 2, pairs))
