"""Self-play by regrets, and fictitious play: no step size, one product with the payoff an iteration."""

from typing import Any

from prefcore import _arrays, _rust
from prefcore.games._games import read_one, result, settled
from prefcore.games._limits import limits
from prefcore.games.results import GameResult

__all__ = [
    "fictitious_play",
    "predictive_regret_matching_plus",
    "regret_matching",
    "regret_matching_plus",
]


#: what to do where these slow methods do not arrive
ADVICE = "; the residual is the duality gap: pass a larger tol or max_iter, or take solve_nash"


def regret_matching(
    payoff: Any,
    *,
    tol: float | None = 1e-6,
    max_iter: int = 10_000,
    average: bool = True,
    record_at: Any = (),
    strict: bool = True,
) -> GameResult:
    """Regret matching (RM) in self-play, with the uniform average of the strategies.

    x = R+ / sum R+ (uniform where that is 0),   u = A x,   R += u - x'u;   gap of the average: O(sqrt(n / T))

    Both players of a symmetric game hold the same regrets, so there is one vector of them. Rounding is amplified: two
    correct programs differ by 1e-5 after 10,000 iterations of a game of 100 actions.

    The default tol is rarely reached in the default 10,000 iterations: ten times the accuracy takes up to 100 times the
    iterations, and 1e-2 to 1e-3 is usual. Pass tol=1e-2, or strict=False; `solve_nash` gives the equilibrium itself.

    Args:
        payoff: [n, n], `PackedPayoff` or `FactorPayoff`; payoff[i, j] + payoff[j, i] is one constant.
        tol: bound of the duality gap of the answer; None runs exactly `max_iter` iterations.
        max_iter: most iterations.
        average: whether the answer is the average of the strategies; else the last one, which need not converge.
        record_at: iterations whose answers are kept in `path`, rising; 0 is the start, the uniform strategy.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: GameResult; `residual` is the duality gap (NashConv).
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Hart, Mas-Colell, A simple adaptive procedure leading to correlated equilibrium (2000).

    >>> regret_matching([[0, 1, -1], [-1, 0, 1], [1, -1, 0]]).policy.round(4)
    array([0.3333, 0.3333, 0.3333])
    """
    return _self_play("plain", payoff, (tol, max_iter, record_at), average=average, strict=strict)


def regret_matching_plus(
    payoff: Any,
    *,
    tol: float | None = 1e-6,
    max_iter: int = 10_000,
    average: bool = True,
    record_at: Any = (),
    strict: bool = True,
) -> GameResult:
    """Regret matching plus (RM+) in self-play: negative regrets are forgotten, the t-th strategy weighs t.

    x = R / sum R (uniform where that is 0),   u = A x,   R = max(R + u - x'u, 0)

    The gap is O(sqrt(n / T)) at worst and near O(1 / T) in practice, so that the default tol is rarely reached in the
    default 10,000 iterations. Pass tol=1e-3, or strict=False; `solve_nash` gives the equilibrium itself.

    Args:
        payoff: [n, n], `PackedPayoff` or `FactorPayoff`; payoff[i, j] + payoff[j, i] is one constant.
        tol: bound of the duality gap of the answer; None runs exactly `max_iter` iterations.
        max_iter: most iterations.
        average: whether the answer is the average of the strategies; else the last one, which need not converge.
        record_at: iterations whose answers are kept in `path`, rising; 0 is the start, the uniform strategy.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: GameResult; `residual` is the duality gap (NashConv).
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Tammelin, Solving large imperfect information games using CFR+ (2014).

    >>> payoff = [[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]]
    >>> regret_matching_plus(payoff, tol=1e-3).policy.round(2)
    array([0.5 , 0.17, 0.33])
    """
    return _self_play("plus", payoff, (tol, max_iter, record_at), average=average, strict=strict)


def predictive_regret_matching_plus(
    payoff: Any,
    *,
    tol: float | None = 1e-6,
    max_iter: int = 10_000,
    average: bool = True,
    record_at: Any = (),
    strict: bool = True,
) -> GameResult:
    """Predictive regret matching plus (PRM+) in self-play: the best first-order choice above 5,000 actions.

    x = (R + m)+ / sum (R + m)+,   u = A x,   m = u - x'u,   R = max(R + m, 0);   the t-th strategy weighs t^2

    The last regret m is the forecast of the next.

    Args:
        payoff: [n, n], `PackedPayoff` or `FactorPayoff`; payoff[i, j] + payoff[j, i] is one constant.
        tol: bound of the duality gap of the answer; None runs exactly `max_iter` iterations.
        max_iter: most iterations.
        average: whether the answer is the average of the strategies; else the last one, which need not converge.
        record_at: iterations whose answers are kept in `path`, rising; 0 is the start, the uniform strategy.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: GameResult; `residual` is the duality gap (NashConv).
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Farina, Kroer, Sandholm, Faster game solving via predictive Blackwell approachability (2021).

    >>> payoff = [[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]]
    >>> predictive_regret_matching_plus(payoff, tol=1e-3).policy.round(2)
    array([0.5 , 0.17, 0.33])
    """
    return _self_play("predictive", payoff, (tol, max_iter, record_at), average=average, strict=strict)


def fictitious_play(
    payoff: Any,
    *,
    tol: float | None = 1e-6,
    max_iter: int = 10_000,
    record_at: Any = (),
    strict: bool = True,
) -> GameResult:
    """Fictitious play: each action is a best response to all actions so far, and the answer is the share of each.

    a_0 = 0,   a_t+1 = argmax_i sum_s payoff[i, a_s], the lowest of equal ones;   gap: O(1 / sqrt(t)) at best

    The sums of payoffs are exact where payoffs are multiples of a small power of two, so equal ones are seen as equal.

    The default tol is rarely reached in the default 10,000 responses: ten times the accuracy takes 100 times as many or
    more. Pass tol=1e-2, or strict=False; `solve_nash` gives the equilibrium itself.

    Args:
        payoff: [n, n], `PackedPayoff` or `FactorPayoff`; payoff[i, j] + payoff[j, i] is one constant.
        tol: bound of the duality gap; None runs exactly `max_iter` iterations.
        max_iter: most responses after the first action.
        record_at: numbers of responses after which the shares are kept in `path`, rising; 0 is the first action.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: GameResult; `residual` is the duality gap (NashConv).
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Brown, Iterative solution of games by fictitious play (1951); Robinson (1951).

    >>> fictitious_play([[0, 1, -1], [-1, 0, 1], [1, -1, 0]], tol=None, max_iter=5).policy.round(4)
    array([0.1667, 0.5   , 0.3333])
    """
    games, ends = read_one(payoff), limits(tol, max_iter, record_at)
    solved = _rust.fictitious_play(games.argument, (ends[0], ends[1], ends[2].tolist()))
    return settled(result(games, solved, record_at=ends[2]), strict=strict, tol=ends[0], advice=ADVICE)


def _self_play(rule: str, payoff: Any, ends: tuple[Any, Any, Any], *, average: bool, strict: bool) -> GameResult:
    games, (tol, max_iter, at) = read_one(payoff), limits(*ends)
    flag = _arrays.flag("average", average)
    solved = _rust.regret_matching(games.argument, rule, flag, (tol, max_iter, at.tolist()))
    return settled(result(games, solved, record_at=at), strict=strict, tol=tol, advice=ADVICE)
