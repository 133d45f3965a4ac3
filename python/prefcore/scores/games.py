"""Batches of small preference games on any device: equilibria with a pull to a reference, best responses, gaps."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from prefcore._checks import (
    numbers,
    numbers_or_none,
    positive,
    readable,
    refuse_where,
    same_device,
    tensors,
    upcast,
)
from prefcore.errors import DomainError, ShapeError
from prefcore.ops import kl_best_response as response_op
from prefcore.ops import kl_nash as nash_op

#: how far P + P^T may be from 1: what rounding to the type, or a sigmoid in it, leaves
SUMS = {torch.float64: 1e-9, torch.float32: 1e-5, torch.float16: 1e-3, torch.bfloat16: 1e-2}


def kl_nash(
    preferences: Tensor,
    *,
    beta: float,
    ref_logps: Tensor | None = None,
    iterations: int = 100,
    step_size: float | None = None,
) -> Tensor:
    """Nash equilibria (quantal response, Nash policy) of preference games with a KL pull to a reference, in a batch.

    pi = argmax_x min_y x^T P y - beta KL(x || rho) + beta KL(y || rho), by EGPO (extragradient) from l = log rho:
    h = lsm((1 - c) l + c log rho + eta A e^l),  l <- lsm((1 - c) l + c log rho + eta A e^h),  A = P - 1/2, c = eta beta

    With the default step KL(solution || policy) shrinks by 1 - c or more in each iteration, whatever the game: for a
    factor of 1e-10 it takes 14 iterations at beta = 1, 116 at 0.1, 1,152 at 0.01. `kl_best_response(...).gap` says
    how far it came. A constant: no gradient flows. One game at a time to full accuracy, also large ones:
    `games.solve_nash_kl`.

    Args:
        preferences: [B, n, n] probabilities in [0, 1] that row is preferred to column: P + P^T = 1, diagonal 1/2.
        beta: pull to the reference, > 0.
        ref_logps: [B, n] log-probs of the reference in nats, normalized over the n candidates here; None = uniform.
            -inf, as for padding: the candidate takes no part; its row and column of `preferences` may hold anything.
        iterations: how many, >= 0; each takes two products with A.
        step_size: eta, > 0 and at most 1 / beta; None = 2 / (beta + sqrt(beta^2 + 1)), proven to converge.
    Returns: [B, n] log-probs of the equilibria, detached, f32 (f64 for f64 input); -inf where `ref_logps` is. On CUDA
        games of up to 128 candidates are one kernel, larger ones a loop in plain torch.
    Raises: ShapeError, TypeError, DomainError; P + P^T further from 1 than 1e-5 (f64: 1e-9), NaN, and games without a
        candidate raise on the CPU. On CUDA and in compiled code values are not looked at: the last two give NaN.
    Source: EGPO (Zhou et al. 2025, arXiv 2503.08942), zhourunlong/EGPO_public; the step is derived, see docs/papers.md.

    >>> rock_paper_scissors = torch.tensor([[[0.5, 0.0, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]]])
    >>> kl_nash(rock_paper_scissors, beta=0.1, ref_logps=torch.tensor([[0.5, 0.25, 0.25]]).log()).exp()
    tensor([[0.3501, 0.3656, 0.2842]])
    """
    numbers(beta=beta)
    positive(beta=beta)
    step = _step_size(step_size, beta)
    _check_iterations(iterations)
    preferences, reference = _games(preferences, ref_logps)
    equilibria: Tensor = nash_op.kl_nash(preferences, reference, float(beta), step, int(iterations))
    return equilibria


class BestResponse(NamedTuple):
    """What beats a policy best under the pull to the reference, and by how much."""

    logps: Tensor
    """[B, n] log-probs of the best responses, -inf where the reference is."""
    gap: Tensor
    """[B] duality gaps in units of P, >= 0, and 0 at the equilibrium only."""


def kl_best_response(
    preferences: Tensor, logps: Tensor, *, beta: float, ref_logps: Tensor | None = None
) -> BestResponse:
    """Best responses with a KL pull to a reference, and duality gaps (NashConv, twice the exploitability), in a batch.

    log BR = lsm(log rho + (P - 1/2) pi / beta),  gap = 2 beta KL(pi || BR) = 2 beta sum_i pi_i (expm1(d_i) - d_i),
    d = log BR - log pi

    This gap equals max_x J(x, pi) - min_y J(pi, y), J = x^T P y - beta KL(x || rho) + beta KL(y || rho). As a sum in
    which nothing cancels it is never negative and has digits far below the rounding of P. Constants: no gradient flows.

    Args:
        preferences: [B, n, n] probabilities in [0, 1] that row is preferred to column: P + P^T = 1, diagonal 1/2.
        logps: [B, n] log-probs of the policies in nats, normalized over the n candidates here; may hold -inf.
        beta: pull to the reference, > 0.
        ref_logps: [B, n] log-probs of the reference, as in `kl_nash`; where it is -inf, `logps` must be, too.
    Returns: BestResponse(logps, gap), [B, n] and [B], detached, f32 (f64 for f64 input). On CUDA games of up to 128
        candidates are one kernel, larger ones plain torch.
    Raises: ShapeError, TypeError, DomainError, as `kl_nash`. On CUDA and in compiled code a policy with weight outside
        the reference has the gap inf, and NaN stays NaN.
    Source: EGPO (Zhou et al. 2025, arXiv 2503.08942), section 3.

    >>> rock_paper_scissors = torch.tensor([[[0.5, 0.0, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]]])
    >>> best = kl_best_response(rock_paper_scissors, torch.tensor([[0.5, 0.25, 0.25]]).log(), beta=0.25)
    >>> best.logps.exp(), best.gap
    (tensor([[0.3072, 0.5065, 0.1863]]), tensor([0.0703]))
    """
    numbers(beta=beta)
    positive(beta=beta)
    preferences, reference, logps = _games(preferences, ref_logps, logps=logps)
    if readable(logps):
        outside = (logps != -torch.inf) & (reference == -torch.inf)
        refuse_where(outside, "logps", logps, "-inf where ref_logps is")
    return BestResponse(*response_op.kl_best_response(preferences, logps, reference, float(beta)))


def _step_size(step_size: float | None, beta: float) -> float:
    numbers_or_none(step_size=step_size)
    if step_size is None:
        return 2 / (beta + math.sqrt(beta * beta + 1))
    positive(step_size=step_size)
    if step_size * beta > 1:  # c > 1 steps over the reference, and c > 2 ever further away
        raise DomainError(f"step_size must be at most 1 / beta = {1 / beta:g}, got {step_size}")
    return float(step_size)


def _check_iterations(iterations: int) -> None:
    numbers(iterations=iterations)
    if int(iterations) != iterations:
        raise TypeError(f"iterations must be an int, got {iterations}")
    if iterations < 0:
        raise DomainError(f"iterations must be >= 0, got {iterations}")


def _games(preferences: Tensor, ref_logps: Tensor | None, **policies: Tensor) -> list[Tensor]:
    """Check a batch of games; return preferences, reference (uniform for None) and policies in one type."""
    if ref_logps is not None:
        policies = {"ref_logps": ref_logps, **policies}
    tensors(preferences=preferences, **policies)
    _check_shapes(preferences, policies)
    detached = {name: policy.detach() for name, policy in policies.items()}
    rows, *typed = upcast(preferences=preferences.detach(), **detached)
    if readable(rows):
        for name, policy in zip(policies, typed, strict=True):
            _check_policy(name, policy)
    if ref_logps is None:
        typed = [rows.new_zeros(rows.shape[:2]), *typed]
    if readable(rows):
        _check_preferences(rows, typed[0] != -torch.inf, SUMS.get(preferences.dtype, 1e-2))
    return [rows, *typed]


def _check_shapes(preferences: Tensor, policies: dict[str, Tensor]) -> None:
    if preferences.ndim != 3 or preferences.shape[1] != preferences.shape[2] or preferences.shape[1] == 0:
        raise ShapeError(f"preferences must be [B, n, n] with n >= 1, got {list(preferences.shape)}")
    for name, policy in policies.items():
        if policy.shape != preferences.shape[:2]:
            raise ShapeError(f"{name} must be [B, n] = {list(preferences.shape[:2])}, got {list(policy.shape)}")
    same_device(preferences=preferences, **policies)


def _check_policy(name: str, logps: Tensor) -> None:
    """Refuse NaN, +inf, and a game in which nobody takes part."""
    refuse_where(~(logps < torch.inf), name, logps, "finite or -inf")
    empty = (logps == -torch.inf).all(1)
    if bool(empty.any()):
        raise DomainError(f"{name}[{int(empty.nonzero()[0])}] must have a candidate above -inf, got none")


def _check_preferences(preferences: Tensor, takes_part: Tensor, tolerance: float) -> None:
    """Refuse what is no probability, then the pair whose two sides are furthest from adding up to 1."""
    both = takes_part.unsqueeze(2) & takes_part.unsqueeze(1)
    refuse_where(~((preferences >= 0) & (preferences <= 1)) & both, "preferences", preferences, "in [0, 1]")
    excess = (preferences + preferences.mT - 1).abs().where(both, 0.0)
    if excess.numel() and float(excess.max()) > tolerance:
        game, row, column = (int(i) for i in torch.unravel_index(excess.argmax(), excess.shape))
        sides = f"preferences[{game}, {row}, {column}] + preferences[{game}, {column}, {row}]"
        got = float(preferences[game, row, column]) + float(preferences[game, column, row])
        raise DomainError(f"{sides} must be 1 to within {tolerance:g}, got {got:g}")
