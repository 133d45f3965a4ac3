"""Work on a tile of logits x [K, strip] that a GEMM has left in fp32 (fp64): statistics of the rows, gradient of x.

    v_j = inner x_j, or tanh(inner x_j);  z_j = outer v_j

forward, a program for each row:                  backward, a program for each row and block of the strip:
    for block in strip, the target left out:          for each j of the block:
        best = max(best, max(z))                          p = exp(z_j - top) / total
        anchor = max(z) where that is FAR above it        log p = z_j - top - log(total)
        e_j = exp(z_j - anchor)                           dz = linear p - g_H p (log p + H)
        sums += sum(e), sum(e (z - best)), sum(e^2)           + 2 g_S p^2 / exp(S), at the target `own`
        out_j = e_j, and times 1 - v_j^2                  dx_j = dz factor, and times 1 - v_j^2 under a softcap

H and S are entropy and log_sum_sq_probs, g_H and g_S what comes back to them, linear = g_lse - g_logps - 2 g_S.

Departures from it:
1. The sums of a row arrive from the strips before and leave to the next: one program owns the row, strips follow one
   another, so nothing is merged between programs. When anchor or best moves, the sums are expressed in the new one.
2. A maximum of -inf counts as 0 where it is subtracted: (-inf) - (-inf) would be NaN. NaN logits still give NaN.
3. Between blocks the sums are fp64; within a block they are added in the precision of the tile.
4. A gap below -1e4 counts as -1e4 where it is multiplied: its exponential is 0, and 0 (-inf) would be NaN.
5. `out` has the first rows only (those that have a place in the stash), in the precision of the next GEMM.
6. inner, outer and factor arrive in fp64 and are rounded once.

There is no dot here: the products belong to cuBLAS. Offsets of rows are int64. Nothing is added atomically, and the
order of the sums depends on V, the width of the strips and the dtype alone.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefcore.triton_kernels._common import LOG2_E, OPTIONS, TILES, tanh

NOTHING: tl.constexpr = tl.constexpr(-1e4)


@triton.jit
def _to_z(x, inner, outer, SOFTCAP: tl.constexpr):
    """Return v and z; masked vocabulary stays out."""
    v = x * inner
    if SOFTCAP:
        v = tanh(v)
    z = v * outer
    if SOFTCAP:
        z = tl.where(x == float("-inf"), float("-inf"), z)
    return v, z


@triton.jit
def _finite(x):
    """Return a maximum as it is subtracted."""
    return tl.where(x == float("-inf"), 0.0, x)


@triton.jit
def _outer(row, outer, row_outer, dtype: tl.constexpr):
    outer = tl.full([], outer, tl.float64)  # a plain float when interpreted
    if row_outer is not None:
        outer = tl.load(row_outer + row)
    return outer.to(dtype)


@triton.jit
def linear_token_stats_forward_kernel(  # noqa: PLR0912, PLR0915 (one pass over the tile)
    x,
    place,
    row_outer,
    anchor_of,
    best_of,
    best_at_of,
    own_of,
    e_of,
    e_gap_of,
    e_squared_of,
    z_of,
    out,
    inner: tl.float64,
    outer: tl.float64,
    far: tl.float64,
    width,
    first,
    first_token,
    out_rows,
    out_stride,
    SOFTCAP: tl.constexpr,
    ENTROPY: tl.constexpr,
    SQUARES: tl.constexpr,
    TOP1: tl.constexpr,
    MEAN: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """See the head of the file."""
    dtype: tl.constexpr = x.dtype.element_ty
    row = tl.program_id(0)
    inner = tl.full([], inner, tl.float64).to(dtype)
    outer = _outer(row, outer, row_outer, dtype)
    far = tl.full([], far, tl.float64).to(dtype)
    x += row.to(tl.int64) * width
    target = tl.load(place + row) - first
    inside = (target >= 0) & (target < width)
    _, own = _to_z(tl.load(x + target, mask=inside, other=0.0), inner, outer, SOFTCAP)
    if TOP1:
        tl.store(own_of + row, own, mask=inside)
        best_at = tl.load(best_at_of + row)
    anchor, best = tl.load(anchor_of + row), tl.load(best_of + row)
    s, squares = tl.load(e_of + row), tl.load(e_squared_of + row)
    gap, sum_z = tl.load(e_gap_of + row), tl.load(z_of + row)

    lanes = tl.arange(0, BLOCK)
    for start in range(0, width, BLOCK):
        at = start + lanes
        read = at < width
        v, z = _to_z(tl.load(x + at, mask=read, other=float("-inf")), inner, outer, SOFTCAP)
        if MEAN:
            sum_z += tl.sum(tl.where(read, z, 0.0), 0).to(tl.float64)
        z = tl.where(at == target, float("-inf"), z)
        top = tl.max(z, 0)
        if TOP1:
            found = tl.min(tl.where(z == top, at, width), 0)
            best_at = tl.where(top > best, (found + first_token).to(tl.int64), best_at)
        new_best = tl.maximum(best, top)
        if ENTROPY:
            gap += s * (_finite(best).to(tl.float64) - _finite(new_best).to(tl.float64))
        best = new_best
        lift = top - anchor > far
        moved = tl.where(lift & (anchor > float("-inf")), anchor - top, 0.0)
        scale = tl.exp2(moved * LOG2_E).to(tl.float64)
        anchor = tl.where(lift, top, anchor)
        e = tl.exp2((z - _finite(anchor)) * LOG2_E)
        s = s * scale + tl.sum(e, 0).to(tl.float64)
        if ENTROPY:
            gap = gap * scale + tl.sum(e * tl.maximum(z - _finite(best), NOTHING), 0).to(tl.float64)
        if SQUARES:
            squares = squares * scale * scale + tl.sum(e * e, 0).to(tl.float64)
        if out is not None:
            if SOFTCAP:
                e = tl.where(z > float("-inf"), e * (1.0 - v * v), 0.0)
            kept = at < tl.where(row < out_rows, width, 0)
            tl.store(out + row.to(tl.int64) * out_stride + at, e.to(out.dtype.element_ty), mask=kept)

    tl.store(anchor_of + row, anchor)
    tl.store(best_of + row, best)
    tl.store(e_of + row, s)
    if ENTROPY:
        tl.store(e_gap_of + row, gap)
    if SQUARES:
        tl.store(e_squared_of + row, squares)
    if TOP1:
        tl.store(best_at_of + row, best_at)
    if MEAN:
        tl.store(z_of + row, sum_z)


@triton.jit
def linear_token_stats_backward_kernel(
    x,
    place,
    row_outer,
    top,
    total,
    linear,
    own,
    grad_entropy,
    entropy,
    grad_squares,
    log_squares,
    out,
    inner: tl.float64,
    outer: tl.float64,
    width,
    first,
    out_stride,
    SOFTCAP: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """See the head of the file."""
    dtype: tl.constexpr = x.dtype.element_ty
    row = tl.program_id(0)
    inner = tl.full([], inner, tl.float64).to(dtype)
    outer = _outer(row, outer, row_outer, dtype)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    read = at < width
    v, z = _to_z(tl.load(x + row.to(tl.int64) * width + at, mask=read, other=float("-inf")), inner, outer, SOFTCAP)
    gap = z - _finite(tl.load(top + row))
    sum_e = tl.load(total + row)
    p = tl.exp2(gap * LOG2_E) * (1.0 / sum_e)
    weight = tl.load(linear + row)
    if grad_entropy is not None:
        h = tl.load(entropy + row) - tl.log(sum_e)
        weight = weight - tl.load(grad_entropy + row) * (tl.maximum(gap, NOTHING) + h)
    if grad_squares is not None:
        weight += 2.0 * tl.load(grad_squares + row) * tl.exp2(-tl.load(log_squares + row) * LOG2_E) * p
    dz = p * weight
    dz = tl.where(at == tl.load(place + row) - first, tl.load(own + row), dz) * (inner * outer)
    if SOFTCAP:
        dz = tl.where(z > float("-inf"), dz * (1.0 - v * v), 0.0)
    tl.store(out + row.to(tl.int64) * out_stride + at, dz.to(out.dtype.element_ty), mask=read)


def forward(
    x: Tensor,
    place: Tensor,
    row_outer: Tensor | None,
    inner: float,
    outer: float,
    softcap: bool,
    sums: tuple[Tensor, ...],
    far: float,
    out: Tensor | None,
    *,
    first: int,
    shard_start: int,
    entropy: bool,
    squares: bool,
    top1: bool,
    mean: bool,
) -> None:
    """Add a strip to (anchor, best, best_at, own, e, e_gap, e_squared, z), and write exponentials of the first rows.

    The strip begins with column `first` of the shard; `place` is that of the target, counted like it.
    """
    tile = TILES["linear_token_stats_forward"]
    rows, width = x.shape
    if rows and width:
        with torch.cuda.device_of(x):
            linear_token_stats_forward_kernel[(rows,)](
                x,
                place,
                row_outer,
                *sums,
                out,
                inner,
                outer,
                far,
                width,
                first,
                first + shard_start,
                0 if out is None else out.shape[0],
                0 if out is None else out.stride(0),
                SOFTCAP=softcap,
                ENTROPY=entropy,
                SQUARES=squares,
                TOP1=top1,
                MEAN=mean,
                BLOCK=tile.lanes(x.element_size()) * tile.loads,
                num_warps=tile.warps,
                **OPTIONS,
            )


def backward(
    x: Tensor,
    place: Tensor,
    row_outer: Tensor | None,
    inner: float,
    outer: float,
    softcap: bool,
    top: Tensor,
    total: Tensor,
    linear: Tensor,
    own: Tensor,
    entropy: tuple[Tensor, Tensor] | None,
    squares: tuple[Tensor, Tensor] | None,
    *,
    first: int,
    out: Tensor,
) -> None:
    """Write dL/dx of a tile to `out`, which may be x; entropy and squares: (what comes back to it, the statistic)."""
    tile = TILES["linear_token_stats_backward"]
    block = tile.lanes(x.element_size()) * tile.loads
    rows, width = x.shape
    if rows and width:
        with torch.cuda.device_of(x):
            linear_token_stats_backward_kernel[(rows, triton.cdiv(width, block))](
                x,
                place,
                row_outer,
                top,
                total,
                linear,
                own,
                *(entropy or (None, None)),
                *(squares or (None, None)),
                out,
                inner,
                outer,
                width,
                first,
                out.stride(0),
                SOFTCAP=softcap,
                BLOCK=block,
                num_warps=tile.warps,
                **OPTIONS,
            )
