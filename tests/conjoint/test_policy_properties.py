"""What holds for every model: paths, relabelling, errors, sampled expectations."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conjoint.policy_models import LEVELS, enumerated, random_model, random_policy
from prefcore import conjoint as cj


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), penalty=st.sampled_from(["kl", "reverse_kl", "l2"]))
def test_a_weaker_pull_wins_more_and_strays_further(seed: int, penalty: str) -> None:
    model = random_model(seed)
    path = cj.policy_path(model, [0.03, 1.0, 0.3, 0.1], penalty=penalty)
    order = [path[1], path[2], path[3], path[0]]
    values, divergences = [r.value for r in order], [r.divergence for r in order]
    assert np.diff(values).min() >= -1e-12
    assert np.diff(divergences).min() >= -1e-11


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), link=st.sampled_from(["logit", "identity"]))
def test_names_of_levels_and_factors_do_not_matter(seed: int, link: str) -> None:
    rng = np.random.default_rng(seed)
    model = random_model(seed, link=link)
    result = cj.optimal_policy(model, beta=0.2)
    factors = rng.permutation(3)
    turns = [rng.permutation(LEVELS[d]) for d in factors]
    moved = [model.main[d][turn] for d, turn in zip(factors, turns, strict=True)]
    probs = [model.design.probs[d][turn] for d, turn in zip(factors, turns, strict=True)]
    other = cj.OutcomeModel.from_scores(moved, design=cj.Design([LEVELS[d] for d in factors], probs=probs), link=link)
    again = cj.optimal_policy(other, beta=0.2)
    assert again.objective == pytest.approx(result.objective, abs=1e-13)
    for d, turn, own in zip(factors, turns, again.policy, strict=True):
        np.testing.assert_allclose(own, result.policy[d][turn], atol=1e-11)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_parties_that_swap_swap_their_chances(seed: int) -> None:
    model, one, other = random_model(seed), random_policy(seed), random_policy(seed + 1)
    both = cj.expected_value(model, one, opponent=other) + cj.expected_value(model, other, opponent=one)
    assert both == pytest.approx(1.0, abs=2e-15)


def test_a_strong_pull_gives_the_design_and_a_weak_one_the_best_profile() -> None:
    model = random_model(4, interact=True)
    strong = cj.optimal_policy(model, beta=1e9)
    np.testing.assert_allclose(np.concatenate(strong.policy), np.concatenate(model.design.probs), atol=1e-8)
    best = cj.best_profiles(model).profiles[0]
    for beta in (0.0, 1e-4):
        weak = cj.optimal_policy(model, beta=beta)
        assert [int(np.argmax(own)) for own in weak.policy] == best.tolist()


@pytest.mark.parametrize("penalty", ["kl", "reverse_kl", "l2"])
@pytest.mark.parametrize(("interact", "link"), [(False, "logit"), (True, "logit"), (True, "identity")])
def test_derivatives_are_those_of_refits_at_moved_parameters(penalty: str, interact: bool, link: str) -> None:
    rng = np.random.default_rng(2)
    design = cj.Design(LEVELS, probs=[rng.dirichlet(np.full(n, 5.0)) for n in LEVELS])
    count = 1 + 5 + (2 if interact else 0)
    covariance = 0.01 * np.eye(count) + 0.002

    def solve(coef: Any) -> cj.PolicyResult:
        main = [np.concatenate([[0.0], part]) for part in np.split(coef[1:6], [1, 3])]
        inter = None
        if interact:
            table = np.zeros((2, 3))
            table[1, 1:] = coef[6:]
            inter = {(0, 2): table}
        model = cj.OutcomeModel.from_scores(
            main, inter, design=design, intercept=coef[0], covariance=covariance, link=link
        )
        return cj.optimal_policy(model, beta=0.8, penalty=penalty)

    coef = rng.normal(0.0, 0.4, count)
    result = solve(coef)
    assert result.jacobian is not None
    assert result.covariance is not None
    for place in range(count):
        step = 1e-4 * np.eye(count)[place]
        up, down = solve(coef + step), solve(coef - step)
        ends = [np.concatenate([*end.policy, [end.value]]) for end in (up, down)]
        np.testing.assert_allclose(result.jacobian[:, place], (ends[0] - ends[1]) / 2e-4, atol=1e-7)
    np.testing.assert_allclose(result.covariance, result.jacobian @ covariance @ result.jacobian.T, atol=1e-18)
    errors = np.concatenate([*result.policy_std_error, [result.value_std_error]])  # type: ignore[misc]
    np.testing.assert_allclose(errors, np.sqrt(np.diag(result.covariance)))


def test_no_errors_where_levels_are_about_to_come_in() -> None:
    design = cj.Design([2], probs=[[0.5, 0.5]])

    def solve(score: float) -> cj.PolicyResult:
        model = cj.OutcomeModel.from_scores(
            [[0.0, score]], design=design, link="identity", paired=False, covariance=[[0.01]]
        )
        return cj.optimal_policy(model, beta=0.5, penalty="l2")

    assert solve(1.0).policy_std_error is None  # level 0 just leaves
    assert solve(2.0).policy_std_error[0].tolist() == [0.0, 0.0]  # type: ignore[index]
    np.testing.assert_allclose(solve(0.5).policy_std_error[0], [0.05, 0.05])  # type: ignore[index]


def test_thresholds_of_concavity_bound_the_second_derivatives() -> None:
    rng = np.random.default_rng(1)
    for seed in range(5):
        model = random_model(seed, interact=seed % 2 == 1)
        kl = cj.optimal_policy(model, beta=1.0).beta_concave
        l2 = cj.optimal_policy(model, beta=1.0, penalty="l2").beta_concave
        for _ in range(20):
            own, step = random_policy(int(rng.integers(1 << 30))), [rng.normal(size=n) for n in LEVELS]
            step = [d - d.mean() for d in step]
            size = 1e-3 * min(p.min() for p in own) / max(np.abs(d).max() for d in step)
            moved = [[p + sign * size * d for p, d in zip(own, step, strict=True)] for sign in (1, 0, -1)]
            up, mid, down = (enumerated(model, policy) for policy in moved)
            bend = (up - 2 * mid + down) / size**2
            assert bend <= 2 * l2 * sum((d**2).sum() for d in step) + 1e-4
            assert bend <= kl * sum((d**2 / p).sum() for p, d in zip(own, step, strict=True)) + 1e-4


def test_sampled_expectations_come_near_the_exact_ones() -> None:
    model, own = random_model(7, interact=True), random_policy(7)
    exact = cj.expected_value(model, own)
    sampled = model.sampled(20_000, seed=1)
    assert cj.expected_value(sampled, own) == pytest.approx(exact, abs=2e-3)
    assert cj.expected_value(sampled, own) == cj.expected_value(model.sampled(20_000, seed=1), own)
    assert cj.expected_value(sampled, own) != cj.expected_value(model.sampled(20_000, seed=2), own)
    best, near = cj.optimal_policy(model, beta=0.2), cj.optimal_policy(sampled, beta=0.2)
    np.testing.assert_allclose(np.concatenate(near.policy), np.concatenate(best.policy), atol=0.02)
    assert near.policy_std_error is None


def test_sampled_models_reach_designs_of_too_many_profiles() -> None:
    rng = np.random.default_rng(0)
    main = [rng.normal(size=5) for _ in range(12)]
    model = cj.OutcomeModel.from_scores(main, {(0, 1): np.zeros((5, 5))}, design=cj.Design([5] * 12))
    exact = cj.OutcomeModel.from_scores(main, design=model.design)
    own = random_policy(3, [5] * 12)
    assert cj.expected_value(model.sampled(5_000), own) == pytest.approx(cj.expected_value(exact, own), abs=0.01)
