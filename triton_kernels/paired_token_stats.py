"""Log-probs, divergences, entropy and log sum p^2 of policy and reference, from two tensors of logits [..., V].

    v_j, w_j = bounded logits of policy and reference;  z = outer v as in `token_stats.py`;  d_j = outer (w_j - v_j)

forward, a program for each row:                    backward, a program for each row and block of the vocabulary:
    for tile in both rows:                              for each j of the block:
        raise the tops m of v and n of w                    log p = outer (v_j - v_t) + logps, log q alike
        a, b = outer (v - m), outer (w - n)                 r = log p - log q
        P, Q += sum e^a, sum e^b                            dz = c1 (1[j = t] - p) + c2 (p - q)
        D += sum (e^a - e^b)                                   + c3 p (r - KL(p||q)) - c4 p (log p + H)
        G, F += sum e^b (b - a), sum e^a (b - a)               + 2 c5 p (p / sum p^2 - 1)
        E, S += sum e^a a, sum e^2a                         dx_j = dz dz_j/dx_j
    KL(q||p) = G / Q + log(P / Q),  KL(p||q) = -F / P - log(P / Q),  log(P / Q) = log(1 + D / Q)
    H = log P - E / P,  log sum p^2 = log S - 2 log P,  logps = outer (v_t - m) - log P

Departures from it:
1. All sums are kept per thread and merged once at the end of the row, so the loop has no exchange between threads. A
   thread reads 16 bytes side by side, and its sums are single numbers: nine of them for each element would not fit.
2. Raising a top is the same step as the merge (`_seen_from`): all sums so far, seen from a higher top.
3. Where |b - a| < 1/16, e^a - e^b is e^b times a series, and so is p - q: between nearly equal rows the difference of
   the exps would keep no digit. G and D then belong to the very same two distributions, and their divergence keeps its
   relative accuracy. What rounding leaves below 0 is 0.
4. Exponents are cut off at -1e30: a masked entry has e^a = 0, and 0 times that is 0, where 0 times -inf would be NaN.
5. Where one row has -inf and the other has not, the divergence is inf; two more numbers for each thread tell so.
6. A masked row has an empty loop: neither its logits nor its target are read. Backward does not read rows whose
   upstream gradients are all 0, nor the reference where c2 and c3 are 0; both write zeros for rows they do not read.
7. A target outside 0..V gives NaN for the row, a row of -inf alone NaN for all that depends on it, without a
   synchronization and without a read outside the row.
8. p comes from logps and the gap to the target, not from lse, which has lost the gap where every logit has the same
   huge offset; only where the target is masked vocabulary is it exp(z_j - lse). The target's own gradient takes 1 - p
   from expm1(logps), which does not cancel where p is near 1.
9. An infinite KL(p||q) has gradient NaN; a logit of -inf has gradient 0, also as the target.
10. `inner` and `outer` arrive in fp64 and are rounded once, to the precision of the sums.

Offsets of rows are int64; within a row int32 is enough for every vocabulary. Nothing is added atomically, and the order
of the sums depends on V, the dtype and whether rows are aligned (`_common.aligned`): same bits in every run and at
every place in the batch.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefcore.triton_kernels._common import LOG2_E, NOT_SPECIALIZED, OPTIONS, TILES, aligned, expm1, row_start, rows_of
from prefcore.triton_kernels.token_stats import _bounded, _factors, _inner_and_outer

LN_2: tl.constexpr = tl.constexpr(0.6931471805599453)
FLOOR: tl.constexpr = tl.constexpr(-1e30)
NEAR: tl.constexpr = tl.constexpr(0.0625)


@triton.jit
def _above_floor(exponent):
    return tl.where(exponent < FLOOR, FLOOR, exponent)


@triton.jit
def _expm1_near(x):
    """Return exp(x) - 1 for |x| <= 1/16: seven terms are exact to fp64."""
    series = 1.0 + x * (1.0 / 2 + x * (1.0 / 6 + x * (1.0 / 24 + x * (1.0 / 120 + x * (1.0 / 720 + x / 5040.0)))))
    return x * series


@triton.jit
def _pair(a, b):
    """Return e^a, e^b, e^a - e^b and b - a in nats, from exponents in units of ln 2."""
    gap = (b - a) * LN_2
    exp_a, exp_b = tl.exp2(a), tl.exp2(b)
    near = tl.abs(gap) < NEAR
    surplus = tl.where(near, exp_b * _expm1_near(-gap), exp_a - exp_b)
    return exp_a, exp_b, surplus, gap


@triton.jit
def _seen_from(a, b, p, q, d, g, f, e, s):
    """Return P, Q, D, G, F, E and S relative to higher tops; a and b are the old tops as seen from the new ones."""
    exp_a, exp_b, surplus, gap = _pair(a, b)
    d = exp_b * d + surplus * p
    g = exp_b * (g + gap * q)
    f = exp_a * (f + gap * p)
    e = exp_a * (e + a * p)
    return exp_a * p, exp_b * q, d, g, f, e, exp_a * exp_a * s


@triton.jit
def _finite_top(top):
    """As long as all is -inf any top will do, whereas (-inf) - (-inf) would be NaN."""
    return tl.where(top == float("-inf"), 0.0, top)


@triton.jit
def _sum(x):
    return tl.sum(tl.sum(x, 0), 0)


@triton.jit
def _max(x):
    return tl.max(tl.max(x, 0), 0)


@triton.jit
def _log1p(x):
    """Return log(1 + x), with the rounding of 1 + x made good."""
    whole = 1.0 + x
    return tl.log(whole) - ((whole - 1.0) - x) / whole


@triton.jit(do_not_specialize=NOT_SPECIALIZED)
def paired_token_stats_forward_kernel(  # noqa: PLR0915 - eight results, each of which is read and written by name
    logits,
    ref_logits,
    targets,
    mask,
    row_outer,
    logps,
    ref_logps,
    kl_ref_policy,
    kl_policy_ref,
    entropy,
    log_sum_sq_probs,
    lse,
    ref_lse,
    inner: tl.float64,
    outer: tl.float64,
    vocab,
    size_1,
    size_2,
    stride_0,
    stride_1,
    stride_2,
    ref_size_1,
    ref_size_2,
    ref_stride_0,
    ref_stride_1,
    ref_stride_2,
    SOFTCAP: tl.constexpr,
    ALIGNED: tl.constexpr,
    WIDTH: tl.constexpr,
    THREADS: tl.constexpr,
    LOADS: tl.constexpr,
):
    """See the head of the file."""
    dtype: tl.constexpr = logps.dtype.element_ty
    row = tl.program_id(0)
    keep = True if mask is None else tl.load(mask + row)
    inner, outer, outer2 = _factors(row, inner, outer, row_outer, keep, dtype)
    logits = row_start(logits, row, size_1, size_2, stride_0, stride_1, stride_2, ALIGNED)
    ref_logits = row_start(ref_logits, row, ref_size_1, ref_size_2, ref_stride_0, ref_stride_1, ref_stride_2, ALIGNED)

    # Before the loop, so that two numbers live through it instead of addresses; NaN stands for a target outside 0..V.
    target = tl.load(targets + row, mask=keep, other=0)
    readable = keep & (target >= 0) & (target < vocab)
    own = _bounded(tl.load(logits + target, mask=readable, other=float("nan")).to(dtype), inner, SOFTCAP)
    ref_own = _bounded(tl.load(ref_logits + target, mask=readable, other=float("nan")).to(dtype), inner, SOFTCAP)

    m = tl.full([THREADS], float("-inf"), dtype)
    n, alone, ref_alone = m, m, m
    p = tl.zeros([THREADS], dtype)
    q, d, g, f, e, s = p, p, p, p, p, p
    lanes = tl.arange(0, LOADS)[:, None, None] * (WIDTH * THREADS) + tl.arange(0, WIDTH)[None, :, None]
    lanes += tl.arange(0, THREADS)[None, None, :] * WIDTH
    for start in range(0, tl.where(keep, vocab, 0), LOADS * WIDTH * THREADS):
        at = start + lanes
        v = _bounded(tl.load(logits + at, mask=at < vocab, other=float("-inf")).to(dtype), inner, SOFTCAP)
        w = _bounded(tl.load(ref_logits + at, mask=at < vocab, other=float("-inf")).to(dtype), inner, SOFTCAP)
        new_m, new_n = tl.maximum(m, _max(v)), tl.maximum(n, _max(w))
        top, ref_top = _finite_top(new_m), _finite_top(new_n)
        a, b = _above_floor((m - top) * outer2), _above_floor((n - ref_top) * outer2)
        p, q, d, g, f, e, s = _seen_from(a, b, p, q, d, g, f, e, s)
        m, n = new_m, new_n

        a, b = _above_floor((v - top[None, None, :]) * outer2), _above_floor((w - ref_top[None, None, :]) * outer2)
        exp_a, exp_b, surplus, gap = _pair(a, b)
        p += _sum(exp_a)
        q += _sum(exp_b)
        d += _sum(surplus)
        g += _sum(exp_b * gap)
        f += _sum(exp_a * gap)
        e += _sum(exp_a * a)
        s += _sum(exp_a * exp_a)
        alone = tl.maximum(alone, _max(tl.where(w == float("-inf"), v, float("-inf"))))
        ref_alone = tl.maximum(ref_alone, _max(tl.where(v == float("-inf"), w, float("-inf"))))

    top, ref_top = _finite_top(tl.max(m, 0)), _finite_top(tl.max(n, 0))
    a, b = _above_floor((m - top) * outer2), _above_floor((n - ref_top) * outer2)
    p, q, d, g, f, e, s = _seen_from(a, b, p, q, d, g, f, e, s)
    p, q, d = tl.sum(p, 0), tl.sum(q, 0), tl.sum(d, 0)
    g, f, e, s = tl.sum(g, 0), tl.sum(f, 0), tl.sum(e, 0), tl.sum(s, 0)

    # NaN in a row of -inf alone, where the sum is 0, and where the target is outside.
    log_p = tl.where((p > 0.0) & (own <= float("inf")), tl.log(p), float("nan"))
    log_q = tl.where((q > 0.0) & (ref_own <= float("inf")), tl.log(q), float("nan"))
    ratio = tl.where(tl.abs(d / q) < 0.5, _log1p(d / q), log_p - log_q)
    whole = (log_p < float("inf")) & (log_q < float("inf"))  # False for NaN
    ref_policy = tl.where(tl.max(ref_alone, 0) > float("-inf"), float("inf"), tl.maximum(g / q + ratio, 0.0))
    policy_ref = tl.where(tl.max(alone, 0) > float("-inf"), float("inf"), tl.maximum(-f / p - ratio, 0.0))
    tl.store(logps + row, tl.where(keep, (own - top) * outer - log_p, 0.0))
    tl.store(ref_logps + row, tl.where(keep, (ref_own - ref_top) * outer - log_q, 0.0))
    tl.store(kl_ref_policy + row, tl.where(keep, tl.where(whole, ref_policy, float("nan")), 0.0))
    tl.store(kl_policy_ref + row, tl.where(keep, tl.where(whole, policy_ref, float("nan")), 0.0))
    tl.store(entropy + row, tl.where(keep, log_p - e * LN_2 / p, 0.0))
    tl.store(log_sum_sq_probs + row, tl.where(keep, tl.log(s) - 2.0 * log_p, 0.0))
    tl.store(lse + row, tl.where(keep, top * outer + log_p, 0.0))
    tl.store(ref_lse + row, tl.where(keep, ref_top * outer + log_q, 0.0))


@triton.jit
def _anchor(own, logps, lse):
    """Return the bounded logit to look from and its log-prob, so that log p_j = outer (v_j - base_v) + base."""
    anchored = logps > float("-inf")
    return tl.where(anchored, own, 0.0), tl.where(anchored, logps, -lse)


@triton.jit
def _apart(log_p, log_q):
    """Return p - q; a series where they are near, since their difference would keep no digit."""
    ratio = log_p - log_q
    p, q = tl.exp2(log_p * LOG2_E), tl.exp2(log_q * LOG2_E)
    return tl.where(tl.abs(ratio) < NEAR, q * _expm1_near(ratio), p - q)


@triton.jit(do_not_specialize=NOT_SPECIALIZED)
def paired_token_stats_backward_kernel(
    grad_logps,
    grad_kl_ref_policy,
    grad_kl_policy_ref,
    grad_entropy,
    grad_log_sum_sq_probs,
    logits,
    ref_logits,
    targets,
    logps,
    ref_logps,
    kl_policy_ref,
    entropy,
    log_sum_sq_probs,
    lse,
    ref_lse,
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
    ref_size_1,
    ref_size_2,
    ref_stride_0,
    ref_stride_1,
    ref_stride_2,
    SOFTCAP: tl.constexpr,
    ALIGNED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """See the head of the file."""
    dtype: tl.constexpr = lse.dtype.element_ty
    row = tl.program_id(0)
    c1 = tl.load(grad_logps + row)
    c2 = tl.load(grad_kl_ref_policy + row)
    c3 = tl.load(grad_kl_policy_ref + row)
    c4 = tl.load(grad_entropy + row)
    c5 = tl.load(grad_log_sum_sq_probs + row)
    needs_ref = (c2 != 0.0) | (c3 != 0.0)
    keep = (c1 != 0.0) | needs_ref | (c4 != 0.0) | (c5 != 0.0)
    if mask is not None:
        keep &= tl.load(mask + row)
    inner, outer, _ = _factors(row, inner, outer, row_outer, keep, dtype)
    logits = row_start(logits, row, size_1, size_2, stride_0, stride_1, stride_2, ALIGNED)
    ref_logits = row_start(ref_logits, row, ref_size_1, ref_size_2, ref_stride_0, ref_stride_1, ref_stride_2, ALIGNED)

    target = tl.load(targets + row, mask=keep, other=0)
    inside = keep & (target >= 0) & (target < vocab)
    own_v = _bounded(tl.load(logits + target, mask=inside, other=float("-inf")).to(dtype), inner, SOFTCAP)
    own_w = tl.load(ref_logits + target, mask=inside & needs_ref, other=0.0).to(dtype)
    row_p, row_q = tl.load(logps + row), tl.load(ref_logps + row)
    base_v, base_p = _anchor(own_v, row_p, tl.load(lse + row))
    base_w, base_q = _anchor(_bounded(own_w, inner, SOFTCAP), row_q, tl.load(ref_lse + row))
    kl, h, squares = tl.load(kl_policy_ref + row), tl.load(entropy + row), tl.load(log_sum_sq_probs + row)
    kl = tl.where(c3 == 0.0, 0.0, tl.where(kl == float("inf"), float("nan"), kl))
    h = tl.where(c4 == 0.0, 0.0, h)
    squares = tl.where(c5 == 0.0, 0.0, squares)

    start = tl.program_id(1) * BLOCK
    lanes = tl.arange(0, BLOCK)
    read = start + lanes < tl.where(keep, vocab, 0)
    v = _bounded(tl.load(logits + start + lanes, mask=read, other=0.0).to(dtype), inner, SOFTCAP)
    read_ref = start + lanes < tl.where(keep & needs_ref, vocab, 0)
    w = _bounded(tl.load(ref_logits + start + lanes, mask=read_ref, other=0.0).to(dtype), inner, SOFTCAP)
    log_p = _above_floor(tl.fma(v - base_v, outer, base_p))
    log_q = _above_floor(tl.fma(w - base_w, outer, base_q))
    p = tl.exp2(log_p * LOG2_E)
    factor = 2.0 * c5 * tl.exp2(-squares * LOG2_E) * p - c1 - c4 * (log_p + h) - 2.0 * c5
    factor += c3 * ((log_p - log_q) - kl)
    dz = tl.where(p == 0.0, 0.0, p * factor) + c2 * _apart(log_p, log_q)

    row_p, row_q = _above_floor(row_p), _above_floor(row_q)
    rise = row_p - squares
    excess = tl.where(rise > 0.0, tl.exp2(rise * LOG2_E) - 1.0, expm1(tl.minimum(rise, 0.0)))
    own = c3 * ((row_p - row_q) - kl) - c4 * (row_p + h) + 2.0 * c5 * excess
    own = own * tl.exp2(row_p * LOG2_E) - c1 * expm1(row_p) + c2 * _apart(row_p, row_q)
    dz = tl.where(lanes == (target - start).to(tl.int32), own, dz)
    dx = dz * (inner * outer)
    if SOFTCAP:
        dx *= 1.0 - v * v
    dx = tl.where(read & (v != float("-inf")), dx, 0.0).to(grad_logits.dtype.element_ty)
    tl.store(grad_logits + row.to(tl.int64) * vocab + start + lanes, dx, mask=start + lanes < vocab)


def forward(
    logits: Tensor,
    ref_logits: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return logps, ref_logps, kl_ref_policy, kl_policy_ref, entropy, log_sum_sq_probs, lse and ref_lse.

    All in fp32, or fp64 for fp64 logits, of the shape of targets; masked rows are 0.
    """
    dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
    stats = tuple(torch.empty(targets.shape, dtype=dtype, device=logits.device) for _ in range(8))
    tile = TILES["paired_token_stats_forward" if softcap is None else "paired_token_stats_forward_softcap"]
    inner, outer, row_outer = _inner_and_outer(row_temperature, temperature, softcap, logit_scale)
    if targets.numel():
        with torch.cuda.device_of(logits):
            paired_token_stats_forward_kernel[(targets.numel(),)](
                logits,
                ref_logits,
                targets.contiguous(),
                None if mask is None else mask.contiguous(),
                row_outer,
                *stats,
                inner,
                outer,
                logits.shape[-1],
                *rows_of(logits),
                *rows_of(ref_logits),
                SOFTCAP=softcap is not None,
                ALIGNED=aligned(logits, ref_logits),
                WIDTH=16 // logits.element_size(),
                THREADS=tile.warps * 32,
                LOADS=tile.loads,
                num_warps=tile.warps,
                **OPTIONS,
            )
    return stats  # type: ignore[return-value]


