"""Voting rules: ballots to a table of pairs, and scores, winners and rankings from such a table."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore._arrays import Ints
from prefcore._estimates import Floats, Shown
from prefcore.errors import ShapeError
from prefcore.games.exact import solve_nash
from prefcore.games.results import GameResult

__all__ = [
    "KemenyResult",
    "RankedPairsResult",
    "SchulzeResult",
    "borda",
    "copeland",
    "kemeny",
    "maximal_lottery",
    "minimax",
    "pairwise_votes",
    "ranked_pairs",
    "schulze",
]

Strength = Literal["winning_votes", "margins"]


@dataclass(frozen=True, repr=False, eq=False)
class SchulzeResult(Shown):
    """Winners and order of Schulze's rule, and the widest paths that they come from."""

    ranking: Ints
    """[n] items, best first; items of one rank by index."""
    ranks: Ints
    """[n] 1 + number of items whose path to this one is wider than the way back; ties share a rank."""
    winners: Ints
    """Items of rank 1."""
    paths: Floats
    """[n, n] strengths of the widest paths; 0 where there is none."""


@dataclass(frozen=True, repr=False, eq=False)
class RankedPairsResult(Shown):
    """Order of ranked pairs, and the majorities that stand."""

    ranking: Ints
    """[n] items by the number of items above them, over chains of locked majorities; equal ones by index."""
    winners: Ints
    """Items with none above them: several where nothing is locked between them."""
    ambiguous: bool
    """Whether another order of equal majorities would lock others, and so turn at least two items around."""
    locked: NDArray[np.bool_]
    """[n, n] whether the majority of i over j is locked."""


@dataclass(frozen=True, repr=False, eq=False)
class KemenyResult(Shown):
    """Rankings that agree with most votes."""

    score: float
    """Votes that the rankings agree with, summed over pairs."""
    rankings: Ints
    """[K, n] items, best first: all best rankings to n = 8, else one."""
    bound: float
    """No ranking has a higher score."""
    optimal: bool
    """Whether the score is the bound."""


def pairwise_votes(
    rankings: Any,
    offsets: Any,
    *,
    n_items: int,
    weights: Any = None,
    unranked: Literal["ignore", "last"] = "ignore",
) -> Floats:
    """Count ranked ballots by pairs: the pairwise matrix (preference matrix) that the voting rules take.

    votes_ij = sum of the weights of the ballots that put item i above item j

    Args:
        rankings: [N] item numbers of all ballots, best first; an item stands on a ballot at most once.
        offsets: [B + 1] boundaries of the ballots.
        n_items: number of items n, of which a ballot may rank any.
        weights: [B] number of voters of each ballot, >= 0; default 1 each.
        unranked: "ignore": a ballot says nothing of the items that it does not rank; "last": they stand below those
            that it ranks, and are even among themselves.
    Returns: [n, n] float64 with 0 on the diagonal.
    Raises: DomainError, ShapeError, TypeError.
    Source: definition.

    >>> pairwise_votes([0, 1, 2, 2, 0], [0, 3, 5], n_items=3, weights=[2, 1])
    array([[0., 2., 2.],
           [0., 0., 2.],
           [1., 0., 0.]])
    """
    n_items = _arrays.whole_number("n_items", n_items, 1, 1 << 24)
    _arrays.one_of("unranked", unranked, "ignore", "last")
    items, ends = _arrays.integers("rankings", rankings), _arrays.integers("offsets", offsets)
    counts = None if weights is None else _arrays.floats("weights", weights)
    if counts is not None:
        _arrays.one_dimensional("weights", counts)
    return _rust.pairwise_votes(items, ends, counts, unranked == "last", n_items).reshape(n_items, n_items)


def borda(votes: Any) -> Floats:
    """Borda scores: how many votes an item has over all others together.

    score_i = sum_j votes_ij

    Args:
        votes: [n, n], votes[i, j] = ballots that put i above j; finite, >= 0, with 0 on the diagonal.
    Returns: [n] scores, higher is better. Of complete ballots: the sum of (n - place), places from 1.
    Raises: DomainError, ShapeError, TypeError.
    Source: Borda 1781; OpenSpiel, open_spiel/python/voting/borda.py.

    >>> borda([[0, 4, 2], [1, 0, 2], [3, 3, 0]])
    array([6., 3., 6.])
    """
    return np.asarray(_table(votes).sum(1))


