"""Two parties that choose candidates against each other: equilibria of conjoint surveys, and what proves them."""

from typing import Any, NamedTuple

import numpy as np

from prefcore import _arrays, _rust
from prefcore._estimates import Floats, limits, settled
from prefcore.conjoint import _game_value
from prefcore.conjoint._equilibria import Divergence, EquilibriumResult, GameValue
from prefcore.conjoint._expectation import by_factor, design_policy, flat_policy, per_factor
from prefcore.conjoint._game import PARTIES, Game, Primaries
from prefcore.conjoint.design import distribution
from prefcore.errors import ShapeError

__all__ = [
    "Divergence",
    "EquilibriumResult",
    "Game",
    "GameValue",
    "Primaries",
    "equilibrium",
    "game_value",
    "strategic_divergence",
]

Pulls = tuple[tuple[Floats, Floats], tuple[list[float], list[float]], str]


def equilibrium(
    game: Game,
    *,
    beta: Any,
    beta_b: Any = None,
    penalty: str = "kl",
    init: Any = None,
    tol: float = 1e-10,
    max_iter: int = 10_000,
    strict: bool = True,
) -> EquilibriumResult:
    """Minimax equilibrium of two parties with product policies (adversarial conjoint), each pulled to its slate.

    A maximizes Q(pi, rho) - sum_d beta_d penalty(pi_d, p_d) and B maximizes 1 - Q(pi, rho) - sum_d beta_b_d
    penalty(rho_d, q_d). Expectations are exact. Each factor's best answers, damped; extragradient steps where they go
    round in circles; Newton's method.

    Separable models cannot produce divergence: with an identity link and without interactions the payoff is a sum of what
    each party does, so that both choose the same policy where slate and beta are the same. Parties respond to each other
    only through the curvature of the link, interactions, primaries, and different slates. In one electorate with one
    slate, one beta and no intercept both policies are the same and Q = 1/2, whatever the data: a vote share near one half
    is built into the model.

    Args:
        game: voters, slates, primaries.
        beta: pull to the slate, > 0; a number, or one per factor.
        beta_b: that of party B; None: `beta`.
        penalty: "kl" KL(pi, p), "reverse_kl" KL(p, pi) (of the strategize software), or "l2" sum (pi - p)².
        init: (policy_a, policy_b) to start from; None: the slates.
        tol: bound of `residual`, the gap of factors.
        max_iter: most steps.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: EquilibriumResult; `gap` bounds what other product policies of both would gain.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: Jerzak, Chandra, Hazra, MiniMax Learning of Interpretable Factored Stochastic Policies from Conjoint Data
        (2026), through its software strategize, whose objective is "reverse_kl"; exact expectations, solver, certificate
        and groups beyond the two parties are ours.

    >>> from prefcore.conjoint import Design, OutcomeModel
    >>> left = OutcomeModel.from_scores([[0.0, 1.0], [0.0, 0.5]], design=Design([2, 2]))
    >>> right = OutcomeModel.from_scores([[0.0, -0.5], [0.0, 1.0]], design=Design([2, 2]))
    >>> equilibrium(Game({"D": left, "R": right}, electorate={"D": 0.6, "R": 0.4}), beta=0.1).policy_a[1].round(4)
    array([0.1596, 0.8404])
    """
    pulls = _pulls(game, beta, beta_b, penalty)
    tol, max_iter = limits(tol, max_iter)
    argument = _game_value.argument(game)
    solved = _rust.game_equilibrium(argument, pulls, _start(game, init), (tol, max_iter))
    policies, (value, pull_a, pull_b), (gap, gap_a, gap_b), proofs, (iterations, status) = solved
    (gain_a, gain_b), (concave_a, concave_b), (norm_a, norm_b) = proofs
    own, other = np.split(policies, 2)
    errors = _errors(game, argument, pulls, policies)
    result = EquilibriumResult(
        policy_a=by_factor(own, game.design),
        policy_b=by_factor(other, game.design),
        value=value,
        regularized_value=value - pull_a + pull_b,
        gap=gap,
        gap_factorwise=gap_a + gap_b,
        pure_gain_a=gain_a,
        pure_gain_b=gain_b,
        concave_a=concave_a,
        concave_b=concave_b,
        interaction_norm_a=norm_a,
        interaction_norm_b=norm_b,
        policy_a_std_error=errors.policy_a,
        policy_b_std_error=errors.policy_b,
        value_std_error=errors.value,
        jacobian=errors.jacobian,
        by_group=errors.by_group,
        divergence=_divergence(game, own, other, errors.covariance),
        converged=status in {"converged", "floor"},
        iterations=iterations,
        residual=gap_a + gap_b,
        status=status,
        _design=game.design,
    )
    return settled(result, strict=strict, tol=tol)


