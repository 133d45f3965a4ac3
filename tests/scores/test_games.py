"""Equilibria and gaps of batches of games: what they mean, and what is refused."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, logsumexp
from torch import Tensor

import prefcore
from ops.cases.games import games
from prefcore.errors import DomainError, ShapeError
from prefcore.scores import kl_best_response, kl_nash

RPS = torch.tensor([[[0.5, 0.0, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]]], dtype=torch.float64)


def gap_of_definition(preferences: Tensor, logps: Tensor, reference: Tensor, beta: float) -> float:
    """max_x J(x, pi) - min_y J(pi, y) of one game: a log-sum-exp for each side, and KL(pi || rho) twice."""
    margins, rho = preferences.numpy() - 0.5, log_softmax(reference.numpy())
    logps = log_softmax(logps.numpy())
    policy = np.exp(logps)
    best = beta * logsumexp(rho + margins @ policy / beta)
    return float(2 * (best + beta * (policy * (logps - rho)).sum()))


@pytest.mark.parametrize("beta", [2.0, 0.2, 0.03])
def test_gap_is_the_difference_of_the_best_values(beta: float) -> None:
    preferences, reference, policy = games(4, 7)
    best, gap = kl_best_response(preferences, policy, beta=beta, ref_logps=reference)
    for game in range(4):
        want = gap_of_definition(preferences[game], policy[game], reference[game], beta)
        assert gap[game].item() == pytest.approx(want, rel=1e-12)
        pulled = (
            log_softmax(reference[game]) + (preferences[game].numpy() - 0.5) @ policy[game].softmax(0).numpy() / beta
        )
        np.testing.assert_allclose(best[game], log_softmax(pulled), rtol=1e-12)


@pytest.mark.parametrize(("beta", "iterations"), [(2.0, 20), (0.5, 60), (0.05, 700)])
def test_equilibrium_is_its_own_best_response(beta: float, iterations: int) -> None:
    preferences, reference, _ = games(5, 6)
    logps = kl_nash(preferences, beta=beta, ref_logps=reference, iterations=iterations)
    best, gap = kl_best_response(preferences, logps, beta=beta, ref_logps=reference)
    torch.testing.assert_close(best, logps, rtol=0, atol=1e-11)
    assert (gap < 1e-24).all()


@pytest.mark.parametrize("beta", [1.0, 0.1, 0.01])
def test_every_iteration_comes_closer_by_the_factor_that_is_promised(beta: float) -> None:
    """KL(solution || policy) shrinks by 1 - c or more, c = 2 beta / (beta + sqrt(beta^2 + 1))."""
    preferences, reference, _ = games(20, 5)
    solution = kl_nash(preferences, beta=beta, ref_logps=reference, iterations=int(40 / beta) + 60)
    distances = []
    for iterations in range(12):
        logps = kl_nash(preferences, beta=beta, ref_logps=reference, iterations=iterations)
        d = logps - solution
        distances.append((solution.exp() * (d.expm1() - d)).sum(1))
    factor = 1 - 2 * beta / (beta + math.sqrt(beta * beta + 1))
    for before, after in itertools.pairwise(distances):
        assert (after <= factor * before + 1e-24).all()


def test_ties_everywhere_leave_the_reference() -> None:
    reference = torch.tensor([[0.2, -1.0, 3.0, 0.0]], dtype=torch.float64)
    preferences = torch.full((1, 4, 4), 0.5, dtype=torch.float64)
    logps = kl_nash(preferences, beta=0.3, ref_logps=reference)
    torch.testing.assert_close(logps, reference.log_softmax(1), rtol=0, atol=1e-14)
    assert kl_best_response(preferences, reference, beta=0.3, ref_logps=reference).gap.item() == 0.0


def test_uniform_reference_is_the_default() -> None:
    """By symmetry the equilibrium of rock, paper and scissors."""
    torch.testing.assert_close(kl_nash(RPS, beta=0.1).exp(), torch.full((1, 3), 1 / 3, dtype=torch.float64))
    skewed = torch.tensor([[0.6, 0.3, 0.1]], dtype=torch.float64).log()
    got = kl_best_response(RPS, skewed, beta=0.2)
    want = kl_best_response(RPS, skewed, beta=0.2, ref_logps=torch.zeros(1, 3, dtype=torch.float64))
    assert torch.equal(got.logps, want.logps)
    assert got.gap.item() == want.gap.item()


@pytest.mark.parametrize("garbage", [0.0, 7.0, math.nan])
def test_padded_games_are_those_without_padding(garbage: float) -> None:
    preferences, reference, policy = games(3, 4)
    padded = torch.nn.functional.pad(preferences, (0, 2, 0, 2), value=garbage)
    wide_reference, wide_policy = (torch.nn.functional.pad(x, (0, 2), value=-torch.inf) for x in (reference, policy))
    got = kl_nash(padded, beta=0.3, ref_logps=wide_reference)
    torch.testing.assert_close(got[:, :4], kl_nash(preferences, beta=0.3, ref_logps=reference), rtol=0, atol=1e-13)
    assert (got[:, 4:] == -torch.inf).all()
    best = kl_best_response(padded, wide_policy, beta=0.3, ref_logps=wide_reference)
    plain = kl_best_response(preferences, policy, beta=0.3, ref_logps=reference)
    torch.testing.assert_close(best.logps[:, :4], plain.logps, rtol=0, atol=1e-13)
    torch.testing.assert_close(best.gap, plain.gap, rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_threads_and_the_place_in_the_batch_change_no_bit(dtype: torch.dtype) -> None:
    """701 games are above the work of one thread, and the last ones do not fill a block of eight."""
    preferences, reference, _ = (x.to(dtype) for x in games(701, 7))
    results, before = [], prefcore.get_num_threads()
    try:
        for threads in (1, 2, 3):
            prefcore.set_num_threads(threads)
            results.append(kl_nash(preferences, beta=0.1, ref_logps=reference))
    finally:
        prefcore.set_num_threads(before)
    assert all(torch.equal(result, results[0]) for result in results)
    for game in (0, 13, 700):
        alone = kl_nash(preferences[game : game + 1], beta=0.1, ref_logps=reference[game : game + 1])
        assert torch.equal(alone[0], results[0][game])


@pytest.mark.parametrize("nothing", [-math.inf, -2000.0])
def test_gap_of_a_policy_that_leaves_candidates_out(nothing: float) -> None:
    """KL(pi || BR) = -log BR_0 where pi is on 0: the weight that BR has elsewhere belongs to the sum."""
    policy = torch.tensor([[0.0, nothing, nothing]], dtype=torch.float64)
    best, gap = kl_best_response(RPS, policy, beta=0.1)
    assert gap.item() == pytest.approx(-2 * 0.1 * best[0, 0].item(), rel=1e-14)


def test_small_gaps_have_digits() -> None:
    """gap = beta sum_i pi_i d_i^2 to first order: at d of 1e-9 the difference of two values would be rounding."""
    solution = kl_nash(RPS, beta=0.5, ref_logps=torch.tensor([[0.3, 0.1, 0.0]], dtype=torch.float64), iterations=200)
    moved = solution + 1e-9 * torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    best, gap = kl_best_response(RPS, moved, beta=0.5, ref_logps=torch.tensor([[0.3, 0.1, 0.0]], dtype=torch.float64))
    policy, d = moved.softmax(1), best - moved.log_softmax(1)
    assert gap.item() == pytest.approx(0.5 * (policy * d.square()).sum().item(), rel=1e-8)
    assert 1e-19 < gap.item() < 1e-16


@pytest.mark.parametrize(
    "function", [kl_nash, lambda games, **given: kl_best_response(games, torch.zeros(1, 3), **given)]
)
class TestErrors:
    """Of both functions, by the message's text."""

    @pytest.mark.parametrize(
        ("changed", "error", "message"),
        [
            ({"beta": 0.0}, DomainError, r"beta must be finite and > 0, got 0.0"),
            ({"beta": math.nan}, DomainError, r"beta must be finite and > 0, got nan"),
            ({"beta": torch.tensor(0.1)}, TypeError, r"beta must be a number, got a tensor \[\]"),
            ({"ref_logps": torch.zeros(3)}, ShapeError, r"ref_logps must be \[B, n\] = \[1, 3\], got \[3\]"),
            ({"ref_logps": torch.zeros(1, 1)}, ShapeError, r"ref_logps must be \[B, n\] = \[1, 3\], got \[1, 1\]"),
            (
                {"ref_logps": torch.tensor([[0.0, math.nan, 0.0]])},
                DomainError,
                r"ref_logps\[0, 1\] must be finite or -inf, got nan",
            ),
            (
                {"ref_logps": torch.full((1, 3), -math.inf)},
                DomainError,
                r"ref_logps\[0\] must have a candidate above -inf, got none",
            ),
        ],
    )
    def test_arguments(self, function: Any, changed: dict[str, Any], error: type, message: str) -> None:
        with pytest.raises(error, match=message):
            function(RPS, **{"beta": 0.1, **changed})

    @pytest.mark.parametrize(
        ("row", "column", "value", "message"),
        [
            (1, 2, math.nan, r"preferences\[0, 1, 2\] must be in \[0, 1\], got nan"),
            (2, 1, 1.5, r"preferences\[0, 2, 1\] must be in \[0, 1\], got 1.5"),
            (0, 2, 0.75, r"preferences\[0, 0, 2\] \+ preferences\[0, 2, 0\] must be 1 to within 1e-09, got 0.75"),
            (1, 1, 0.25, r"preferences\[0, 1, 1\] \+ preferences\[0, 1, 1\] must be 1 to within 1e-09, got 0.5"),
            (0, 1, 1e-8, r"preferences\[0, 0, 1\] \+ preferences\[0, 1, 0\] must be 1 to within 1e-09, got 1"),
        ],
    )
    def test_preferences(self, function: Any, row: int, column: int, value: float, message: str) -> None:
        preferences = RPS.clone()
        preferences[0, row, column] = value
        with pytest.raises(DomainError, match=message):
            function(preferences, beta=0.1)

    @pytest.mark.parametrize("shape", [(3, 3), (1, 3, 4), (1, 0, 0), (1, 1, 3, 3)])
    def test_shapes(self, function: Any, shape: tuple[int, ...]) -> None:
        with pytest.raises(ShapeError, match=r"preferences must be \[B, n, n\] with n >= 1, got"):
            function(torch.full(shape, 0.5), beta=0.1)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"iterations": -1}, DomainError, "iterations must be >= 0, got -1"),
        ({"iterations": 2.5}, TypeError, "iterations must be an int, got 2.5"),
        ({"step_size": 0.0}, DomainError, "step_size must be finite and > 0, got 0.0"),
        ({"step_size": 11.0}, DomainError, "step_size must be at most 1 / beta = 10, got 11.0"),
    ],
)
def test_errors_of_kl_nash(changed: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        kl_nash(RPS, beta=0.1, **changed)


def test_weight_outside_the_reference_is_refused() -> None:
    reference = torch.tensor([[0.0, -math.inf, 0.0]])
    with pytest.raises(DomainError, match=r"logps\[0, 1\] must be -inf where ref_logps is, got 0.0"):
        kl_best_response(RPS, torch.zeros(1, 3), beta=0.1, ref_logps=reference)


def test_rounding_to_the_type_is_no_error() -> None:
    """A sigmoid in f32 leaves sums that are off by a rounding; at 1e-4 it is an error."""
    preferences = torch.randn(2, 6, 6)
    preferences = (preferences - preferences.mT).sigmoid()
    assert kl_nash(preferences, beta=0.1).exp().sum(1).allclose(torch.ones(2), rtol=0, atol=1e-6)
    with pytest.raises(DomainError, match="must be 1 to within 1e-05"):
        kl_nash(preferences - 1e-4 * torch.ones(6, 6).triu(1), beta=0.1)
    assert kl_nash(preferences.bfloat16(), beta=0.1).dtype == torch.float32
