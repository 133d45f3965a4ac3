"""Games, primaries, their matrices and values at fixed policies, against enumeration in plain loops."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from conjoint.games import LEVELS, enumerated, game, model, primaries, shifted, slate
from conjoint.policy_models import chances, profiles, random_policy
from prefcore import conjoint as cj
from prefcore.errors import DomainError, ShapeError

ONE, TWO = random_policy(1, LEVELS), random_policy(2, LEVELS)


def test_payoff_of_a_pair_of_profiles_is_the_vote_share_of_the_first() -> None:
    found = game(3)
    codes, matrix = profiles(LEVELS), found.payoff_matrix()
    want = sum(
        share * float(found.models[label].predict(codes[[5]], codes[[8]])[0])
        for label, share in found.electorate.items()
    )
    assert abs(matrix[5, 8] - want) < 1e-15
    assert matrix.shape == (12, 12)


@pytest.mark.parametrize("open_primaries", [False, True])
def test_nominations_by_loops(open_primaries: bool) -> None:
    electorates = {"blue": {"D": 0.7, "R": 0.3}, "red": {"R": 1.0}} if open_primaries else None
    votes = primaries(7, electorates=electorates, strength=1.5, field=slate(9))
    found = game(3, primaries=votes)
    codes, field = profiles(LEVELS), chances(votes.field.probs, LEVELS)  # type: ignore[union-attr]
    shares = {"D": 0.7, "R": 0.3} if open_primaries else {"D": 1.0}
    matrix = np.zeros((12, 12))
    for t in range(12):
        for x in range(12):
            eta = {g: votes.models[g].score(codes[[t, x]]) for g in shares}
            kappa = sum(
                w / (1 + np.exp(-1.5 * (votes.models[g].intercept + eta[g][0] - eta[g][1]))) for g, w in shares.items()
            )
            matrix[t, t] += field[x] * kappa
            matrix[t, x] += field[x] * (1 - kappa)
    np.testing.assert_allclose(found.nomination_matrix("a"), matrix, atol=1e-14)
    np.testing.assert_allclose(found.nomination_matrix("b").sum(1), 1.0, atol=1e-14)
    general = replace_primaries(found)
    want = found.nomination_matrix("a") @ general.payoff_matrix() @ found.nomination_matrix("b").T
    np.testing.assert_allclose(found.payoff_matrix(), want, atol=1e-14)


def replace_primaries(found: cj.Game) -> cj.Game:
    return cj.Game(found.models, electorate=found.electorate, slate_a=found.slate_a, slate_b=found.slate_b)


def test_value_is_the_sum_over_all_pairs_of_profiles() -> None:
    found = game(4)
    value = cj.game_value(found, ONE, TWO)
    assert abs(value.value - enumerated(found, ONE, TWO)) < 1e-14
    assert abs(sum(share * value.by_group[label] for label, share in found.electorate.items()) - value.value) < 1e-15
    assert value.general_only == value.value
    assert value.nominee_a is None


def test_value_with_primaries_is_that_of_the_matrix_and_the_sum_of_the_quadrants() -> None:
    found = game(4, primaries=primaries(7))
    value = cj.game_value(found, ONE, TWO)
    want = chances(ONE, LEVELS) @ found.payoff_matrix() @ chances(TWO, LEVELS)
    assert value.quadrant_values is not None
    assert value.quadrant_weights is not None
    assert value.entrant_wins_a is not None
    assert abs(value.value - want) < 1e-14
    assert abs(value.quadrant_values.sum() - want) < 1e-14
    assert abs(value.quadrant_weights.sum() - 1) < 1e-14
    assert abs(value.quadrant_weights[:2].sum() - value.entrant_wins_a) < 1e-14
    assert abs(sum(share * value.by_group[label] for label, share in found.electorate.items()) - want) < 1e-14
    assert abs(value.general_only - cj.game_value(replace_primaries(found), ONE, TWO).value) < 1e-14


@pytest.mark.parametrize("with_primaries", [False, True])
def test_gradient_is_that_of_finite_differences(with_primaries: bool) -> None:
    votes = primaries(7, errors=True, electorates={"a": {"D": 0.6, "R": 0.4}, "b": {"R": 1.0}}, strength=1.3)
    found = game(4, groups=2, errors=True, primaries=votes if with_primaries else None)
    gradient = cj.game_value(found, ONE, TWO).gradient
    place = 0
    sources: list[tuple[Any, Any]] = [(found, key) for key in found.models]
    sources += [(votes, key) for key in votes.models] if with_primaries else []
    for source, key in sources:
        for k in range(len(source.models[key].coef)):
            ends = [cj.game_value(shifted(found, source, key, k, step), ONE, TWO).value for step in (1e-5, -1e-5)]
            assert abs((ends[0] - ends[1]) / 2e-5 - gradient[place]) < 2e-10
            place += 1
    assert place == len(gradient)


def test_divergence_by_hand() -> None:
    found = cj.strategic_divergence([[0.5, 0.5], [0.2, 0.3, 0.5]], [[0.25, 0.75], [0.2, 0.3, 0.5]])
    want = (0.25 * np.log(2.0) - 0.25 * np.log(2 / 3)) / 2 / 2
    assert found.per_factor.tolist() == [0.25, 0.0]
    assert found.total_variation == 0.125
    assert abs(found.symmetric_kl - want) < 1e-15
    assert cj.strategic_divergence([[1.0, 0.0]], [[0.5, 0.5]]).symmetric_kl == np.inf


def test_shares_of_the_tasks_are_the_default_electorate() -> None:
    models = {"D": replace(model(1), n_tasks=300), "R": replace(model(2), n_tasks=100)}
    assert cj.Game(models).electorate == {"D": 0.75, "R": 0.25}


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: cj.Game({}), ShapeError, "models must have at least one group of voters, got none"),
        (lambda: cj.Game({"D": 1}), TypeError, "models\\['D'\\] must be an OutcomeModel, got a int"),
        (lambda: cj.Game({"D": model(1, paired=False)}), DomainError, "must be a model of pairs, got one of single"),
        (lambda: cj.Game({"D": model(1)}), DomainError, "electorate must be given: models\\['D'\\] was not fitted"),
        (lambda: cj.Game({"D": model(1)}, electorate={"D": 0.9}), DomainError, "electorate must add up to 1, got 0.9"),
        (lambda: cj.Game({"D": model(1)}, electorate={"R": 1.0}), DomainError, "must name groups of the models"),
        (lambda: cj.Game({"D": model(1)}, electorate={"D": -1.0}), DomainError, "electorate\\['D'\\] must be a share"),
        (
            lambda: cj.Game({"D": model(1), "R": model(1, [2, 2])}, electorate={"D": 0.5, "R": 0.5}),
            ShapeError,
            "models\\['R'\\] .*first model, got \\[2, 2\\] instead of \\[2, 3, 2\\]",
        ),
        (
            lambda: cj.Game({"D": model(1)}, electorate={"D": 1.0}, slate_b=cj.Design([2])),
            ShapeError,
            "slate_b must have the factors and levels",
        ),
        (lambda: cj.Primaries({"D": model(1)}), ShapeError, "must be of two parties .* got 1"),
        (lambda: primaries(1, strength=0.0), DomainError, "strength must be a finite number > 0, got 0"),
        (
            lambda: cj.Primaries({"D": model(1, link="identity"), "R": model(2)}),
            DomainError,
            "must have a logit link, got 'identity'",
        ),
        (lambda: game(1).nomination_matrix("D"), DomainError, "party must be 'a' or 'b', got 'D'"),
        (lambda: game(1, [17, 17, 17]).payoff_matrix(), DomainError, "at most 4096, got 4913 profiles"),
        (lambda: cj.game_value(game(1), ONE[:2], TWO), ShapeError, "policy_a must hold one array for each of 3"),
        (lambda: cj.strategic_divergence(ONE, TWO[:1]), ShapeError, "policy_b must hold one array for each of 3"),
        (lambda: cj.strategic_divergence([[0.5, 0.6]], [[0.5, 0.5]]), DomainError, "policy_a\\[0\\] must add up to 1"),
    ],
)
def test_what_is_wrong_is_named(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()
