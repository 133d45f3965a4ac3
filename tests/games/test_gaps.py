"""Best responses and duality gaps: against their definitions, in every form of a payoff."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recipes
from prefcore import games
from prefcore.errors import DomainError, ShapeError

INF = float("inf")


def log_softmax(x: Any) -> Any:
    return x - np.logaddexp.reduce(x, axis=-1, keepdims=True)


def players(seed: int) -> tuple[Any, ...]:
    """A matrix [4, 6], log-policies of both players, and their references."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(4, 6)), *(log_softmax(rng.normal(size=n)) for n in (4, 6, 4, 6)))


def objective(payoff: Any, x: Any, y: Any, beta: float, refs: tuple[Any, Any]) -> Any:
    """What the row player maximizes: x'Py - beta KL(x, rho) + beta KL(y, rho), at logs x and y."""
    kl = [np.exp(logs) @ (logs - ref) for logs, ref in zip((x, y), refs, strict=True)]
    return np.exp(x) @ payoff @ np.exp(y) - beta * kl[0] + beta * kl[1]


@pytest.mark.parametrize("beta", [1.0, 0.1])
def test_the_gap_is_what_both_players_can_gain(beta: float) -> None:
    """max_x J(x, y) - min_y J(x, y), the maxima in closed form."""
    payoff, x, y, *refs = players(0)
    best_x = log_softmax(refs[0] + payoff @ np.exp(y) / beta)
    best_y = log_softmax(refs[1] - payoff.T @ np.exp(x) / beta)
    both = refs[0], refs[1]
    want = objective(payoff, best_x, y, beta, both) - objective(payoff, x, best_y, beta, both)
    got = games.duality_gap(payoff, x, log_opponent=y, beta=beta, log_ref=refs[0], log_ref_opponent=refs[1])
    np.testing.assert_allclose(got, want, rtol=1e-12)
    np.testing.assert_allclose(games.best_response(payoff, y, beta=beta, log_ref=refs[0]), best_x, rtol=1e-12)
    reply = games.best_response(-payoff.T, x, beta=beta, log_ref=refs[1])
    np.testing.assert_allclose(reply, best_y, rtol=1e-12)


def test_without_a_pull_the_gap_is_max_less_min() -> None:
    payoff, x, y, *_ = players(1)
    want = (payoff @ np.exp(y)).max() - (payoff.T @ np.exp(x)).min()
    np.testing.assert_allclose(games.duality_gap(payoff, x, log_opponent=y), want, rtol=1e-12)
    assert games.best_response(payoff, y).argmax() == (payoff @ np.exp(y)).argmax()


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 8), st.integers(0, 10_000), st.sampled_from([0.0, 0.01, 1.0]))
def test_a_symmetric_gap_is_that_of_two_players_with_one_policy(n: int, seed: int, beta: float) -> None:
    payoff, logs, ref = recipes.uniform(n, seed), recipes.ref_logits(n, seed + 1), recipes.ref_logits(n, seed + 2)
    got = games.duality_gap(payoff, logs, beta=beta, log_ref=ref)
    two = games.duality_gap(payoff, logs, log_opponent=logs, beta=beta, log_ref=ref, log_ref_opponent=ref)
    assert got >= 0
    np.testing.assert_allclose(got, two, rtol=1e-9, atol=1e-15)


def test_equal_actions_give_the_first() -> None:
    assert games.best_response(np.zeros((3, 2)), [0.0, 0.0]).tolist() == [0.0, -INF, -INF]


def test_no_probability_is_no_problem() -> None:
    """-inf in a policy, and in the reference of the reply."""
    payoff = recipes.uniform(4, 0)
    ref = [0.0, 0.0, -INF, 0.0]
    reply = games.best_response(payoff, [0.0, -INF, 0.0, -INF], beta=0.5, log_ref=ref)
    assert reply[2] == -INF
    np.testing.assert_allclose(np.exp(reply).sum(), 1.0)
    assert 0 < games.duality_gap(payoff, [0.0, -INF, -INF, 0.0], beta=0.5, log_ref=ref) < 10
    assert games.duality_gap(payoff, [0.0] * 4, beta=0.5, log_ref=ref) == INF


def test_batches_and_many_policies_are_single_ones() -> None:
    rng = np.random.default_rng(0)
    batch = np.stack([recipes.uniform(5, seed) for seed in range(3)])
    logs, ref = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    gaps = games.duality_gap(batch, logs, log_ref=ref, beta=0.2)
    replies = games.best_response(batch, logs, log_ref=ref, beta=0.2)
    for g in range(3):
        assert gaps[g] == games.duality_gap(batch[g], logs[g], log_ref=ref[g], beta=0.2)
        alone = games.best_response(batch[g], logs[g], log_ref=ref[g], beta=0.2)
        np.testing.assert_array_equal(replies[g], alone)
    many = games.duality_gap(batch[0], logs, log_ref=ref[0], beta=0.2)
    assert many[2] == games.duality_gap(batch[0], logs[2], log_ref=ref[0], beta=0.2)


