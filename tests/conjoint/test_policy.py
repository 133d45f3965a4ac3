"""Optimal policies: against enumeration, SciPy and definitions; what is refused."""

import re
from typing import Any

import numpy as np
import pytest
from scipy import optimize

from conjoint.policy_models import LEVELS, chances, enumerated, profiles, random_model, random_policy
from prefcore import conjoint as cj
from prefcore.errors import ConvergenceError, DomainError, ShapeError


def penalty_of(penalty: str, own: Any, p: Any) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        kl = {"kl": (own, p), "reverse_kl": (p, own)}
        if penalty == "l2":
            return float(((own - p) ** 2).sum())
        x, y = kl[penalty]
        return float(np.where(x > 0, x * np.log(x / y), 0.0).sum())


@pytest.mark.parametrize("link", ["logit", "identity"])
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("interact", [True, False])
def test_expected_value_is_the_sum_over_all_pairs_of_profiles(link: str, paired: bool, interact: bool) -> None:
    for seed in range(5):
        model = random_model(seed, interact=interact, link=link, paired=paired, intercept=0.4)
        own, other = random_policy(seed), random_policy(seed + 50) if paired else None
        want = enumerated(model, own, other)
        assert cj.expected_value(model, own, opponent=other) == pytest.approx(want, abs=2e-15)
        assert cj.expected_value(model, own) == pytest.approx(enumerated(model, own), abs=2e-15)


def test_expected_value_of_scores_far_apart() -> None:
    model = cj.OutcomeModel.from_scores([[0.0, 300.0], [-80.0, 25.0]], design=cj.Design([2, 2]), intercept=-20.0)
    for seed in range(5):
        own = random_policy(seed, [2, 2])
        assert cj.expected_value(model, own) == pytest.approx(enumerated(model, own), abs=5e-15)


@pytest.mark.parametrize("penalty", ["kl", "reverse_kl", "l2"])
@pytest.mark.parametrize("interact", [True, False])
def test_the_optimum_is_that_of_a_general_solver(penalty: str, interact: bool) -> None:
    model = random_model(3, interact=interact)
    result = cj.optimal_policy(model, beta=0.1, penalty=penalty)
    starts = np.cumsum(LEVELS)[:-1]

    def loss(logits: Any) -> float:
        own = [np.exp(x - np.logaddexp.reduce(x)) for x in np.split(logits, starts)]
        pull = sum(penalty_of(penalty, *pair) for pair in zip(own, model.design.probs, strict=True))
        return 0.1 * pull - enumerated(model, own)

    best = optimize.minimize(loss, np.zeros(sum(LEVELS)), method="BFGS", options={"gtol": 1e-9})
    assert result.objective >= -best.fun - 1e-12
    assert result.objective == pytest.approx(-best.fun, abs=1e-6)
    assert result.value == pytest.approx(enumerated(model, result.policy), abs=1e-14)
    assert result.baseline_value == pytest.approx(0.5, abs=1e-15)
    pulls = [penalty_of(penalty, *pair) for pair in zip(result.policy, model.design.probs, strict=True)]
    assert result.divergence == pytest.approx(sum(pulls), abs=1e-14)
    assert result.objective == pytest.approx(result.value - 0.1 * sum(pulls), abs=1e-14)
    assert result.converged
    assert result.residual == result.gain <= 1e-12


@pytest.mark.parametrize("penalty", ["kl", "reverse_kl", "l2"])
@pytest.mark.parametrize("link", ["logit", "identity"])
def test_several_maxima_the_best_of_a_grid_is_found(penalty: str, link: str) -> None:
    rng = np.random.default_rng(8)
    grid = np.linspace(0.0, 1.0, 201)[1:-1]
    for _ in range(5):
        table = rng.normal(0.0, 2.0, (2, 2))
        model = cj.OutcomeModel.from_scores(
            np.zeros((2, 2)), {(0, 1): table}, design=cj.Design([2, 2]), link=link, paired=False
        )
        result = cj.optimal_policy(model, beta=0.05, penalty=penalty)
        values = model.predict(profiles([2, 2])).reshape(2, 2)
        one, other = np.stack([grid, 1 - grid]), np.stack([grid, 1 - grid])
        q = np.einsum("li,lm,mj->ij", one, values, other)
        pulls = np.array([penalty_of(penalty, np.array([x, 1 - x]), np.full(2, 0.5)) for x in grid])
        assert result.objective >= (q - 0.05 * (pulls[:, None] + pulls)).max()


