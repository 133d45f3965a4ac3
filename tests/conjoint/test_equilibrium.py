"""Equilibria of two parties: certificates against enumeration, symmetries, errors against finite differences."""

from typing import Any

import numpy as np
import pytest

from conjoint.games import LEVELS, enumerated, game, model, primaries, pull, shifted, slate
from conjoint.policy_models import chances, random_policy
from prefcore import conjoint as cj
from prefcore import games as matrix_games
from prefcore.errors import ConvergenceError, DomainError, ShapeError

PENALTIES = ["kl", "reverse_kl", "l2"]


def objectives(found: cj.Game, policy_a: Any, policy_b: Any, beta: float, penalty: str) -> tuple[float, float]:
    value = enumerated(found, policy_a, policy_b)
    return (
        value - pull(policy_a, found.slate_a.probs, beta, penalty),
        1 - value - pull(policy_b, found.slate_b.probs, beta, penalty),
    )


@pytest.mark.parametrize("penalty", PENALTIES)
def test_no_party_gains_by_a_change(penalty: str) -> None:
    found = game(5)
    end = cj.equilibrium(found, beta=0.15, penalty=penalty)
    assert end.converged
    assert 0 <= end.gap_factorwise <= 1e-10
    assert end.gap == end.gap_factorwise or not (end.concave_a and end.concave_b)
    own, other = objectives(found, end.policy_a, end.policy_b, 0.15, penalty)
    assert abs(end.regularized_value - (own + pull(end.policy_b, found.slate_b.probs, 0.15, penalty))) < 1e-13
    rng = np.random.default_rng(0)
    for _ in range(12):
        share = rng.uniform(0.01, 1.0)
        change = [rng.dirichlet(np.ones(n)) for n in LEVELS]
        near_a = [(1 - share) * x + share * y for x, y in zip(end.policy_a, change, strict=True)]
        near_b = [(1 - share) * x + share * y for x, y in zip(end.policy_b, change, strict=True)]
        assert objectives(found, near_a, end.policy_b, 0.15, penalty)[0] <= own + 1e-10
        assert objectives(found, end.policy_a, near_b, 0.15, penalty)[1] <= other + 1e-10


def test_gains_of_pure_profiles_are_those_of_the_matrix() -> None:
    for votes in (None, primaries(7)):
        found = game(5, primaries=votes)
        end = cj.equilibrium(found, beta=0.1)
        a, b = chances(end.policy_a, LEVELS), chances(end.policy_b, LEVELS)
        matrix = found.payoff_matrix()
        assert abs(end.value - a @ matrix @ b) < 1e-13
        assert abs(end.pure_gain_a - ((matrix @ b).max() - end.value)) < 1e-13
        assert abs(end.pure_gain_b - (end.value - (a @ matrix).min())) < 1e-13


def test_best_profile_by_branch_and_bound_is_that_of_enumeration() -> None:
    # 1,024 profiles are too many for the table, and few enough for a matrix
    levels = [4, 4, 4, 4, 4]
    found = game(6, levels, slate_a=cj.Design(levels, probs=[[0.5, 0.5, 0.0, 0.0], *[np.full(4, 0.25)] * 4]))
    end = cj.equilibrium(found, beta=0.1)
    a, b = chances(end.policy_a, levels), chances(end.policy_b, levels)
    matrix = found.payoff_matrix()
    used = chances(found.slate_a.probs, levels) > 0
    assert abs(end.pure_gain_a - ((matrix @ b)[used].max() - end.value)) < 1e-12
    assert abs(end.pure_gain_b - (end.value - (a @ matrix).min())) < 1e-12
    assert end.policy_a[0][2:].tolist() == [0.0, 0.0]


