"""Correlation of two columns."""

from typing import Any, Literal, NamedTuple

from prefcore import _arrays, _rust
from prefcore.metrics._results import Counts, Values, per_group

__all__ = [
    "Concordance",
    "TestResult",
    "concordance_counts",
    "goodman_kruskal_gamma",
    "kendall_tau",
    "kendall_test",
    "pearson",
    "spearman",
    "weighted_tau",
]


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
    _arrays.word("variant", variant)
    return per_group(data, _rust.kendall_tau(x, y, data.offsets, variant, nan))


def goodman_kruskal_gamma(
    x: Any, y: Any, *, offsets: Any = None, nan: Literal["raise", "omit", "propagate"] = "raise"
) -> Values:
    """Goodman and Kruskal's gamma: Kendall's correlation over the pairs that neither column ties.

    gamma = (C - D) / (C + D),  C and D the pairs of rows that both columns order alike and differently

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


class TestResult(NamedTuple):
    """A statistic and its p-value; float64 [G], or one number each for one group."""

    statistic: Values
    """The statistic."""
    pvalue: Values
    """Probability of one at least as extreme under independence."""


def kendall_test(
    x: Any,
    y: Any,
    *,
    alternative: Literal["two-sided", "less", "greater"] = "two-sided",
    method: Literal["auto", "exact", "asymptotic"] = "auto",
    offsets: Any = None,
    nan: Literal["raise", "omit", "propagate"] = "raise",
) -> TestResult:
    """Kendall's tau-b of two columns, and its p-value under independence.

    The exact p-value is the share of all permutations whose tau is at least as extreme: never above 1, and a ratio of
    integers up to 34 rows. The asymptotic one is that of z = (C - D) / sqrt(v), normal, v the variance under ties.

    Args:
        x: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group (see `kendall_tau`).
        y: the other column, of the same shape.
        alternative: which tau is extreme: of large size, "less" or "greater" than 0.
        method: "exact" needs columns without ties, and n min(C, D) of at most 2^32; "asymptotic"; "auto" is exact
            without ties where n is at most 33 or min(C, D) at most 1.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's values are NaN.
    Returns: TestResult of float64 [G], or of one number each. NaN for less than two rows and for a constant column.
    Raises: DomainError (also for ties with method="exact"), ShapeError, TypeError.
    Source: Kendall (1938, 1970); scipy.stats.kendalltau.

    >>> result = kendall_test([0, 1, 2, 3], [0, 1, 3, 2])
    >>> float(result.statistic), float(result.pvalue)
    (0.6666666666666666, 0.3333333333333333)
    """
    data = _arrays.grouped(offsets, x=x, y=y)
    x, y = data.columns
    _arrays.word("alternative", alternative)
    _arrays.word("method", method)
    columns = _rust.kendall_test(x, y, data.offsets, alternative, method, nan)
    return TestResult(*(per_group(data, column) for column in columns))


def weighted_tau(
    x: Any,
    y: Any,
    *,
    ranks: Any = None,
    additive: bool = True,
    offsets: Any = None,
    nan: Literal["raise", "omit", "propagate"] = "raise",
) -> Values:
    """Kendall's tau-b in which exchanges among the highest ranks weigh most.

    A row of rank r (0 is the best) has weight w = 1 / (r + 1), and a pair of rows the sum of both weights, or their
    product. Counts of pairs in tau-b become sums of these. It takes O(n log n) time.

    Args:
        x: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group (see `kendall_tau`).
        y: the other column, of the same shape.
        ranks: rank of each row, >= 0, of the shape of `x`. None: the mean over two rankings, largest first, one by `x`
            with ties by `y` and one by `y` with ties by `x`.
        additive: whether the weights of a pair are added, else multiplied.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in any column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [-1, 1], or one number for one group. NaN for less than two rows and a constant column.
    Raises: DomainError, ShapeError, TypeError.
    Source: Vigna (2015); scipy.stats.weightedtau with its hyperbolic weigher (`ranks=np.arange(n)` is its rank=False).

    >>> [round(float(weighted_tau([3, 2, 1, 0], y)), 12) for y in ([3, 2, 0, 1], [2, 3, 1, 0])]
    [0.813333333333, 0.52]
    """
    columns = {"x": x, "y": y} if ranks is None else {"x": x, "y": y, "ranks": ranks}
    data = _arrays.grouped(offsets, **columns)
    x, y, *given = data.columns
    return per_group(
        data,
        _rust.weighted_tau(x, y, given[0] if given else None, _arrays.flag("additive", additive), data.offsets, nan),
    )


def spearman(x: Any, y: Any, *, offsets: Any = None, nan: Literal["raise", "omit", "propagate"] = "raise") -> Values:
    """Spearman's rank correlation: Pearson's correlation of the ranks, tied rows sharing the mean of theirs.

    All sums are integers and exact. Numbers are compared in their own dtype; infinities are numbers like any other.

    Args:
        x: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group (see `kendall_tau`).
        y: the other column, of the same shape.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [-1, 1], or one number for one group. NaN for less than two rows and a constant column.
    Raises: DomainError, ShapeError, TypeError.
    Source: Spearman (1904); scipy.stats.spearmanr.

    >>> spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])
    np.float64(0.8)
    """
    data = _arrays.grouped(offsets, x=x, y=y)
    x, y = data.columns
    return per_group(data, _rust.spearman(x, y, data.offsets, nan))


def pearson(x: Any, y: Any, *, offsets: Any = None, nan: Literal["raise", "omit", "propagate"] = "raise") -> Values:
    """Pearson's product-moment correlation.

    r = sum (x - mean x)(y - mean y) / sqrt(sum (x - mean x)^2 sum (y - mean y)^2)

    Two passes in float64 over columns brought near 1 by a power of two: neither 1e160 nor 1e-160 overflows or vanishes.
    int64 numbers above 2^53 are rounded.

    Args:
        x: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group (see `kendall_tau`).
        y: the other column, of the same shape.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": rows with a NaN in either column take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [-1, 1], or one number for one group. NaN for less than two rows, a constant column, and
        a group with an infinity.
    Raises: DomainError, ShapeError, TypeError.
    Source: Pearson (1895); scipy.stats.pearsonr.

    >>> pearson([1e200, 2e200, 4e200], [1, 2, 4])
    np.float64(1.0)
    """
    data = _arrays.grouped(offsets, x=x, y=y)
    x, y = data.columns
    return per_group(data, _rust.pearson(x, y, data.offsets, nan))
