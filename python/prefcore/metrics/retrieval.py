"""Metrics of ranked lists: scores order the rows of a group, labels say what each is worth."""

from typing import Any, Literal

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Array, Grouped, Ints
from prefcore.errors import DomainError
from prefcore.metrics._results import Values, in_precision, per_group

__all__ = [
    "average_precision",
    "dcg",
    "expected_reciprocal_rank",
    "ndcg",
    "precision_at_k",
    "r_precision",
    "rank_biased_precision",
    "recall_at_k",
    "reciprocal_rank",
]

_LONGEST = np.iinfo(np.int64).max
NanPolicy = Literal["raise", "omit", "propagate"]


def dcg(
    scores: Any,
    labels: Any,
    *,
    k: int | None = None,
    gain: Literal["linear", "exponential"] = "linear",
    ties: Literal["stable", "average"] = "stable",
    offsets: Any = None,
    nan: NanPolicy = "raise",
) -> Values:
    """Discounted cumulative gain.

    DCG@k = sum over ranks r <= k of gain(label) / log2(r + 1)

    Scores come first, labels second: the reverse of scikit-learn's order.

    Args:
        scores: [N] with `offsets`, [G, L] with a group in each row, or [N] alone, one group; largest first. Any of
            float32, float64, int32 and int64, compared as such; infinities are numbers like any other.
        labels: grades >= 0 of the same shape, not necessarily whole: up to 1e300, with exponential gain up to 900.
        k: last rank that counts, None = the whole list.
        gain: "linear", the label, or "exponential", 2^label - 1. (`losses.lambdarank` has the other default.)
        ties: equal scores stand in the order of the rows ("stable"), or the value is the mean over all their orders
            ("average").
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G], or one number for one group. NaN for a group without rows.
    Raises: DomainError (also for a negative label), ShapeError, TypeError.
    Source: Jarvelin and Kekalainen (2002); ties: McSherry and Najork (2008); scikit-learn dcg_score.

    >>> dcg([0.1, 0.3, 0.2], [3, 2, 0])
    np.float64(3.5)
    """
    data, lists = _judged(scores, labels, offsets, nan)
    _graded(gain, ties)
    return per_group(data, _rust.dcg(lists, _last_rank(k), gain, ties))


def ndcg(
    scores: Any,
    labels: Any,
    *,
    k: int | None = None,
    gain: Literal["linear", "exponential"] = "linear",
    ties: Literal["stable", "average"] = "stable",
    offsets: Any = None,
    nan: NanPolicy = "raise",
    undefined: float = np.nan,
) -> Values:
    """Normalized discounted cumulative gain.

    NDCG@k = DCG@k / the DCG@k of the rows sorted by label, largest first

    Scores come first, labels second: the reverse of scikit-learn's order, whose swapped arguments give a number too.
    scikit-learn's ndcg_score is ties="average", its ignore_ties=True almost "stable" (it turns ties around);
    trec_eval's ndcg_cut is "stable" on rows sorted by document id, largest first.

    Args:
        scores: [N] with `offsets`, [G, L] with a group in each row, or [N] alone, one group; largest first (see `dcg`).
        labels: grades >= 0 of the same shape.
        k: last rank that counts, None = the whole list.
        gain: "linear", the label, or "exponential", 2^label - 1. (`losses.lambdarank` has the other default.)
        ties: equal scores stand in the order of the rows ("stable"), or the value is the mean over all their orders
            ("average"): a model that scores all rows alike is not perfect by the order in which they come.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
        undefined: value of a group whose labels are all 0.
    Returns: float64 [G] in [0, 1], or one number for one group. NaN for a group without rows.
    Raises: DomainError (also for a negative label), ShapeError, TypeError.
    Source: Jarvelin and Kekalainen (2002); Burges et al. (2005) for the exponential gain; scikit-learn ndcg_score.

    >>> ndcg([0.1, 0.3, 0.2, 0.7], [3, 2, 0, 5], offsets=[0, 3, 4])
    array([0.82123777, 1.        ])
    """
    data, lists = _judged(scores, labels, offsets, nan)
    _graded(gain, ties)
    return per_group(data, _rust.ndcg(lists, _last_rank(k), gain, ties, _arrays.number("undefined", undefined)))