def test_gap_where_nothing_is_proven_bounds_every_joint_deviation() -> None:
    found = game(5, slate_a=slate(1), slate_b=slate(2))
    beta = 0.004
    end = cj.equilibrium(found, beta=beta)
    assert not end.concave_a
    assert end.gap_factorwise <= 1e-10
    rewards = found.payoff_matrix() @ chances(end.policy_b, LEVELS)
    slates = chances(found.slate_a.probs, LEVELS)
    joint = slates * np.exp((rewards - rewards.max()) / beta)
    joint /= joint.sum()
    best = joint @ rewards - beta * (joint[joint > 0] @ np.log(joint[joint > 0] / slates[joint > 0]))
    own = end.value - pull(end.policy_a, found.slate_a.probs, beta)
    assert 0 <= best - own <= end.gap + 1e-12


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("votes", [None, primaries(7)])
def test_swapping_the_parties_turns_the_value(penalty: str, votes: cj.Primaries | None) -> None:
    found = game(8, primaries=votes)
    turned_models = {
        label: cj.OutcomeModel.from_scores(one.main, design=one.design, intercept=-one.intercept)
        for label, one in found.models.items()
    }
    turned_votes = None if votes is None else cj.Primaries({label: votes.models[label] for label in "RD"})
    turned = cj.Game(
        turned_models,
        electorate=found.electorate,
        slate_a=found.slate_b,
        slate_b=found.slate_a,
        primaries=turned_votes,
    )
    end = cj.equilibrium(found, beta=0.2, beta_b=0.1, penalty=penalty)
    other = cj.equilibrium(turned, beta=0.1, beta_b=0.2, penalty=penalty)
    assert abs(end.value + other.value - 1) < 1e-12
    np.testing.assert_allclose(np.concatenate(end.policy_a), np.concatenate(other.policy_b), atol=1e-10)
    assert abs(end.pure_gain_a - other.pure_gain_b) < 1e-11


@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_symmetric_game_is_even_and_both_parties_alike(penalty: str) -> None:
    models = {k: model(k) for k in range(3)}
    found = cj.Game(models, electorate={0: 0.2, 1: 0.3, 2: 0.5}, slate_a=slate(4), slate_b=slate(4))
    end = cj.equilibrium(found, beta=0.1, penalty=penalty)
    assert abs(end.value - 0.5) < 1e-13
    np.testing.assert_allclose(np.concatenate(end.policy_a), np.concatenate(end.policy_b), atol=1e-12)
    assert end.divergence.total_variation < 1e-12


def test_relabelling_levels_and_factors_permutes_the_policies() -> None:
    found = game(9)
    order, factors = [[1, 0], [2, 0, 1], [0, 1]], [2, 0, 1]

    def moved(parts: Any) -> Any:
        parts = [part[place] for part, place in zip(parts, order, strict=True)]
        return [parts[d] for d in factors]

    levels = [LEVELS[d] for d in factors]
    designs = [cj.Design(levels, probs=moved(one.probs)) for one in (found.slate_a, found.slate_b)]
    models = {
        label: cj.OutcomeModel.from_scores(moved(one.main), design=cj.Design(levels), intercept=one.intercept)
        for label, one in found.models.items()
    }
    again = cj.Game(models, electorate=found.electorate, slate_a=designs[0], slate_b=designs[1])
    end, other = cj.equilibrium(found, beta=0.1), cj.equilibrium(again, beta=0.1)
    np.testing.assert_allclose(np.concatenate(moved(end.policy_a)), np.concatenate(other.policy_a), atol=1e-12)
    assert abs(end.value - other.value) < 1e-13


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("player", ["a", "b"])
@pytest.mark.parametrize("votes", [None, primaries(7)])
def test_best_response_to_the_equilibrium_gains_no_more_than_the_gap(
    penalty: str, player: str, votes: cj.Primaries | None
) -> None:
    found = game(10, primaries=votes)
    end = cj.equilibrium(found, beta=0.12, penalty=penalty)
    best = cj.best_response(found, player, end.policy_b if player == "a" else end.policy_a, beta=0.12, penalty=penalty)
    own = end.policy_a if player == "a" else end.policy_b
    slates = (found.slate_a if player == "a" else found.slate_b).probs
    value = end.value if player == "a" else 1 - end.value
    assert -1e-12 <= best.objective - (value - pull(own, slates, 0.12, penalty)) <= end.gap + 1e-12
    np.testing.assert_allclose(np.concatenate(best.policy), np.concatenate(own), atol=1e-6)
    assert abs(best.value - 0.12 * best.divergence - best.objective) < 1e-13


def test_best_response_without_a_pull_is_the_best_profile() -> None:
    found, rival = game(11), random_policy(3, LEVELS)
    best = cj.best_response(found, "b", rival, beta=0.0)
    assert abs(best.value - (1 - chances(rival, LEVELS) @ found.payoff_matrix()).max()) < 1e-13
    assert sorted(np.concatenate(best.policy).tolist()) == [0.0] * 4 + [1.0] * 3