def game_value(game: Game, policy_a: Any, policy_b: Any) -> GameValue:
    """Vote share of party A, and its parts, when both parties draw candidates from product policies.

    Q = E sum_g share_g link(c_g + s_g(T) - s_g(U)); with primaries T and U are nominees, and
    Q = E[kA kB C(t, u) + kA (1 - kB) C(t, u') + (1 - kA) kB C(t', u) + (1 - kA)(1 - kB) C(t', u')]

    with entrants t, u, rivals t', u' of the fields and the chances kA, kB that the entrants win.

    Args:
        game: voters, slates, primaries.
        policy_a: one array of probabilities per factor.
        policy_b: that of party B.
    Returns: GameValue; its gradient holds the policies fixed.
    Raises: DomainError, ShapeError, TypeError.
    Source: the strategize software (four-quadrant mixture of the primaries), with exact expectations.

    >>> from prefcore.conjoint import Design, OutcomeModel
    >>> model = OutcomeModel.from_scores([[0.0, 1.0]], design=Design([2]))
    >>> game_value(Game({"all": model}, electorate={"all": 1.0}), [[0.0, 1.0]], [[1.0, 0.0]]).value
    0.7310585786300049
    """
    own, other = flat_policy("policy_a", policy_a, game.design), flat_policy("policy_b", policy_b, game.design)
    return _game_value.value(game, own, other)


def strategic_divergence(policy_a: Any, policy_b: Any) -> Divergence:
    """Strategic divergence of two product policies: mean total variation and symmetrized KL over the factors.

    total_variation = mean_d sum_l |a_dl - b_dl| / 2,   symmetric_kl = mean_d (KL(a_d, b_d) + KL(b_d, a_d)) / 2

    Args:
        policy_a: one array of probabilities per factor.
        policy_b: the other one, of the same lengths.
    Returns: Divergence, without errors; `equilibrium` gives them.
    Raises: DomainError, ShapeError, TypeError.
    Source: ours; the measure of the paper behind strategize was not accessible.

    >>> strategic_divergence([[0.5, 0.5], [1.0, 0.0]], [[0.25, 0.75], [1.0, 0.0]]).total_variation
    0.125
    """
    for name, policy in {"policy_a": policy_a, "policy_b": policy_b}.items():
        if not hasattr(policy, "__len__") or isinstance(policy, str):
            raise TypeError(f"{name} must hold one array per factor, got a {type(policy).__name__}")
    if len(policy_a) != len(policy_b) or len(policy_a) == 0:
        raise ShapeError(f"policy_b must hold one array for each of {len(policy_a)} factors, got {len(policy_b)}")
    pairs = []
    for d, (a, b) in enumerate(zip(policy_a, policy_b, strict=True)):
        own = _arrays.floats(f"policy_a[{d}]", a)
        own = distribution(f"policy_a[{d}]", own, own.size)
        pairs.append((own, distribution(f"policy_b[{d}]", b, len(own))))
    return _distance(pairs)


class _Errors(NamedTuple):
    policy_a: tuple[Floats, ...] | None
    policy_b: tuple[Floats, ...] | None
    value: float | None
    jacobian: Floats | None
    covariance: Floats | None
    by_group: dict[Any, float]


