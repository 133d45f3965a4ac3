"""Accuracy of preferences: of ready pairs, of all pairs of a list, and of whole rankings."""

from typing import Any, Literal, NamedTuple

import numpy as np

from prefcore import _arrays, _rust
from prefcore.errors import DomainError
from prefcore.metrics._results import Counts, Values, in_precision, per_group, row_weights

__all__ = [
    "Outcomes",
    "TieCalibrated",
    "outcome_counts",
    "pairwise_accuracy",
    "pairwise_accuracy_with_ties",
    "ranking_exact_match",
    "roc_auc",
    "tie_calibrated_accuracy",
]

Policy = Literal["raise", "omit", "propagate"]
Ties = float | Literal["drop"]


class Outcomes(NamedTuple):
    """Counts of pairs; int64 [G], or one integer for one group. Counts of groups or of batches add up."""

    wins: Counts
    """Pairs with chosen > rejected."""
    ties: Counts
    """Pairs with chosen = rejected."""
    losses: Counts
    """Pairs with chosen < rejected."""
    nans: Counts
    """Pairs left out because of a NaN."""

    def rate(self, *, ties: Ties) -> Values:
        """Return (wins + ties * credit) / pairs, the bits of `pairwise_accuracy`.

        Args:
            ties: credit of a tie in [0, 1], or "drop": ties leave both numerator and denominator.
        Returns: float64 [G], or one number for one group. NaN where no pair is left.
        Raises: DomainError.

        >>> outcome_counts([3, 2, 1], [2, 2, 2]).rate(ties=0.5)
        np.float64(0.5)
        """
        credit = tie_credit(ties)
        wins, losses = np.float64(self.wins), np.float64(self.losses)
        tied = np.float64(self.ties) * (credit is not None)
        with np.errstate(invalid="ignore"):
            return (wins + (credit or 0.0) * tied) / (wins + tied + losses)


class TieCalibrated(NamedTuple):
    """Accuracy over the pairs of rows of each group; float64 [G], or one number each for one group."""

    accuracy: Values
    """Share of the pairs that are predicted right."""
    eps: Values
    """Largest gap of scores that is a predicted tie."""


def tie_credit(ties: Any) -> float | None:
    """Return the credit of a tie; None where ties are dropped."""
    if isinstance(ties, str) and ties == "drop":
        return None
    if isinstance(ties, bool) or not isinstance(ties, int | float | np.integer | np.floating) or not 0 <= ties <= 1:
        raise DomainError(f'ties must be in [0, 1], or "drop", got {ties!r}')
    return float(ties)


def pair_columns(chosen: Any, rejected: Any, offsets: Any) -> _arrays.Grouped:
    """Return both columns of pairs in groups; a plain number is a constant second column."""
    if np.ndim(rejected) == 0 and not isinstance(rejected, str):
        chosen = _arrays.column("chosen", chosen)
        one = rejected.item() if hasattr(rejected, "item") else rejected
        _arrays.number("rejected", one)
        rejected = np.full(chosen.shape, one)
    return _arrays.grouped(offsets, chosen=chosen, rejected=rejected)


def outcome_counts(
    chosen: Any, rejected: Any, *, offsets: Any = None, nan: Literal["raise", "omit"] = "raise"
) -> Outcomes:
    """Count the pairs that the chosen side wins, ties and loses.

    wins = #(chosen > rejected)    ties = #(chosen = rejected)    losses = #(chosen < rejected)

    Numbers are compared exactly, also where the columns differ in dtype: float32 0.1 is greater than 0.1. Equal
    infinities are a tie.

    Args:
        chosen: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; what should be larger.
        rejected: the other side, of the same shape, or one number.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": pairs with a NaN on either side are counted as `nans` alone.
    Returns: Outcomes of int64 [G], or of one integer each for one group.
    Raises: DomainError, ShapeError, TypeError.
    Source: the counts behind `pairwise_accuracy`.

    >>> outcome_counts([3.0, 2.0, 1.0, 5.0], [1.0, 2.0, 2.0, 4.0])
    Outcomes(wins=np.int64(2), ties=np.int64(1), losses=np.int64(1), nans=np.int64(0))
    """
    data = pair_columns(chosen, rejected, offsets)
    chosen, rejected = data.columns
    wins, ties, losses = _rust.outcome_counts(chosen, rejected, data.offsets, nan)
    nans = np.diff(data.offsets) - wins - ties - losses
    return Outcomes(*(per_group(data, column) for column in (wins, ties, losses, nans)))


