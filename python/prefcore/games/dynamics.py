"""First-order dynamics of preference games: one or two products with the payoff an iteration, nothing factorized.

Policies move in logs l; A is the payoff less half its pair constant, lsm the log-softmax, c = step_size beta.
"""

from typing import Any

import numpy as np

from prefcore import _arrays, _rust
from prefcore.errors import ConvergenceError, ShapeError
from prefcore.games._games import read, result, settled
from prefcore.games._limits import limits, pull
from prefcore.games.results import GameResult

__all__ = ["extragradient", "magnetic_mirror_descent", "mirror_descent", "mpo", "nash_md", "omwu"]


def mirror_descent(
    payoff: Any,
    *,
    beta: float = 0.0,
    step_size: float | None = None,
    average: bool = False,
    log_ref: Any = None,
    init: Any = None,
    tol: float | None = 1e-6,
    max_iter: int = 10_000,
    record_at: Any = (),
    strict: bool = True,
) -> GameResult:
    """Mirror descent (OMD; multiplicative weights MWU, Hedge and SPPO self-play at beta 0).

    l <- lsm((1 - c) l + c log_ref + step_size A e^l)

    At beta 0 only the average of the policies converges, O(1/sqrt(max_iter)); at beta > 0 the last policy does
    where the step is small. INPO with its inverse step eta is `step_size = 1 / eta`.

    Args:
        payoff: [n, n], `PackedPayoff` or `FactorPayoff`; payoff[i, j] + payoff[j, i] is one constant.
        beta: strength of the pull to the reference, >= 0; 0 solves the game itself.
        step_size: > 0, at most 1 / beta; default beta / (beta^2 + L^2), L the largest |A|, the best local rate; at beta
            0 sqrt(2 log n / max_iter) / L, the best regret bound.
        average: whether the answer is the mean of the policies before the last (the start counts); else the last one.
        log_ref: log-policy of the reference, nats, shape of a policy; default uniform. -inf: the action is absent.
        init: log-policy to start from; default `log_ref`. An action of -inf stays absent.
        tol: bound of the duality gap; None runs exactly `max_iter` iterations.
        max_iter: most iterations.
        record_at: iterations whose policies are kept in `path`, rising; 0 is the start. One game only.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: GameResult; `residual` is the duality gap of the problem with this beta.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Freund, Schapire (1999); SPPO, Wu et al. (arXiv 2405.00675); INPO, Zhang et al. (arXiv 2407.00617).

    >>> payoff = [[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]]
    >>> mirror_descent(payoff, beta=0.5).policy.round(4)
    array([0.3711, 0.3452, 0.2837])
    """
    how = ("mirror", _arrays.flag("average", average)), pull("beta", beta), _step(step_size, beta, bounded=True)
    return _run(payoff, how, (log_ref, init), (tol, max_iter, record_at), strict=strict)


def extragradient(
    payoff: Any,
    *,
    beta: float = 0.0,
    step_size: float | None = None,
    offsets: Any = None,
    log_ref: Any = None,
    init: Any = None,
    tol: float | None = 1e-6,
    max_iter: int = 10_000,
    record_at: Any = (),
    strict: bool = True,
) -> GameResult:
    """Extragradient (EGPO; EG at beta 0): two half steps from the same policy, linear convergence of the last one.

    h = lsm((1 - c) l + c log_ref + step_size A e^l),   l <- lsm((1 - c) l + c log_ref + step_size A e^h)

    With the default step KL(solution, policy) falls by the factor 1 - c or more in every iteration, from any start.
    Batches of small games run several at a time in vector lanes.

    Args:
        payoff: [n, n], [B, n, n], 1-D blocks with `offsets`, `PackedPayoff` or `FactorPayoff`; payoff[i, j] +
            payoff[j, i] is one constant.
        beta: strength of the pull to the reference, >= 0; 0 solves the game itself.
        step_size: > 0, at most 1 / beta; default 2 / (beta + sqrt(beta^2 + 4 L^2)), L the largest |A|, proven.
        offsets: [G + 1] boundaries of the games' actions, where `payoff` is 1-D.
        log_ref: log-policy of the reference, nats, shape of a policy; default uniform. -inf: the action is absent.
        init: log-policy to start from; default `log_ref`. An action of -inf stays absent.
        tol: bound of the duality gap; None runs exactly `max_iter` iterations.
        max_iter: most iterations.
        record_at: iterations whose policies are kept in `path`, rising; 0 is the start. One game only.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: GameResult; `residual` is the duality gap of the problem with this beta.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: EGPO, Zhou et al. (arXiv 2503.08942); Korpelevich (1976). Proof of the step: Pinsker's inequality.

    >>> payoff = [[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]]
    >>> extragradient(payoff, beta=0.5).policy.round(4)
    array([0.3709, 0.3449, 0.2842])
    """
    how = ("extragradient", 0), pull("beta", beta), _step(step_size, beta, bounded=True)
    return _run(payoff, how, (log_ref, init), (tol, max_iter, record_at), strict=strict, offsets=offsets)


