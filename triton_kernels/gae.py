"""Generalized advantage estimation over the counted tokens of padded sequences [B, T].

a program for each sequence:
    ahead = 0                                       what the tokens behind pass on to a token before them
    for each counted token t from the last to the first:
        return_t = r_t + ahead
        advantage_t = return_t - V_t
        ahead = gamma lam ahead + gamma ((1 - lam) V_t + lam r_t)

This is A_t = r_t + gamma V_t+1 - V_t + gamma lam A_t+1 with ahead_t = gamma (V_t + lam A_t): a recurrence of one number
in place of two, so that a plain scan solves it.

Departures from it:
1. Steps of LANES tokens, from the last to the first, each a scan in fp64: a token is the map x -> a x + b, the identity
   where it does not count, and maps are composed in a fixed tree. A lane scans the map of the token behind its own,
   read a second time from the cache, so that the scan gives what is passed on to its token.
2. Steps end at the last counted token of the sequence, which a first loop over the mask finds (one byte a token). So
   neither padding on either side nor the place in the batch changes a bit, and LANES is a constant.
3. What stands outside the mask is not read; zeros are written there, behind the last counted token too.

Offsets of tokens are int64. Every lane is written, and nothing is added atomically.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefcore.triton_kernels._common import OPTIONS, TILES


@triton.jit
def _then(factor, summand, next_factor, next_summand):
    """The map x -> factor x + summand, followed by the next one."""
    return factor * next_factor, summand * next_factor + next_summand


@triton.jit
def _token(rewards, values, mask, begin, at, end):
    """Whether the tokens count, and their rewards and values in fp64, 0 where they do not."""
    inside = (at >= 0) & (at < end)
    counted = tl.load(mask + begin + at, mask=inside, other=0).to(tl.int1)
    r = tl.load(rewards + begin + at, mask=counted, other=0.0).to(tl.float64)
    v = tl.load(values + begin + at, mask=counted, other=0.0).to(tl.float64)
    return counted, r, v


@triton.jit
def gae_forward_kernel(
    rewards,
    values,
    mask,
    advantages,
    returns,
    width,
    gamma: tl.float64,
    lam: tl.float64,
    LANES: tl.constexpr,
):
    """See the head of the file."""
    begin = tl.program_id(0).to(tl.int64) * width
    lanes = tl.arange(0, LANES).to(tl.int64)
    gamma, lam = tl.full([], gamma, tl.float64), tl.full([], lam, tl.float64)
    last = tl.zeros([LANES], tl.int64) - 1
    for start in range(0, width, LANES):
        at = start + lanes
        counted = tl.load(mask + begin + at, mask=at < width, other=0).to(tl.int1)
        last = tl.maximum(last, tl.where(counted, at, -1))
    end = tl.max(last, 0) + 1

    for start in range(end, width, LANES):
        at = start + lanes
        tl.store(advantages + begin + at, tl.zeros([LANES], advantages.dtype.element_ty), mask=at < width)
        tl.store(returns + begin + at, tl.zeros([LANES], returns.dtype.element_ty), mask=at < width)

    ahead = tl.zeros([], tl.float64)
    for step in range(0, end, LANES):
        at = end - 1 - step - lanes  # lane 0 is the last token of the step
        counted, r, v = _token(rewards, values, mask, begin, at, end)
        behind, next_r, next_v = _token(rewards, values, mask, begin, at + 1, end)
        factor = tl.where(behind, gamma * lam, 1.0)
        summand = tl.where(behind, gamma * ((1.0 - lam) * next_v + lam * next_r), 0.0)
        factor, summand = tl.associative_scan((factor, summand), 0, _then)
        passed_on = factor * ahead + summand
        to_come = tl.where(counted, r + passed_on, 0.0)
        tl.store(returns + begin + at, to_come.to(returns.dtype.element_ty), mask=at >= 0)
        tl.store(advantages + begin + at, (to_come - v).to(advantages.dtype.element_ty), mask=at >= 0)
        ahead = tl.sum(tl.where(lanes == LANES - 1, passed_on, 0.0), 0)


def forward(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Return (advantages, returns), contiguous and in the dtype of the rewards, fp32 or fp64."""
    advantages = torch.empty(rewards.shape, dtype=rewards.dtype, device=rewards.device)
    returns = torch.empty(rewards.shape, dtype=rewards.dtype, device=rewards.device)
    tile = TILES["gae_forward"]
    if rewards.numel():
        with torch.cuda.device_of(rewards):
            gae_forward_kernel[(len(rewards),)](
                rewards.contiguous(),
                values.contiguous(),
                mask.contiguous(),
                advantages,
                returns,
                rewards.shape[1],
                gamma,
                lam,
                LANES=tile.warps * 32 * tile.loads,
                num_warps=tile.warps,
                **OPTIONS,
            )
    return advantages, returns
