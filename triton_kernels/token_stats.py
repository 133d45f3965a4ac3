"""Statistics of each row of logits [..., V]: log-prob of its target, log-sum-exp, four more on request; the gradient.

    v_j = logit_scale x_j,  or tanh(logit_scale / softcap x_j)            inner x_j,  or tanh(inner x_j)
    z_j = v_j / temperature,  or v_j softcap / temperature                outer v_j

forward, a program for each row:                  backward, a program for each row and block of the vocabulary:
    m, s, l, q = -inf, 0, 0, 0                        c = grad_lse - grad_logps - grad_entropy entropy
    for tile in row:                                      - 2 grad_log_sum_sq_probs
        new = max(m, max(v))                          d = -grad_entropy
        f, e = exp(outer (m - new)),                  r = 2 grad_log_sum_sq_probs / exp(log_sum_sq_probs)
               exp(outer (v - new))                   for each j of the block:
        l = f (l + (m - new) s) + sum(e (v - new))        log p = outer (v_j - v_target) + logps
        s, q = f s + sum(e), f f q + sum(e e)             dz = p (c + d log p + r p)
        m = new                                           and + grad_logps at the target
    logps = outer (v_target - m) - log(s)                 dx_j = dz inner outer, times 1 - v_j^2 under a softcap
    lse = outer m + log(s)
    entropy = log(s) - outer l / s
    log_sum_sq_probs = log(q) - 2 log(s)
    mean_logits = outer sum(v) / V
    is_top1 = no x_j > x_target, none equal before it

Departures from it:
1. m, s, l and q are kept per lane and merged once at the end of the row, so the loop has no exchange between threads;
   l, q, the mean and is_top1 are compiled in only where an output needs them.
2. The maximum is taken of v, not of z: v_target - m keeps the gap where every logit has the same huge offset.
3. A maximum of -inf counts as 0 where it is subtracted: (-inf) - (-inf) would be NaN; and a gap of -inf counts as -3e38
   where it is multiplied by its exponential, which is 0, so that 0 (-inf) is 0. NaN logits still give NaN.
4. exp(y) is exp2(y log2(e)), the instruction that the hardware has; log2(e) goes into the factor `outer`.
5. A masked row has an empty loop: neither its logits nor its target are read. Backward does not read rows where all
   upstream gradients are 0; both write zeros.
6. A target outside 0..V or a row of -inf alone gives NaN for the row (False in is_top1), without a synchronization and
   without a read outside the row. lse carries that NaN into the gradient.
7. p comes from logps and the gap to the target, not from lse, which has lost the gap where every logit has the same
   huge offset; only where the target is masked vocabulary is it exp(z_j - lse). 1 - p of the target is -expm1(logps),
   which does not cancel where p is near 1.
8. A logit of -inf stays -inf under a softcap, though its tanh is finite, and has gradient 0, also as the target.
9. `inner` and `outer` arrive in fp64 and are rounded once, to the precision of the sums: fp64 for fp64 logits, fp32
   for all others.
10. A gradient may be written over the logits. The logit of the target, which every program of a row needs, is then
   taken beforehand, because another program may already have overwritten it.

Offsets of rows are int64; within a row int32 is enough for every vocabulary. Nothing is added atomically, and the order
of the sums depends on V, the dtype and whether rows are aligned (`_common.aligned`): same bits in every run and at
every place in the batch.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefcore.triton_kernels._common import (
    LOG2_E,
    NOT_SPECIALIZED,
    OPTIONS,
    TILES,
    aligned,
    expm1,
    row_start,
    rows_of,
    tanh,
)

FLOOR: tl.constexpr = tl.constexpr(-3e38)


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
def _store_row(row, keep, vocab, outer, outer2, sums, logps, lse, entropy, log_sum_sq_probs, is_top1, mean_logits):
    """Merge the lanes and write the statistics of one row."""
    own, m, s, l, q, t, beaten = sums  # noqa: E741
    top = tl.max(m, 0)
    f = tl.exp2((m - top) * outer2)
    total = tl.sum(s * f, 0)  # NaN in a row of -inf alone
    log_total = tl.where(own <= float("inf"), tl.log(total), float("nan"))
    row_logps = (own - top) * outer - log_total
    tl.store(logps + row, tl.where(keep, row_logps, 0.0))
    tl.store(lse + row, tl.where(keep, top * outer + log_total, 0.0))
    if entropy is not None:
        logs = tl.sum(f * (l + tl.where(s > 0.0, m - top, 0.0) * s), 0)
        h = log_total - outer * (logs / total)
        tl.store(entropy + row, tl.where(keep, tl.where(h < 0.0, 0.0, h), 0.0))
    if log_sum_sq_probs is not None:
        squares = tl.log(tl.sum(q * f * f, 0)) - 2.0 * log_total
        tl.store(log_sum_sq_probs + row, tl.where(keep, squares, 0.0))
    if is_top1 is not None:
        tl.store(is_top1 + row, keep & (tl.max(beaten, 0) == 0) & (row_logps <= 0.0))
    if mean_logits is not None:
        mean = tl.where(log_total >= float("-inf"), outer * tl.sum(t, 0) / vocab, float("nan"))
        tl.store(mean_logits + row, tl.where(keep, mean, 0.0))


@triton.jit(do_not_specialize=NOT_SPECIALIZED)
def token_stats_forward_kernel(
    logits,
    targets,
    mask,
    row_outer,
    logps,
    lse,
    entropy,
    log_sum_sq_probs,
    is_top1,
    mean_logits,
    inner: tl.float64,
    outer: tl.float64,
    vocab,
    size_1,
    size_2,
    stride_0,
    stride_1,
    stride_2,
    SOFTCAP: tl.constexpr,
    ALIGNED: tl.constexpr,
    LANES: tl.constexpr,
    LOADS: tl.constexpr,
):
    """See the head of the file."""
    dtype: tl.constexpr = logps.dtype.element_ty
    row = tl.program_id(0)
    keep = True if mask is None else tl.load(mask + row)
    inner, outer, outer2 = _factors(row, inner, outer, row_outer, keep, dtype)
    logits = row_start(logits, row, size_1, size_2, stride_0, stride_1, stride_2, ALIGNED)

    # Before the loop, so that one number lives through it instead of addresses; NaN stands for a target outside 0..V.
    target = tl.load(targets + row, mask=keep, other=0)
    readable = keep & (target >= 0) & (target < vocab)
    own_x = tl.load(logits + target, mask=readable, other=float("nan")).to(dtype)
    own = _bounded(own_x, inner, SOFTCAP)

    m = tl.full([LANES], float("-inf"), dtype)
    s = tl.zeros([LANES], dtype)
    l = tl.zeros([LANES], dtype)  # noqa: E741
    q = tl.zeros([LANES], dtype)
    t = tl.zeros([LANES], dtype)
    beaten = tl.zeros([LANES], tl.int32)
    lanes = tl.arange(0, LOADS)[:, None] * LANES + tl.arange(0, LANES)[None, :]
    for start in range(0, tl.where(keep, vocab, 0), LOADS * LANES):
        at = start + lanes
        x = tl.load(logits + at, mask=at < vocab, other=float("-inf")).to(dtype)
        v = _bounded(x, inner, SOFTCAP)
        new = tl.maximum(m, tl.max(v, 0))
        shift = tl.where(new == float("-inf"), 0.0, new)
        gap = v - shift[None, :]
        e = tl.exp2(gap * outer2)
        f = tl.exp2((m - shift) * outer2)
        if entropy is not None:
            l = f * (l + tl.where(s > 0.0, m - shift, 0.0) * s) + tl.sum(e * tl.maximum(gap, FLOOR), 0)  # noqa: E741
        if log_sum_sq_probs is not None:
            q = f * f * q + tl.sum(e * e, 0)
        if mean_logits is not None:
            t += tl.sum(tl.where(at < vocab, v, 0.0), 0)
        if is_top1 is not None:
            beaten |= tl.max(((x > own_x) | ((x == own_x) & (at < target))).to(tl.int32), 0)
        s = f * s + tl.sum(e, 0)
        m = new
    sums = own, m, s, l, q, t, beaten
    _store_row(row, keep, vocab, outer, outer2, sums, logps, lse, entropy, log_sum_sq_probs, is_top1, mean_logits)


@triton.jit
def _upstream(grad, row):
    """Return the gradient that comes back to a statistic of the row, 0 where none does."""
    return 0.0 if grad is None else tl.load(grad + row)


@triton.jit(do_not_specialize=NOT_SPECIALIZED)
def token_stats_backward_kernel(
    grad_logps,
    grad_lse,
    grad_entropy,
    grad_log_sum_sq_probs,
    logits,
    own_logits,
    targets,
    logps,
    lse,
    entropy,
    log_sum_sq_probs,
    mask,
    row_outer,
    out,
    inner: tl.float64,
    outer: tl.float64,
    vocab,
    size_1,
    size_2,
    stride_0,
    stride_1,
    stride_2,
    out_stride_0,
    out_stride_1,
    out_stride_2,
    SOFTCAP: tl.constexpr,
    ALIGNED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """See the head of the file."""
    dtype: tl.constexpr = lse.dtype.element_ty
    row = tl.program_id(0)
    grad_p, grad_l = _upstream(grad_logps, row), _upstream(grad_lse, row)
    grad_h, grad_s = _upstream(grad_entropy, row), _upstream(grad_log_sum_sq_probs, row)
    keep = (grad_p != 0.0) | (grad_l != 0.0) | (grad_h != 0.0) | (grad_s != 0.0)
    if mask is not None:
        keep &= tl.load(mask + row)
    inner, outer, _ = _factors(row, inner, outer, row_outer, keep, dtype)
    logits = row_start(logits, row, size_1, size_2, stride_0, stride_1, stride_2, ALIGNED)
    out = row_start(out, row, size_1, size_2, out_stride_0, out_stride_1, out_stride_2, ALIGNED)

    target = tl.load(targets + row, mask=keep, other=0)
    inside = keep & (target >= 0) & (target < vocab)
    own_x = logits + target if own_logits is None else own_logits + row
    own_v = _bounded(tl.load(own_x, mask=inside, other=float("-inf")).to(dtype), inner, SOFTCAP)
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
    log_p = tl.fma(v - base_v, outer, base)
    p = tl.exp2(log_p * LOG2_E)
    own_p = tl.exp2(row_logps * LOG2_E)
    factor = grad_l - grad_p
    own_factor = grad_l
    if grad_entropy is not None:
        h = tl.load(entropy + row)
        factor -= grad_h * (tl.where(p > 0.0, log_p, 0.0) + h)
        own_factor -= grad_h * (row_logps + h)
    if grad_log_sum_sq_probs is not None:
        per_p = 2.0 * grad_s * tl.exp2(-tl.load(log_sum_sq_probs + row) * LOG2_E)
        factor += per_p * p - 2.0 * grad_s
        own_factor += per_p * own_p - 2.0 * grad_s
    dx = factor * scale * p
    own = (own_factor * own_p - grad_p * expm1(row_logps)) * scale
    place = tl.where(anchored, target - start, -1).to(tl.int32)
    dx = tl.where(lanes == place, own, dx)
    if SOFTCAP:
        dx *= tl.where(v > float("-inf"), 1.0 - v * v, 0.0)
    dx = tl.where(read, dx, 0.0).to(out.dtype.element_ty)
    tl.store(out + start + lanes, dx, mask=start + lanes < vocab)


def forward(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
    extras: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return (logps, lse, entropy, log_sum_sq_probs, is_top1, mean_logits); masked rows are 0.

    All of the shape of targets, in fp32, or fp64 for fp64 logits. Bits 1, 2, 4 and 8 of `extras` ask for the last four;
    what is not asked for has size 0.
    """
    dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
    wanted = (True, True, *(bool(extras & bit) for bit in (1, 2, 4, 8)))
    dtypes = (dtype, dtype, dtype, dtype, torch.bool, dtype)
    columns = [
        torch.empty(targets.shape if want else (0,), dtype=kind, device=logits.device)
        for want, kind in zip(wanted, dtypes, strict=True)
    ]
    tile = TILES[_forward_tile(softcap is not None, bool(extras & 11))]
    inner, outer, row_outer = _inner_and_outer(row_temperature, temperature, softcap, logit_scale)
    if targets.numel():
        with torch.cuda.device_of(logits):
            token_stats_forward_kernel[(targets.numel(),)](
                logits,
                targets.contiguous(),
                None if mask is None else mask.contiguous(),
                row_outer,
                *(column if want else None for want, column in zip(wanted, columns, strict=True)),
                inner,
                outer,
                logits.shape[-1],
                *rows_of(logits),
                SOFTCAP=softcap is not None,
                ALIGNED=aligned(logits),
                LANES=tile.lanes(logits.element_size()),
                LOADS=tile.loads,
                num_warps=tile.warps,
                **OPTIONS,
            )
    return tuple(columns)  # type: ignore[return-value]


