"""Best responses with a KL pull to a reference, and the duality gap in the same pass, a batch of games [B, n, n].

a program for each game, A = P - 1/2:
    l = lsm(log pi)
    log BR = lsm(log rho + A e^l / beta)
    gap = 2 beta sum_i pi_i (e^d_i - 1 - d_i),  d = log BR - l

Departures from it:
1. e^d - 1 - d cancels near 0: there it is the series d^2 / 2 (1 + d / 3 (1 + d / 4 (...))).
2. pi e^d overflows where pi is small: away from 0 a term is BR - pi (1 + d), and BR where pi = 0.
3. A is read once, ROWS rows of P at a time, and summed down its columns, in the dtype of P, as are all sums; pi of
   those rows is read a second time. Lanes without a candidate, and candidates whose reference is -inf, take no part,
   as in `kl_nash`.

Offsets of games are int64. The order of sums hangs on n alone. Every lane is written, and nothing is added atomically.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefcore.triton_kernels._common import OPTIONS
from prefcore.triton_kernels.kl_nash import lanes_and_warps, load_margins, load_policy, log_softmax

#: where e^d - 1 - d is taken as a series, whose terms end below 2e-18 of it
NEAR: tl.constexpr = tl.constexpr(0.25)
TERMS: tl.constexpr = tl.constexpr(13)


@triton.jit
def _divergence(logps, response):
    """Terms of KL(pi || response), none below 0."""
    policy, best = tl.exp(logps), tl.exp(response)
    weighs = policy != 0.0
    d = tl.where(weighs, response, 0.0) - tl.where(weighs, logps, 0.0)  # not -inf - -inf
    near = tl.where(tl.abs(d) < NEAR, d, 0.0)
    tail = tl.full(near.shape, 1.0, near.dtype)
    for i in tl.static_range(TERMS - 2):
        tail = 1.0 + near * (1.0 / (TERMS - i)) * tail
    terms = tl.where(tl.abs(d) < NEAR, policy * near * near * 0.5 * tail, best - policy * (1.0 + d))
    return tl.where(weighs, terms, best)


@triton.jit
def kl_best_response_forward_kernel(
    preferences,
    logps,
    ref_logps,
    response_out,
    gap_out,
    n,
    beta: tl.float64,
    ROWS: tl.constexpr,
    N: tl.constexpr,
):
    """See the head of the file."""
    game = tl.program_id(0).to(tl.int64)
    dtype: tl.constexpr = response_out.dtype.element_ty
    beta = tl.full([], beta, tl.float64).to(dtype)

    reference = load_policy(ref_logps, game, n, N)
    takes_part = reference != -float("inf")
    given = load_policy(logps, game, n, N)
    most = tl.max(given, 0)
    total = tl.log(tl.sum(tl.exp(given - most), 0))
    gains = tl.zeros([N], dtype)
    for start in range(0, n, ROWS):
        lanes = start + tl.arange(0, ROWS)
        rows = tl.load(logps + game * n + lanes, mask=lanes < n, other=-float("inf"))
        row_takes_part = tl.load(ref_logps + game * n + lanes, mask=lanes < n, other=-float("inf")) != -float("inf")
        margins = load_margins(preferences, game, n, start, row_takes_part, takes_part, ROWS, N)
        gains += tl.sum(margins * tl.exp(rows - most - total)[:, None], 0)

    policy = given - most - total
    response = log_softmax(tl.where(takes_part, reference + gains / beta, -float("inf")))
    gap = 2.0 * beta * tl.sum(_divergence(policy, response), 0)

    lanes = tl.arange(0, N)
    tl.store(response_out + game * n + lanes, response, mask=lanes < n)
    tl.store(gap_out + game, gap)


def forward(preferences: Tensor, logps: Tensor, ref_logps: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Return (best responses [B, n], gaps [B]), contiguous and in the dtype of P, fp32 or fp64."""
    games, n = logps.shape
    response = torch.empty(games, n, dtype=preferences.dtype, device=preferences.device)
    gap = torch.empty(games, dtype=preferences.dtype, device=preferences.device)
    lanes, warps = lanes_and_warps(n)
    if games:
        with torch.cuda.device_of(preferences):
            kl_best_response_forward_kernel[(games,)](
                preferences.contiguous(),
                logps.contiguous(),
                ref_logps.contiguous(),
                response,
                gap,
                n,
                beta,
                ROWS=min(lanes, 32),
                N=lanes,
                num_warps=warps,
                **OPTIONS,
            )
    return response, gap
