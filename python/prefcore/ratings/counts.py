"""Ratings that only count: wins and shares of wins, ties half."""

from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore._estimates import Floats
from prefcore.ratings._units import summed
from prefcore.ratings.comparisons import Comparisons, required

__all__ = ["average_win_rate", "counting", "win_rate"]


def counting(comparisons: Comparisons) -> Floats:
    """Wins of each item, a tie as half a win: Borda on comparisons, the score of a round robin.

    s_i = sum over j of wins_ij + ties_ij / 2

    Args:
        comparisons: of n items.
    Returns: [n] scores.
    Source: the `counting` of dustalov/evalica with ties half.

    >>> counting(Comparisons.from_outcomes([0, 0, 1], [1, 2, 2], [1.0, 0.5, 0.0]))
    array([1.5, 0. , 1.5])
    """
    c = required(comparisons)
    half = c.ties / 2
    return summed(c.first, c.wins + half, c.n_items) + summed(c.second, c.losses + half, c.n_items)


def win_rate(comparisons: Comparisons, *, unmet: float = np.nan) -> Floats:
    """Share of its games that each item won, ties half (win ratio): an opponent met often counts often.

    r_i = (sum over j of wins_ij + ties_ij / 2) / (games of i)

    Args:
        comparisons: of n items.
        unmet: rate of an item without a game.
    Returns: [n] rates.
    Raises: TypeError.
    Source: Pref-GRPO (arXiv 2508.20751), win rates of a group; VBench++ (arXiv 2411.13503), sec. 4.2, "win ratio".

    >>> win_rate(Comparisons.from_outcomes([0, 0, 0], [1, 1, 2], [1.0, 1.0, 0.0]), unmet=0.0)
    array([0.66666667, 0.        , 1.        ])
    """
    games = required(comparisons).n_games
    rest = np.full(comparisons.n_items, _arrays.number("unmet", unmet))
    return np.asarray(np.divide(counting(comparisons), games, out=rest, where=games > 0))


def average_win_rate(comparisons: Comparisons, *, unmet: float = np.nan) -> Floats:
    """Mean over the opponents of the share of wins against each, ties half: every opponent counts once.

    r_i = mean over j that i met of (wins_ij + ties_ij / 2) / (games of i and j)

    Args:
        comparisons: of n items.
        unmet: rate of an item without a game.
    Returns: [n] rates.
    Raises: TypeError.
    Source: Pref-GRPO (arXiv 2508.20751); the `average_win_rate` of dustalov/evalica.

    >>> average_win_rate(Comparisons.from_outcomes([0, 0, 0], [1, 1, 2], [1.0, 1.0, 0.0]))
    array([0.5, 0. , 1. ])
    """
    c, rest = required(comparisons), _arrays.number("unmet", unmet)
    games = c.wins + c.losses + c.ties
    met = games > 0
    first, second, games = c.first[met], c.second[met], games[met]
    shares = [(side[met] + c.ties[met] / 2) / games for side in (c.wins, c.losses)]
    total = summed(first, shares[0], c.n_items) + summed(second, shares[1], c.n_items)
    opponents: Any = np.bincount(first, minlength=c.n_items) + np.bincount(second, minlength=c.n_items)
    return np.asarray(np.divide(total, opponents, out=np.full(c.n_items, rest), where=opponents > 0))
