"""Two parties that choose candidates against each other: equilibria of conjoint surveys, and what proves them."""

from typing import Any

import numpy as np

from prefcore import _arrays, _rust
from prefcore._estimates import Floats, limits, settled
from prefcore.conjoint import _game_errors, _game_value
from prefcore.conjoint._equilibria import Divergence, EquilibriumResult, GameValue
from prefcore.conjoint._expectation import by_factor, design_policy, flat_policy, per_factor
from prefcore.conjoint._game import PARTIES, Game, Primaries
from prefcore.conjoint.design import distribution
from prefcore.conjoint.policy import PolicyResult, _distances
from prefcore.errors import ShapeError

__all__ = [
    "Divergence",
    "EquilibriumResult",
    "Game",
    "GameValue",
    "Primaries",
    "best_response",
    "equilibrium",
    "game_value",
    "strategic_divergence",
]


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

    Separable models cannot produce divergence: with an identity link and without interactions the payoff is a sum of
    what each party does, so that both choose the same policy where slate and beta are the same. Parties respond to each
    other only through the curvature of the link, interactions, primaries, and different slates. In one electorate with
    one slate, one beta and no intercept both policies are the same and Q = 1/2, whatever the data: a vote share near
    one half is built into the model.

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
        (2026), through its software strategize, whose objective is "reverse_kl"; exact expectations, solver,
        certificate and groups beyond the two parties are ours.

    >>> from prefcore.conjoint import Design, OutcomeModel
    >>> left = OutcomeModel.from_scores([[0.0, 1.0], [0.0, 0.5]], design=Design([2, 2]))
    >>> right = OutcomeModel.from_scores([[0.0, -0.5], [0.0, 1.0]], design=Design([2, 2]))
    >>> equilibrium(Game({"D": left, "R": right}, electorate={"D": 0.6, "R": 0.4}), beta=0.1).policy_a[1].round(4)
    array([0.1708, 0.8292])
    """
    pulls = _pulls(game, beta, beta_b, penalty)
    tol, max_iter = limits(tol, max_iter)
    argument = _game_value.argument(game)
    solved = _rust.game_equilibrium(argument, pulls, _start(game, init), (tol, max_iter))
    policies, (value, pull_a, pull_b), (gap, gap_a, gap_b), proofs, (iterations, status) = solved
    (gain_a, gain_b), (concave_a, concave_b), (norm_a, norm_b) = proofs
    own, other = np.split(policies, 2)
    errors = _game_errors.errors_of(game, argument, pulls, policies)
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
        divergence=_game_errors.divergence(game, own, other, errors.covariance),
        converged=status in {"converged", "floor"},
        iterations=iterations,
        residual=gap_a + gap_b,
        status=status,
        _design=game.design,
    )
    return settled(result, strict=strict, tol=tol)


def best_response(
    game: Game,
    player: str,
    opponent: Any,
    *,
    beta: Any,
    penalty: str = "kl",
    init: Any = None,
    tol: float = 1e-12,
    max_iter: int = 10_000,
    strict: bool = True,
) -> PolicyResult:
    """Best product policy of one party against a fixed policy of the other.

    A maximizes Q - pull, B 1 - Q - pull, both as in `equilibrium`. Where the problem is not proven concave it starts
    from many policies, and says so in `concave`.

    Args:
        game: voters, slates, primaries.
        player: "a" or "b", who responds.
        opponent: policy of the other party, one array per factor.
        beta: pull to the slate of the player, >= 0; a number, or one per factor. 0: the best profile.
        penalty: "kl", "reverse_kl" or "l2".
        init: policy to start from; None: the slate.
        tol: bound of `residual`, the gain of the best change of one factor.
        max_iter: most sweeps.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: PolicyResult; values are the player's vote share.
    Raises: ConvergenceError, DomainError, ShapeError, TypeError.
    Source: as `equilibrium`; strategize searches deviations at random (`validate_equilibrium`).

    >>> from prefcore.conjoint import Design, OutcomeModel
    >>> game = Game({"all": OutcomeModel.from_scores([[0.0, 1.0]], design=Design([2]))}, electorate={"all": 1.0})
    >>> best_response(game, "b", [[0.5, 0.5]], beta=0.1).policy[0].round(4)
    array([0.0903, 0.9097])
    """
    if not isinstance(game, Game):
        raise TypeError(f"game must be a Game, got a {type(game).__name__}")
    _arrays.one_of("player", player, *PARTIES)
    _arrays.one_of("penalty", penalty, "kl", "reverse_kl", "l2")
    facing, design = player == "b", game.design
    rival = flat_policy("opponent", opponent, design)
    slate = design_policy(game.slate_b if facing else game.slate_a)
    pull = per_factor("beta", beta, design), penalty
    start = None if init is None else flat_policy("init", init, design)
    tol, max_iter = limits(tol, max_iter)
    argument = _game_value.argument(game)
    solved = _rust.game_reply(argument, facing, (rival, slate), pull, start, (tol, max_iter))
    own, (value, baseline, objective, gain), (concave, threshold), iterations, status = solved
    shift = 1.0 if facing else 0.0  # B's payoff is -Q to the solver
    jacobian = _game_errors.reply_slopes(game, argument, facing, (rival, slate, own), pull)
    covariance = None if jacobian is None else jacobian @ _game_errors.covariance(game) @ jacobian.T
    errors = None if covariance is None else np.sqrt(np.maximum(np.diag(covariance), 0.0))
    result = PolicyResult(
        policy=by_factor(own, design),
        value=value + shift,
        baseline_value=baseline + shift,
        objective=objective + shift,
        gain=gain,
        concave=concave,
        beta_concave=threshold,
        divergence=float(_distances(penalty, own, slate).sum()),
        policy_std_error=None if errors is None else by_factor(errors[:-1], design),
        value_std_error=None if errors is None else float(errors[-1]),
        covariance=covariance,
        jacobian=jacobian,
        converged=status in {"converged", "floor"},
        iterations=iterations,
        residual=gain,
        status=status,
        _design=design,
    )
    return settled(result, strict=strict, tol=tol)


def game_value(game: Game, policy_a: Any, policy_b: Any) -> GameValue:
    """Vote share of party A, and its parts, when both parties draw candidates from product policies.

    Q = E sum_g share_g link(c_g + s_g(T) - s_g(U)); with primaries T and U are nominees, and
    Q = E[kA kB C(t, u) + kA (1 - kB) C(t, u') + (1 - kA) kB C(t', u) + (1 - kA)(1 - kB) C(t', u')]

    with entrants t, u, rivals t', u' of the fields and the chances kA, kB that the entrants win.

    Args:
        game: voters, slates, primaries.
        policy_a: one array of probabilities per factor; levels that the slate never takes count too.
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
    policy_a, policy_b = getattr(policy_a, "policy", policy_a), getattr(policy_b, "policy", policy_b)
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
    return _game_errors.distance(pairs)


def _pulls(game: Game, beta: Any, beta_b: Any, penalty: str) -> _game_errors.Pulls:
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
    _arrays.refuse(
        name, np.array(numbers), np.array(numbers) == 0, "above 0: see games.solve_zero_sum for joint policies"
    )
    return numbers


def _start(game: Game, init: Any) -> Floats | None:
    if init is None:
        return None
    if not isinstance(init, tuple | list) or len(init) != 2:
        raise TypeError(f"init must be a pair (policy_a, policy_b), got a {type(init).__name__}")
    return np.concatenate([flat_policy(f"init[{side}]", init[side], game.design) for side in range(len(PARTIES))])
