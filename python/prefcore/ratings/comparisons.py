"""Comparisons of two items, gathered per pair: what every rating of this package takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Ints
from prefcore._estimates import Floats
from prefcore._strings import coded, shared
from prefcore.errors import DomainError, ShapeError
from prefcore.ratings._units import Cells, Units, summed

__all__ = ["Comparisons", "Factorized", "factorize", "parse_winners"]


MOST_ITEMS = 1 << 31
#: counts up to here are exact in float64
MOST_COUNT = 1 << 53
#: sums and squares of weights in this range neither over- nor underflow
WEIGHTS = 1e-100, 1e100


#: score of the first
WINNERS = {
    "model_a": 1.0,
    "a": 1.0,
    "model_b": 0.0,
    "b": 0.0,
    "tie": 0.5,
    "tie (bothbad)": 0.5,
    "both_bad": 0.5,
    "draw": 0.5,
}


class Factorized(NamedTuple):
    """Two columns of names as numbers."""

    first: Ints
    """[M] places among the names."""
    second: Ints
    """[M]"""
    names: tuple[str, ...]
    """Sorted, each once."""


def factorize(first: Any, second: Any) -> Factorized:
    """Number the names of two columns, in sorted order of the names of both.

    Args:
        first: [M] strings: NumPy, a list, pandas, polars, Arrow; categories and dictionaries are not decoded.
        second: [M] strings.
    Returns: Factorized.
    Raises: ShapeError, DomainError, TypeError.
    Source: the job of `pandas.factorize(..., sort=True)`, on two columns at once.

    >>> factorize(["b", "c"], ["a", "b"])
    Factorized(first=array([1, 2]), second=array([0, 1]), names=('a', 'b', 'c'))
    """
    names, (one, two) = shared(coded("first", first), coded("second", second))
    _arrays.same_shape(first=one, second=two)
    return Factorized(one, two, names)


def parse_winners(winners: Any) -> Floats:
    """Scores of the first model from the labels of an arena.

    1 for "model_a", "a"; 0 for "model_b", "b"; 1/2 for "tie", "tie (bothbad)", "both_bad", "draw"

    Args:
        winners: [M] labels. Another one is an error, never a tie.
    Returns: [M] scores.
    Raises: ShapeError, DomainError, TypeError.
    Source: the labels of Chatbot Arena's battles (lm-sys/FastChat fastchat/serve/monitor/clean_battle_data.py).

    >>> parse_winners(["model_a", "tie (bothbad)", "model_b"])
    array([1. , 0.5, 0. ])
    """
    codes, labels = coded("winners", winners)
    scores = np.array([WINNERS.get(label, np.nan) for label in labels])
    parsed = scores[codes]
    if np.isnan(scores).any():
        row, known = int(np.argmax(np.isnan(parsed))), ", ".join(map(repr, WINNERS))
        raise DomainError(f"winners[{row}] must be one of {known}, got {labels[codes[row]]!r}")
    return parsed


@dataclass(frozen=True, repr=False, eq=False)
class Comparisons:
    """Wins, losses and ties of every pair of items that met: battles, votes or judgements, counted.

    Built by `from_votes` (names and labels), `from_outcomes` (rows of integers) or `from_matrix` (counts). Nothing
    depends on the order of the rows.

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
            weights: [M] weight of each row, 0 or from 1e-100 to 1e100; None: 1. Rows of weight 0 are left out.
            clusters: [M] integers or strings; rows that are alike belong together (one judge, one prompt) in robust
                errors and in the bootstrap.
            names: of the items.
        Returns: Comparisons.
        Raises: ShapeError, DomainError, TypeError.

        >>> Comparisons.from_outcomes([0, 1, 1], [1, 0, 0], [1.0, 0.0, 0.5])
        Comparisons: 2 items, 1 pairs that met, 3 games (1 ties)
        """
        labels = _labels(names)
        n = _n_items(len(labels) if n_items is None and labels is not None else n_items, labels)
        one, two = _arrays.integers("first", first), _arrays.integers("second", second)
        scores = _arrays.floats("outcomes", outcomes)
        by = None if weights is None else _arrays.floats("weights", weights)
        groups = None if clusters is None else _cluster_ids(clusters)
        optional = {"weights": by, "clusters": groups}
        given = {name: array for name, array in optional.items() if array is not None}
        _arrays.same_shape(first=one, second=two, outcomes=scores, **given)
        if by is not None:
            _arrays.refuse("weights", by, (by > 0) & (by < WEIGHTS[0]), "0 or a number from 1e-100 to 1e100")
        size, (low, high), (wins, losses, ties), alike = _rust.gathered(one, two, scores, (by, groups, n))
        cell, outcome, weight, count, cluster = alike
        own = None if groups is None else np.unique(cluster, return_inverse=True)[1]
        units = Units(cell, outcome, weight, count, own)
        return cls._of(size, Cells(low, high, wins, losses, ties, units), labels)

    @classmethod
    def from_votes(cls, first: Any, second: Any, winners: Any, *, weights: Any = None, clusters: Any = None) -> Self:
        """Gather battles of an arena: two names and a label, one comparison each.

        Args:
            first: [M] names; numbered in sorted order, so that no row's place matters.
            second: [M] names of the opponents.
            winners: [M] labels as `parse_winners` takes them: "model_a", "model_b", "tie", ...
            weights: [M] weight of each row, 0 or from 1e-100 to 1e100; None: 1. Rows of weight 0 are left out, but not
                their names.
            clusters: [M] integers or strings, as in `from_outcomes`.
        Returns: Comparisons with names.
        Raises: ShapeError, DomainError, TypeError.

        >>> Comparisons.from_votes(["x", "y"], ["y", "z"], ["model_a", "tie (bothbad)"])
        Comparisons: 3 items, 2 pairs that met, 2 games (1 ties)
        names: x, y, z
        """
        items = factorize(first, second)
        outcomes = parse_winners(winners)
        options = {"weights": weights, "clusters": clusters, "names": items.names}
        return cls.from_outcomes(items.first, items.second, outcomes, **options)

    @classmethod
    def from_matrix(cls, wins: Any, *, ties: Any = None, names: Sequence[str] | None = None) -> Self:
        """Take counts: how often each item beat each other one.

        Args:
            wins: [n, n] weight of the wins of the row over the column, 0 or from 1e-100 to 1e100; diagonal 0. A whole
                number counts that many comparisons, another one is the weight of a single one.
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
        cell, place = map(np.ascontiguousarray, np.nonzero(table))  # nonzero gives views of one array
        total = table[cell, place]
        whole = (total == np.floor(total)) & (total <= MOST_COUNT)
        weight, count = np.where(whole, 1.0, total), np.where(whole, total, 1.0).astype(np.int64)
        units = Units(cell, place / 2, weight, count, None)
        losses, even, ours = table.T.copy()
        _n_items(n, labels)
        return cls._of(n, Cells(low[met], high[met], ours, losses, even, units), labels)

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
        places = np.arange(len(chosen))
        number = np.full(self.n_items, -1, dtype=np.int64)  # of each item among the chosen; -1: left out
        number[chosen[::-1]] = places[::-1]  # the first place counts
        if (again := number[chosen] != places).any():
            place = int(np.argmax(again))
            came = f"{chosen[place]} of items[{number[chosen[place]]}] again"
            raise DomainError(f"items[{place}] must be an item of its own (items are given each once), got {came}")
        one, two = number[self.first], number[self.second]
        keep = np.flatnonzero((one >= 0) & (two >= 0))
        low, high = np.minimum(one, two)[keep], np.maximum(one, two)[keep]
        keep = keep[order := np.lexsort((high, low))]  # old cells in the order of the new ones
        flip = one > two  # cells whose lower item is now the higher one: their wins are losses
        place_of = np.full(len(self.first), -1, dtype=np.int64)  # of each old cell among the new ones
        place_of[keep] = np.arange(len(keep))
        units = self._units
        left = np.flatnonzero(place_of[units.cell] >= 0)
        cell, outcome = units.cell[left], units.outcome[left]
        units = units.taken(left, place_of[cell], np.where(flip[cell], 1.0 - outcome, outcome))
        wins = np.where(flip, self.losses, self.wins)[keep]
        losses = np.where(flip, self.wins, self.losses)[keep]
        cells = Cells(low[order], high[order], wins, losses, self.ties[keep], units)
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