def _errors(game: Game, argument: Any, pulls: Pulls, policies: Floats) -> _Errors:
    """Implicit differentiation of the equilibrium; the covariances of the models stand in blocks."""
    own, other = np.split(policies, 2)
    covariances = [model.covariance for model in _game_value.parameters(game)]
    missing = _Errors(None, None, None, None, None, _game_value.by_group(game, own, other))
    if any(covariance is None for covariance in covariances):
        return missing
    direct = _game_value.slopes(game, own, other)
    changes = np.concatenate([direct.own, -direct.other])
    answer = _rust.game_responses(argument, pulls, policies, (changes.ravel(), changes.shape[1]))
    if answer is None:
        return missing
    answer = answer.reshape(changes.shape)
    _, steep = _rust.game_slopes(argument, own, other)
    jacobian = np.concatenate([answer, [direct.value + steep @ answer]])
    covariance = jacobian @ _blocks(covariances) @ jacobian.T
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    policy_a, policy_b = np.split(errors[:-1], 2)
    return missing._replace(
        policy_a=by_factor(policy_a, game.design),
        policy_b=by_factor(policy_b, game.design),
        value=float(errors[-1]),
        jacobian=jacobian,
        covariance=covariance,
    )


def _blocks(covariances: list[Any]) -> Floats:
    sizes = np.cumsum([0, *map(len, covariances)])
    whole = np.zeros((sizes[-1],) * 2)
    for start, end, covariance in zip(sizes, sizes[1:], covariances, strict=False):
        whole[start:end, start:end] = covariance
    return whole


def _distance(pairs: list[tuple[Floats, Floats]]) -> Divergence:
    variation = np.array([0.5 * np.abs(a - b).sum() for a, b in pairs])
    return Divergence(float(variation.mean()), float(np.mean([_jeffreys(a, b) for a, b in pairs])), variation)


def _jeffreys(a: Floats, b: Floats) -> float:
    """(KL(a, b) + KL(b, a)) / 2 = sum (a - b) log(a / b) / 2."""
    used = (a > 0) | (b > 0)
    a, b = a[used], b[used]
    if not (a > 0).all() or not (b > 0).all():
        return float("inf")
    return float(0.5 * ((a - b) * np.log(a / b)).sum())


#: differences of probabilities below this are 0, where |a - b| has no derivative
_SAME = 1e-12


def _divergence(game: Game, own: Floats, other: Floats, covariance: Floats | None) -> Divergence:
    found = _distance(list(zip(by_factor(own, game.design), by_factor(other, game.design), strict=True)))
    if covariance is None:
        return found
    count, apart = 2 * len(game.design.factors), own - other
    both = np.block([np.eye(len(own)), -np.eye(len(own))])
    of_policies = covariance[:-1, :-1]
    moves = np.diag(both @ of_policies @ both.T) > _SAME**2
    variation = symmetric = None
    if not (moves & (np.abs(apart) < _SAME)).any():
        sign = np.sign(apart) * moves
        variation = _std_error(np.concatenate([sign, -sign]) / count, of_policies)
    if np.isfinite(found.symmetric_kl):
        used = own > 0
        ratio = np.where(used, own, 1.0) / np.where(used, other, 1.0)
        slopes = [np.log(ratio) + 1.0 - 1.0 / ratio, 1.0 - np.log(ratio) - ratio]
        symmetric = _std_error(np.concatenate(slopes) / count, of_policies)
    return found._replace(total_variation_std_error=variation, symmetric_kl_std_error=symmetric)


def _std_error(slope: Floats, covariance: Floats) -> float:
    return float(np.sqrt(max(slope @ covariance @ slope, 0.0)))


def _pulls(game: Game, beta: Any, beta_b: Any, penalty: str) -> Pulls:
    if not isinstance(game, Game):
        raise TypeError(f"game must be a Game, got a {type(game).__name__}")
    _arrays.one_of("penalty", penalty, "kl", "reverse_kl", "l2")
    own = _pull("beta", beta, game)
    return (
        (design_policy(game.slate_a), design_policy(game.slate_b)),
        (own, own if beta_b is None else _pull("beta_b", beta_b, game)),
        penalty,
    )


def _pull(name: str, values: Any, game: Game) -> list[float]:
    numbers = per_factor(name, values, game.design)
    _arrays.refuse(name, np.array(numbers), np.array(numbers) == 0, "above 0: see games.solve_zero_sum for joint policies")
    return numbers


def _start(game: Game, init: Any) -> Floats | None:
    if init is None:
        return None
    if not isinstance(init, tuple | list) or len(init) != 2:
        raise TypeError(f"init must be a pair (policy_a, policy_b), got a {type(init).__name__}")
    return np.concatenate([flat_policy(f"init[{side}]", init[side], game.design) for side in range(len(PARTIES))])
