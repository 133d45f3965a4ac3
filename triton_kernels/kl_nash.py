"""Equilibria of preference games [B, n, n] with a KL pull to a reference, by extragradient steps (EGPO).

a program for each game, A = P - 1/2, c = eta beta:
    l = lsm(log rho)
    so many times:
        h = lsm((1 - c) l + c log rho + eta A e^l)
        l = lsm((1 - c) l + c log rho + eta A e^h)

Departures from it:
1. A is read once and stays in registers, in the dtype of P, as do all sums. So a game has at most 128 candidates; it is
   padded to a power of two of at least 8 lanes a side.
2. A e^l is summed down the columns of 1/2 - P, which is A^T, as P + P^T = 1. A thread holds parts of columns, so
   most of a sum stays inside it; along rows, which lie across threads, every product would be shuffled.
3. A lane without a candidate, or whose reference is -inf, takes no part: 0 in A, e^-inf in sums, -inf in every l. Only
   there is the old l replaced by 0 before it is multiplied, as -inf * 0 is NaN. What P holds there is not read.
4. A game in which nobody takes part is -inf - -inf = NaN.

Offsets of games are int64. The order of sums hangs on n alone. Every lane is written, and nothing is added atomically.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefcore.triton_kernels._common import OPTIONS


@triton.jit
def log_softmax(x):
    """Also of -inf; NaN where all are."""
    moved = x - tl.max(x, 0)
    return moved - tl.log(tl.sum(tl.exp(moved), 0))


@triton.jit
def load_policy(logps, game, n, N: tl.constexpr):
    """Log-probs of one policy as they are given, -inf where there is no candidate."""
    lanes = tl.arange(0, N)
    return tl.load(logps + game * n + lanes, mask=lanes < n, other=-float("inf"))


@triton.jit
def load_margins(preferences, game, n, start, row_takes_part, takes_part, ROWS: tl.constexpr, N: tl.constexpr):
    """A^T = 1/2 - P of some rows of a game, 0 where one of the two candidates takes no part."""
    rows, columns = start + tl.arange(0, ROWS)[:, None], tl.arange(0, N)[None, :]
    both = row_takes_part[:, None] & takes_part[None, :]
    return 0.5 - tl.load(preferences + game * n * n + (rows * n + columns), mask=both, other=0.5)


@triton.jit
def _step(margins, logps, against, to_reference, takes_part, keep, step_size):
    """One half step from `logps` against the policy `against`; `keep` = 1 - c."""
    gains = tl.sum(margins * tl.exp(against)[:, None], 0)
    moved = keep * tl.where(takes_part, logps, 0.0) + to_reference + step_size * gains
    return log_softmax(tl.where(takes_part, moved, -float("inf")))


@triton.jit
def kl_nash_forward_kernel(
    preferences,
    ref_logps,
    out,
    n,
    iterations,
    beta: tl.float64,
    step_size: tl.float64,
    N: tl.constexpr,
):
    """See the head of the file."""
    game = tl.program_id(0).to(tl.int64)
    dtype: tl.constexpr = out.dtype.element_ty
    beta, step_size = tl.full([], beta, tl.float64), tl.full([], step_size, tl.float64)
    pull = step_size * beta
    keep, pull, step_size = (1.0 - pull).to(dtype), pull.to(dtype), step_size.to(dtype)

    reference = load_policy(ref_logps, game, n, N)
    takes_part = reference != -float("inf")
    margins = load_margins(preferences, game, n, 0, takes_part, takes_part, N, N)
    logps = log_softmax(reference)
    to_reference = pull * tl.where(takes_part, logps, 0.0)
    for _ in range(iterations):
        halfway = _step(margins, logps, logps, to_reference, takes_part, keep, step_size)
        logps = _step(margins, logps, halfway, to_reference, takes_part, keep, step_size)

    lanes = tl.arange(0, N)
    tl.store(out + game * n + lanes, logps, mask=lanes < n)


def lanes_and_warps(n: int) -> tuple[int, int]:
    """Lanes a side, and warps for 64 numbers of A a thread: with twice as many in fp64 it would spill."""
    lanes = max(8, triton.next_power_of_2(n))
    return lanes, max(1, lanes * lanes // 64 // 32)


def forward(preferences: Tensor, ref_logps: Tensor, beta: float, step_size: float, iterations: int) -> Tensor:
    """Return the log-policies after so many iterations, contiguous and in the dtype of P, fp32 or fp64."""
    games, n = ref_logps.shape
    out = torch.empty(games, n, dtype=preferences.dtype, device=preferences.device)
    lanes, warps = lanes_and_warps(n)
    if games:
        with torch.cuda.device_of(preferences):
            kl_nash_forward_kernel[(games,)](
                preferences.contiguous(),
                ref_logps.contiguous(),
                out,
                n,
                iterations,
                beta,
                step_size,
                N=lanes,
                num_warps=warps,
                **OPTIONS,
            )
    return out
