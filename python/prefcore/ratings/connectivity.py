"""Whether comparisons decide a rating, and how often three items beat one another in a circle."""

from typing import NamedTuple

import numpy as np

from prefcore import _rust
from prefcore._arrays import Ints
from prefcore.ratings.comparisons import Comparisons, required

__all__ = ["Connectivity", "CyclicTriples", "connectivity", "cyclic_triples"]


class Connectivity(NamedTuple):
    """Who can be rated against whom."""

    components: tuple[Ints, ...]
    """Strong components of who beat whom; nobody beat anybody of a component further left. Each goes into `select`."""
    undefeated: Ints
    """Items with games that nobody beat or tied: their rating would be inf."""
    winless: Ints
    """Items with games that beat and tied nobody: -inf."""
    rating_exists: bool
    """Whether there is one component, so that a Bradley-Terry rating without ridge exists and is unique."""


class CyclicTriples(NamedTuple):
    """Triples of items of which each pair has a majority."""

    cyclic: int
    """Those in which each beats another."""
    total: int
    """All of them."""


def connectivity(comparisons: Comparisons) -> Connectivity:
    """Find the strong components of who beat whom: does a Bradley-Terry rating exist (Ford's condition)?

    An edge leads from i to j where i beat j or tied with j, since a tie is half a win for each.

    Args:
        comparisons: of n items.
    Returns: Connectivity; an item without a game is a component of its own.
    Source: Ford 1957, Solution of a ranking problem from binary comparisons; components: Tarjan 1972.

    >>> connectivity(Comparisons.from_outcomes([0, 0, 1, 2], [1, 2, 2, 1], [1.0, 1.0, 1.0, 1.0]))
    Connectivity(components=(array([0]), array([1, 2])), undefeated=array([0]), winless=array([], dtype=int64), \
rating_exists=False)
    """
    c = required(comparisons)
    beat, lost = c.wins + c.ties > 0, c.losses + c.ties > 0
    winners = np.concatenate([c.first[beat], c.second[lost]])
    losers = np.concatenate([c.second[beat], c.first[lost]])
    number = _rust.strong_components(c.n_items, winners, losers)
    order = np.argsort(number, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(number[order])) + 1) if c.n_items else []
    without = [(np.bincount(side, minlength=c.n_items) == 0) & (c.n_games > 0) for side in (losers, winners)]
    undefeated, winless = map(np.flatnonzero, without)
    return Connectivity(tuple(parts), undefeated, winless, len(parts) == 1)


def cyclic_triples(comparisons: Comparisons) -> CyclicTriples:
    """Count circles among majorities, a beats b beats c beats a: how far from transitive the judges are.

    Args:
        comparisons: of n items; a pair has a majority where wins and losses differ.
    Returns: CyclicTriples; `cyclic / total` is near 1/4 where outcomes are coin flips, 0 where one order explains all.
    Source: Kendall and Babington Smith 1940, On the method of paired comparisons (circular triads).

    >>> cyclic_triples(Comparisons.from_outcomes([0, 1, 2], [1, 2, 0], [1.0, 1.0, 1.0]))
    CyclicTriples(cyclic=1, total=1)
    """
    c = required(comparisons)
    beat, lost = c.wins > c.losses, c.losses > c.wins
    winners = np.concatenate([c.first[beat], c.second[lost]])
    losers = np.concatenate([c.second[beat], c.first[lost]])
    return CyclicTriples(*_rust.cyclic_triples(c.n_items, winners, losers))
