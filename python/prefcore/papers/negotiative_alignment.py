"""Negotiative alignment: embracing disagreement to achieve fairer outcomes (arXiv 2503.12613)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from prefcore import _arrays, metrics
from prefcore.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Agreement", "Change", "Package", "Packages", "Welfare", "compare", "disagreement", "package", "summary"]


class Welfare(NamedTuple):
    """What a plan gives to all and to the one worst off."""

    total: float
    worst: float
    satisfaction: NDArray[np.float64]
    """[n] utilities on a scale from 0 at `low` to 1 at `high`."""
    p20: float
    """Percentile of the satisfaction, the 20th by default."""
    gini: float
    """Inequality of the utilities: 0 where all are equal."""


class Change(NamedTuple):
    """What another plan does to all, and to whom it does harm."""

    before: Welfare
    after: Welfare
    difference: NDArray[np.float64]
    """[n] utility after minus utility before."""
    losers: NDArray[np.int64]
    """Parties that have less than before."""


class Agreement(NamedTuple):
    """How far raters agree: 1 = wholly, 0 = as by chance."""

    alpha: float
    """Krippendorff's alpha of ordinal ratings."""
    tau: float
    """Kendall's tau-b, mean over the pairs of raters that have one."""


class Package(NamedTuple):
    """Items that are bought together."""

    items: NDArray[np.int64]
    """Rising."""
    utilities: NDArray[np.float64]
    """[n] of each party."""
    cost: float


class Packages(NamedTuple):
    """The best package of each idea of what is best."""

    total: Package
    """Largest sum of utilities."""
    leximin: Package
    """Largest least utility; among equal ones the largest second least, and so on."""
    nash: Package
    """Largest product of utilities; where all are 0, the most parties above 0 first."""


def summary(utilities: Any, *, low: float, high: float, percentile: float = 20.0) -> Welfare:
    """Welfare of parties under a plan.

    Args:
        utilities: [n] of each party, >= 0.
        low: utility that satisfies no one, in this scenario.
        high: utility that satisfies fully, >= low; where equal, all are satisfied.
        percentile: in [0, 100], with linear interpolation, which the paper does not state.
    Returns: Welfare(total, worst, satisfaction, p20, gini).
    Raises: ShapeError, DomainError, TypeError.
    Source: names from Negotiative Alignment, formulas from textbooks (see `metrics.gini`).

    >>> summary([3.0, 3.5, 4.0], low=3.0, high=4.0).satisfaction
    array([0. , 0.5, 1. ])
    """
    u = _arrays.finite("utilities", _arrays.floats("utilities", utilities), 0.0)
    _arrays.one_dimensional("utilities", u)
    if len(u) == 0:
        raise ShapeError("utilities must have at least one party, got none")
    low, high = _arrays.number("low", low), _arrays.number("high", high)
    percentile = _arrays.number("percentile", percentile)
    if not -np.inf < low <= high < np.inf:
        raise DomainError(f"low and high must be finite, low <= high, got {low} and {high}")
    _arrays.refuse("percentile", percentile, not 0 <= percentile <= 100, "in [0, 100]")
    satisfaction = (u - low) / (high - low) if high > low else np.ones_like(u)
    share = float(np.percentile(satisfaction, percentile))
    return Welfare(float(u.sum()), float(u.min()), satisfaction, share, float(metrics.gini(u)))


def compare(before: Any, after: Any, *, low: float, high: float) -> Change:
    """Welfare under two plans for the same parties, and who loses by the change.

    Args:
        before: [n] utility of each party under the first plan, >= 0.
        after: [n] under the second.
        low: utility that satisfies no one, in this scenario.
        high: utility that satisfies fully, >= low.
    Returns: Change(before, after, difference, losers).
    Raises: ShapeError, DomainError, TypeError.
    Source: the comparison in the abstract: base design against negotiated one.

    >>> change = compare([3.0, 3.5], [4.5, 3.25], low=3.0, high=4.0)
    >>> change.after.total - change.before.total, change.losers.tolist()
    (1.25, [1])
    """
    old, new = _arrays.floats("before", before), _arrays.floats("after", after)
    _arrays.same_shape(before=_arrays.finite("before", old, 0.0), after=_arrays.finite("after", new, 0.0))
    first, second = (summary(plan, low=low, high=high) for plan in (old, new))
    return Change(first, second, new - old, np.flatnonzero(new < old))