def omwu(
    payoff: Any,
    *,
    beta: float = 0.0,
    step_size: float | None = None,
    played: bool = False,
    offsets: Any = None,
    log_ref: Any = None,
    init: Any = None,
    tol: float | None = 1e-6,
    max_iter: int = 10_000,
    record_at: Any = (),
    strict: bool = True,
) -> GameResult:
    """Optimistic multiplicative weights (OMWU), two-sequence form: one product with the payoff an iteration.

    b <- lsm((1 - c) l + c log_ref + step_size A e^b),   l <- lsm((1 - c) l + c log_ref + step_size A e^b)  (the new b)

    At beta 0 the played b is single-call OMWU, b_t+1 = b_t + step_size (2 g_t - g_t-1). The gap of l costs a product of
    its own and is looked at every 16 iterations; that of b is known in each.

    Args:
        payoff: [n, n], [B, n, n], 1-D blocks with `offsets`, `PackedPayoff` or `FactorPayoff`; payoff[i, j] +
            payoff[j, i] is one constant.
        beta: strength of the pull to the reference, >= 0; 0 solves the game itself.
        step_size: > 0, at most 1 / beta; default min(1 / (2 beta + 2 L), 1 / (4 L)), L the largest |A|, proven.
        played: whether the answer is b; else l.
        offsets: [G + 1] boundaries of the games' actions, where `payoff` is 1-D.
        log_ref: log-policy of the reference, nats, shape of a policy; default uniform. -inf: the action is absent.
        init: log-policy to start from; default `log_ref`. An action of -inf stays absent.
        tol: bound of the duality gap; None runs exactly `max_iter` iterations.
        max_iter: most iterations.
        record_at: iterations whose policies are kept in `path`, rising; 0 is the start. One game only.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: GameResult; `residual` is the duality gap of the problem with this beta.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Wei et al. (arXiv 2006.09517); Cen et al. (arXiv 2105.15186).

    >>> payoff = [[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]]
    >>> omwu(payoff, beta=0.5).policy.round(4)
    array([0.3709, 0.3449, 0.2841])
    """
    how = ("optimistic", _arrays.flag("played", played)), pull("beta", beta), _step(step_size, beta, bounded=True)
    return _run(payoff, how, (log_ref, init), (tol, max_iter, record_at), strict=strict, offsets=offsets)


def magnetic_mirror_descent(
    payoff: Any,
    *,
    beta: float,
    step_size: float | None = None,
    log_ref: Any = None,
    init: Any = None,
    tol: float | None = 1e-6,
    max_iter: int = 10_000,
    record_at: Any = (),
    strict: bool = True,
) -> GameResult:
    """Magnetic mirror descent (MMD): the pull to the reference is implicit, so any step size is stable against it.

    l <- lsm((l + c log_ref + step_size A e^l) / (1 + c))

    Args:
        payoff: [n, n], `PackedPayoff` or `FactorPayoff`; payoff[i, j] + payoff[j, i] is one constant.
        beta: strength of the pull to the reference, > 0.
        step_size: > 0; default beta / L^2, L the largest |A|, the largest proven one.
        log_ref: log-policy of the reference, nats, shape of a policy; default uniform. -inf: the action is absent.
        init: log-policy to start from; default `log_ref`. An action of -inf stays absent.
        tol: bound of the duality gap; None runs exactly `max_iter` iterations.
        max_iter: most iterations.
        record_at: iterations whose policies are kept in `path`, rising; 0 is the start. One game only.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: GameResult; `residual` is the duality gap of the problem with this beta.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Sokota et al., A unified approach to reinforcement learning, quantal response equilibria (arXiv 2206.05825).

    >>> payoff = [[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]]
    >>> magnetic_mirror_descent(payoff, beta=0.5).policy.round(4)
    array([0.3711, 0.3452, 0.2837])
    """
    how = ("magnetic", 0), pull("beta", beta, positive=True), _step(step_size, beta, bounded=False)
    return _run(payoff, how, (log_ref, init), (tol, max_iter, record_at), strict=strict)


