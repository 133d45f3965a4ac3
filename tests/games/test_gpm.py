"""Tables of general preference models, and the helpers that choose a step and a beta."""

from typing import Any

import numpy as np
import pytest

import recipes
from prefcore import games
from prefcore.errors import DomainError, ShapeError


def embedded(seed: int = 0, n: int = 7, k: int = 3) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2 * k)), rng.normal(size=k)


def test_scores_are_the_sum_over_planes_and_skew_to_the_bit() -> None:
    embeddings, gate = embedded()
    want = np.zeros((7, 7))
    for v, row in zip(embeddings, want, strict=True):
        for j, w in enumerate(embeddings):
            row[j] = sum(gate[m] * (v[2 * m] * w[2 * m + 1] - v[2 * m + 1] * w[2 * m]) for m in range(3))
    got = games.gpm_scores(embeddings, gate=gate)
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-14)
    np.testing.assert_array_equal(got, -got.T)
    np.testing.assert_array_equal(games.gpm_scores(embeddings), games.gpm_scores(embeddings, gate=np.ones(3)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_scores_against_a_policy_are_the_matrix_times_it(dtype: Any) -> None:
    """1,003 answers: no multiple of a block of rows."""
    embeddings, gate = embedded(1, 1_003, 4)
    policy, embeddings = np.random.default_rng(2).dirichlet(np.ones(1_003)), embeddings.astype(dtype)
    got = games.gpm_matvec(embeddings, policy, gate=gate)
    np.testing.assert_allclose(got, games.gpm_scores(embeddings, gate=gate) @ policy, rtol=0, atol=1e-13)


def test_preferences_are_the_sigmoid_and_sum_to_one() -> None:
    embeddings, gate = embedded(3)
    got = games.gpm_preferences(embeddings, tau=0.3, gate=gate)
    np.testing.assert_allclose(got, 1 / (1 + np.exp(-games.gpm_scores(embeddings, gate=gate) / 0.3)), atol=1e-15)
    np.testing.assert_array_equal(got + got.T, np.ones((7, 7)))
    sure = games.gpm_preferences([[1e200, 0.0], [0.0, 1e100]], tau=1e-300)
    np.testing.assert_array_equal(sure, [[0.5, 1.0], [0.0, 0.5]])


def test_the_scores_are_the_game_in_factor_form() -> None:
    """The bound of the factor form holds for the matrix."""
    embeddings, gate = embedded(4)
    scores = games.gpm_scores(embeddings, gate=gate)
    assert np.abs(scores).max() <= games.FactorPayoff(embeddings, gate).bound
    logs = recipes.ref_logits(7, 5)
    np.testing.assert_allclose(
        games.duality_gap(scores, logs), games.duality_gap(games.FactorPayoff(embeddings, gate), logs), rtol=1e-12
    )


def test_a_small_game_in_factor_form_is_solved_by_newton() -> None:
    """Extragradient steps would take hundreds where its matrix takes three."""
    embeddings, gate = embedded(5)
    got = games.solve_nash_kl(games.FactorPayoff(embeddings, gate), beta=0.03)
    want = games.solve_nash_kl(games.gpm_scores(embeddings, gate=gate), beta=0.03)
    assert got.iterations == want.iterations < 20
    np.testing.assert_allclose(got.log_policy, want.log_policy, rtol=0, atol=1e-11)


def test_symmetrized_judgments_are_a_payoff() -> None:
    judged = np.random.default_rng(0).random((3, 6, 6)) * 0.5
    payoff = games.symmetrize(judged)
    np.testing.assert_allclose(payoff + payoff.swapaxes(1, 2), 1, rtol=1e-15)
    np.testing.assert_array_equal(payoff[:, range(6), range(6)], np.full((3, 6), 0.5))
    np.testing.assert_array_equal(payoff[1], games.symmetrize(judged[1]))
    np.testing.assert_allclose(payoff - 0.5, games.symmetrize(judged, constant=0.0), rtol=0, atol=1e-16)
    games.duality_gap(payoff, np.zeros((3, 6)))
    assert games.symmetrize(judged.astype(np.float32)).dtype == np.float32
    fair = recipes.uniform(5, 5)
    np.testing.assert_array_equal(games.symmetrize(fair), fair)


@pytest.mark.parametrize(("beta", "bound"), [(0.0, 0.5), (0.1, 0.5), (3.0, 0.0), (1e-200, 1e-200), (1e200, 1e200)])
def test_the_step_size_solves_its_equation(beta: float, bound: float) -> None:
    """1 / step = (beta + root) / 2 is the root of x^2 = beta x + bound^2."""
    x = 1 / games.extragradient_step_size(beta, bound=bound)
    scale = max(beta, bound)
    np.testing.assert_allclose((x / scale) ** 2, (beta / scale) * (x / scale) + (bound / scale) ** 2, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_equilibrium_at_that_beta_keeps_the_gap(seed: int) -> None:
    """The fixed point of the best response, by damped iteration."""
    payoff, log_ref = recipes.uniform(5, seed), recipes.ref_logits(5, seed + 10)
    beta = games.beta_for_gap(log_ref, gap=0.4)
    logs = np.zeros(5)
    for _ in range(4_000):
        logs = 0.99 * logs + 0.01 * games.best_response(payoff, logs, beta=beta, log_ref=log_ref)
    assert games.duality_gap(payoff, logs, beta=beta, log_ref=log_ref) < 1e-6
    assert games.duality_gap(payoff, logs) <= 0.4
    np.testing.assert_allclose(beta, 0.2 / np.max(np.log(np.exp(log_ref).sum()) - log_ref), rtol=1e-12)


def test_a_single_answer_needs_no_beta() -> None:
    assert games.beta_for_gap([3.0], gap=0.1) == np.inf


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: games.gpm_scores([[1.0, 2.0, 3.0]]), ShapeError, r"embeddings must be \[n, 2k\], got shape \[1, 3\]"),
        (
            lambda: games.gpm_scores([[1.0, float("nan")]]),
            DomainError,
            r"embeddings\[0, 1\] must be a finite number, got NaN",
        ),
        (lambda: games.gpm_scores([[1.0, 2.0]], gate=[1.0, 1.0]), ShapeError, r"gate must have shape \[1\]"),
        (lambda: games.gpm_preferences([[1.0, 2.0]], tau=0.0), DomainError, r"tau must be a finite number > 0, got 0"),
        (lambda: games.gpm_matvec([[1.0, 2.0]], [0.5, 0.5]), ShapeError, r"policy must have shape \[1\].*got \[2\]"),
        (
            lambda: games.symmetrize([[0.5, 1.0]]),
            ShapeError,
            r"payoff must be \[n, n\] or \[B, n, n\], got shape \[1, 2",
        ),
        (lambda: games.symmetrize([[0.5]], constant=float("inf")), DomainError, r"constant must be a finite number"),
        (lambda: games.symmetrize([[float("nan")]]), DomainError, r"payoff\[0, 0\] must be a finite number, got NaN"),
        (lambda: games.extragradient_step_size(-1.0), DomainError, r"beta must be a finite number >= 0, got -1"),
        (lambda: games.extragradient_step_size(0.0, bound=0), DomainError, r"bound must be above 0 where beta is 0"),
        (lambda: games.extragradient_step_size(0.0, bound=-1), DomainError, r"bound must be a finite number >= 0"),
        (lambda: games.beta_for_gap([0.0, -float("inf")], gap=1), DomainError, r"log_ref\[1\] must be a finite number"),
        (lambda: games.beta_for_gap([0.0, 0.0], gap=0), DomainError, r"gap must be a finite number > 0, got 0"),
        (
            lambda: games.beta_for_gap([[0.0]], gap=1),
            ShapeError,
            r"log_ref must be \[n\] with n >= 1, got shape \[1, 1\]",
        ),
    ],
)
def test_what_is_refused_and_in_which_words(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