def _forward_tile(softcap: bool, moments: bool) -> str:
    return f"token_stats_forward{'_moments' if moments else ''}{'_softcap' if softcap else ''}"


def backward(
    grad_logps: Tensor | None,
    grad_lse: Tensor | None,
    grad_entropy: Tensor | None,
    grad_log_sum_sq_probs: Tensor | None,
    logits: Tensor,
    targets: Tensor,
    logps: Tensor,
    lse: Tensor,
    entropy: Tensor,
    log_sum_sq_probs: Tensor,
    mask: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
    *,
    out: Tensor,
) -> Tensor:
    """Write the gradient of the logits into `out`, which may be the logits themselves, and return it."""
    tile = TILES["token_stats_backward"]
    block = tile.lanes(logits.element_size()) * tile.loads
    inner, outer, row_outer = _inner_and_outer(row_temperature, temperature, softcap, logit_scale)
    inplace = out.data_ptr() == logits.data_ptr()
    if targets.numel():
        grads = grad_logps, grad_lse, grad_entropy, grad_log_sum_sq_probs
        with torch.cuda.device_of(logits):
            token_stats_backward_kernel[(targets.numel(), triton.cdiv(logits.shape[-1], block))](
                *(None if grad is None else grad.contiguous() for grad in grads),
                logits,
                _own_logits(logits, targets) if inplace else None,
                targets.contiguous(),
                logps.contiguous(),
                lse.contiguous(),
                None if grad_entropy is None else entropy.contiguous(),
                None if grad_log_sum_sq_probs is None else log_sum_sq_probs.contiguous(),
                None if mask is None else mask.contiguous(),
                row_outer,
                out,
                inner,
                outer,
                logits.shape[-1],
                *rows_of(logits),
                *rows_of(out)[2:],
                SOFTCAP=softcap is not None,
                ALIGNED=aligned(logits, out),
                BLOCK=block,
                num_warps=tile.warps,
                **OPTIONS,
            )
    return out


def _own_logits(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the logit of each target; of one outside 0..V any, since the kernel does not read it."""
    return logits.gather(-1, targets.clamp(0, logits.shape[-1] - 1).unsqueeze(-1)).squeeze(-1).contiguous()


def _inner_and_outer(
    row_temperature: Tensor | None, temperature: float, softcap: float | None, logit_scale: float
) -> tuple[float, float, Tensor | None]:
    """Return inner, outer and the outer of each row (see the head of the file), divided here, once and in fp64."""
    bound = 1.0 if softcap is None else softcap
    row_outer = None if row_temperature is None else (bound / row_temperature.double()).contiguous()
    return logit_scale / bound, bound / temperature, row_outer