def pairwise_accuracy(
    chosen: Any, rejected: Any, *, ties: Ties, weights: Any = None, offsets: Any = None, nan: Policy = "raise"
) -> Values:
    """Share of the pairs whose chosen side has the larger number, also called reward or ranking accuracy.

    (sum of w (1[chosen > rejected] + ties 1[chosen = rejected])) / (sum of w)

    Pairs are ready: for all pairs of a list see `tie_calibrated_accuracy` and `kendall_tau`. Numbers are compared
    exactly, as in `outcome_counts`.

    Args:
        chosen: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; what should be larger.
        rejected: the other side, of the same shape, or one number: `pairwise_accuracy(margins, 0.0, ties=0.0)`.
        ties: credit of a tie in [0, 1], or "drop": ties are left out. TRL and RewardBench take 0, Chen et al. 1.
        weights: one per pair, in [0, 1e100]; None: 1 for each.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": pairs with a NaN on either side are left out; "propagate": their group's value is NaN.
            To count them as wrong, as TRL does, make NaN -inf in `chosen` and inf in `rejected`.
    Returns: float64 [G] in [0, 1], or one number for one group. NaN where no pair, or no weight, is left.
    Raises: DomainError, ShapeError, TypeError.
    Source: Chen et al. 2024 (arXiv 2405.19534), definition 2.3; RewardBench (Lambert et al. 2024).

    >>> pairwise_accuracy([3.0, 2.0, 1.0, 5.0], [1.0, 2.0, 2.0, 4.0], ties=0.5)
    np.float64(0.625)
    >>> pairwise_accuracy([0.3, -0.2, 0.5], 0.0, ties=0.0, offsets=[0, 2, 3])
    array([0.5, 1. ])
    """
    credit = tie_credit(ties)
    data = pair_columns(chosen, rejected, offsets)
    chosen, rejected = data.columns
    values = _rust.pairwise_accuracy(chosen, rejected, data.offsets, credit, row_weights(data, "chosen", weights), nan)
    return per_group(data, values)


def pairwise_accuracy_with_ties(
    margins: Any,
    labels: Any,
    *,
    eps: float,
    tie_band: Literal["all", "tied_labels"],
    weights: Any = None,
    offsets: Any = None,
    nan: Policy = "raise",
) -> Values:
    """Share of the pairs whose margin predicts the label, where labels may be ties.

    (sum of w 1[prediction = label]) / (sum of w), with prediction 0 where |margin| <= eps, else the margin's sign

    Args:
        margins: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group: first minus second score.
        labels: +1 where the first is preferred, -1 where the second is, 0 for a tie; same shape.
        eps: largest size of a margin that is a tie, >= 0; for float32 margins the float32 next to it.
        tie_band: "all": for every pair, as in Deutsch et al. and in the code of Chen et al.; "tied_labels": only where
            the label is a tie, as in definition C.1 of Chen et al., the sign alone deciding elsewhere.
        weights: one per pair, in [0, 1e100]; None: 1 for each.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": pairs with a NaN are left out; "propagate": their group's value is NaN.
    Returns: float64 [G] in [0, 1], or one number for one group. NaN where no pair, or no weight, is left.
    Raises: DomainError, ShapeError, TypeError.
    Source: Chen et al. 2024 (arXiv 2405.19534), definition C.1, and angie-chen55/pref-learning-ranking-acc
        calibration_metrics_lib.py; Deutsch et al. 2023 (arXiv 2305.14324).

    >>> pairwise_accuracy_with_ties([0.4, 0.05, -0.02], [1, 1, 0], eps=0.1, tie_band="tied_labels")
    np.float64(1.0)
    >>> pairwise_accuracy_with_ties([0.4, 0.05, -0.02], [1, 1, 0], eps=0.1, tie_band="all")
    np.float64(0.6666666666666666)
    """
    data = _arrays.grouped(offsets, margins=margins, labels=labels)
    rows = row_weights(data, "margins", weights)
    margins, labels = data.columns
    _arrays.word("tie_band", tie_band)
    band = (_arrays.number("eps", eps), tie_band)
    values = _rust.pairwise_accuracy_with_ties(margins, labels, data.offsets, band, rows, nan)
    return per_group(data, values)