def required(comparisons: Any) -> Comparisons:
    """Return the argument `comparisons`; refuse what is none."""
    if not isinstance(comparisons, Comparisons):
        came = type(comparisons).__name__
        raise TypeError(f"comparisons must be Comparisons, got a {came}; see Comparisons.from_outcomes")
    return comparisons


def _labels(names: Sequence[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise TypeError(f"names must be a sequence of strings, got {names!r}")
    labels = tuple(map(str, names))
    seen: dict[str, int] = {}
    for place, label in enumerate(labels):
        if seen.setdefault(label, place) != place:
            raise DomainError(f"names[{place}] must be a name of its own, got {label!r} of names[{seen[label]}] again")
    return labels


def _n_items(given: int | None, names: tuple[str, ...] | None) -> int | None:
    n = None if given is None else _arrays.whole_number("n_items", given, 0, MOST_ITEMS)
    if names is not None and len(names) != n:
        raise ShapeError(f"names must have length {n} like the items, got {len(names)}")
    return n


def _cluster_ids(clusters: Any) -> Ints:
    """Integers themselves; strings in sorted order, so that the order of the rows does not matter."""
    try:
        return _arrays.integers("clusters", clusters)
    except TypeError:
        if np.asarray(clusters).dtype.kind == "f":
            raise TypeError("clusters must hold integers or strings, got floats") from None
        return shared(coded("clusters", clusters))[1][0]


def _counts(name: str, values: Any) -> Floats:
    array = _arrays.finite(name, _arrays.floats(name, values), 0.0)
    outside = (array != 0) & ((array < WEIGHTS[0]) | (array > WEIGHTS[1]))
    _arrays.refuse(name, array, outside, "0 or a number from 1e-100 to 1e100")
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise ShapeError(f"{name} must be square, got {list(array.shape)}")
    _arrays.refuse(name, array, np.eye(len(array), dtype=np.bool_) & (array != 0), "0 on the diagonal")
    return array
