"""Equilibria with a pull to references: against a plain NumPy check of the fixed point, and what they promise."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prefcore
import recipes
from prefcore import games
from prefcore.errors import ConvergenceError, DomainError, ShapeError

INF = float("inf")
ROCK = np.array([[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]])
EPS = np.finfo(float).eps


def log_softmax(x: Any) -> Any:
    return x - np.logaddexp.reduce(x, axis=-1, keepdims=True)


def off(payoff: Any, log_policy: Any, beta: float, log_ref: Any) -> float:
    """Largest |log pi - log BR(pi)|, by hand."""
    reply = log_softmax(log_softmax(np.asarray(log_ref)) + payoff @ np.exp(log_policy) / beta)
    return float(np.abs(log_policy - reply).max())


def degenerate(kind: int, n: int, seed: int) -> Any:
    """Games that are hard: wins and losses, wins, losses and ties, duplicates, blocks of ties."""
    if kind == 0:
        return recipes.tournament(n, seed)
    if kind == 1:
        return np.round(recipes.uniform(n, seed) * 2) / 2
    if kind == 2:
        half = recipes.uniform(max(n // 2, 1), seed)
        return np.tile(half, (2, 2))
    if kind == 3:
        payoff = recipes.uniform(n, seed)
        payoff[: n // 2, : n // 2] = 0.5
        return payoff
    return recipes.uniform(n, seed)


@pytest.mark.parametrize("beta", [1.0, 0.1, 0.01, 1e-3, 1e-4])
@pytest.mark.parametrize("kind", range(5))
def test_large_games_are_solved_by_products_or_by_elimination(kind: int, beta: float) -> None:
    """From 256 actions on; at a pull far below the payoffs the products give up."""
    payoff, log_ref = degenerate(kind, 300, kind), recipes.ref_logits(300, kind)
    result = games.solve_nash_kl(payoff, beta=beta, log_ref=log_ref)
    assert off(payoff, result.log_policy, beta, log_ref) <= max(2e-12, 40 * EPS / beta)


def test_large_games_of_two_players_are_solved_by_products_too() -> None:
    """Pulls that differ a hundredfold."""
    payoff = np.random.default_rng(0).normal(size=(200, 150))
    result = games.solve_zero_sum_kl(payoff, beta=1.0, beta_column=0.01)
    row, column = np.exp(result.log_row), np.exp(result.log_column)
    np.testing.assert_allclose(result.log_row, log_softmax(payoff @ column), rtol=0, atol=1e-11)
    np.testing.assert_allclose(result.log_column, log_softmax(-(row @ payoff) / 0.01), rtol=0, atol=1e-10)


def test_two_thousand_games_converge_or_say_so() -> None:
    """Issue 8: random and degenerate games, beta 1e-4 to 1; the residual is computed again in NumPy."""
    rng = np.random.default_rng(0)
    failed = 0
    for case in range(2000):
        n, beta = int(rng.integers(2, 25)), float(10.0 ** rng.uniform(-4, 0))
        payoff, log_ref = degenerate(case % 5, n, case), None if case % 3 else rng.normal(size=n)
        log_ref = None if log_ref is None else np.resize(log_ref, len(payoff))
        result = games.solve_nash_kl(payoff, beta=beta, log_ref=log_ref, strict=False)
        ref = np.zeros(len(payoff)) if log_ref is None else log_ref
        if not result.converged:
            failed += 1
            assert result.status in ("max_iter", "stalled")
            continue
        assert off(payoff, result.log_policy, beta, ref) <= max(2e-12, 40 * EPS / beta)
        assert result.gap <= 1e-10
    assert failed == 0


@pytest.mark.parametrize("beta", [1.0, 0.1, 0.01])
def test_a_game_of_one_player_is_that_of_two_with_one_payoff(beta: float) -> None:
    payoff, log_ref = recipes.uniform(7, 5), recipes.ref_logits(7, 6)
    one = games.solve_nash_kl(payoff, beta=beta, log_ref=log_ref)
    two = games.solve_zero_sum_kl(payoff, beta=beta, log_ref_row=log_ref, log_ref_column=log_ref)
    np.testing.assert_allclose(two.log_row, one.log_policy, atol=1e-11)
    np.testing.assert_allclose(two.log_column, one.log_policy, atol=1e-11)
    np.testing.assert_allclose(two.value, 0.5, atol=1e-13)


def test_different_pulls_are_two_fixed_points() -> None:
    rng = np.random.default_rng(0)
    payoff, row, column = rng.normal(size=(4, 6)), rng.normal(size=4), rng.normal(size=6)
    got = games.solve_zero_sum_kl(payoff, beta=0.3, beta_column=0.05, log_ref_row=row, log_ref_column=column)
    want = log_softmax(log_softmax(row) + payoff @ got.column / 0.3)
    np.testing.assert_allclose(got.log_row, want, atol=1e-11)
    np.testing.assert_allclose(got.log_column, log_softmax(log_softmax(column) - got.row @ payoff / 0.05), atol=1e-11)
    options = {"log_opponent": got.log_column, "log_ref": row, "log_ref_opponent": column}
    np.testing.assert_allclose(got.gap, 0, atol=1e-20)
    assert games.duality_gap(payoff, got.log_row, beta=0.3, **options) > 1e-6
    np.testing.assert_allclose(got.gap0, games.duality_gap(payoff, got.log_row, log_opponent=got.log_column))
    np.testing.assert_allclose(got.value, got.row @ payoff @ got.column)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 9), st.integers(0, 1000), st.sampled_from([1.0, 0.1, 0.01]))
def test_names_of_actions_do_not_matter_and_copies_share_by_the_reference(n: int, seed: int, beta: float) -> None:
    payoff, log_ref = recipes.uniform(n, seed), recipes.ref_logits(n, seed + 1)
    want = games.solve_nash_kl(payoff, beta=beta, log_ref=log_ref).policy
    order = np.random.default_rng(seed).permutation(n)
    got = games.solve_nash_kl(payoff[np.ix_(order, order)], beta=beta, log_ref=log_ref[order]).policy
    np.testing.assert_allclose(got, want[order], atol=1e-10)
    items = [*range(n), 0]
    refs = np.append(log_ref, log_ref[0] + np.log(3.0))
    refs[0], refs[-1] = log_ref[0] + np.log(0.25), log_ref[0] + np.log(0.75)
    copied = games.solve_nash_kl(payoff[np.ix_(items, items)], beta=beta, log_ref=refs).policy
    np.testing.assert_allclose(copied[-1], 3 * copied[0], rtol=1e-8)
    np.testing.assert_allclose(copied[0] + copied[-1], want[0], atol=1e-10)


def test_a_strong_pull_is_the_reference_and_a_weak_one_the_equilibrium() -> None:
    log_ref = log_softmax(recipes.ref_logits(3, 1))
    np.testing.assert_allclose(games.solve_nash_kl(ROCK, beta=1e9, log_ref=log_ref).log_policy, log_ref, atol=1e-8)
    exact = games.solve_nash(ROCK)
    near = games.solve_nash_kl(ROCK, beta=1e-5, log_ref=log_ref)
    np.testing.assert_allclose(near.policy, exact.policy, atol=1e-4)
    np.testing.assert_array_equal(games.solve_nash_kl(ROCK, beta=0.0).policy, exact.policy)


def test_ties_are_the_reference_at_once() -> None:
    log_ref = log_softmax(recipes.ref_logits(6, 1))
    result = games.solve_nash_kl(np.full((6, 6), 0.5), beta=0.01, log_ref=log_ref)
    np.testing.assert_allclose(result.log_policy, log_ref, atol=1e-15)
    assert (result.iterations, result.gap0) == (0, 0.0)


def test_a_reference_of_one_action_is_the_answer() -> None:
    result = games.solve_nash_kl(ROCK, beta=0.1, log_ref=[-INF, 0.0, -INF])
    assert result.log_policy.tolist() == [-INF, 0.0, -INF]
    np.testing.assert_allclose(result.gap0, 0.5)
    both = games.solve_zero_sum_kl(ROCK, beta=0.1, log_ref_row=[-INF, 0.0, 0.0], log_ref_column=[0.0, -INF, 0.0])
    assert both.log_row[0] == both.log_column[1] == -INF
    np.testing.assert_allclose(games.solve_zero_sum_kl(ROCK[1:, ::2], beta=0.1).row, both.row[1:], atol=1e-12)


def test_a_batch_is_its_games() -> None:
    batch = np.stack([recipes.uniform(6, seed) for seed in range(50)])
    refs = np.stack([recipes.ref_logits(6, seed) for seed in range(50)])
    before = prefcore.get_num_threads()
    result = games.solve_nash_kl(batch, beta=0.05, log_ref=refs)
    try:
        prefcore.set_num_threads(1)
        alone = [games.solve_nash_kl(game, beta=0.05, log_ref=ref) for game, ref in zip(batch, refs, strict=True)]
    finally:
        prefcore.set_num_threads(before)
    np.testing.assert_array_equal(result.log_policy, [one.log_policy for one in alone])
    np.testing.assert_array_equal(result.gap, [one.gap for one in alone])
    np.testing.assert_array_equal(result.entropy, [one.entropy for one in alone])
    shared = games.solve_nash_kl(batch, beta=0.05, log_ref=refs[3])
    np.testing.assert_array_equal(shared.log_policy[3], result.log_policy[3])


def test_ragged_games_are_single_ones() -> None:
    sizes = [3, 1, 8]
    flat = np.concatenate([recipes.uniform(n, n).ravel() for n in sizes])
    refs = np.concatenate([recipes.ref_logits(n, n) for n in sizes])
    offsets = np.cumsum([0, *sizes])
    result = games.solve_nash_kl(flat, beta=0.1, log_ref=refs, offsets=offsets)
    assert result.gap.shape == result.entropy.shape == (3,)
    for start, n in zip(offsets, sizes, strict=False):
        alone = games.solve_nash_kl(recipes.uniform(n, n), beta=0.1, log_ref=refs[start : start + n])
        np.testing.assert_array_equal(result.log_policy[start : start + n], alone.log_policy)


def test_every_form_of_a_payoff_has_one_answer() -> None:
    v = np.random.default_rng(0).normal(size=(40, 4))
    scores = sum(np.outer(v[:, at], v[:, at + 1]) - np.outer(v[:, at + 1], v[:, at]) for at in (0, 2))
    want = games.solve_nash_kl(scores, beta=1.0)
    factor = games.solve_nash_kl(games.FactorPayoff(v), beta=1.0, max_iter=5000)
    np.testing.assert_allclose(factor.log_policy, want.log_policy, atol=1e-9)
    packed = games.solve_nash_kl(games.PackedPayoff.from_dense(scores), beta=1.0)
    np.testing.assert_allclose(packed.log_policy, want.log_policy, atol=1e-12)
    single = games.solve_nash_kl(recipes.uniform(9, 1).astype(np.float32), beta=0.1)
    np.testing.assert_allclose(single.policy, games.solve_nash_kl(recipes.uniform(9, 1), beta=0.1).policy, atol=1e-6)


def test_a_start_near_the_answer_needs_fewer_solves() -> None:
    payoff = recipes.uniform(60, 2)
    cold = games.solve_nash_kl(payoff, beta=0.01)
    warm = games.solve_nash_kl(payoff, beta=0.0099, init=cold.log_policy)
    assert 0 < warm.iterations <= 4
    again = games.solve_nash_kl(payoff, beta=0.01, init=cold.log_policy)
    assert again.iterations == 0
    np.testing.assert_allclose(again.log_policy, cold.log_policy, atol=1e-15)


def test_a_start_without_weight_on_an_action_finds_it() -> None:
    v = np.random.default_rng(1).normal(size=(12, 2))
    start = np.append(np.zeros(11), -INF)
    for payoff in (games.FactorPayoff(v), np.outer(v[:, 0], v[:, 1]) - np.outer(v[:, 1], v[:, 0])):
        got = games.solve_nash_kl(payoff, beta=1.0, init=start, max_iter=3000)
        np.testing.assert_allclose(got.policy, games.solve_nash_kl(payoff, beta=1.0, max_iter=3000).policy, atol=1e-9)


def test_comal_ends_at_the_equilibrium() -> None:
    result = games.comal(ROCK, beta=0.1, tol=1e-9)
    np.testing.assert_allclose(result.policy, games.solve_nash(ROCK).policy, atol=1e-7)
    first = games.comal(ROCK, beta=0.1, tol=None, max_iter=2, record_at=[0, 1, 2])
    assert first.path is not None
    one = games.solve_nash_kl(ROCK, beta=0.1)
    two = games.solve_nash_kl(ROCK, beta=0.1, log_ref=one.log_policy)
    np.testing.assert_allclose(first.path.log_policy[1:], [one.log_policy, two.log_policy], atol=1e-11)
    np.testing.assert_allclose(np.exp(first.path.log_policy[0]), 1 / 3)
    with pytest.raises(DomainError, match="beta must be a finite number > 0, got 0"):
        games.comal(ROCK, beta=0)


def test_bad_arguments_are_refused_by_name() -> None:
    with pytest.raises(DomainError, match="log_ref must be None where beta is 0"):
        games.solve_nash_kl(ROCK, beta=0, log_ref=[0.0, 0.0, 0.0])
    with pytest.raises(
        DomainError, match="payoff must be dense or packed with at most 5000 actions, got a FactorPayoff"
    ):
        games.comal(games.FactorPayoff([[1.0, 0.0]]), beta=0.1)
    for beta in (-1.0, INF, float("nan")):
        with pytest.raises(DomainError, match="beta must be a finite number >= 0"):
            games.solve_nash_kl(ROCK, beta=beta)
    with pytest.raises(ShapeError, match=r"log_ref must have shape \[3\] like a policy, got \[2\]"):
        games.solve_nash_kl(ROCK, beta=0.1, log_ref=[0.0, 0.0])
    with pytest.raises(ShapeError, match=r"init must have shape \[3\] like a policy, got \[1\]"):
        games.solve_nash_kl(ROCK, beta=0.1, init=[0.0])
    with pytest.raises(DomainError, match=r"log_ref must be at least one entry above -inf"):
        games.solve_nash_kl(ROCK, beta=0.1, log_ref=[-INF] * 3)
    with pytest.raises(DomainError, match="beta_column must be above 0 where the other player's is, got 0"):
        games.solve_zero_sum_kl(ROCK, beta=0.1, beta_column=0)
    with pytest.raises(ShapeError, match=r"log_ref_row must have shape \[3\], got \[2\]"):
        games.solve_zero_sum_kl(ROCK, beta=0.1, log_ref_row=[0.0, 0.0])
    with pytest.raises(TypeError, match=r"init must be a pair \(row, column\)"):
        games.solve_zero_sum_kl(ROCK, beta=0.1, init=np.zeros(3))
    with pytest.raises(
        ConvergenceError, match=r"expected residual <= tol = 1e-12, got .* after 1 iterations .max_iter"
    ):
        games.solve_nash_kl(recipes.uniform(30, 0), beta=0.001, max_iter=1)
    batch = np.stack([np.full((30, 30), 0.5), recipes.uniform(30, 0)])
    with pytest.raises(ConvergenceError, match=r"in game 1 \(1 of 2 did not converge\)") as error:
        games.solve_nash_kl(batch, beta=0.001, max_iter=1)
    assert error.value.result.converged.tolist() == [True, False]