def test_a_pull_per_factor_and_none_for_one() -> None:
    model = random_model(5, link="identity", paired=False)
    result = cj.optimal_policy(model, beta=[0.1, 0.0, 0.3])
    for d, beta in ((0, 0.1), (2, 0.3)):
        weights = model.design.probs[d] * np.exp(model.main[d] / beta)
        np.testing.assert_allclose(result.policy[d], weights / weights.sum(), rtol=1e-12)
    np.testing.assert_array_equal(result.policy[1], np.eye(3)[np.argmax(model.main[1])])
    assert result.jacobian is None
    assert result.policy_std_error is None


def test_ties_at_no_pull_keep_the_proportions_of_the_design() -> None:
    design = cj.Design([3], probs=[[0.5, 0.3, 0.2]])
    model = cj.OutcomeModel.from_scores([[1.0, 0.0, 1.0]], design=design)
    np.testing.assert_allclose(cj.optimal_policy(model, beta=0.0).policy[0], [5 / 7, 0.0, 2 / 7], rtol=1e-15)


@pytest.mark.parametrize("penalty", ["kl", "reverse_kl", "l2"])
def test_levels_that_are_never_shown_stay_out(penalty: str) -> None:
    design = cj.Design([3, 2], probs=[[0.5, 0.0, 0.5], [0.5, 0.5]])
    model = cj.OutcomeModel.from_scores([[0.0, 9.0, 0.1], [0.0, 1.0]], design=design)
    assert cj.optimal_policy(model, beta=0.1, penalty=penalty).policy[0][1] == 0.0
    assert cj.best_profiles(model).profiles.tolist() == [[2, 1]]


def test_best_profiles_are_those_of_a_full_table() -> None:
    model = random_model(11, levels=[3, 2, 4], interact=True)
    codes = profiles([3, 2, 4])
    scores = model.score(codes)
    found = cj.best_profiles(model, k=7)
    np.testing.assert_allclose(found.score, np.sort(scores)[::-1][:7], rtol=1e-14)
    np.testing.assert_allclose(model.score(found.profiles), found.score, rtol=1e-14)
    assert len(cj.best_profiles(model, k=1000).score) == 24


def test_best_profiles_obey_restrictions_and_need_no_table() -> None:
    levels = [10] * 30
    main = [np.arange(10.0)] * 30
    design = cj.Design(levels, restrictions=[(0, 9, 29, 9)])
    found = cj.best_profiles(cj.OutcomeModel.from_scores(main, design=design), k=3)
    np.testing.assert_array_equal(found.score, [269.0, 269.0, 268.0])
    assert not ((found.profiles[:, 0] == 9) & (found.profiles[:, 29] == 9)).any()


def test_objective_and_gradient_by_differences() -> None:
    model, logits = random_model(2, interact=True), np.random.default_rng(0).normal(size=8)

    def at(logits: Any, penalty: str) -> Any:
        own = [np.exp(x - np.logaddexp.reduce(x)) for x in np.split(logits, [2, 5])]
        return cj.policy_objective(model, own, beta=[0.1, 0.2, 0.3], penalty=penalty)

    for penalty in ("kl", "reverse_kl", "l2"):
        found = at(logits, penalty)
        for place in range(8):
            step = 1e-5 * np.eye(8)[place]
            slope = (at(logits + step, penalty).objective - at(logits - step, penalty).objective) / 2e-5
            assert found.grad_logits[place] == pytest.approx(slope, abs=1e-9)


def test_profile_values_are_chances_against_the_opponent() -> None:
    model, other = random_model(2), random_policy(4)
    found = cj.policy_objective(model, model.design.probs, beta=1.0, opponent=other)
    codes = profiles(LEVELS)
    wins = model.predict(np.repeat(codes, 18, axis=0), np.tile(codes, (18, 1))).reshape(18, 18)
    np.testing.assert_allclose(found.profile_values, wins @ chances(other, LEVELS), rtol=1e-14)


def test_repr_shows_the_answer_first() -> None:
    text = repr(cj.optimal_policy(random_model(1), beta=0.1))
    assert text.startswith("PolicyResult: value 0.")
    assert re.search(r"f1: \d 0\.\d{3}, \d 0\.\d{3}, \d 0\.\d{3}", text)


