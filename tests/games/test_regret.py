"""Regret matching and fictitious play: against loops in NumPy, and what they promise."""

from typing import Any

import numpy as np
import pytest

import recipes
from prefcore import games
from prefcore.errors import ConvergenceError, DomainError, ShapeError

ROCK = np.array([[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]])
SOLVERS: dict[str, Any] = {
    "plain": games.regret_matching,
    "plus": games.regret_matching_plus,
    "predictive": games.predictive_regret_matching_plus,
}
each_rule = pytest.mark.parametrize("rule", SOLVERS)
each_solver = pytest.mark.parametrize("solve", [*SOLVERS.values(), games.fictitious_play])


def by_hand(rule: str, payoff: Any, iterations: int) -> tuple[Any, Any]:
    """Average and last strategy."""
    n = len(payoff)
    regrets, last, total = np.zeros(n), np.zeros(n), np.zeros(n)
    strategy = np.full(n, 1 / n)
    for t in range(1, iterations + 1):
        positive = np.maximum(regrets + (last if rule == "predictive" else 0), 0)
        strategy = positive / positive.sum() if positive.sum() > 0 else np.full(n, 1 / n)
        last = payoff @ strategy - strategy @ payoff @ strategy
        regrets = regrets + last if rule == "plain" else np.maximum(regrets + last, 0)
        total += {"plain": 1, "plus": t, "predictive": t * t}[rule] * strategy
    return total / total.sum(), strategy


@each_rule
def test_it_is_the_loop(rule: str) -> None:
    payoff = recipes.uniform(7, 3)
    average, last = by_hand(rule, payoff, 200)
    options = {"tol": None, "max_iter": 200}
    np.testing.assert_allclose(SOLVERS[rule](payoff, **options).policy, average, atol=1e-12)
    np.testing.assert_allclose(SOLVERS[rule](payoff, average=False, **options).policy, last, atol=1e-12)


@each_rule
def test_it_stops_at_the_gap_that_was_asked_for(rule: str) -> None:
    result = SOLVERS[rule](ROCK, tol=0.01)
    assert result.converged
    assert result.status == "converged"
    assert result.residual <= 0.01
    np.testing.assert_allclose(games.duality_gap(ROCK, result.log_policy), result.gap, rtol=1e-12)
    np.testing.assert_allclose(result.gap, result.residual, rtol=1e-9)
    before = SOLVERS[rule](ROCK, tol=None, max_iter=result.iterations - 1)
    assert before.gap > 0.01
    assert before.status == "fixed"


def test_predictive_regrets_reach_1e_7_in_10000_iterations_of_100_actions() -> None:
    """Spec games.md 1.5; plus stays above 1e-4 there."""
    payoff = recipes.uniform(100, 100)
    assert games.predictive_regret_matching_plus(payoff, tol=1.1e-7).gap <= 1.1e-7
    assert games.regret_matching_plus(payoff, tol=None).gap > 1e-4


def test_fictitious_play_is_the_loop() -> None:
    payoff = recipes.tournament(9, 4)
    counts, action = np.zeros(9), 0
    for _ in range(301):
        counts[action] += 1
        action = int(np.argmax(payoff @ counts))
    result = games.fictitious_play(payoff, tol=None, max_iter=300)
    np.testing.assert_allclose(result.policy, counts / 301, rtol=1e-14)


def test_fictitious_play_starts_at_action_0_and_takes_the_lowest_of_equal_ones() -> None:
    path = games.fictitious_play(np.zeros((3, 3)), tol=None, max_iter=2, record_at=[0, 2]).path
    assert path is not None
    np.testing.assert_array_equal(np.exp(path.log_policy), [[1, 0, 0], [1, 0, 0]])


@each_solver
def test_the_path_holds_the_iterations_that_were_asked_for(solve: Any) -> None:
    at = [0, 1, 7, 50]
    path = solve(ROCK, tol=None, max_iter=50, record_at=at).path
    np.testing.assert_array_equal(path.iteration, at)
    for iteration, policy in zip(at, path.log_policy, strict=True):
        alone = solve(ROCK, tol=None, max_iter=iteration)
        np.testing.assert_array_equal(policy, alone.log_policy)


@each_solver
def test_every_form_of_a_payoff_gives_the_same_policy(solve: Any) -> None:
    payoff = recipes.uniform(6, 8)
    options = {"tol": None, "max_iter": 40}
    want = solve(payoff, **options)
    for other in (payoff - 0.5, payoff.astype(np.float32), games.PackedPayoff.from_dense(payoff), payoff.tolist()):
        np.testing.assert_allclose(solve(other, **options).policy, want.policy, atol=1e-6)
    v = np.random.default_rng(0).normal(size=(6, 4))
    scores = sum(np.outer(v[:, at], v[:, at + 1]) - np.outer(v[:, at + 1], v[:, at]) for at in (0, 2))
    got = solve(games.FactorPayoff(v), **options)
    np.testing.assert_allclose(got.policy, solve(scores, **options).policy, atol=1e-9)
    assert want.value == 0.5
    assert got.value == 0


@each_solver
def test_one_action_is_the_answer(solve: Any) -> None:
    result = solve([[0.5]])
    assert (result.gap, result.log_policy.tolist(), result.converged) == (0.0, [0.0], True)


@each_solver
def test_what_does_not_converge_is_an_error_with_the_result(solve: Any) -> None:
    payoff = recipes.uniform(20, 1)
    with pytest.raises(ConvergenceError, match=r"expected residual <= tol = 1e-09, got residual .* after 20 iter") as e:
        solve(payoff, tol=1e-9, max_iter=20)
    assert e.value.result.status == "max_iter"
    loose = solve(payoff, tol=1e-9, max_iter=20, strict=False)
    assert not loose.converged
    np.testing.assert_array_equal(loose.policy, e.value.result.policy)


@each_solver
def test_bad_arguments_are_refused_by_name(solve: Any) -> None:
    with pytest.raises(DomainError, match=r"tol must be a number >= 0, or None, got -1"):
        solve(ROCK, tol=-1.0)
    with pytest.raises(DomainError, match=r"record_at\[1\] must be 0 to max_iter = 5, got 6"):
        solve(ROCK, max_iter=5, record_at=[0, 6])
    with pytest.raises(DomainError, match=r"record_at\[1\] must be above record_at\[0\] = 3, got 3"):
        solve(ROCK, record_at=[3, 3])
    with pytest.raises(TypeError, match=r"max_iter must be an integer, got 1.5"):
        solve(ROCK, max_iter=1.5)
    with pytest.raises(ShapeError, match=r"payoff must be one game, \[n, n\], got 2 games"):
        solve(np.stack([ROCK, ROCK]))
    with pytest.raises(TypeError, match="strict must be True or False"):
        solve(ROCK, strict="no")