def average_precision(
    scores: Any,
    labels: Any,
    *,
    k: int | None = None,
    threshold: float = 1,
    denominator: Literal["all", "min"] = "all",
    offsets: Any = None,
    nan: NanPolicy = "raise",
    undefined: float = np.nan,
) -> Values:
    """Average precision, whose mean over groups is MAP.

    AP@k = sum over relevant ranks r <= k of (relevant rows among the first r) / r, divided by R or min(R, k)

    R is the number of relevant rows. Scores come first, labels second: the reverse of scikit-learn's order.

    Args:
        scores: [N] with `offsets`, [G, L] with a group in each row, or [N] alone, one group; largest first, equal ones
            in the order of the rows (see `dcg`).
        labels: grades >= 0 of the same shape.
        k: last rank that counts, None = the whole list.
        threshold: least label of a relevant row, > 0; beside float32 labels the float32 next to it.
        denominator: "all" relevant rows, as trec_eval, or at most k of them ("min").
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
        undefined: value of a group without a relevant row.
    Returns: float64 [G] in [0, 1], or one number for one group. NaN for a group without rows.
    Raises: DomainError (also for a negative label), ShapeError, TypeError.
    Source: trec_eval map and map_cut.

    >>> average_precision([0.9, 0.8, 0.7], [1, 0, 1])
    np.float64(0.8333333333333333)
    """
    _arrays.word("denominator", denominator)
    data, lists = _judged(scores, labels, offsets, nan)
    return per_group(
        data,
        _rust.average_precision(
            lists,
            _last_rank(k),
            _cut(data, threshold),
            denominator,
            _arrays.number("undefined", undefined),
        ),
    )


def reciprocal_rank(
    scores: Any,
    labels: Any,
    *,
    k: int | None = None,
    threshold: float = 1,
    offsets: Any = None,
    nan: NanPolicy = "raise",
    undefined: float = np.nan,
) -> Values:
    """Reciprocal rank of the first relevant row, whose mean over groups is MRR.

    RR@k = 1 / rank, or 0 where that is beyond k

    Args:
        scores: [N] with `offsets`, [G, L] with a group in each row, or [N] alone, one group; largest first, equal ones
            in the order of the rows (see `dcg`).
        labels: grades >= 0 of the same shape; scores come before them.
        k: last rank that counts, None = the whole list.
        threshold: least label of a relevant row, > 0; beside float32 labels the float32 next to it.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
        undefined: value of a group without a relevant row.
    Returns: float64 [G] in [0, 1], or one number for one group. NaN for a group without rows.
    Raises: DomainError (also for a negative label), ShapeError, TypeError.
    Source: trec_eval recip_rank.

    >>> reciprocal_rank([0.9, 0.8, 0.7], [0, 0, 1])
    np.float64(0.3333333333333333)
    """
    data, lists = _judged(scores, labels, offsets, nan)
    return per_group(
        data,
        _rust.reciprocal_rank(lists, _last_rank(k), _cut(data, threshold), _arrays.number("undefined", undefined)),
    )


def precision_at_k(
    scores: Any, labels: Any, *, k: int, threshold: float = 1, offsets: Any = None, nan: NanPolicy = "raise"
) -> Values:
    """Share of relevant rows among the first k.

    P@k = (relevant rows of rank <= k) / k, also where there are fewer than k rows

    Args:
        scores: [N] with `offsets`, [G, L] with a group in each row, or [N] alone, one group; largest first, equal ones
            in the order of the rows (see `dcg`).
        labels: grades >= 0 of the same shape; scores come before them.
        k: last rank that counts, >= 1.
        threshold: least label of a relevant row, > 0; beside float32 labels the float32 next to it.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [0, 1], or one number for one group. NaN for a group without rows.
    Raises: DomainError (also for a negative label), ShapeError, TypeError.
    Source: trec_eval P.

    >>> precision_at_k([0.9, 0.8, 0.7], [0, 2, 1], k=2)
    np.float64(0.5)
    """
    data, lists = _judged(scores, labels, offsets, nan)
    return per_group(data, _rust.precision_at_k(lists, _rank(k), _cut(data, threshold)))


def recall_at_k(
    scores: Any,
    labels: Any,
    *,
    k: int,
    threshold: float = 1,
    offsets: Any = None,
    nan: NanPolicy = "raise",
    undefined: float = np.nan,
) -> Values:
    """Share of the relevant rows that are among the first k; above 0 is a hit ("success@k").

    Recall@k = (relevant rows of rank <= k) / (relevant rows)

    Args:
        scores: [N] with `offsets`, [G, L] with a group in each row, or [N] alone, one group; largest first, equal ones
            in the order of the rows (see `dcg`).
        labels: grades >= 0 of the same shape; scores come before them.
        k: last rank that counts, >= 1.
        threshold: least label of a relevant row, > 0; beside float32 labels the float32 next to it.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
        undefined: value of a group without a relevant row.
    Returns: float64 [G] in [0, 1], or one number for one group. NaN for a group without rows.
    Raises: DomainError (also for a negative label), ShapeError, TypeError.
    Source: trec_eval recall.

    >>> recall_at_k([0.9, 0.8, 0.7], [0, 2, 1], k=2)
    np.float64(0.5)
    """
    data, lists = _judged(scores, labels, offsets, nan)
    return per_group(
        data,
        _rust.recall_at_k(lists, _rank(k), _cut(data, threshold), _arrays.number("undefined", undefined)),
    )