def test_a_result_serves_as_policy_opponent_and_start() -> None:
    model = random_model(6)
    first = cj.optimal_policy(model, beta=0.1)
    assert cj.expected_value(model, first) == pytest.approx(first.value, abs=1e-15)
    again = cj.optimal_policy(model, beta=0.1, init=first)
    np.testing.assert_allclose(np.concatenate(again.policy), np.concatenate(first.policy), rtol=1e-12)
    assert again.iterations <= first.iterations
    assert cj.optimal_policy(model, beta=0.1, opponent=first).value < first.value


def test_what_does_not_converge_raises_with_its_result() -> None:
    model = random_model(6, interact=True)
    with pytest.raises(ConvergenceError, match=r"residual <= tol = 1e-12, got residual .* after 0 iterations") as error:
        cj.optimal_policy(model, beta=0.03, max_iter=0)
    assert error.value.result.status == "max_iter"
    assert not cj.optimal_policy(model, beta=0.03, max_iter=0, strict=False).converged


def test_bad_arguments_are_named() -> None:
    model, alone = random_model(1), random_model(1, paired=False)
    own = random_policy(1)
    cases: list[tuple[Any, type[Exception], str]] = [
        (lambda: cj.optimal_policy(model, beta=-1.0), DomainError, "beta must be a finite number >= 0, got -1.0"),
        (lambda: cj.optimal_policy(model, beta=[1.0, 2.0]), ShapeError, "beta must be a number, or 3 numbers"),
        (lambda: cj.optimal_policy(model, beta=[1, 2, float("nan")]), DomainError, r"beta\[2\] must be"),
        (lambda: cj.optimal_policy(model, beta=1, penalty="l1"), DomainError, "penalty must be 'kl' or .*got 'l1'"),
        (lambda: cj.optimal_policy(model, beta=1, tol=-1.0), DomainError, "tol must be a number >= 0"),
        (lambda: cj.optimal_policy(alone, beta=1, opponent=own), DomainError, "opponent must be None"),
        (lambda: cj.optimal_policy(own, beta=1), TypeError, "model must be an OutcomeModel, got a list"),
        (lambda: cj.optimal_policy(model, beta=1, init=own[:2]), ShapeError, "init must hold one array for each of 3"),
        (lambda: cj.expected_value(model, [*own[:2], [0.5, 0.6, 0.1]]), DomainError, r"policy\[2\] must add up to 1"),
        (lambda: cj.expected_value(model, 1.0), TypeError, "policy must hold one array for each factor, got a float"),
        (lambda: cj.policy_path(model, [[0.1]]), ShapeError, "betas must be"),
        (lambda: cj.policy_path(model, [0.1, -0.1]), DomainError, r"betas\[1\] must be"),
        (lambda: cj.best_profiles(model, k=0), DomainError, "k must be 1 to"),
        (lambda: model.sampled(1), DomainError, "draws must be 2 to"),
        (lambda: model.sampled(10, seed=-1), DomainError, "seed must be 0 to"),
    ]
    for call, kind, match in cases:
        with pytest.raises(kind, match=match):
            call()


def test_kl_refuses_levels_that_the_design_never_shows() -> None:
    design = cj.Design([2], probs=[[1.0, 0.0]])
    model = cj.OutcomeModel.from_scores([[0.0, 1.0]], design=design)
    with pytest.raises(DomainError, match=r"policy\[1\] must be 0 where the design is 0, under \"kl\", got 0.5"):
        cj.policy_objective(model, [[0.5, 0.5]], beta=1.0)


def test_too_many_profiles_that_interact() -> None:
    model = cj.OutcomeModel.from_scores([np.zeros(50)] * 4, {(0, 1): np.eye(50)}, design=cj.Design([50] * 4))
    with pytest.raises(
        DomainError, match=r"model must be a model of at most 4000000 profiles .* sampled.*, got 6250000"
    ):
        cj.expected_value(model, model.design.probs)


@pytest.mark.parametrize("beta", [1e-16, 1e-17, 1e-30, 1e-300])
def test_a_vanishing_l2_pull_leaves_the_best_profile(beta: float) -> None:
    model = cj.OutcomeModel.from_scores([[0.0, 0.5], [0.0, 0.1, 0.9]], design=cj.Design([2, 3]))
    found = cj.optimal_policy(model, beta=beta, penalty="l2")
    np.testing.assert_allclose(np.concatenate(found.policy), [0, 1, 0, 0, 1], atol=1e-12)
