"""Cases of kl_nash and kl_best_response."""

from collections.abc import Callable

import torch
from torch import Tensor

from ops.op_case import Args, OpCase, logits
from prefcore.ops import kl_best_response, kl_nash


def games(count: int, n: int, *, absent: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Preferences whose two sides add up to 1 in every dtype, references and policies; the last candidates absent.

    What P holds of absent ones is NaN, which no result may show.
    """
    upper = (logits(count, n, n, spread=1.0).sigmoid() * 64).round().triu(1) / 64
    preferences = upper + (1 - upper.mT).tril(-1) + torch.eye(n, dtype=torch.float64) / 2
    policies = logits(2, count, n, spread=1.5)
    if absent:
        preferences[:, n - absent :], preferences[..., n - absent :] = torch.nan, torch.nan
        policies[..., n - absent :] = -torch.inf
    return preferences, *policies


def equilibria(
    count: int, n: int, *, absent: int = 0, beta: float = 0.25, iterations: int = 20
) -> Callable[[torch.dtype], Args]:
    def make(dtype: torch.dtype) -> Args:
        preferences, reference, _ = games(count, n, absent=absent)
        return preferences.to(dtype), reference.to(dtype), beta, 1.0, iterations

    return make


def responses(count: int, n: int, *, absent: int = 0, beta: float = 0.25) -> Callable[[torch.dtype], Args]:
    def make(dtype: torch.dtype) -> Args:
        preferences, reference, policy = games(count, n, absent=absent)
        return preferences.to(dtype), policy.to(dtype), reference.to(dtype), beta

    return make


def at_the_reference(dtype: torch.dtype) -> Args:
    """All ties: the reference is the equilibrium, and the gap 0."""
    preferences, reference = torch.full((2, 5, 5), 0.5, dtype=dtype), logits(2, 5).to(dtype)
    return preferences, reference, reference, 0.25


def weight_of_nothing(dtype: torch.dtype) -> Args:
    """Policies that give candidates no weight, as -inf and as a number whose exponential is 0; 1 / beta of 100."""
    preferences, reference, policy = games(3, 6)
    policy[0, 2], policy[1, 3] = -torch.inf, -2000.0
    return preferences.to(dtype), policy.to(dtype), reference.to(dtype), 0.01


EQUILIBRIA = OpCase(
    op=kl_nash.kl_nash,
    reference=kl_nash.reference,
    differentiable=(),
    inputs={
        "one_candidate": equilibria(3, 1),
        "two_candidates": equilibria(3, 2),
        "no_games": equilibria(0, 3),
        "no_iterations": equilibria(3, 5, iterations=0),
        "all_lanes": equilibria(2, 16),
        "padded_lanes": equilibria(5, 11),
        "absent": equilibria(4, 9, absent=3),
        "one_left": equilibria(2, 4, absent=3),
        "steps_to_the_reference": equilibria(3, 6, beta=1.0),
        "small_beta": equilibria(3, 8, beta=0.001),
        "largest_on_cuda": equilibria(2, 128, iterations=5),
        "above_it": equilibria(1, 129, iterations=5),
        "above_the_work_of_one_thread": equilibria(700, 8),
    },
    # f32: sums of n products, 20 times, and lengths of up to 10 nats.
    tolerance={torch.float64: 1e-12, torch.float32: 2e-6},
    small=equilibria(3, 4, iterations=3),
)
RESPONSES = OpCase(
    op=kl_best_response.kl_best_response,
    reference=kl_best_response.reference,
    differentiable=(),
    inputs={
        "one_candidate": responses(3, 1),
        "two_candidates": responses(3, 2),
        "no_games": responses(0, 3),
        "all_lanes": responses(2, 16),
        "padded_lanes": responses(5, 11),
        "two_blocks_of_rows": responses(2, 33),
        "absent": responses(4, 9, absent=3),
        "one_left": responses(2, 4, absent=3),
        "all_ties": at_the_reference,
        "weight_of_nothing": weight_of_nothing,
        "largest_on_cuda": responses(2, 128),
        "above_it": responses(1, 129),
    },
    tolerance={torch.float64: 1e-12, torch.float32: 2e-6},
    small=responses(3, 4),
    # A policy rounded to f32 is off by 1e-7, and so is its distance to the response.
    smallest=1e-6,
)
CASES = {"kl_nash": EQUILIBRIA, "kl_best_response": RESPONSES}
