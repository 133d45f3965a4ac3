"""How sure a rating is: resampling, and the ranks that intervals leave open."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Ints
from prefcore._bootstrap import BootstrapResult, RankIntervals, collected, counts
from prefcore.errors import DomainError
from prefcore.ratings._units import Cells, Units, summed
from prefcore.ratings.bradley_terry import bradley_terry, davidson, rao_kupper
from prefcore.ratings.comparisons import Comparisons, required

__all__ = ["BootstrapResult", "RankIntervals", "bootstrap", "rank_intervals"]

#: Statistics that can start where that of the data ended.
_FITS = (davidson, rao_kupper)
#: tol and max_iter of `bradley_terry`
LIMITS = (1e-10, 100)
#: How a fit in Rust ended that did not arrive.
UNSETTLED = 2


def bootstrap(
    comparisons: Comparisons, statistic: Callable[[Comparisons], Any], *, n_resamples: int = 1000, seed: int = 0
) -> BootstrapResult:
    """Bootstrap of any statistic of comparisons: as many comparisons, or clusters, drawn with replacement.

    Comparisons that are alike (same pair, outcome and weight) are drawn as one multinomial count, so a resample costs
    at most a draw for each comparison, and no more Python than one call of `statistic`. Where comparisons have
    clusters, whole clusters are drawn.

    Args:
        comparisons: the data.
        statistic: takes Comparisons of the same items and returns an array, or a record with one, as `bradley_terry`
            does. It sees the pairs that met in the resample.
        n_resamples: number of resamples, at least 2.
        seed: of the draws; resample r depends on it and on r, not on the number of resamples or threads.
    Returns: BootstrapResult(estimate, samples [B, ...], n_failed). A resample in which the statistic raises
        SeparationError has no finite estimate: it is counted in `n_failed` and is NaN in `samples`. One in which it
        returns a NaN is counted, too.
    Raises: SeparationError where the data themselves have no estimate; ShapeError, DomainError, TypeError; whatever
        else `statistic` raises.
    Source: Efron, Bootstrap methods (1979); on counts of cells lmsys/FastChat, pull request 3523.

    >>> votes = Comparisons.from_matrix([[0, 30, 20], [10, 0, 30], [10, 10, 0]])
    >>> bootstrap(votes, lambda c: c.votes().sum(1), n_resamples=500).std_error.round(1)
    array([5.4, 5. , 4. ])
    """
    required(comparisons)
    _arrays.function("statistic", statistic)
    n_resamples = _arrays.whole_number("n_resamples", n_resamples, 2, 1 << 31)
    seed = _arrays.whole_number("seed", seed, 0, 1 << 64)
    found = statistic(comparisons)
    blocks = _counts(comparisons, n_resamples, seed)
    if statistic is bradley_terry:
        return _refitted(comparisons, found, blocks, n_resamples)
    for fit in _FITS:
        if statistic is fit:
            statistic = partial(fit, init=found.theta)  # nearer than 0: two Newton steps fewer
    return collected(
        found, statistic, (_resample(comparisons, count) for block in blocks for count in block), n_resamples
    )


def _refitted(comparisons: Comparisons, found: Any, blocks: Iterator[Ints], n_resamples: int) -> BootstrapResult:
    """The same for `bradley_terry`, which Rust fits to many resamples at a time, each from the estimate of the data."""
    units, n = comparisons._units, comparisons.n_items
    games = comparisons.wins + comparisons.losses + comparisons.ties
    cells, rows = (n, comparisons.first, comparisons.second, games), (units.cell, units.outcome, units.weight)
    samples, failed, start = np.empty((n_resamples, n)), 0, 0
    for block in blocks:
        own = samples[start : start + len(block)]
        flat, ends = _rust.rating_refits(cells, rows, np.ascontiguousarray(block).ravel(), found.theta, LIMITS)
        own[:] = flat.reshape(own.shape)
        for place in np.flatnonzero(np.frombuffer(ends, dtype=np.uint8) == UNSETTLED):
            own[place] = bradley_terry(_resample(comparisons, block[place]), init=found.theta).theta  # or its error
        failed += int(np.isnan(own).any(axis=1).sum())
        start += len(block)
    return BootstrapResult(found.theta, samples, failed)


def rank_intervals(lower: Any, upper: Any) -> RankIntervals:
    """Ranks that intervals leave open, by overlap, as LMArena shows them.

    best_i = 1 + how many intervals lie above that of i, worst_i = n - how many lie below it

    Overlap is cautious: `rank_intervals` of RatingResult and of BootstrapResult compare by differences, whose errors
    are smaller than those of both levels together.

    Args:
        lower: [n] lower ends.
        upper: [n] upper ends, each at least the lower one.
    Returns: RankIntervals(best [n], worst [n]); 1 is the best.
    Raises: DomainError, ShapeError, TypeError.
    Source: lmsys/FastChat, fastchat/serve/monitor/monitor.py (rank upper bound).

    >>> rank_intervals([1.0, 2.0, 5.0], [3.0, 4.0, 6.0])
    RankIntervals(best=array([2, 2, 1]), worst=array([3, 3, 1]))
    """
    low, high = _arrays.floats("lower", lower), _arrays.floats("upper", upper)
    _arrays.one_dimensional("lower", low)
    _arrays.same_shape(lower=low, upper=high)
    _arrays.refuse("lower", low, np.isnan(low), "a number")
    _arrays.refuse("upper", high, np.isnan(high), "a number")
    if (crossed := high < low).any():
        place = int(np.argmax(crossed))
        raise DomainError(f"upper[{place}] must be at least lower[{place}] = {low[place]}, got {high[place]}")
    above = len(low) - np.searchsorted(np.sort(low), high, side="right")
    below = np.searchsorted(np.sort(high), low, side="left")
    return RankIntervals(1 + above, len(low) - below)


def _counts(comparisons: Comparisons, n_resamples: int, seed: int) -> Iterator[Ints]:
    """Yield the number of each unit in some resamples at a time."""
    units, n_clusters = comparisons._units, comparisons.n_clusters
    chances = units.count.astype(np.float64) if n_clusters is None else np.ones(n_clusters)
    draws = int(units.count.sum()) if n_clusters is None else n_clusters
    for drawn in counts(chances, draws, n_resamples, seed):
        yield drawn if units.cluster is None else units.count * drawn[:, units.cluster]


def _resample(comparisons: Comparisons, count: Ints) -> Comparisons:
    """Return the comparisons with other numbers of their units, without those that were not drawn."""
    units = comparisons._units
    keep = np.flatnonzero(count)
    cell = units.cell[keep]
    met = np.zeros(len(comparisons.first), dtype=np.bool_)
    met[cell] = True
    number = np.cumsum(met) - 1
    cluster = None if units.cluster is None else units.cluster[keep]
    outcome, total = units.outcome[keep], units.weight[keep] * count[keep]
    drawn = Units(number[cell], outcome, units.weight[keep], count[keep], cluster)
    tie = outcome == 0.5
    parts = (np.where(tie, 0.0, total * outcome), np.where(tie, 0.0, total * (1.0 - outcome)), total * tie)
    wins, losses, ties = (summed(drawn.cell, part, int(met.sum())) for part in parts)
    first, second = comparisons.first[met], comparisons.second[met]
    return comparisons._of(comparisons.n_items, Cells(first, second, wins, losses, ties, drawn), comparisons.names)