def backward(
    grad_logps: Tensor,
    grad_kl_ref_policy: Tensor,
    grad_kl_policy_ref: Tensor,
    grad_entropy: Tensor,
    grad_log_sum_sq_probs: Tensor,
    logits: Tensor,
    ref_logits: Tensor,
    targets: Tensor,
    logps: Tensor,
    ref_logps: Tensor,
    kl_policy_ref: Tensor,
    entropy: Tensor,
    log_sum_sq_probs: Tensor,
    lse: Tensor,
    ref_lse: Tensor,
    mask: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
) -> Tensor:
    """Return the gradient of the logits, contiguous and in their dtype."""
    upstream = grad_logps, grad_kl_ref_policy, grad_kl_policy_ref, grad_entropy, grad_log_sum_sq_probs
    saved = targets, logps, ref_logps, kl_policy_ref, entropy, log_sum_sq_probs, lse, ref_lse
    grad_logits = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
    tile = TILES["paired_token_stats_backward"]
    block = tile.lanes(logits.element_size()) * tile.loads
    inner, outer, row_outer = _inner_and_outer(row_temperature, temperature, softcap, logit_scale)
    if targets.numel():
        with torch.cuda.device_of(logits):
            paired_token_stats_backward_kernel[(targets.numel(), triton.cdiv(logits.shape[-1], block))](
                *(column.contiguous() for column in upstream),
                logits,
                ref_logits,
                *(column.contiguous() for column in saved),
                None if mask is None else mask.contiguous(),
                row_outer,
                grad_logits,
                inner,
                outer,
                logits.shape[-1],
                *rows_of(logits),
                *rows_of(ref_logits),
                SOFTCAP=softcap is not None,
                ALIGNED=aligned(logits, ref_logits),
                BLOCK=block,
                num_warps=tile.warps,
                **OPTIONS,
            )
    return grad_logits
