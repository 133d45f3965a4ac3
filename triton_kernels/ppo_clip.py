"""Clipped policy loss of each token with a k3 penalty, and its slope; forward and gradient.

forward, for each token i of sequence b:              backward, for each token:
    rho = exp(logps - old_logps)                          grad_logps = grad_losses slope
    r = A > 0 ? min(rho, high) : max(low, min(rho, dual))
    d = ref_logps - logps
    loss = weight (-A r + kl_coef k3(d))
    slope = weight (-A rho [r = rho] - kl_coef (exp(d) - 1))

Departures from it:
1. rho, -A r, their sum with the penalty, each product with the weight and the gradient are cut to the largest number of
   the dtype; NaN passes. d is cut as well, and is 0 where both log-probs are the same infinity.
2. k3(d) = exp(d) - 1 - d is a series for |d| < 1/4, where the difference cancels.
3. exp(d) - 1 comes from `expm1`, which wants a number that is not positive: for d > 0 it is -exp(d) expm1(-d).
4. A counted token whose old_logps, A or weight is not finite gets NaN, without a synchronization.
5. Outside the mask zeros are written; all the same, what stands there is read, because loads that hang on the mask
   would move 4 bytes in place of 16.
6. [B] advantages are read where they lie: the sequence of a token is found by one int64 division for each program and
   an int32 one for each token. The numbers arrive in fp64 and are rounded once.

Offsets are int64. Every lane is written; there are no sums, so nothing depends on the place of a token.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefcore.triton_kernels._common import OPTIONS, TILES, expm1


@triton.jit
def _saturated(x, LIMIT: tl.constexpr):
    """Cut to +-LIMIT; comparisons let NaN pass, which minimum and maximum do not."""
    x = tl.where(x > LIMIT, LIMIT, x)
    return tl.where(x < -LIMIT, -LIMIT, x)


@triton.jit
def _k3(d, TERMS: tl.constexpr):
    """Return exp(d) - 1 - d and its derivative."""
    below = expm1(-tl.abs(d))
    slope = tl.where(d > 0.0, -below * tl.exp(d), below)
    series = d * 0.0 + 1.0
    for term in tl.static_range(TERMS):
        series = series * d * (1.0 / (TERMS + 2 - term)) + 1.0
    return tl.where(tl.abs(d) < 0.25, series * d * d * 0.5, slope - d), slope


@triton.jit
def ppo_clip_forward_kernel(
    logps,
    old_logps,
    advantages,
    mask,
    weights,
    ref_logps,
    losses,
    slopes,
    kl_coef: tl.float64,
    low: tl.float64,
    high: tl.float64,
    dual: tl.float64,
    size,
    per_advantage,
    LIMIT: tl.constexpr,
    TERMS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """See the head of the file."""
    dtype: tl.constexpr = losses.dtype.element_ty
    start = tl.program_id(0).to(tl.int64) * BLOCK
    lanes = tl.arange(0, BLOCK)
    inside = start + lanes < size
    read = inside if mask is None else inside & tl.load(mask + start + lanes, mask=inside, other=0).to(tl.int1)
    low, high = tl.full([], low, tl.float64).to(dtype), tl.full([], high, tl.float64).to(dtype)
    dual, kl_coef = tl.full([], dual, tl.float64).to(dtype), tl.full([], kl_coef, tl.float64).to(dtype)

    new = tl.load(logps + start + lanes, mask=inside, other=0.0)
    old = tl.load(old_logps + start + lanes, mask=inside, other=0.0)
    first = start // per_advantage
    place = ((start - first * per_advantage).to(tl.int32) + lanes) // per_advantage
    a = tl.load(advantages + first + place, mask=inside, other=0.0)
    ratio = _saturated(tl.exp(new - old), LIMIT)
    above = tl.where(ratio > high, high, ratio)
    below = tl.where(ratio > dual, dual, ratio)
    bounded = tl.where(a > 0.0, above, tl.where(below < low, low, below))
    loss = _saturated(-a * bounded, LIMIT)
    clipped = (bounded < ratio) | (bounded > ratio)
    slope = tl.where(clipped, 0.0, loss)
    finite = (tl.abs(old) < float("inf")) & (tl.abs(a) < float("inf"))

    if ref_logps is not None:
        ref = tl.load(ref_logps + start + lanes, mask=inside, other=0.0)
        penalty, penalty_slope = _k3(_saturated(tl.where(ref == new, 0.0, ref - new), LIMIT), TERMS)
        loss = _saturated(loss + kl_coef * penalty, LIMIT)
        slope = _saturated(slope - kl_coef * penalty_slope, LIMIT)
    if weights is not None:
        weight = tl.load(weights + start + lanes, mask=inside, other=0.0)
        loss, slope = _saturated(loss * weight, LIMIT), _saturated(slope * weight, LIMIT)
        finite &= tl.abs(weight) < float("inf")
    loss, slope = tl.where(finite, loss, float("nan")), tl.where(finite, slope, float("nan"))
    tl.store(losses + start + lanes, tl.where(read, loss, 0.0), mask=inside)
    tl.store(slopes + start + lanes, tl.where(read, slope, 0.0), mask=inside)


@triton.jit
def ppo_clip_backward_kernel(grad_losses, slopes, grad_logps, size, LIMIT: tl.constexpr, BLOCK: tl.constexpr):
    """See the head of the file."""
    start = tl.program_id(0).to(tl.int64) * BLOCK
    lanes = tl.arange(0, BLOCK)
    inside = start + lanes < size
    grad = tl.load(grad_losses + start + lanes, mask=inside, other=0.0)
    slope = tl.load(slopes + start + lanes, mask=inside, other=0.0)
    tl.store(grad_logps + start + lanes, _saturated(grad * slope, LIMIT), mask=inside)


def forward(
    logps: Tensor,
    old_logps: Tensor,
    advantages: Tensor,
    mask: Tensor | None,
    weights: Tensor | None,
    ref_logps: Tensor | None,
    kl_coef: float,
    clip_low: float,
    clip_high: float,
    dual_clip: float | None,
) -> tuple[Tensor, Tensor]:
    """Return (losses, slopes), contiguous and in the dtype of the log-probs, fp32 or fp64."""
    losses = torch.empty(logps.shape, dtype=logps.dtype, device=logps.device)
    slopes = torch.empty(logps.shape, dtype=logps.dtype, device=logps.device)
    tile = TILES["ppo_clip_forward"]
    block = tile.lanes(logps.element_size()) * tile.loads
    optional = [None if tensor is None else tensor.contiguous() for tensor in (mask, weights, ref_logps)]
    if logps.numel():
        with torch.cuda.device_of(logps):
            ppo_clip_forward_kernel[(triton.cdiv(logps.numel(), block),)](
                logps.contiguous(),
                old_logps.contiguous(),
                advantages.contiguous(),
                *optional,
                losses,
                slopes,
                kl_coef,
                1 - clip_low,
                1 + clip_high,
                math.inf if dual_clip is None else dual_clip,
                logps.numel(),
                logps.numel() // advantages.numel(),
                LIMIT=torch.finfo(logps.dtype).max,
                TERMS=11 if logps.dtype == torch.float64 else 6,
                BLOCK=block,
                num_warps=tile.warps,
                **OPTIONS,
            )
    return losses, slopes


def backward(grad_losses: Tensor, slopes: Tensor) -> Tensor:
    """Return the gradient of the log-probs."""
    grad_logps = torch.empty(slopes.shape, dtype=slopes.dtype, device=slopes.device)
    tile = TILES["ppo_clip_backward"]
    block = tile.lanes(slopes.element_size()) * tile.loads
    if slopes.numel():
        with torch.cuda.device_of(slopes):
            ppo_clip_backward_kernel[(triton.cdiv(slopes.numel(), block),)](
                grad_losses.contiguous(),
                slopes.contiguous(),
                grad_logps,
                slopes.numel(),
                LIMIT=torch.finfo(slopes.dtype).max,
                BLOCK=block,
                num_warps=tile.warps,
                **OPTIONS,
            )
    return grad_logps
