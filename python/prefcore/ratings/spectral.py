"""Ratings that are the leading vector of a matrix of wins."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Array
from prefcore._estimates import Floats, Shown, limits, settled
from prefcore.errors import DomainError
from prefcore.ratings._existence import separation
from prefcore.ratings.comparisons import Comparisons, required
from prefcore.ratings.connectivity import connectivity

__all__ = ["CentralityResult", "eigenvector_centrality", "pagerank", "rank_centrality"]


@dataclass(frozen=True, repr=False, eq=False)
class CentralityResult(Shown):
    """A score of each item; `np.asarray(result)` is the score."""

    score: Floats
    """[n], >= 0, strong items high."""
    converged: bool
    iterations: int
    residual: float
    """See the function."""
    status: str
    """converged or max_iter."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.score, dtype=dtype)


def eigenvector_centrality(
    comparisons: Comparisons, *, tol: float = 1e-12, max_iter: int = 10_000, strict: bool = True
) -> CentralityResult:
    """Eigenvector centrality: an item is as strong as the items that it beats.

    score = W score / lambda,  |score|_2 = 1;   W[i, j] = wins of i over j, a tie half a win to each

    evalica 0.4.2 returns the vector of the transposed matrix, in which the weakest item is first: that is the score of
    `comparisons.swapped()`.

    Args:
        comparisons: of which every item has beaten every other through a chain of wins (see `connectivity`).
        tol: bound of `residual`, the largest |W score - lambda score| / lambda.
        max_iter: most iterations.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: CentralityResult(score [n], ...).
    Raises: SeparationError where the vector is not unique, ConvergenceError, DomainError, TypeError.
    Source: Bonacich, Factoring and weighting approaches to status scores (1972).

    >>> wins = Comparisons.from_matrix([[0, 3, 2], [1, 0, 3], [1, 1, 0]])
    >>> eigenvector_centrality(wins).score.round(4)
    array([0.7318, 0.5622, 0.3853])
    """
    _connected(comparisons)
    if comparisons.n_items == 1:
        raise DomainError("comparisons must be of at least two items, since one has no eigenvector, got 1")
    return _centrality("eigenvector", comparisons, 0.0, tol, max_iter, strict)


def pagerank(
    comparisons: Comparisons,
    *,
    damping: float = 0.85,
    tol: float = 1e-12,
    max_iter: int = 10_000,
    strict: bool = True,
) -> CentralityResult:
    """PageRank, in which the loser of a comparison links to its winner.

    score = damping W D score + (1 - damping + damping idle) / n;   D = 1 / losses, W[i, j] = wins of i over j

    A tie is half a win to each. `idle` is the score of the items that have not lost: they link to all. It exists for
    any comparisons.

    Args:
        comparisons: any.
        damping: probability of following a link, in [0, 1).
        tol: bound of `residual`, which bounds the sum of the absolute errors.
        max_iter: most iterations.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: CentralityResult(score [n], ...), which sums to 1.
    Raises: ConvergenceError, DomainError, TypeError.
    Source: Brin, Page, The anatomy of a large-scale hypertextual web search engine (1998).

    >>> pagerank(Comparisons.from_matrix([[0, 3, 2], [1, 0, 3], [1, 1, 0]])).score.round(4)
    array([0.3688, 0.3501, 0.2811])
    """
    number = _arrays.number("damping", damping)
    _arrays.refuse("damping", number, not 0 <= number < 1, "in [0, 1)")
    return _centrality("pagerank", comparisons, number, tol, max_iter, strict)


def rank_centrality(
    comparisons: Comparisons, *, tol: float = 1e-12, max_iter: int = 10_000, strict: bool = True
) -> CentralityResult:
    """Rank centrality: where a walk stays that moves from an item to those that beat it.

    score_j = sum_i score_i P[i, j],   P[i, j] ~ share of the comparisons of i and j that j won, ties half

    With infinite data from a Bradley-Terry model it is exp(theta) / sum exp(theta). choix returns its logarithm.

    Args:
        comparisons: of which every item has beaten every other through a chain of wins (see `connectivity`).
        tol: bound of `residual`, the sum of |change| of an iteration.
        max_iter: most iterations.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: CentralityResult(score [n], ...), which sums to 1.
    Raises: SeparationError where the walk ends in a part of the items, ConvergenceError, DomainError, TypeError.
    Source: Negahban, Oh, Shah, Rank centrality (2012); lucasmaystre/choix, choix/convergence.py.

    >>> rank_centrality(Comparisons.from_matrix([[0, 3, 2], [1, 0, 3], [1, 1, 0]])).score.round(4)
    array([0.5514, 0.271 , 0.1776])
    """
    _connected(comparisons)
    return _centrality("rank", comparisons, 0.0, tol, max_iter, strict)


def _connected(comparisons: Comparisons) -> None:
    found = connectivity(comparisons)
    if not found.rating_exists:
        text = f"comparisons must link every item with every other by chains of wins, got {len(found.components)} parts"
        advice = "pagerank needs no links, comparisons.select takes one part"
        raise separation(found, comparisons.names, f"{text}; {advice}")


def _centrality(
    rule: str, comparisons: Comparisons, damping: float, tol: float, max_iter: int, strict: bool
) -> CentralityResult:
    required(comparisons)
    tol, max_iter = limits(tol, max_iter)
    up, down = comparisons.wins + comparisons.ties / 2, comparisons.losses + comparisons.ties / 2
    cells = (comparisons.first, comparisons.second, up, down)
    found = _rust.centrality(rule, comparisons.n_items, cells, damping, (tol, max_iter))
    return settled(CentralityResult(*found), strict=_arrays.flag("strict", strict), tol=tol)