def copeland(votes: Any, *, ties: float) -> Floats:
    """Copeland scores: how many other items an item beats by majority.

    score_i = #{j: votes_ij > votes_ji} + ties #{j != i: votes_ij = votes_ji}

    Wins minus losses, the other form in use, is `2 * copeland(votes, ties=0.5) - (n - 1)`. Equal means equal as
    numbers: weights that are no whole numbers can break a tie by rounding.

    Args:
        votes: [n, n], votes[i, j] = ballots that put i above j; finite, >= 0, with 0 on the diagonal.
        ties: credit of a tied pair, in [0, 1]; no default, because 0 (OpenSpiel) and 0.5 are both in use.
    Returns: [n] scores, higher is better; n - 1 of a Condorcet winner.
    Raises: DomainError, ShapeError, TypeError.
    Source: Copeland 1951; OpenSpiel, open_spiel/python/voting/copeland.py.

    >>> copeland([[0, 3, 2], [2, 0, 4], [2, 1, 0]], ties=0.5)
    array([1.5, 1. , 0.5])
    """
    credit = _arrays.number("ties", ties)
    _arrays.refuse("ties", credit, not 0 <= credit <= 1, "in [0, 1]")
    table = _table(votes)
    return np.asarray((table > table.T).sum(1) + credit * ((table == table.T).sum(1) - 1))


def minimax(votes: Any, *, strength: Strength = "margins") -> Floats:
    """Minimax scores (Simpson-Kramer, maximin): how bad the worst defeat of an item is.

    score_i = -max(0, max_j (votes_ji - votes_ij)),  or with winning votes  -max(votes_ji over the j that beat i)

    Args:
        votes: [n, n], votes[i, j] = ballots that put i above j; finite, >= 0, with 0 on the diagonal.
        strength: how bad a defeat is: "margins" or "winning_votes".
    Returns: [n] scores <= 0, higher is better; 0: beaten by none.
    Raises: DomainError, ShapeError, TypeError.
    Source: Simpson 1969, Kramer 1977.

    >>> minimax([[0, 4, 2], [1, 0, 2], [3, 3, 0]])
    array([-1., -3.,  0.])
    """
    return np.asarray(0.0 - _strengths(_table(votes), strength).max(0))


def schulze(votes: Any, *, strength: Strength = "winning_votes") -> SchulzeResult:
    """Schulze's rule (beatpath): i is better than j where the widest path from i to j is wider than the way back.

    path_ij = max over chains i = c_0, ..., c_m = j of min_l strength(c_l over c_l+1)

    A chain consists of majorities. The relation is transitive, so there is always a winner, and a Condorcet winner is
    the only one. Ties are not transitive: items count as many places down as there are items better than they. O(n^3).

    Args:
        votes: [n, n], votes[i, j] = ballots that put i above j; finite, >= 0, with 0 on the diagonal.
        strength: of a majority: "winning_votes" or "margins"; the same order where all ballots are complete.
    Returns: SchulzeResult(ranking, ranks, winners, paths).
    Raises: DomainError, ShapeError, TypeError.
    Source: Schulze 2011, A new monotonic, clone-independent ... voting method; OpenSpiel,
        open_spiel/python/voting/schulze.py.

    >>> schulze([[0, 4, 2], [1, 0, 2], [3, 3, 0]])
    SchulzeResult(ranking=[2 0 1], ranks=[2 3 1], winners=[2], paths=[[0. 4. 0.]
     [0. 0. 0.]
     [3. 3. 0.]])
    """
    table = _table(votes)
    paths = _rust.widest_paths(_strengths(table, strength).reshape(-1), len(table)).reshape(table.shape)
    ranks = 1 + (paths > paths.T).sum(0)
    return SchulzeResult(np.argsort(ranks, kind="stable"), ranks, np.flatnonzero(ranks == 1), paths)


