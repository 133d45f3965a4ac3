"""The highest rows of every group."""

from typing import Any, Literal

from prefcore import _arrays, _rust
from prefcore.groups import RaggedRows

__all__ = ["thin_by_gap", "top_fraction", "top_k"]


def top_k(scores: Any, *, k: int, offsets: Any = None, nan: Literal["raise", "omit"] = "raise") -> RaggedRows:
    """Select the k highest rows of every group.

    The first k rows in the stable descending order: highest first, the earlier row first among equals.

    -0.0 equals 0.0, infinities are scores like any other. For the lowest rows negate the scores. Not a full sort:
    O(n + k log k) time for a group of n rows.

    Args:
        scores: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; larger is better. float32,
            float64, int32 and int64 are compared as they are. Rows of a 2-D array are numbered g * L + l.
        k: number of rows per group, >= 0. A group with fewer rows gives all of them.
        offsets: int [G + 1] boundaries of the groups of 1-D scores.
        nan: "raise", or "omit": rows without a number take no part.
    Returns: RaggedRows: rows int64 [m], those of a group together, and offsets int64 [G + 1].
    Raises: DomainError, ShapeError, TypeError.
    Source: torch.topk of every group, with a rule for ties.

    >>> top_k([1.0, 3.0, 2.0, 5.0, 5.0, 4.0], k=2, offsets=[0, 3, 6])
    RaggedRows(rows=array([1, 2, 3, 4]), offsets=array([0, 2, 4]))
    """
    data = _arrays.grouped(offsets, scores=scores)
    k = _arrays.whole_number("k", k, 0, 2**63)
    return RaggedRows(*_rust.top_k(data.columns[0], k, data.offsets, nan))


def top_fraction(
    scores: Any,
    *,
    fraction: float,
    rounding: Literal["floor", "ceil", "round"],
    offsets: Any = None,
    nan: Literal["raise", "omit"] = "raise",
) -> RaggedRows:
    """Select the highest share of every group: `top_k` with a k for each group.

    k_g = rounding(fraction * n_g), n_g the rows of group g

    A product that misses a whole number or a half by rounding alone counts as that number: 0.29 of 100 rows are 29.

    Args:
        scores: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; larger is better.
        fraction: share of the rows, in [0, 1].
        rounding: "floor", "ceil", or "round" to the nearest, halves to the even number.
        offsets: int [G + 1] boundaries of the groups of 1-D scores.
        nan: "raise", or "omit": rows without a number take no part and do not count.
    Returns: RaggedRows: rows int64 [m], those of a group together and highest first, and offsets int64 [G + 1].
    Raises: DomainError, ShapeError, TypeError.
    Source: the share of pairs with the lowest strength whose labels are flipped in Wang et al. (2024, arXiv
        2401.06080), section 2.3: `top_fraction(-strength, ...)`.

    >>> top_fraction([0.9, -1.3, 0.05, 2.2, -0.2], fraction=0.5, rounding="ceil").rows
    array([3, 0, 2])
    """
    data = _arrays.grouped(offsets, scores=scores)
    fraction = _arrays.number("fraction", fraction)
    _arrays.word("rounding", rounding)
    return RaggedRows(*_rust.top_fraction(data.columns[0], fraction, rounding, data.offsets, nan))


def thin_by_gap(
    scores: Any, *, min_gap: float, offsets: Any = None, nan: Literal["raise", "omit"] = "raise"
) -> RaggedRows:
    """Thin every group to rows that lie apart: from the top, each that is at least `min_gap` below the last one kept.

    The result is a ranking, best first; the earlier row is kept where scores are equal and `min_gap` is not 0. Gaps are
    differences of the scores in their own dtype, never rounded: 4.6 - 4.5 is less than 0.1 in float64.

    Args:
        scores: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; larger is better.
        min_gap: smallest gap between neighbors of the result, >= 0; for float32 scores it becomes a float32.
        offsets: int [G + 1] boundaries of the groups of 1-D scores.
        nan: "raise", or "omit": rows without a number take no part.
    Returns: RaggedRows: rows int64 [m], those of a group together and highest first, and offsets int64 [G + 1].
    Raises: DomainError, ShapeError, TypeError.
    Source: the minimum margin between neighbors of RankList's lists (derived).

    >>> thin_by_gap([5.0, 4.6, 4.5, 3.9, 3.0, 2.9], min_gap=0.5).rows
    array([0, 2, 3, 4])
    """
    data = _arrays.grouped(offsets, scores=scores)
    min_gap = _arrays.number("min_gap", min_gap)
    return RaggedRows(*_rust.thin_by_gap(data.columns[0], min_gap, data.offsets, nan))
