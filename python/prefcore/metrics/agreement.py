"""How far raters agree, beyond what chance gives."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore.errors import DomainError, ShapeError
from prefcore.metrics._results import bounded_weights

__all__ = ["cohen_kappa", "fleiss_kappa", "krippendorff_alpha", "percent_agreement"]

#: A table of categories is held in memory; a code beyond is an id, not a category.
MAX_CATEGORIES = 2**24


def krippendorff_alpha(
    ratings: Any,
    *,
    level_of_measurement: Literal["nominal", "ordinal", "interval", "ratio"],
    undefined: float = float("nan"),
) -> np.float64:
    """Krippendorff's alpha: agreement of any number of raters, some of whom did not rate every item.

    1 - D_o / D_e, D_o the mean distance of two ratings of one item (an item of m ratings has the weight m), D_e that of
    any two ratings; the distance of two ratings is 1 (nominal), the square of the ratings between (ordinal), of the
    difference (interval), or of difference / sum (ratio). Items with less than two ratings take no part.

    O(N) memory for N ratings and no table of values: both distances of the first three levels are sums of squares or of
    counts. The time is O(N log N), at the level "ratio" O(V^2) for V distinct ratings.

    Args:
        ratings: [raters, items] numbers, NaN = not rated; integers up to 2^53 at the level "ratio".
        level_of_measurement: what the numbers mean.
        undefined: value where all ratings are equal, so that no disagreement is expected.
    Returns: a number <= 1; NaN where no item has two ratings. Negative values are legitimate.
    Raises: DomainError (also: infinite ratings at the levels interval and ratio, negative ones at ratio), ShapeError,
        TypeError.
    Source: Krippendorff (2011), "Computing Krippendorff's alpha-reliability"; as PyPI krippendorff 0.9.0.

    >>> krippendorff_alpha([[1, 2, 3, 3], [1, 2, 3, 4], [1, float("nan"), 3, 4]], level_of_measurement="interval")
    np.float64(0.9285714285714286)
    """
    _arrays.one_of("level_of_measurement", level_of_measurement, "nominal", "ordinal", "interval", "ratio")
    table = _table("ratings", ratings)
    alpha = _rust.krippendorff_alpha(
        table.reshape(-1), table.shape[1], level_of_measurement, _arrays.number("undefined", undefined)
    )
    return np.float64(alpha)


def percent_agreement(ratings: Any) -> np.float64:
    """Share of the pairs of ratings of one item that are equal, over all items.

    Args:
        ratings: [raters, items] numbers, NaN = not rated.
    Returns: a number in [0, 1]; NaN where no item has two ratings.
    Raises: ShapeError, TypeError.
    Source: textbook; observed agreement, not corrected for chance.

    >>> percent_agreement([[1, 2, 3, 3], [1, 2, 3, 4]])
    np.float64(0.75)
    """
    table = _table("ratings", ratings)
    return np.float64(_rust.percent_agreement(table.reshape(-1), table.shape[1]))


def fleiss_kappa(counts: Any, *, undefined: float = float("nan")) -> np.float64:
    """Fleiss' kappa: agreement of the same number of raters on every item.

    (P - P_e) / (1 - P_e), P the mean share of agreeing pairs of raters per item, P_e the sum of the squared shares of
    the categories

    Args:
        counts: int [items, categories], how many raters chose the category; every row has the same sum.
        undefined: value where all ratings fall into one category.
    Returns: a number <= 1; NaN without an item, or with less than two raters.
    Raises: DomainError, ShapeError, TypeError.
    Source: Fleiss (1971); as statsmodels.stats.inter_rater.fleiss_kappa.

    >>> fleiss_kappa([[3, 0], [0, 3], [2, 1]])
    np.float64(0.55)
    """
    table = _table("counts", counts)
    if table.dtype.kind == "f" and table.size:
        raise TypeError(f"counts must hold integers, got dtype {table.dtype}; call .astype(np.int64)")
    if table.size and table.min() < 0:
        place = [int(axis) for axis in np.unravel_index(int(np.argmax(table < 0)), table.shape)]
        raise DomainError(f"counts{place} must be a count >= 0, got {table[tuple(place)]}")
    large = table.sum(axis=1, dtype=np.float64) > 2**53
    if large.any():
        raise DomainError(f"counts[{int(np.argmax(large))}] must sum to at most 2^53")
    raters = table.sum(axis=1)
    uneven = raters != raters[:1]
    if uneven.any():
        item = int(np.argmax(uneven))
        raise DomainError(f"counts[{item}] must sum to {raters[0]} like counts[0], got {raters[item]}")
    if table.size == 0 or raters[0] < 2:
        return np.float64(np.nan)
    columns = table.sum(axis=0, dtype=np.float64)
    if np.count_nonzero(columns) == 1:
        return np.float64(_arrays.number("undefined", undefined))
    chance = np.sum((columns / columns.sum()) ** 2)
    n, table = float(raters[0]), table.astype(np.float64)
    observed = np.mean((table * (table - 1)).sum(axis=1)) / (n * (n - 1))
    return np.float64((observed - chance) / (1 - chance))


def cohen_kappa(
    a: Any,
    b: Any,
    *,
    weighting: Literal["linear", "quadratic"] | None = None,
    n_categories: int | None = None,
    weights: Any = None,
    undefined: float = float("nan"),
) -> np.float64:
    """Cohen's kappa: agreement of two raters on the same items.

    1 - D_o / D_e, D_o the mean distance of the two codes of an item, D_e that of codes drawn from each rater's shares;
    the distance is 1 if they differ, with linear weighting |i - j|, with quadratic (i - j)^2

    Args:
        a: int [n] codes in 0..n_categories of one rater.
        b: of the other, same shape; the order of the two does not matter.
        weighting: None, "linear" or "quadratic". Codes that nobody uses still lie between others: scikit-learn, which
            numbers the labels that occur, needs `labels=range(n_categories)` for the same value.
        n_categories: codes are below; None = 2^24. It does not change the value.
        weights: [n] weight of each item, in [0, 1e100]; None = 1.
        undefined: value where both raters use the same single code throughout.
    Returns: a number <= 1; NaN without an item or without weight.
    Raises: DomainError, ShapeError, TypeError.
    Source: Cohen (1960, 1968); as sklearn.metrics.cohen_kappa_score.

    >>> cohen_kappa([0, 1, 2, 2], [0, 1, 2, 1]), cohen_kappa([0, 1, 2, 2], [0, 1, 2, 1], weighting="quadratic")
    (np.float64(0.6363636363636364), np.float64(0.8))
    """
    if weighting is not None:
        _arrays.one_of("weighting", weighting, "linear", "quadratic")
    end = MAX_CATEGORIES
    if n_categories is not None:
        end = _arrays.whole_number("n_categories", n_categories, 1, MAX_CATEGORIES + 1)
    a, b = _codes("a", a, end), _codes("b", b, end)
    _arrays.same_shape(a=a, b=b)
    weight = np.ones(len(a)) if weights is None else _item_weights(weights, a)
    k = int(max(a.max(), b.max())) + 1 if len(a) else 1
    shares = [np.bincount(codes, weight, k) for codes in (a, b)]
    total = shares[0].sum()
    if not total > 0:
        return np.float64(np.nan)
    observed, expected = _distances(a, b, weight, [share / total for share in shares], weighting)
    if expected == 0:
        return np.float64(_arrays.number("undefined", undefined))
    return np.float64(1 - observed / total / expected)


def _distances(
    a: _arrays.Ints,
    b: _arrays.Ints,
    weight: NDArray[np.float64],
    shares: list[NDArray[np.float64]],
    weighting: str | None,
) -> tuple[Any, Any]:
    """Summed distance of the codes of an item, and mean distance of two codes from the shares; O(n + categories)."""
    one, other = shares
    if weighting is None:
        return weight @ (a != b), np.sum(one * (1 - other))
    if weighting == "linear":
        below, other_below = np.cumsum(one)[:-1], np.cumsum(other)[:-1]
        between = below * (1 - other_below) + other_below * (1 - below)
        return weight @ np.abs(a - b), np.sum(between)
    place = np.arange(len(one), dtype=np.float64)
    means = [share @ place for share in shares]
    spread = sum(share @ (place - mean) ** 2 for share, mean in zip(shares, means, strict=True))
    return weight @ (a - b).astype(np.float64) ** 2, spread + (means[0] - means[1]) ** 2


def _table(name: str, values: Any) -> _arrays.Array:
    _refuse_strings(name, values)
    table = _arrays.column(name, values)
    if table.ndim != 2:
        raise ShapeError(f"{name} must be 2-D, got {table.ndim}-D")
    return table


def _refuse_strings(name: str, values: Any) -> None:
    array = _arrays.to_numpy(name, values)
    if array.dtype.kind in "US" or (array.dtype.kind == "O" and any(isinstance(item, str) for item in array.flat)):
        number = "np.unique(labels, return_inverse=True)[1] over the labels of all raters"
        raise TypeError(f"{name} must hold numbers, got strings; {number} numbers them")


def _codes(name: str, values: Any, end: int) -> _arrays.Ints:
    _refuse_strings(name, values)
    codes = _arrays.integers(name, values)
    outside = (codes < 0) | (codes >= end)
    if outside.any():
        item = int(np.argmax(outside))
        raise DomainError(f"{name}[{item}] must be in 0..{end}, got {codes[item]}")
    return codes


def _item_weights(weights: Any, codes: _arrays.Ints) -> NDArray[np.float64]:
    weight = _arrays.floats("weights", weights)
    _arrays.same_shape(a=codes, weights=weight)
    return bounded_weights("weights", _arrays.finite("weights", weight, 0.0))
