"""Comparisons of two items, gathered per pair: what every rating of this package takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays
from prefcore.errors import DomainError, ShapeError
from prefcore.ratings._units import Cells, Units, gathered, summed

__all__ = ["Comparisons"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_ITEMS = 1 << 31
#: counts up to here are exact in float64
MOST_COUNT = 1 << 53


@dataclass(frozen=True, repr=False, eq=False)
class Comparisons:
    """Wins, losses and ties of every pair of items that met: battles, votes or judgements, counted.

    Built by `from_outcomes` (rows of integers) or `from_matrix` (counts). Nothing depends on the order of the rows.

    >>> Comparisons.from_outcomes([0, 2, 0], [1, 0, 2], [1.0, 0.5, 1.0]).win_matrix()
    array([[0., 1., 1.],
           [0., 0., 0.],
           [0., 0., 0.]])
    """

    n_items: int
    first: Ints
    """[C] the lower item of each cell; cells are sorted by (first, second)."""
    second: Ints
    """[C] the higher item."""
    wins: Floats
    """[C] weight of the wins of `first`; an outcome strictly between, 1/2 apart, is that part of a win, else a loss."""
    losses: Floats
    """[C] weight of the wins of `second`."""
    ties: Floats
    """[C] weight of the ties."""
    n_games: Floats
    """[n_items] weight of the games of each item."""
    names: tuple[str, ...] | None
    n_clusters: int | None
    """None without clusters."""
    _units: Units

    @classmethod
    def from_outcomes(
        cls,
        first: Any,
        second: Any,
        outcomes: Any,
        *,
        n_items: int | None = None,
        weights: Any = None,
        clusters: Any = None,
        names: Sequence[str] | None = None,
    ) -> Self:
        """Gather rows of integers, one comparison each.

        Args:
            first: [M] items, 0 to n_items - 1.
            second: [M] their opponents; no item meets itself.
            outcomes: [M] score of `first`: 1 won, 0 lost, 1/2 tie; another number in [0, 1] is that part of a win and
                the rest of a loss.
            n_items: number of items, met or not; None: that of the names, else the highest item + 1.
            weights: [M] weight of each row, >= 0; None: 1. Rows of weight 0 are left out.
            clusters: [M] integers or strings; rows that are alike belong together (one judge, one prompt) in robust
                errors and in the bootstrap.
            names: of the items.
        Returns: Comparisons.
        Raises: ShapeError, DomainError, TypeError.

        >>> Comparisons.from_outcomes([0, 1, 1], [1, 0, 0], [1.0, 0.0, 0.5])
        Comparisons: 2 items, 1 pairs that met, 3 games (1 ties)
        """
        items = {"first": _arrays.integers("first", first), "second": _arrays.integers("second", second)}
        scores = _arrays.floats("outcomes", outcomes)
        by = None if weights is None else _arrays.finite("weights", _arrays.floats("weights", weights), 0.0)
        groups = None if clusters is None else _arrays.codes("clusters", clusters)
        optional = {"weights": by, "clusters": groups}
        given = {name: array for name, array in optional.items() if array is not None}
        _arrays.same_shape(**items, outcomes=scores, **given)
        _arrays.refuse("outcomes", scores, ~((scores >= 0) & (scores <= 1)), "a number from 0 to 1")
        labels = _labels(names)
        n = _n_items(n_items, labels, *items.values())
        for name, array in items.items():
            _arrays.refuse(name, array, (array < 0) | (array >= n), f"an item, 0 to {n - 1}")
        one, two = items.values()
        if (same := one == two).any():
            row = int(np.argmax(same))
            raise DomainError(f"second[{row}] must be another item than first[{row}], got {two[row]} in both")
        return cls._of(n, gathered(one, two, scores, by, groups), labels)

    @classmethod
    def from_matrix(cls, wins: Any, *, ties: Any = None, names: Sequence[str] | None = None) -> Self:
        """Take counts: how often each item beat each other one.

        Args:
            wins: [n, n] weight of the wins of the row over the column, >= 0; diagonal 0. A whole number counts that
                many comparisons, another one is the weight of a single one.
            ties: [n, n] weight of the ties of each pair, symmetric, diagonal 0; None: none.
            names: of the items.
        Returns: Comparisons.
        Raises: ShapeError, DomainError, TypeError.

        >>> Comparisons.from_matrix([[0, 3], [1, 0]], names=["a", "b"])
        Comparisons: 2 items, 1 pairs that met, 4 games (0 ties)
        names: a, b
        """
        won = _counts("wins", wins)
        tied = np.zeros_like(won) if ties is None else _counts("ties", ties)
        _arrays.same_shape(wins=won, ties=tied)
        _arrays.refuse("ties", tied, tied != tied.T, "symmetric")
        n, labels = len(won), _labels(names)
        low, high = np.triu_indices(n, 1)
        table = np.stack([won[high, low], tied[low, high], won[low, high]], axis=1)  # outcomes 0, 1/2, 1
        met = table.any(axis=1)
        table = table[met]
        cell, place = np.nonzero(table)
        total = table[cell, place]
        whole = (total == np.floor(total)) & (total <= MOST_COUNT)
        weight, count = np.where(whole, 1.0, total), np.where(whole, total, 1.0).astype(np.int64)
        units = Units(cell, place / 2, weight, count, None)
        losses, even, ours = table.T.copy()
        return cls._of(_n_items(n, labels), Cells(low[met], high[met], ours, losses, even, units), labels)

    @classmethod
    def _of(cls, n_items: int, cells: Cells, names: tuple[str, ...] | None) -> Self:
        games = cells.wins + cells.losses + cells.ties
        per_item = summed(cells.first, games, n_items) + summed(cells.second, games, n_items)
        return cls(n_items, *cells[:5], per_item, names, cells.units.n_clusters, cells.units)

    def win_matrix(self) -> Floats:
        """[n, n] wins of the row over the column, ties left out."""
        return self._matrix(self.wins, self.losses)

    def votes(self) -> Floats:
        """[n, n] wins of the row over the column, a tie as half a win for each: what `games` calls votes."""
        return self._matrix(self.wins + self.ties / 2, self.losses + self.ties / 2)

    def preference_matrix(self, *, unmet: float) -> Floats:
        """[n, n] share of the row's wins over the column, ties half: a payoff for `games`; the diagonal is 1/2.

        Args:
            unmet: entries of pairs that never met; only 1/2 leaves a payoff, whose pairs sum to 1.
        Raises: DomainError, TypeError.
        """
        value = _arrays.number("unmet", unmet)
        _arrays.refuse("unmet", value, value < 0 or value > 1, "a number from 0 to 1, or NaN")
        games = self.wins + self.losses + self.ties
        matrix = self._matrix((self.wins + self.ties / 2) / games, (self.losses + self.ties / 2) / games, value)
        np.fill_diagonal(matrix, 0.5)
        return matrix

    def drop_ties(self) -> Self:
        """Leave ties out, and pairs that only tied."""
        keep = self.wins + self.losses > 0
        units, number = self._units, np.cumsum(keep) - 1
        decided = np.flatnonzero(units.outcome != 0.5)
        left = units.taken(decided, number[units.cell[decided]], units.outcome[decided])
        wins, losses = self.wins[keep], self.losses[keep]
        cells = Cells(self.first[keep], self.second[keep], wins, losses, np.zeros_like(wins), left)
        return self._of(self.n_items, cells, self.names)

    def swapped(self) -> Self:
        """Turn every outcome around, so that the losers win."""
        units = self._units
        turned = units.taken(slice(None), units.cell, 1.0 - units.outcome)
        return replace(self, wins=self.losses, losses=self.wins, _units=turned)

    def select(self, items: Any) -> Self:
        """Keep the comparisons among some items, which are numbered in the order given.

        Args:
            items: [k] items, each once.
        Raises: ShapeError, DomainError, TypeError.
        """
        chosen = _arrays.integers("items", items)
        _arrays.refuse("items", chosen, (chosen < 0) | (chosen >= self.n_items), f"an item, 0 to {self.n_items - 1}")
        number = np.full(self.n_items, -1, dtype=np.int64)
        number[chosen] = np.arange(len(chosen))
        _arrays.refuse("items", chosen, number[chosen] != np.arange(len(chosen)), "items, each once")
        one, two = number[self.first], number[self.second]
        keep = np.flatnonzero((one >= 0) & (two >= 0))
        one, two = one[keep], two[keep]
        flip, low, high = one > two, np.minimum(one, two), np.maximum(one, two)
        order = np.lexsort((high, low))
        place, turned = np.full(len(self.first), -1, dtype=np.int64), np.zeros(len(self.first), dtype=np.bool_)
        place[keep[order]], turned[keep] = np.arange(len(keep)), flip
        units = self._units
        left = np.flatnonzero(place[units.cell] >= 0)
        cell, outcome = units.cell[left], units.outcome[left]
        units = units.taken(left, place[cell], np.where(turned[cell], 1.0 - outcome, outcome))
        wins, losses, ties = self.wins[keep], self.losses[keep], self.ties[keep]
        wins, losses = np.where(flip, losses, wins), np.where(flip, wins, losses)
        cells = Cells(low[order], high[order], wins[order], losses[order], ties[order], units)
        names = None if self.names is None else tuple(self.names[item] for item in chosen)
        return self._of(len(chosen), cells, names)

    def _matrix(self, above: Floats, below: Floats, rest: float = 0.0) -> Floats:
        matrix = np.full((self.n_items, self.n_items), rest)
        matrix[self.first, self.second], matrix[self.second, self.first] = above, below
        return matrix

    def __repr__(self) -> str:
        """Sizes, and the first names."""
        games, ties = (self.wins + self.losses + self.ties).sum(), self.ties.sum()
        text = f"Comparisons: {self.n_items} items, {len(self.first)} pairs that met, {games:g} games ({ties:g} ties)"
        if self.n_clusters is not None:
            text += f" in {self.n_clusters} clusters"
        if not self.names:
            return text
        more = ", ..." if len(self.names) > 8 else ""
        return f"{text}\nnames: {', '.join(self.names[:8])}{more}"


def _labels(names: Sequence[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    labels = tuple(map(str, names))
    seen: dict[str, int] = {}
    for place, label in enumerate(labels):
        if seen.setdefault(label, place) != place:
            raise DomainError(f"names[{place}] must be a name of its own, got {label!r} of names[{seen[label]}] again")
    return labels


def _n_items(given: int | None, names: tuple[str, ...] | None, *columns: Ints) -> int:
    if given is None:
        given = (
            int(max((column.max(initial=-1) for column in columns), default=-1)) + 1 if names is None else len(names)
        )
    n = _arrays.whole_number("n_items", given, 0, MOST_ITEMS)
    if names is not None and len(names) != n:
        raise ShapeError(f"names must have length {n} like the items, got {len(names)}")
    return n


def _counts(name: str, values: Any) -> Floats:
    array = _arrays.finite(name, _arrays.floats(name, values), 0.0)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise ShapeError(f"{name} must be square, got {list(array.shape)}")
    _arrays.refuse(name, array, np.eye(len(array), dtype=np.bool_) & (array != 0), "0 on the diagonal")
    return array
