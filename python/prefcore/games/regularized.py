"""Equilibria with a pull to references: the policies that self-play with a KL penalty is after, to rounding."""

from typing import Any

import numpy as np

from prefcore import _arrays, _rust
from prefcore._estimates import Floats, limits, tolerance
from prefcore.errors import DomainError, ShapeError
from prefcore.games import _games, _rectangular
from prefcore.games._limits import limits as path_limits
from prefcore.games._limits import pull
from prefcore.games.exact import solve_nash, solve_zero_sum
from prefcore.games.results import GameResult, ZeroSumResult

__all__ = ["comal", "solve_nash_kl", "solve_zero_sum_kl"]

#: actions of a game whose matrices are factored
_LARGEST = 5_000


def solve_nash_kl(
    payoff: Any,
    *,
    beta: float,
    log_ref: Any = None,
    offsets: Any = None,
    init: Any = None,
    tol: float = 1e-12,
    max_iter: int = 200,
    strict: bool = True,
) -> GameResult:
    """KL-regularized Nash policy of a preference game: what Nash-MD, INPO, SPPO with a reference and EGPO converge to.

    pi = argmax_x  x' payoff pi - beta KL(x, ref),   that is  log pi = log_softmax(log_ref + A pi / beta)

    25 extragradient steps, then Newton's method, whose matrix is never singular; where it stalls, twice as many steps.
    The equilibrium always exists and is the only one.

    Args:
        payoff: [n, n] win probabilities or margins, [B, n, n], 1-D blocks with `offsets`, `PackedPayoff`,
            `FactorPayoff`; a hundred thousand prompts are one call.
        beta: pull to the reference, >= 0. 0 is `solve_nash`, which takes no reference.
        log_ref: log-probabilities of the reference in nats, in the shape of a policy, or [n] for a batch; normalized;
            -inf takes an action out. Default uniform.
        offsets: [G + 1] boundaries of the actions of 1-D blocks.
        init: log-policies to start from instead of the warm-up, as the previous solution in a training loop.
        tol: bound of `residual`, the largest |log pi - log BR(pi)|; widened to about 8 eps / beta (status "floor").
        max_iter: most linear solves; extragradient steps above 5,000 actions, of `FactorPayoff` above 512, where
            nothing is factored.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: GameResult; `gap` is the duality gap with the pull, `gap0` without it.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Munos et al., Nash Learning from Human Feedback (2023), eq. 3; Zhou et al., Extragradient Preference
        Optimization (2025). The Newton form is derived here (scaled, its matrix is the identity plus a skew one).

    >>> solve_nash_kl([[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]], beta=0.1).policy.round(4)
    array([0.4938, 0.2589, 0.2472])
    """
    beta = pull("beta", beta)
    if beta == 0:
        _unused(log_ref=log_ref, init=init)
        return solve_nash(payoff, offsets=offsets, tol=max(tolerance(tol), 1e-10), strict=strict)
    games = _games.read(payoff, offsets)
    tol, max_iter = limits(tol, max_iter)
    start = games.policies("init", init)
    solved = _rust.solve_nash_kl(games.argument, beta, _reference(games, log_ref), start, (tol, max_iter))
    return _games.settled(_games.result(games, solved), strict=strict, tol=tol)


def solve_zero_sum_kl(
    payoff: Any,
    *,
    beta: float,
    beta_column: float | None = None,
    log_ref_row: Any = None,
    log_ref_column: Any = None,
    init: Any = None,
    tol: float = 1e-12,
    max_iter: int = 200,
    strict: bool = True,
) -> ZeroSumResult:
    """KL-regularized equilibrium of any zero-sum game (logit quantal response with references), both sides pulled.

    log x = log_softmax(log_ref_row + A y / beta),   log y = log_softmax(log_ref_column - A' x / beta_column)

    Args:
        payoff: [m, n] or [B, m, n] payoffs to the row player.
        beta: pull of the row player to his reference, >= 0; 0 for both sides is `solve_zero_sum`.
        beta_column: that of the column player; default `beta`.
        log_ref_row: [m] or [B, m] log-probabilities of the row player's reference; -inf takes a row out; default
            uniform.
        log_ref_column: [n] or [B, n] of the column player's.
        init: log-strategies to start from instead of the warm-up, a pair (row, column).
        tol: bound of `residual`, the largest |log x - log BR(y)| of both sides; widened to rounding (status "floor").
        max_iter: most linear solves.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: ZeroSumResult.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: McKelvey, Palfrey, Quantal response equilibria (1995), with references.

    >>> solve_zero_sum_kl([[5.0, 1.0], [2.0, 3.0]], beta=0.5).row.round(4)
    array([0.2817, 0.7183])
    """
    pulls = pull("beta", beta), pull("beta_column", beta if beta_column is None else beta_column)
    if pulls == (0.0, 0.0):
        _unused(log_ref_row=log_ref_row, log_ref_column=log_ref_column, init=init)
        return solve_zero_sum(payoff, tol=max(tolerance(tol), 1e-10), strict=strict)
    for name, strength in zip(("beta", "beta_column"), pulls, strict=True):
        _arrays.refuse(name, strength, strength == 0, "above 0 where the other player's is")
    games = _rectangular.read(payoff)
    tol, max_iter = limits(tol, max_iter)
    references = (
        _strategies("log_ref_row", log_ref_row, games, games.m),
        _strategies("log_ref_column", log_ref_column, games, games.n),
    )
    start = None
    if init is not None:
        if not isinstance(init, tuple | list) or len(init) != 2:
            raise TypeError(f"init must be a pair (row, column) of log-strategies, got a {type(init).__name__}")
        start = _strategies("init", init[0], games, games.m), _strategies("init", init[1], games, games.n)
    solved = _rust.solve_zero_sum_kl((games.values, games.m, games.n), pulls, references, start, (tol, max_iter))
    return _games.settled(_rectangular.result(games, solved), strict=strict, tol=tol)