def nash_md(
    payoff: Any,
    *,
    beta: float,
    step_size: float | None = None,
    log_ref: Any = None,
    init: Any = None,
    tol: float | None = 1e-6,
    max_iter: int = 10_000,
    record_at: Any = (),
    strict: bool = True,
) -> GameResult:
    """Nash-MD: a mirror step from, and against, a mixture with the reference; KL(solution, policy) falls as O(1/t).

    m = lsm((1 - c) l + c log_ref),   l <- lsm(m + step_size A e^m)

    The default step decays. A constant one has another fixed point, beta (l - log_ref) = A e^m: it stalls near it.
    The gap is looked at every 16 iterations, as it costs a product of its own.

    Args:
        payoff: [n, n], `PackedPayoff` or `FactorPayoff`; payoff[i, j] + payoff[j, i] is one constant.
        beta: strength of the pull to the reference, > 0.
        step_size: > 0, at most 1 / beta; default 2 / (beta (t + 2)) in iteration t = 0, 1, ...
        log_ref: log-policy of the reference, nats, shape of a policy; default uniform. -inf: the action is absent.
        init: log-policy to start from; default `log_ref`. An action of -inf stays absent.
        tol: bound of the duality gap; None runs exactly `max_iter` iterations.
        max_iter: most iterations.
        record_at: iterations whose policies are kept in `path`, rising; 0 is the start. One game only.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: GameResult; `residual` is the duality gap of the problem with this beta.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Munos et al., Nash learning from human feedback (arXiv 2312.00886).

    >>> payoff = [[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]]
    >>> nash_md(payoff, beta=0.5, tol=1e-3).policy.round(2)
    array([0.37, 0.35, 0.28])
    """
    how = ("nash_md", 0), pull("beta", beta, positive=True), _step(step_size, beta, bounded=True)
    try:
        return _run(payoff, how, (log_ref, init), (tol, max_iter, record_at), strict=strict)
    except ConvergenceError as error:
        if step_size is None:
            raise
        hint = "a constant step_size has a fixed point beside the equilibrium; leave it None"
        raise ConvergenceError(f"{error}; {hint}", error.result) from None


def mpo(
    payoff: Any,
    *,
    beta: float,
    step_size: float,
    refresh_every: int,
    log_ref: Any = None,
    init: Any = None,
    tol: float | None = 1e-6,
    max_iter: int = 10_000,
    record_at: Any = (),
    strict: bool = True,
) -> GameResult:
    """Magnetic preference optimization (MPO): magnetic mirror descent whose reference becomes the policy now and then.

    l <- lsm((l + c magnet + step_size A e^l) / (1 + c));   magnet <- l after every `refresh_every` iterations

    The last policy converges to an equilibrium of the game without the pull.

    Args:
        payoff: [n, n], `PackedPayoff` or `FactorPayoff`; payoff[i, j] + payoff[j, i] is one constant.
        beta: strength of the pull to the reference, > 0.
        step_size: > 0.
        refresh_every: iterations between two refreshes, >= 1.
        log_ref: log-policy of the reference, nats, shape of a policy; default uniform. -inf: the action is absent.
        init: log-policy to start from; default `log_ref`. An action of -inf stays absent.
        tol: bound of the duality gap; None runs exactly `max_iter` iterations.
        max_iter: most iterations.
        record_at: iterations whose policies are kept in `path`, rising; 0 is the start. One game only.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: GameResult; `residual` is the duality gap at beta 0.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Wang et al., Magnetic preference optimization (arXiv 2410.16714).

    >>> payoff = [[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]]
    >>> mpo(payoff, beta=0.1, step_size=1.0, refresh_every=20, tol=1e-3).policy.round(2)
    array([0.5 , 0.17, 0.33])
    """
    how = (
        ("mpo", _arrays.whole_number("refresh_every", refresh_every, 1, 1 << 62)),
        pull("beta", beta, positive=True),
        _step(step_size, beta, bounded=False),
    )
    return _run(payoff, how, (log_ref, init), (tol, max_iter, record_at), strict=strict)


def _step(step_size: Any, beta: float, *, bounded: bool) -> float | None:
    if step_size is None:
        return None
    size = _arrays.number("step_size", step_size)
    _arrays.refuse("step_size", size, not 0 < size < np.inf, "a finite number > 0")
    if bounded and beta > 0:
        _arrays.refuse("step_size", size, size * beta > 1, f"at most 1 / beta = {1 / beta:.6g}")
    return size


def _run(
    payoff: Any,
    how: tuple[tuple[str, int], float, float | None],
    policies: tuple[Any, Any],
    ends: tuple[Any, Any, Any],
    *,
    strict: bool,
    offsets: Any = None,
) -> GameResult:
    name, beta, step_size = how
    games, (tol, max_iter, at) = read(payoff, offsets), limits(*ends)
    batched = name[0] in {"extragradient", "optimistic"}
    if games.layout != "one" and (len(at) or not batched):
        what = "one game, [n, n], where record_at is given" if batched else "one game, [n, n]"
        raise ShapeError(f"payoff must be {what}, got {len(games.offsets) - 1} games")
    log_ref, start = games.policies("log_ref", policies[0]), games.policies("init", policies[1])
    if log_ref is None:
        log_ref = np.repeat(-np.log(np.diff(games.offsets)), np.diff(games.offsets))
    given = (games.argument, name, (beta, step_size), (log_ref, start), (tol, max_iter, at.tolist()))
    solved = _rust.game_dynamics(*given)
    return settled(result(games, solved, record_at=at), strict=strict, tol=tol)
