"""The mergeable state behind `Comparisons` (protocol: `prefcore._states.State`).

Sums are 128-bit fixed point numbers with 64 bits after the point: neither the order of the rows nor the way they were
split changes a bit of the result, and a table of millions of pairs stays small.
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Ints
from prefcore._estimates import Floats
from prefcore.errors import DomainError, ShapeError
from prefcore.ratings._units import Cells, Units
from prefcore.ratings.comparisons import Comparisons

__all__ = ["ComparisonState"]


#: weights that vary by less, relative to their mean, count as equal: squares do not tell
SAME = 1e-6


def _none(*shape: int) -> Ints:
    return np.zeros((0, *shape), dtype=np.int64)


@dataclass(frozen=True, eq=False, kw_only=True)
class ComparisonState:
    """Totals behind `Comparisons.from_votes`, from parts of the votes that may come in any order.

    The memory is that of the pairs that met, not of the rows. `finish` gives wins, losses and ties of `from_votes` bit
    for bit, as long as weights are 0 or at least 2^-12; sums of weights or of their squares that reach 2^63 are
    refused. Of weights that differ within a pair and outcome it keeps number, sum and sum of squares: two weights that
    have them too stand for all in robust errors and in the bootstrap.

    >>> state = ComparisonState().update(["a"], ["b"], ["model_a"])
    >>> state.merge(ComparisonState().update(["c"], ["a"], ["tie"])).finish()
    Comparisons: 3 items, 2 pairs that met, 2 games (1 ties)
    names: a, b, c
    """

    names: tuple[str, ...] = ()
    """Sorted."""
    first: Ints = field(default_factory=_none)
    """[C] places of the pairs' lower names; pairs are sorted."""
    second: Ints = field(default_factory=_none)
    """[C]"""
    counts: Ints = field(default_factory=lambda: _none(3))
    """[C, 3] rows that the first lost, tied, won."""
    sums: Ints = field(default_factory=lambda: _none(3, 2, 2))
    """[C, 3, 2, 2] of weights and of their squares, low and high 64 bits."""

    def __post_init__(self) -> None:
        """Check parts that a state is restored from."""
        arrays = {"first": (), "second": (), "counts": (3,), "sums": (3, 2, 2)}
        for name, shape in arrays.items():
            array = _arrays.to_numpy(name, getattr(self, name))
            if array.dtype != np.int64:
                raise TypeError(f"{name} must be int64, got {array.dtype}")
            wanted = [len(self.first), *shape]
            if list(array.shape) != wanted:
                raise ShapeError(f"{name} must have shape {wanted}, got {list(array.shape)}")
            object.__setattr__(self, name, array)
        if list(self.names) != sorted(set(self.names)):
            raise DomainError("names must be sorted, each once")
        n = len(self.names)
        _arrays.refuse("first", self.first, (self.first < 0) | (self.first >= self.second), "0 to second - 1")
        _arrays.refuse("second", self.second, self.second >= n, f"the place of one of {n} names")
        falls = np.diff(self.first * n + self.second, prepend=-1) <= 0
        _arrays.refuse("first", self.first, falls, "in the order of sorted pairs, each once")
        _arrays.refuse("counts", self.counts, self.counts < 0, ">= 0")

    def update(self, first: Any, second: Any, winners: Any, *, weights: Any = None) -> Self:
        """Add votes; arguments and errors of `Comparisons.from_votes`."""
        c = Comparisons.from_votes(first, second, winners, weights=weights)
        units, shape = c._units, (len(c.first), 3)
        place = 3 * units.cell + (2 * units.outcome).astype(np.int64)
        counts = np.zeros(len(c.first) * 3, dtype=np.int64)
        np.add.at(counts, place, units.count)
        parts = [_rust.fixed_point(power, units.count).reshape(-1, 2) for power in (units.weight, units.weight**2)]
        sums = np.stack([_rust.sum_fixed(part, place, len(counts)).reshape(*shape, 2) for part in parts], axis=2)
        more = type(self)(names=c.names or (), first=c.first, second=c.second, counts=counts.reshape(shape), sums=sums)
        return self.merge(more)

    def merge(self, other: Self) -> Self:
        """Add the totals of another state."""
        names = tuple(sorted({*self.names, *other.names}))
        place = {name: number for number, name in enumerate(names)}
        pairs = []
        for state in (self, other):
            number = np.array([place[name] for name in state.names], dtype=np.int64)
            pairs.append(number[state.first] * len(names) + number[state.second])
        pair, own = np.unique(np.concatenate(pairs), return_inverse=True)
        counts = np.zeros((len(pair), 3), dtype=np.int64)
        np.add.at(counts, own, np.concatenate([self.counts, other.counts]))
        numbers = np.concatenate([self.sums, other.sums]).reshape(-1, 2)
        places = (6 * own[:, None] + np.arange(6)).reshape(-1)
        sums = _rust.sum_fixed(numbers, places, 6 * len(pair)).reshape(-1, 3, 2, 2)
        low, high = np.divmod(pair, max(len(names), 1))
        return type(self)(names=names, first=low, second=high, counts=counts, sums=sums)

    def finish(self) -> Comparisons:
        """Return what `Comparisons.from_votes` of all rows would; the class says how the weights in it are meant."""
        totals, squares = _rust.round_fixed(self.sums.reshape(-1, 2)).reshape(-1, 2).T.copy()
        losses, ties, wins = totals.reshape(-1, 3).T.copy()
        weight, count = _two_weights(self.counts.reshape(-1), totals, squares)
        cell, outcome = np.divmod(np.arange(len(totals)), 3)
        kept = count > 0
        cells, outcomes = (
            np.broadcast_to(cell[:, None], kept.shape)[kept],
            np.broadcast_to(outcome[:, None] / 2, kept.shape),
        )
        units = Units(cells, outcomes[kept], weight[kept], count[kept], None)
        return Comparisons._of(len(self.names), Cells(self.first, self.second, wins, losses, ties, units), self.names)


def _two_weights(n: Ints, totals: Floats, squares: Floats) -> tuple[Floats, Ints]:
    """Two weights and how often each comes, with a given number, sum and sum of squares; none is below 0.

    With mean m, standard deviation s and b of n at the higher weight they are m - s sqrt(b / (n - b)) and
    m + s sqrt((n - b) / b); the lower is no less than 0 while b / (n - b) <= (m / s)^2.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = totals / n
        spread = np.sqrt(np.maximum(squares / n - mean**2, 0.0))
        ratio = (mean / spread) ** 2
        most = np.minimum(np.floor(n * ratio / (1 + ratio)), n // 2)
        b = np.where(spread > SAME * mean, np.maximum(most, 1), 0).astype(np.int64)
        low = np.where(b > 0, np.maximum(mean - spread * np.sqrt(b / (n - b)), 0.0), mean)
        high = mean + spread * np.sqrt((n - b) / b)
    return np.stack([low, high], axis=1), np.stack([n - b, b], axis=1)