def comal(
    payoff: Any,
    *,
    beta: float,
    log_ref: Any = None,
    init: Any = None,
    tol: float | None = 1e-6,
    max_iter: int = 10_000,
    record_at: Any = (),
    strict: bool = True,
) -> GameResult:
    """COMAL, the exact proximal point: the next reference is the KL-regularized equilibrium with this one.

    ref_0 = init,   ref_k+1 = solve_nash_kl(payoff, beta, ref_k)

    Its last iterate converges to an equilibrium without regularization; the smaller beta, the longer its steps.

    Args:
        payoff: [n, n] or `PackedPayoff`, to 5,000 actions: each step factors matrices of that size.
        beta: pull of each step, > 0.
        log_ref: reference that `kl_ref` is measured to, and the default of `init`; default uniform.
        init: log-policy of the start.
        tol: bound of the duality gap without regularization; None runs exactly `max_iter` iterations.
        max_iter: most proximal steps.
        record_at: iterations whose policies are kept in `path`, rising; 0 is the start.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: GameResult; `residual` is the duality gap at beta 0.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Liu et al., COMAL: a convergent meta-algorithm for aligning LLMs with general preferences (2024).

    >>> payoff = [[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]]
    >>> comal(payoff, beta=0.1).policy.round(4)
    array([0.5   , 0.1667, 0.3333])
    """
    beta = pull("beta", beta, positive=True)
    games, (tol, max_iter, at) = _games.read_one(payoff), path_limits(tol, max_iter, record_at)
    if games.argument[3] == "factor" or games.shape[0] > _LARGEST:
        came = f"a {type(payoff).__name__} of {games.shape[0]} actions"
        raise DomainError(f"payoff must be dense or packed with at most {_LARGEST} actions, got {came}; see mpo")
    reference = _reference(games, log_ref)
    start = games.policies("init", init)
    policies = reference, reference if start is None else start
    solved = _rust.proximal(games.argument, beta, policies, (tol, max_iter, at.tolist()))
    return _games.settled(_games.result(games, solved, record_at=at), strict=strict, tol=tol)


def _unused(**policies: Any) -> None:
    for name, values in policies.items():
        if values is not None:
            raise DomainError(f"{name} must be None where beta is 0, since nothing pulls to it, got log-policies")


def _reference(games: _games.Games, log_ref: Any) -> Floats:
    """Return the log-reference of every game, flat and normalized."""
    if log_ref is not None and games.layout == "batch":
        array = _arrays.floats("log_ref", log_ref)
        log_ref = np.broadcast_to(array, games.shape) if array.shape == games.shape[1:] else array
    found = games.policies("log_ref", log_ref)
    if found is None:
        lengths = np.diff(games.offsets)
        return np.repeat(-np.log(lengths), lengths)
    return found


def _strategies(name: str, values: Any, games: _rectangular.Rectangles, length: int) -> Floats:
    """Return one normalized log-strategy for all games, or one for each, flat."""
    if values is None:
        return np.full(length, -np.log(length))
    array = _arrays.floats(name, values)
    if array.shape not in {(length,), (*games.batch, length)}:
        also = f" or {[*games.batch, length]}" if games.batch else ""
        raise ShapeError(f"{name} must have shape [{length}]{also}, got {list(array.shape)}")
    ends = np.arange(0, array.size + length, length, dtype=np.int64)
    return _rust.normalized_policies(name, array.reshape(-1), ends)