def ranked_pairs(votes: Any, *, strength: Strength = "margins") -> RankedPairsResult:
    """Ranked pairs (Tideman): lock majorities from strong to weak, and skip each that would close a cycle.

    Equal majorities are taken by index, first (0, 1). `ambiguous` says whether another order of equals would lock
    others. That is decided exactly: it is so if and only if a majority of i over j was skipped though no chain of
    stronger ones leads from j to i. (Taken as the first of its equals it would have been locked, and i would stand
    above j instead of below.) Winners over all orders of equals are not listed: that is NP-hard. A Condorcet winner is
    first. O(n^3).

    Args:
        votes: [n, n], votes[i, j] = ballots that put i above j; finite, >= 0, with 0 on the diagonal.
        strength: of a majority: "margins" or "winning_votes".
    Returns: RankedPairsResult(ranking, winners, ambiguous, locked).
    Raises: DomainError, ShapeError, TypeError.
    Source: Tideman 1987; Brill and Fischer 2012 on ties; OpenSpiel, open_spiel/python/voting/ranked_pairs.py.

    >>> ranked_pairs([[0, 2, 1], [1, 0, 2], [2, 1, 0]])
    RankedPairsResult(ranking=[0 1 2], winners=[0], ambiguous=True, locked=[[False  True False]
     [False False  True]
     [False False False]])
    """
    table = _table(votes)
    n = len(table)
    locked, above, ambiguous = _rust.lock_pairs(_strengths(table, strength).reshape(-1), n)
    order = np.argsort(above, kind="stable")
    return RankedPairsResult(order, np.flatnonzero(above == 0), ambiguous, locked.reshape(n, n))


def kemeny(votes: Any) -> KemenyResult:
    """Kemeny-Young: the ranking that agrees with the most votes, pair by pair (median ranking, rank aggregation).

    score(ranking) = sum of votes_ij over the pairs with i above j

    Exact where no more than 20 items hang together: items that beat by majority everything outside their set stand
    above it in every best ranking, so such sets are solved one by one, each by a table over its subsets. Larger ones
    are searched from the orders of Borda and Schulze by moving single items, and bounded by the larger sides of all
    pairs less what disjoint cycles of three majorities must lose. All best rankings are listed to n = 8; above, the
    first in lexicographic order (of the exact part). Scores that rounding cannot tell apart count as equal.

    Args:
        votes: [n, n], votes[i, j] = ballots that put i above j; finite, >= 0, with 0 on the diagonal.
    Returns: KemenyResult(score, rankings, bound, optimal).
    Raises: DomainError, ShapeError, TypeError.
    Source: Kemeny 1959; Young and Levenglick 1978; the table: Betzler et al. 2009.

    >>> kemeny([[0, 2, 1], [1, 0, 2], [2, 1, 0]])
    KemenyResult(score=5, rankings=[[0 1 2]
     [1 2 0]
     [2 0 1]], bound=5, optimal=True)
    """
    table = _table(votes)
    score, bound, rankings = _rust.kemeny(table.reshape(-1), len(table))
    return KemenyResult(score, rankings.reshape(-1, len(table)), bound, score == bound)


def maximal_lottery(votes: Any, *, strength: Literal["margins", "majority"] = "margins") -> GameResult:
    """Maximal lottery: the mix of items that no other mix is preferred to on average, `solve_nash` of the margin game.

    payoff_ij = votes_ij - votes_ji,  or with "majority" its sign

    A Condorcet winner gets all; duplicates share, and take nothing from others. Of several lotteries it is the one of
    largest entropy.

    Args:
        votes: [n, n], votes[i, j] = ballots that put i above j; finite, >= 0, with 0 on the diagonal.
        strength: what a majority counts: "margins" (its size) or "majority" (1: the bipartisan set, C1).
    Returns: GameResult of the margins divided by the largest one; `unique` says whether there are other lotteries.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Kreweras 1965; Fishburn 1984; Brandl, Brandt and Seedig, Consistent probabilistic social choice (2016).

    >>> maximal_lottery([[0, 2, 1], [1, 0, 2], [2, 1, 0]]).policy.round(4)
    array([0.3333, 0.3333, 0.3333])
    """
    _arrays.one_of("strength", strength, "margins", "majority")
    table = _table(votes)
    margins = table - table.T
    largest = float(np.abs(margins).max()) or 1.0
    return solve_nash(np.sign(margins) if strength == "majority" else margins / largest)


def _table(votes: Any) -> Floats:
    array = _arrays.floats("votes", votes)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not len(array):
        raise ShapeError(f"votes must be [n, n] with n >= 1, got shape {list(array.shape)}")
    _arrays.finite("votes", array, 0.0)
    own = np.eye(len(array), dtype=bool)
    _arrays.refuse("votes", array, own & (array != 0), "0 on the diagonal, as no ballot puts an item above itself")
    return array


def _strengths(table: Floats, strength: str) -> Floats:
    """[n, n] strengths of the majorities, 0 where there is none."""
    _arrays.one_of("strength", strength, "winning_votes", "margins")
    margins = table - table.T
    return np.where(margins > 0, table if strength == "winning_votes" else margins, 0.0)