def r_precision(
    scores: Any,
    labels: Any,
    *,
    threshold: float = 1,
    offsets: Any = None,
    nan: NanPolicy = "raise",
    undefined: float = np.nan,
) -> Values:
    """Precision at R, the number of relevant rows of the group: there precision and recall are equal.

    Args:
        scores: [N] with `offsets`, [G, L] with a group in each row, or [N] alone, one group; largest first, equal ones
            in the order of the rows (see `dcg`).
        labels: grades >= 0 of the same shape; scores come before them.
        threshold: least label of a relevant row, > 0; beside float32 labels the float32 next to it.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
        undefined: value of a group without a relevant row.
    Returns: float64 [G] in [0, 1], or one number for one group. NaN for a group without rows.
    Raises: DomainError (also for a negative label), ShapeError, TypeError.
    Source: trec_eval Rprec.

    >>> r_precision([0.9, 0.8, 0.7], [0, 2, 1])
    np.float64(0.5)
    """
    data, lists = _judged(scores, labels, offsets, nan)
    return per_group(data, _rust.r_precision(lists, _cut(data, threshold), _arrays.number("undefined", undefined)))


def expected_reciprocal_rank(
    scores: Any,
    labels: Any,
    *,
    max_grade: float,
    k: int | None = None,
    offsets: Any = None,
    nan: NanPolicy = "raise",
) -> Values:
    """Expected reciprocal rank of the row at which a reader stops who goes down the list.

    ERR@k = sum over ranks r <= k of s_r / r prod over i < r of (1 - s_i),  s = (2^label - 1) / 2^max_grade

    Args:
        scores: [N] with `offsets`, [G, L] with a group in each row, or [N] alone, one group; largest first, equal ones
            in the order of the rows (see `dcg`).
        labels: grades in [0, max_grade] of the same shape; scores come before them.
        max_grade: the highest grade of the scale, > 0; that of one group would make groups incomparable.
        k: last rank that counts, None = the whole list.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [0, 1), or one number for one group. NaN for a group without rows.
    Raises: DomainError (also for a label above max_grade), ShapeError, TypeError.
    Source: Chapelle et al. (2009).

    >>> expected_reciprocal_rank([0.3, 0.1], [1, 1], max_grade=1)
    np.float64(0.625)
    """
    data, lists = _judged(scores, labels, offsets, nan)
    return per_group(data, _rust.expected_reciprocal_rank(lists, _last_rank(k), _arrays.number("max_grade", max_grade)))


def rank_biased_precision(
    scores: Any, labels: Any, *, p: float, threshold: float = 1, offsets: Any = None, nan: NanPolicy = "raise"
) -> Values:
    """Rank-biased precision: relevant rows that a reader sees who goes on to the next rank with probability p.

    RBP = (1 - p) sum over relevant ranks r of p^(r - 1)

    Rows beyond the list could add up to p^n.

    Args:
        scores: [N] with `offsets`, [G, L] with a group in each row, or [N] alone, one group; largest first, equal ones
            in the order of the rows (see `dcg`).
        labels: grades >= 0 of the same shape; scores come before them.
        p: in (0, 1).
        threshold: least label of a relevant row, > 0; beside float32 labels the float32 next to it.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [0, 1), or one number for one group. NaN for a group without rows.
    Raises: DomainError (also for a negative label), ShapeError, TypeError.
    Source: Moffat and Zobel (2008); ranx rbp.

    >>> rank_biased_precision([0.9, 0.8, 0.7], [1, 0, 1], p=0.5)
    np.float64(0.625)
    """
    data, lists = _judged(scores, labels, offsets, nan)
    return per_group(data, _rust.rank_biased_precision(lists, _arrays.number("p", p), _cut(data, threshold)))


def _judged(scores: Any, labels: Any, offsets: Any, nan: str) -> tuple[Grouped, tuple[Array, Array, Ints, str]]:
    data = _arrays.grouped(offsets, scores=scores, labels=labels)
    scores, labels = data.columns
    return data, (scores, labels, data.offsets, nan)


def _last_rank(k: int | None) -> int | None:
    return None if k is None else _rank(k)


def _rank(k: Any) -> int:
    """Return k as a plain integer >= 1."""
    if not isinstance(k, int | np.integer) or isinstance(k, bool):
        raise TypeError(f"k must be an integer, got {k!r}")
    if k < 1:
        raise DomainError(f"k must be >= 1, got {k}")
    return min(int(k), _LONGEST)


def _graded(gain: str, ties: str) -> None:
    _arrays.word("gain", gain)
    _arrays.word("ties", ties)


def _cut(data: Grouped, threshold: float) -> float:
    """Return the threshold in the precision of the labels: float32 0.7 reaches 0.7."""
    return in_precision(data.columns[1], "threshold", threshold)