def tie_calibrated_accuracy(
    scores: Any, labels: Any, *, eps: float | None = None, offsets: Any = None, nan: Policy = "raise"
) -> TieCalibrated:
    """Share of all pairs of rows that scores put in the order of the labels, with scores within eps counted as tied.

    accuracy = (C + T) / (n (n - 1) / 2),  C the pairs ordered alike by both with |s_i - s_j| > eps,
    T the pairs of equal labels with |s_i - s_j| <= eps

    Without `eps` it is the one of the highest accuracy, the smallest of several. The search takes O(n^2 log n) time and
    O(n^2) memory, without it O(n^2) time. `pairwise_accuracy_with_ties` takes ready pairs.

    Args:
        scores: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; larger is better.
        labels: the truth, of the same shape; compared in its own dtype.
        eps: largest gap of scores that is a predicted tie, >= 0, for float32 scores the float32 next to it; None:
            searched in each group.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's values are NaN.
    Returns: TieCalibrated of float64 [G], or of one number each for one group. NaN for less than two rows.
    Raises: DomainError, ShapeError, TypeError.
    Source: Deutsch et al. 2023, "Ties Matter" (arXiv 2305.14324): acc_eq and its tie calibration.

    >>> tie_calibrated_accuracy([0.0, 0.25, 2.0], [0, 0, 1])
    TieCalibrated(accuracy=np.float64(1.0), eps=np.float64(0.25))
    """
    data = _arrays.grouped(offsets, scores=scores, labels=labels)
    scores, labels = data.columns
    gap = None if eps is None else in_precision(scores, "eps", eps)
    columns = _rust.tie_calibrated_accuracy(scores, labels, data.offsets, gap, nan)
    return TieCalibrated(*(per_group(data, column) for column in columns))


def ranking_exact_match(scores: Any, ranks: Any, *, offsets: Any = None, nan: Policy = "raise") -> Values:
    """1 where the ranks of a list's scores are exactly the given ones, else 0.

    rank_i = 1 + #(j: s_j > s_i),  so that ties share the best of their ranks (1, 1, 3)

    Args:
        scores: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; larger is better.
        ranks: whole numbers >= 1, the best is 1; same shape.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN are left out; "propagate": their group's value is NaN.
    Returns: float64 [G] of 0 and 1, or one number for one group. NaN for an empty group.
    Raises: DomainError, ShapeError, TypeError.
    Source: Chen et al. 2024 (arXiv 2405.19534); `rank` and `Accuracy` of angie-chen55/pref-learning-ranking-acc
        calibration_metrics_lib.py and distance_lib.py.

    >>> ranking_exact_match([[0.5, 0.2, 0.9], [0.1, 0.4, 0.4]], [[2, 3, 1], [3, 1, 2]])
    array([1., 0.])
    """
    data = _arrays.grouped(offsets, scores=scores, ranks=ranks)
    scores, ranks = data.columns
    return per_group(data, _rust.ranking_exact_match(scores, ranks, data.offsets, nan))


def roc_auc(scores: Any, labels: Any, *, weights: Any = None, offsets: Any = None, nan: Policy = "raise") -> Values:
    """Area under the ROC curve: the chance that a positive row has a higher score than a negative one.

    (sum over positive i, negative j of w_i w_j (1[s_i > s_j] + 1/2 1[s_i = s_j])) / (sum over them of w_i w_j)

    It takes O(n log n) time; without weights the pairs are counted in integers. Scores are compared in their own dtype.
    The order of the arguments is the reverse of scikit-learn's: prediction first, truth second.

    Args:
        scores: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group.
        labels: 0 or 1, or bool; same shape.
        weights: one per row, in [0, 1e100]; None: 1 for each.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [0, 1], or one number for one group. NaN where only one class has a row, or weight.
    Raises: DomainError, ShapeError, TypeError.
    Source: Mann and Whitney (1947); sklearn.metrics.roc_auc_score.

    >>> roc_auc([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1])
    np.float64(0.875)
    """
    data = _arrays.grouped(offsets, scores=scores, labels=labels)
    scores, labels = data.columns
    values = _rust.roc_auc(scores, labels, data.offsets, row_weights(data, "scores", weights), nan)
    return per_group(data, values)
