"""Log-prob of each target and log-sum-exp of each row, from logits [..., V]; forward and gradient.

    v_j = logit_scale x_j,  or tanh(logit_scale / softcap x_j)            inner x_j,  or tanh(inner x_j)
    z_j = v_j / temperature,  or v_j softcap / temperature                outer v_j

forward, a program for each row:                  backward, a program for each row and block of the vocabulary:
    m, s = -inf, 0                                    t, g, h = target, grad_logps, grad_lse of the row
    for tile in row:                                  for each j of the block:
        new = max(m, max(v))                              p = exp(outer (v_j - v_t) + logps)
        s = s exp(outer (m - new))                        dz = g (1[j = t] - p) + h p
            + sum(exp(outer (v - new)))                   dx_j = dz inner outer, and times 1 - v_j^2 under a softcap
        m = new
    logps = outer (v_target - m) - log(s)
    lse = outer m + log(s)

Departures from it:
1. m and s are kept per lane and merged once at the end of the row, so the loop has no exchange between threads.
2. The maximum is taken of v, not of z: v_target - m keeps the gap where every logit has the same huge offset.
3. A maximum of -inf counts as 0 where it is subtracted: (-inf) - (-inf) would be NaN. NaN logits still give NaN.
4. exp(y) is exp2(y log2(e)), the instruction that the hardware has; log2(e) goes into the factor `outer`.
5. A masked row has an empty loop: neither its logits nor its target are read. Backward does not read rows where both
   upstream gradients are 0; both write zeros.
6. A target outside 0..V or a row of -inf alone gives NaN for the row, without a synchronization and without a read
   outside the row. lse carries that NaN into the gradient.
7. p comes from logps and the gap to the target, not from lse, which has lost the gap where every logit has the same
   huge offset; only where the target is masked vocabulary is it exp(z_j - lse). 1 - p of the target is -expm1(logps),
   which does not cancel where p is near 1.
8. A logit of -inf stays -inf under a softcap, though its tanh is finite, and has gradient 0, also as the target.
9. `inner` and `outer` arrive in fp64 and are rounded once, to the precision of the sums: fp64 for fp64 logits, fp32
   for all others.

Offsets of rows are int64; within a row int32 is enough for every vocabulary. Nothing is added atomically, and the order
of the sums depends on V and the dtype alone: same bits in every run and at every place in the batch.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefcore.triton_kernels._common import LOG2_E, OPTIONS, TILES, expm1, row_offset, rows_of, tanh


@triton.jit
def _factors(row, inner, outer, row_outer, keep, dtype: tl.constexpr):
    """Return inner, outer and outer log2(e) of one row."""
    inner, outer = tl.full([], inner, tl.float64), tl.full([], outer, tl.float64)  # plain floats when interpreted
    if row_outer is not None:
        outer = tl.load(row_outer + row, mask=keep, other=1.0)
    return inner.to(dtype), outer.to(dtype), (outer * LOG2_E).to(dtype)


@triton.jit
def _bounded(x, inner, SOFTCAP: tl.constexpr):
    """Return v."""
    v = x * inner
    if SOFTCAP:
        v = tl.where(x == float("-inf"), float("-inf"), tanh(v))
    return v


@triton.jit
def token_stats_forward_kernel(
    logits,
    targets,
    mask,
    row_outer,
    logps,
    lse,
    inner: tl.float64,
    outer: tl.float64,
    vocab,
    size_1,
    size_2,
    stride_0,
    stride_1,
    stride_2,
    SOFTCAP: tl.constexpr,
    LANES: tl.constexpr,
    LOADS: tl.constexpr,
):
    """See the head of the file."""
    dtype: tl.constexpr = logps.dtype.element_ty
    row = tl.program_id(0)
    keep = True if mask is None else tl.load(mask + row)
    inner, outer, outer2 = _factors(row, inner, outer, row_outer, keep, dtype)
    logits += row_offset(row, size_1, size_2, stride_0, stride_1, stride_2)

    # Before the loop, so that one number lives through it instead of addresses; NaN stands for a target outside 0..V.
    target = tl.load(targets + row, mask=keep, other=0)
    readable = keep & (target >= 0) & (target < vocab)
    own = _bounded(tl.load(logits + target, mask=readable, other=float("nan")).to(dtype), inner, SOFTCAP)

    m = tl.full([LANES], float("-inf"), dtype)
    s = tl.zeros([LANES], dtype)
    lanes = tl.arange(0, LOADS)[:, None] * LANES + tl.arange(0, LANES)[None, :]
    for start in range(0, tl.where(keep, vocab, 0), LOADS * LANES):
        at = start + lanes
        x = tl.load(logits + at, mask=at < vocab, other=float("-inf")).to(dtype)
        v = _bounded(x, inner, SOFTCAP)
        new = tl.maximum(m, tl.max(v, 0))
        shift = tl.where(new == float("-inf"), 0.0, new)
        s = s * tl.exp2((m - shift) * outer2) + tl.sum(tl.exp2((v - shift[None, :]) * outer2), 0)
        m = new
    top = tl.max(m, 0)
    total = tl.sum(s * tl.exp2((m - top) * outer2), 0)  # NaN in a row of -inf alone
    log_total = tl.where(own <= float("inf"), tl.log(total), float("nan"))
    tl.store(logps + row, tl.where(keep, (own - top) * outer - log_total, 0.0))
    tl.store(lse + row, tl.where(keep, top * outer + log_total, 0.0))


@triton.jit
def token_stats_backward_kernel(
    grad_logps,
    grad_lse,
    logits,
    targets,
    logps,
    lse,
    mask,
    row_outer,
    grad_logits,
    inner: tl.float64,
    outer: tl.float64,
    vocab,
    size_1,
    size_2,
    stride_0,
    stride_1,
    stride_2,
    SOFTCAP: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """See the head of the file."""
    dtype: tl.constexpr = lse.dtype.element_ty
    row = tl.program_id(0)
    grad_p = tl.load(grad_logps + row)
    grad_l = tl.load(grad_lse + row)
    keep = (grad_p != 0.0) | (grad_l != 0.0)
    if mask is not None:
        keep &= tl.load(mask + row)
    inner, outer, _ = _factors(row, inner, outer, row_outer, keep, dtype)
    logits += row_offset(row, size_1, size_2, stride_0, stride_1, stride_2)

    target = tl.load(targets + row, mask=keep, other=0)
    inside = keep & (target >= 0) & (target < vocab)
    own_v = _bounded(tl.load(logits + target, mask=inside, other=float("-inf")).to(dtype), inner, SOFTCAP)
    row_logps = tl.load(logps + row)
    anchored = row_logps > float("-inf")
    base_v = tl.where(anchored, own_v, 0.0)
    base = tl.where(anchored, row_logps, -tl.load(lse + row))

    start = tl.program_id(1) * BLOCK
    lanes = tl.arange(0, BLOCK)
    read = start + lanes < tl.where(keep, vocab, 0)
    x = tl.load(logits + start + lanes, mask=read, other=0.0).to(dtype)
    v = _bounded(x, inner, SOFTCAP)
    scale = inner * outer
    dx = (grad_l - grad_p) * scale * tl.exp2(tl.fma(v - base_v, outer, base) * LOG2_E)
    own = (grad_l * tl.exp2(row_logps * LOG2_E) - grad_p * expm1(row_logps)) * scale
    place = tl.where(anchored, target - start, -1).to(tl.int32)
    dx = tl.where(lanes == place, own, dx)
    if SOFTCAP:
        dx *= tl.where(v > float("-inf"), 1.0 - v * v, 0.0)
    dx = tl.where(read, dx, 0.0).to(grad_logits.dtype.element_ty)
    tl.store(grad_logits + row.to(tl.int64) * vocab + start + lanes, dx, mask=start + lanes < vocab)


def forward(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
) -> tuple[Tensor, Tensor]:
    """Return (logps, lse) in fp32, or fp64 for fp64 logits, of the shape of targets; masked rows are 0."""
    dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
    logps = torch.empty(targets.shape, dtype=dtype, device=logits.device)
    lse = torch.empty(targets.shape, dtype=dtype, device=logits.device)
    tile = TILES["token_stats_forward" if softcap is None else "token_stats_forward_softcap"]
    inner, outer, row_outer = _inner_and_outer(row_temperature, temperature, softcap, logit_scale)
    if targets.numel():
        with torch.cuda.device_of(logits):
            token_stats_forward_kernel[(targets.numel(),)](
                logits,
                targets.contiguous(),
                None if mask is None else mask.contiguous(),
                row_outer,
                logps,
                lse,
                inner,
                outer,
                logits.shape[-1],
                *rows_of(logits),
                SOFTCAP=softcap is not None,
                LANES=tile.lanes(logits.element_size()),
                LOADS=tile.loads,
                num_warps=tile.warps,
                **OPTIONS,
            )
    return logps, lse


def backward(
    grad_logps: Tensor,
    grad_lse: Tensor,
    logits: Tensor,
    targets: Tensor,
    logps: Tensor,
    lse: Tensor,
    mask: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
) -> Tensor:
    """Return the gradient of the logits, contiguous and in their dtype."""
    grad_logits = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
    tile = TILES["token_stats_backward"]
    block = tile.lanes(logits.element_size()) * tile.loads
    inner, outer, row_outer = _inner_and_outer(row_temperature, temperature, softcap, logit_scale)
    if targets.numel():
        with torch.cuda.device_of(logits):
            token_stats_backward_kernel[(targets.numel(), triton.cdiv(logits.shape[-1], block))](
                grad_logps.contiguous(),
                grad_lse.contiguous(),
                logits,
                targets.contiguous(),
                logps.contiguous(),
                lse.contiguous(),
                None if mask is None else mask.contiguous(),
                row_outer,
                grad_logits,
                inner,
                outer,
                logits.shape[-1],
                *rows_of(logits),
                SOFTCAP=softcap is not None,
                BLOCK=block,
                num_warps=tile.warps,
                **OPTIONS,
            )
    return grad_logits


def _inner_and_outer(
    row_temperature: Tensor | None, temperature: float, softcap: float | None, logit_scale: float
) -> tuple[float, float, Tensor | None]:
    """Return inner, outer and the outer of each row (see the head of the file), divided here, once and in fp64."""
    bound = 1.0 if softcap is None else softcap
    row_outer = None if row_temperature is None else (bound / row_temperature.double()).contiguous()
    return logit_scale / bound, bound / temperature, row_outer
