"""Correlation of two columns."""

from typing import Any, Literal, NamedTuple

from prefcore import _arrays, _rust
from prefcore.metrics._results import Counts, Values, per_group

__all__ = ["Concordance", "concordance_counts", "goodman_kruskal_gamma", "kendall_tau"]


class Concordance(NamedTuple):
    """Counts over the n (n - 1) / 2 pairs of rows of each group; int64 [G], or one integer for one group."""

    concordant: Counts
    """Pairs that both columns order alike."""
    discordant: Counts
    """Pairs that the columns order differently."""
    ties_x: Counts
    """Pairs tied in x, those tied in both included."""
    ties_y: Counts
    """Pairs tied in y, those tied in both included."""
    ties_xy: Counts
    """Pairs tied in both."""
    n: Counts
    """Rows that took part."""


def kendall_tau(
    x: Any,
    y: Any,
    *,
    variant: Literal["a", "b", "c"] = "b",
    offsets: Any = None,
    nan: Literal["raise", "omit", "propagate"] = "raise",
) -> Values:
    """Kendall's rank correlation of two columns.

    With C and D the pairs of rows that both columns order alike and differently, n0 = n (n - 1) / 2 pairs in all, T_x
    and T_y of them tied in a column, and m the smaller number of distinct values:

    a: (C - D) / n0    b: (C - D) / sqrt((n0 - T_x) (n0 - T_y))    c: 2 (C - D) / (n^2 (m - 1) / m)

    It takes O(n log n) time. Numbers are compared in their own dtype, int64 exactly; -0.0 equals 0.0 and infinities
    are numbers like any other. The order of `x` and `y` does not matter.

    Args:
        x: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group. Any of float32, float64, int32
            and int64, not necessarily that of `y`.
        y: the other column, of the same shape.
        variant: the normaliser. "b" corrects for ties, "c" for tables with an unequal number of levels.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [-1, 1], or one number for one group. NaN for less than two rows, and in "b" and "c" for
        a constant column; "a" is 0 there.
    Raises: DomainError, ShapeError, TypeError.
    Source: Kendall (1938, 1945), Stuart (1953); "b" and "c" as scipy.stats.kendalltau.

    >>> kendall_tau([0.1, 0.5, 0.7], [1, 3, 2], variant="a")
    np.float64(0.3333333333333333)
    >>> kendall_tau([0.1, 0.5, 0.7, 0.4, 0.2], [1, 3, 2, 5, 4], offsets=[0, 3, 5])
    array([0.33333333, 1.        ])
    """
    data = _arrays.grouped(offsets, x=x, y=y)
    x, y = data.columns
    return per_group(data, _rust.kendall_tau(x, y, data.offsets, variant, nan))


def goodman_kruskal_gamma(
    x: Any, y: Any, *, offsets: Any = None, nan: Literal["raise", "omit", "propagate"] = "raise"
) -> Values:
    """Goodman and Kruskal's gamma: Kendall's correlation over the pairs that neither column ties.

    gamma = (C - D) / (C + D), C and D the pairs of rows that both columns order alike and differently.

    Args:
        x: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group (see `kendall_tau`).
        y: the other column, of the same shape.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [-1, 1], or one number for one group. NaN where every pair is tied.
    Raises: DomainError, ShapeError, TypeError.
    Source: Goodman and Kruskal (1954).

    >>> goodman_kruskal_gamma([1, 2, 2, 3], [0.5, 1.5, 0.0, 2.5])
    np.float64(0.6)
    """
    data = _arrays.grouped(offsets, x=x, y=y)
    x, y = data.columns
    return per_group(data, _rust.goodman_kruskal_gamma(x, y, data.offsets, nan))


def concordance_counts(x: Any, y: Any, *, offsets: Any = None, nan: Literal["raise", "omit"] = "raise") -> Concordance:
    """Count the pairs of rows that two columns order alike, differently, or not at all.

    C + D + ties_x + ties_y - ties_xy = n (n - 1) / 2. Counts of groups or of batches of groups add up.

    Args:
        x: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group (see `kendall_tau`).
        y: the other column, of the same shape.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part.
    Returns: Concordance of int64 [G], or of one integer each for one group.
    Raises: DomainError, ShapeError, TypeError.
    Source: the counts of `kendall_tau` and `goodman_kruskal_gamma`.

    >>> counts = concordance_counts([1, 2, 2, 3, 1, 2], [0.5, 1.5, 0.0, 2.5, 1.0, 0.0], offsets=[0, 4, 6])
    >>> counts.concordant, counts.discordant, counts.ties_x
    (array([4, 0]), array([1, 1]), array([1, 0]))
    """
    data = _arrays.grouped(offsets, x=x, y=y)
    x, y = data.columns
    columns = _rust.concordance_counts(x, y, data.offsets, nan)
    return Concordance(*(per_group(data, column) for column in columns))