def test_ragged_games_are_single_ones() -> None:
    flat = np.concatenate([recipes.uniform(n, 1).ravel() for n in (3, 5)])
    offsets, policies = np.array([0, 3, 8]), np.random.default_rng(0).normal(size=8)
    gaps = games.duality_gap(flat, policies, offsets=offsets, beta=0.2)
    replies = games.best_response(flat, policies, offsets=offsets, beta=0.2)
    for g, (n, part) in enumerate(((3, slice(0, 3)), (5, slice(3, 8)))):
        assert gaps[g] == games.duality_gap(recipes.uniform(n, 1), policies[part], beta=0.2)
        alone = games.best_response(recipes.uniform(n, 1), policies[part], beta=0.2)
        np.testing.assert_allclose(replies[part], alone, rtol=1e-13)


def test_packed_and_factor_payoffs_are_the_matrix() -> None:
    payoff, logs = recipes.uniform(6, 3), recipes.ref_logits(6, 4)
    v = np.random.default_rng(0).normal(size=(6, 2))
    scores = np.outer(v[:, 0], v[:, 1]) - np.outer(v[:, 1], v[:, 0])
    forms = [(games.PackedPayoff.from_dense(payoff), payoff), (games.FactorPayoff(v), scores)]
    for form, matrix in forms:
        for beta in (0.0, 0.1):
            got, want = (games.duality_gap(p, logs, beta=beta) for p in (form, matrix))
            np.testing.assert_allclose(got, want, rtol=1e-12)
            got, want = (games.best_response(p, logs, beta=beta) for p in (form, matrix))
            np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("call", [games.best_response, games.duality_gap])
def test_bad_arguments_are_refused_by_name(call: Any) -> None:
    payoff = recipes.uniform(3, 0)
    with pytest.raises(ShapeError, match=r"log_policy must have shape \[3\] or \[K, 3\], got \[2\]"):
        call(payoff, [0.0, 0.0])
    with pytest.raises(ShapeError, match=r"log_ref must have shape \[3\] or \[3\], got \[1\]"):
        call(payoff, [0.0, 0.0, 0.0], beta=1.0, log_ref=[0.0])
    with pytest.raises(DomainError, match=r"log_policy\[1\] must be a number below inf .* got NaN"):
        call(payoff, [0.0, float("nan"), 0.0])
    with pytest.raises(DomainError, match="log_policy must be at least one entry above -inf, got none in game 0"):
        call(payoff, [-INF] * 3)
    with pytest.raises(DomainError, match="beta must be a finite number >= 0, got -1"):
        call(payoff, [0.0, 0.0, 0.0], beta=-1.0)
    with pytest.raises(DomainError, match=r"payoff\[0, 1\] must be a finite number, got NaN"):
        call([[0.5, np.nan], [0.5, 0.5]], [0.0, 0.0])


def test_a_gap_needs_a_game_whose_pairs_sum_to_a_constant() -> None:
    with pytest.raises(DomainError, match=r"payoff\[0, 2\] must be 1 - payoff\[2, 0\], so that each pair sums to 1"):
        games.duality_gap([[0.5, 0.5, 0.9], [0.5, 0.5, 0.5], [0.2, 0.5, 0.5]], [0.0] * 3)
    with pytest.raises(ShapeError, match="log_ref_opponent must be None where log_opponent is None"):
        games.duality_gap(recipes.uniform(2, 0), [0.0, 0.0], log_ref_opponent=[0.0, 0.0])
    with pytest.raises(ShapeError, match="log_opponent must be for the same games as log_policy"):
        games.duality_gap(recipes.uniform(2, 0), [[0.0, 0.0]] * 3, log_opponent=[0.0, 0.0])


def test_actions_without_weight_count_by_their_response() -> None:
    """All on rock, with a pull to the uniform policy: 2 (beta lse + beta KL) in closed form."""
    rock = np.array([[0, 1, -1], [-1, 0, 1], [1, -1, 0]]) / 2
    want = 2 * 0.1 * (np.logaddexp.reduce(rock[:, 0] / 0.1) - np.log(3)) + 2 * 0.1 * np.log(3)
    for least in (-INF, -2000.0, -500.0):
        np.testing.assert_allclose(games.duality_gap(rock, [0.0, least, least], beta=0.1), want, rtol=1e-12)