def disagreement(ratings: Any) -> Agreement:
    """Agreement of raters on an ordered scale, by two measures.

    Args:
        ratings: [raters, units] numbers, NaN = not rated; two raters at least.
    Returns: Agreement(alpha, tau), NaN where undefined: where no unit has two ratings, or all ratings are equal.
    Raises: ShapeError, DomainError, TypeError.
    Source: the paper's measures of disagreement; level and mean over pairs are derived.

    >>> disagreement([[1, 2, 3, 4], [1, 2, 4, 3]])
    Agreement(alpha=0.825, tau=0.6666666666666666)
    """
    table = _arrays.floats("ratings", ratings)
    if table.ndim != 2 or len(table) < 2:
        raise ShapeError(f"ratings must be [raters, units] of two raters or more, got {list(table.shape)}")
    alpha = metrics.krippendorff_alpha(table, level_of_measurement="ordinal")
    first, second = np.triu_indices(len(table), 1)
    taus = metrics.kendall_tau(table[first], table[second], nan="omit")
    known = taus[~np.isnan(taus)]
    return Agreement(float(alpha), float(known.mean()) if len(known) else float("nan"))


def package(utilities: Any, costs: Any, budget: float) -> Packages:
    """Bargain over a budget: the best set of items by the sum, by the worst off, and by the product of utilities.

    u_party(S) = sum of utilities[party, S], over all sets S whose costs sum to at most the budget

    Exact: every set is looked at, some 30 bytes for each party and set. Of equal packages the cheapest, then the first
    in binary order. Count costs in whole units: a sum of fractions may be a rounding error above the budget.

    Args:
        utilities: [n, items] what each item is worth to each party, >= 0; 20 items at most.
        costs: [items], >= 0.
        budget: >= 0.
    Returns: Packages(total, leximin, nash), each a Package(items, utilities, cost).
    Raises: ShapeError, DomainError, TypeError.
    Source: "budget-aware bargaining procedure" of the abstract; the rules are those of textbooks (Nash 1950; leximin,
        Sen 1970), derived: the paper's protocol was not to be had.

    >>> found = package([[8.0, 0.0, 3.0], [0.0, 2.0, 1.0]], [1.0, 1.0, 1.0], 2.0)
    >>> [bought.items.tolist() for bought in found]
    [[0, 2], [1, 2], [0, 1]]
    """
    u, cost = _arrays.floats("utilities", utilities), _arrays.floats("costs", costs)
    if u.ndim != 2 or len(u) == 0 or cost.shape != u.shape[1:] or len(cost) > 20:
        got = f"{list(u.shape)} and {list(cost.shape)}"
        raise ShapeError(f"expected utilities [n, items] with n > 0 and up to 20 items, and costs [items], got {got}")
    _arrays.finite("utilities", u, 0.0)
    _arrays.finite("costs", cost, 0.0)
    budget = _arrays.number("budget", budget)
    _arrays.refuse("budget", budget, not 0 <= budget < np.inf, "a finite number >= 0")
    worth, price = _subsets(u.T), _subsets(cost[:, None])[:, 0]
    sets = np.flatnonzero(price <= budget)
    worth, price = worth[sets], price[sets]
    with np.errstate(divide="ignore"):
        logs = np.where(worth > 0, np.log(worth), 0.0).sum(1)
    rules = [[worth.sum(1)], list(np.sort(worth, axis=1).T), [(worth > 0).sum(1), logs]]
    best = [np.lexsort([price, *(-key for key in reversed(rule))])[0] for rule in rules]
    return Packages(*(_bought(int(sets[row]), worth[row], price[row]) for row in best))


def _subsets(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of every set of the rows; bit j of its place says whether row j is in it."""
    sums = np.zeros((1, parts.shape[1]))
    for part in parts:
        sums = np.concatenate([sums, sums + part])
    return sums


def _bought(bits: int, worth: NDArray[np.float64], price: float) -> Package:
    return Package(
        np.array([j for j in range(bits.bit_length()) if bits >> j & 1], dtype=np.int64), worth, float(price)
    )