def test_one_factor_is_a_matrix_game() -> None:
    found = game(12, [5])
    end = cj.equilibrium(found, beta=0.05, beta_b=0.02)
    want = matrix_games.solve_zero_sum_kl(
        found.payoff_matrix(),
        beta=0.05,
        beta_column=0.02,
        log_ref_row=np.log(found.slate_a.probs[0]),
        log_ref_column=np.log(found.slate_b.probs[0]),
    )
    np.testing.assert_allclose(end.policy_a[0], want.row, atol=1e-9)
    np.testing.assert_allclose(end.policy_b[0], want.column, atol=1e-9)
    assert end.interaction_norm_a == 0
    assert end.concave_a
    assert end.concave_b


def test_a_cyclic_game_goes_round_in_circles_and_still_converges() -> None:
    # rock, paper, scissors among three groups of voters: the answer to the last answer never settles
    scores = 6.0 * np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
    design = cj.Design([3])
    models = {k: cj.OutcomeModel.from_scores([row], design=design) for k, row in enumerate(scores)}
    slates = {"slate_a": cj.Design([3], probs=[[0.5, 0.3, 0.2]]), "slate_b": cj.Design([3], probs=[[0.2, 0.5, 0.3]])}
    found = cj.Game(models, electorate={0: 0.3, 1: 0.33, 2: 0.37}, **slates)
    for beta in (0.1, 0.01, 0.001):
        end = cj.equilibrium(found, beta=beta)
        assert end.gap <= 1e-10
        again = cj.equilibrium(found, beta=beta, init=(end.policy_a, end.policy_b))
        np.testing.assert_allclose(again.policy_a[0], end.policy_a[0], atol=1e-10)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("with_primaries", [False, True])
def test_errors_are_those_of_finite_differences(penalty: str, with_primaries: bool) -> None:
    votes = primaries(7, errors=True) if with_primaries else None
    found = game(13, groups=2, errors=True, primaries=votes)
    options: dict[str, Any] = {"beta": 0.4, "beta_b": 0.3, "penalty": penalty}
    end = cj.equilibrium(found, **options)
    assert end.jacobian is not None
    assert end.value_std_error is not None
    assert end.policy_b_std_error is not None
    sources: list[tuple[Any, Any]] = [(found, key) for key in found.models]
    sources += [(votes, key) for key in votes.models] if votes is not None else []
    covariance = np.zeros((len(end.jacobian.T),) * 2)
    place = 0
    for source, key in sources:
        size = len(source.models[key].coef)
        covariance[place : place + size, place : place + size] = source.models[key].covariance
        for k in (0, 2, size - 1):
            near = [cj.equilibrium(shifted(found, source, key, k, step), **options) for step in (1e-4, -1e-4)]
            flat = [np.concatenate([*one.policy_a, *one.policy_b, [one.value]]) for one in near]
            np.testing.assert_allclose(end.jacobian[:, place + k], (flat[0] - flat[1]) / 2e-4, atol=2e-7)
        place += size
    errors = np.sqrt(np.diag(end.jacobian @ covariance @ end.jacobian.T))
    np.testing.assert_allclose(np.concatenate(end.policy_b_std_error), errors[7:14], rtol=1e-12, atol=1e-15)
    assert abs(end.value_std_error - errors[-1]) < 1e-15


def test_error_of_the_divergence_is_that_of_its_definition() -> None:
    found = game(13, groups=2, errors=True)
    end = cj.equilibrium(found, beta=0.2)
    assert end.jacobian is not None
    covariance = np.kron(np.eye(2), found.models[0].covariance)
    a, b = np.concatenate(end.policy_a), np.concatenate(end.policy_b)
    sign = np.sign(a - b) @ (end.jacobian[:7] - end.jacobian[7:14]) / 6
    assert abs(end.divergence.total_variation_std_error - np.sqrt(sign @ covariance @ sign)) < 1e-14
    step = 1e-6
    for index in (0, 3):
        column = end.jacobian[:14, index]
        ends = [
            cj.strategic_divergence(split(a + s * column[:7]), split(b + s * column[7:])).symmetric_kl
            for s in (step, -step)
        ]
        slope = np.concatenate([np.log(a / b) + 1 - b / a, np.log(b / a) + 1 - a / b]) @ column / 6
        assert abs((ends[0] - ends[1]) / (2 * step) - slope) < 1e-8


def split(flat: Any) -> Any:
    parts = np.split(flat, np.cumsum(LEVELS)[:-1])
    return [part / part.sum() for part in parts]


