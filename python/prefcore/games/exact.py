"""Equilibria without regularization, with certificates."""

from typing import Any

from prefcore import _arrays, _rust
from prefcore._estimates import tolerance
from prefcore.games import _games, _rectangular
from prefcore.games.results import GameResult, ZeroSumResult

__all__ = ["solve_nash", "solve_zero_sum"]


def solve_nash(
    payoff: Any, *, offsets: Any = None, selection: str = "max_entropy", tol: float = 1e-10, strict: bool = True
) -> GameResult:
    """Nash equilibrium of a symmetric preference game (Nash averaging, maximal lottery, minmax winner), exact.

    A x <= 0, x >= 0, sum(x) = 1, A = payoff - constant / 2

    Simplex method for small games, interior point and a solve on its support for large ones. The residual is the
    duality gap 2 max(A x) (NashConv; OpenSpiel's exploitability is half of it).

    Args:
        payoff: [n, n] win probabilities or margins, [B, n, n], 1-D blocks with offsets, `PackedPayoff`, `FactorPayoff`.
        offsets: [G + 1] boundaries of the actions of 1-D blocks.
        selection: which equilibrium where there are several. "max_entropy": that of largest entropy (Nash averaging;
            duplicates share evenly). "center": the analytic center, of largest product of the probabilities that can
            be positive and the shortfalls of the other actions. "vertex": any vertex, which depends on the order of
            the actions; simplex method at any size.
        tol: largest duality gap, in units of the payoff; widened to 1e-13 times the largest payoff (status "floor").
        strict: whether to raise where the gap is larger.
    Returns: `GameResult`: actions off the support have log-policy -inf; `unique` tells whether there are others,
        `min_slack` how much less the best action off the support earns.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: von Neumann 1928; Balduzzi et al., "Re-evaluating Evaluation", 2018 (Nash averaging); Mehrotra 1992.

    >>> result = solve_nash([[0.5, 0.75, 0.25], [0.25, 0.5, 1.0], [0.75, 0.0, 0.5]])
    >>> result.policy.round(3)
    array([0.5 , 0.25, 0.25])
    """
    games = _games.read(payoff, offsets)
    tol = _checked(selection, tol)
    solved = _games.result(games, _rust.solve_nash(games.argument, selection, tol))
    return _games.settled(solved, strict=strict, tol=tol)


def solve_zero_sum(
    payoff: Any, *, selection: str = "max_entropy", tol: float = 1e-10, strict: bool = True
) -> ZeroSumResult:
    """Maximin (minimax) strategies and value of a zero-sum matrix game, also rectangular.

    min(x' A) = max(A y) = value

    Simplex method for small games, interior point and a solve on its support for large ones. The residual is the
    duality gap max(A y) - min(x' A).

    Args:
        payoff: [m, n] or [B, m, n] payoffs to the row player, who maximizes.
        selection: which strategies where there are several, as in `solve_nash`.
        tol: largest duality gap, in units of the payoff; widened to 1e-13 times the largest payoff (status "floor").
        strict: whether to raise where the gap is larger.
    Returns: `ZeroSumResult`: actions off the support have log-probability -inf; `unique` tells whether either player
        has other strategies.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: von Neumann 1928; Mehrotra 1992.

    >>> result = solve_zero_sum([[5.0, 1.0], [2.0, 3.0]])
    >>> result.row.round(3), result.column.round(3), round(float(result.value), 3)
    (array([0.2, 0.8]), array([0.4, 0.6]), 2.6)
    """
    games = _rectangular.read(payoff)
    tol = _checked(selection, tol)
    solved = _rust.solve_zero_sum(games.values, games.m, games.n, selection, tol)
    return _games.settled(_rectangular.result(games, solved), strict=strict, tol=tol)


def _checked(selection: str, tol: float) -> float:
    _arrays.one_of("selection", selection, "max_entropy", "center", "vertex")
    return tolerance(tol)
