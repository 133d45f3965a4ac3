"""What a bootstrap gives: the statistic of every resample."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Ints
from prefcore._estimates import Floats, Shown
from prefcore.errors import DomainError, RankDeficientError, SeparationError, ShapeError

#: counts of resamples that are in memory at a time
_CHUNK = 1 << 21
Data = TypeVar("Data")


class RankIntervals(NamedTuple):
    """Ranks that the data leave open; 1 is the best."""

    best: Ints
    """[n]"""
    worst: Ints
    """[n]"""


@dataclass(frozen=True, repr=False, eq=False)
class BootstrapResult(Shown):
    """A statistic of the data, and of samples of them drawn with replacement."""

    estimate: Floats
    """[...] of the data."""
    samples: Floats
    """[B, ...] of each resample; NaN where it failed."""
    n_failed: int
    """Resamples that have no estimate; the errors and intervals leave them out."""

    @property
    def std_error(self) -> Floats:
        """[...] standard deviation over the resamples (n - 1 below the root)."""
        return np.asarray(self._found().std(0, ddof=1))

    def interval(self, *, confidence_level: float = 0.95) -> tuple[Floats, Floats]:
        """Percentile interval of each entry: lower and upper ends.

        With failed resamples it is too narrow: they are those without a finite estimate.

        Raises: DomainError, TypeError.
        """
        tail = (1 - probability("confidence_level", confidence_level)) / 2
        lower, upper = np.quantile(self._found(), [tail, 1 - tail], axis=0)
        return lower, upper

    def rank_intervals(self, *, confidence_level: float = 0.95) -> RankIntervals:
        """Ranks of the entries, by intervals of their differences.

        best_i = 1 + how many are surely above i,  worst_i = n - how many are surely below

        A level that all entries share, as an anchor, does not widen them.

        Raises: DomainError, ShapeError, TypeError.
        """
        tail = (1 - probability("confidence_level", confidence_level)) / 2
        found = self._found()
        if found.ndim != 2:
            raise ShapeError(f"rank_intervals needs a statistic [n], got shape {list(self.estimate.shape)}")
        n = found.shape[1]
        best, worst = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
        for item in range(n):
            lower, upper = np.quantile(found[:, [item]] - found, [tail, 1 - tail], axis=0)
            best[item], worst[item] = 1 + (upper < 0).sum(), n - (lower > 0).sum()
        return RankIntervals(best, worst)

    def _found(self) -> Floats:
        found = self.samples[~np.isnan(self.samples).any(axis=tuple(range(1, self.samples.ndim)))]
        if len(found) < 2:
            raise DomainError(f"samples must hold at least two with an estimate, got {len(found)}")
        return found


def probability(name: str, value: Any) -> float:
    """Return a number strictly between 0 and 1."""
    number = _arrays.number(name, value)
    _arrays.refuse(name, number, not 0 < number < 1, "in (0, 1)")
    return number


def counts(chances: Floats, draws: int, n_resamples: int, seed: int) -> Iterator[Ints]:
    """Yield how often each unit is drawn in each resample, [size, units] of some resamples at a time."""
    chunk = max(1, _CHUNK // max(1, len(chances)))
    for start in range(0, n_resamples, chunk):
        size = min(chunk, n_resamples - start)
        yield _rust.multinomial(chances, draws, seed, (start, size)).reshape(size, len(chances))


def collected(
    found: Any, statistic: Callable[[Data], Any], resamples: Iterable[Data], n_resamples: int
) -> BootstrapResult:
    """Return the statistic of the data, `found`, and of each resample; those without a finite estimate are counted."""
    estimate = _numbers(found, "the data")
    _arrays.refuse("statistic", estimate, np.isnan(estimate), "a number for the data")
    samples = np.full((n_resamples, *estimate.shape), np.nan)
    failed = 0
    for place, resample in enumerate(resamples):
        try:
            value = _numbers(statistic(resample), f"resample {place}")
        except (RankDeficientError, SeparationError):
            failed += 1
            continue
        if value.shape != estimate.shape:
            came = f"{list(value.shape)} of resample {place}"
            raise ShapeError(f"statistic must have shape {list(estimate.shape)} as of the data, got {came}")
        samples[place] = value
        failed += int(np.isnan(value).any())
    return BootstrapResult(estimate, samples, failed)


def _numbers(value: Any, of: str) -> Floats:
    """Return what a statistic gave as an array."""
    text = f"statistic must return numbers, or a record that is an array of them, got {value!r:.60} for {of}"
    if value is None:
        raise TypeError(text)
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(text) from None