def test_best_response_errors_are_those_of_finite_differences() -> None:
    found, rival = game(14, groups=2, errors=True), random_policy(3, LEVELS)
    best = cj.best_response(found, "b", rival, beta=0.1)
    assert best.jacobian is not None
    assert best.covariance is not None
    assert best.value_std_error is not None
    near = [cj.best_response(shifted(found, found, 1, 2, s), "b", rival, beta=0.1) for s in (1e-4, -1e-4)]
    flat = [np.concatenate([*one.policy, [one.value]]) for one in near]
    np.testing.assert_allclose(best.jacobian[:, 5 + 2], (flat[0] - flat[1]) / 2e-4, atol=1e-7)
    assert abs(best.value_std_error - np.sqrt(best.covariance[-1, -1])) < 1e-15


def test_interactions_and_factors_of_one_level() -> None:
    design = cj.Design([2, 1, 3], probs=[[0.4, 0.6], [1.0], [0.2, 0.3, 0.5]])
    tables = np.random.default_rng(2).normal(0, 0.5, (2, 2, 3))
    models = {
        k: cj.OutcomeModel.from_scores([[0, 0.3], [0.0], [0, 0.5, -0.2]], {(0, 2): table}, design=design)
        for k, table in enumerate(tables)
    }
    found = cj.Game(models, electorate={0: 0.45, 1: 0.55})
    end = cj.equilibrium(found, beta=0.1)
    assert end.policy_a[1].tolist() == [1.0]
    assert abs(end.value - 0.5) < 1e-13
    assert end.gap <= 1e-10


def test_a_pull_per_factor() -> None:
    found = game(15)
    end = cj.equilibrium(found, beta=[0.05, 1e6, 0.1])
    np.testing.assert_allclose(end.policy_a[1], found.slate_a.probs[1], atol=1e-5)
    alike = cj.equilibrium(found, beta=[0.1, 0.1, 0.1])
    np.testing.assert_allclose(alike.policy_a[0], cj.equilibrium(found, beta=0.1).policy_a[0], atol=1e-13)


def test_linear_models_without_interactions_cannot_diverge() -> None:
    models = {k: model(k, scale=0.1, link="identity", intercept=0.5) for k in range(2)}
    end = cj.equilibrium(cj.Game(models, electorate={0: 0.3, 1: 0.7}), beta=0.05)
    assert end.divergence.total_variation < 1e-12
    assert abs(end.value - 0.5) < 1e-13


def test_too_few_steps_are_an_error_that_holds_the_result() -> None:
    with pytest.raises(ConvergenceError, match="expected residual <= tol = 1e-10") as error:
        cj.equilibrium(game(5), beta=0.01, max_iter=1)
    assert error.value.result.status == "max_iter"
    end = cj.equilibrium(game(5), beta=0.01, max_iter=1, strict=False)
    assert not end.converged
    assert end.gap > 1e-10


def test_repr_has_the_value_first_and_twelve_lines_at_most() -> None:
    text = repr(cj.equilibrium(game(16, [2] * 11, errors=False), beta=0.1))
    assert text.startswith("EquilibriumResult: value 0.")
    assert len(text.splitlines()) <= 12


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"beta": 0.0}, DomainError, "beta\\[0\\] must be above 0"),
        ({"beta": 0.1, "beta_b": [0.1, 0.0, 0.1]}, DomainError, "beta_b\\[1\\] must be above 0"),
        ({"beta": -1.0}, DomainError, "beta must be a finite number >= 0, got -1"),
        ({"beta": [0.1, 0.1]}, ShapeError, "beta must be a number, or 3 numbers"),
        ({"beta": 0.1, "penalty": "tv"}, DomainError, "penalty must be 'kl' or 'reverse_kl' or 'l2', got 'tv'"),
        ({"beta": 0.1, "init": 3}, TypeError, "init must be a pair"),
        ({"beta": 0.1, "tol": -1.0}, DomainError, "tol must be a number >= 0"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        cj.equilibrium(game(5), **options)


def test_a_best_response_names_what_is_wrong() -> None:
    with pytest.raises(DomainError, match="player must be 'a' or 'b', got 'A'"):
        cj.best_response(game(5), "A", random_policy(1, LEVELS), beta=0.1)
    with pytest.raises(ShapeError, match="opponent must hold one array for each of 3 factors, got 1"):
        cj.best_response(game(5), "a", [[1.0]], beta=0.1)
    with pytest.raises(TypeError, match="game must be a Game, got a int"):
        cj.equilibrium(3, beta=0.1)  # type: ignore[arg-type]
