"""Weighted sums over the counted tokens of sequences, padded [B, T] or packed [N] with offsets; forward and gradient.

forward, a program for each sequence:             backward, the same:
    for each token t of the sequence:                 for each token t of the sequence:
        sum += weights_t mask_t x_t                       grad_x_t = grad_sum mask_t weights_t
        count += mask_t                                   grad_weights_t = grad_sum mask_t x_t

Departures from it:
1. Two levels of sums, both in a fixed order: lane l adds up, in fp64, the tokens whose distance from the first counted
   token of the sequence is l modulo LANES; then the lanes are added up as a tree. So neither padding on either side nor
   packing nor the place in the batch changes a bit, and LANES is a constant, never chosen by a size.
2. A first loop over the mask, one byte a token, finds the first counted token and the count.
3. Where the mask is False, neither values nor weights are read; backward writes zeros there.

Offsets of tokens are int64. The offsets of sequences are trusted to begin with 0, to end with N and never to decrease:
then every token belongs to one sequence, and backward writes every lane. Nothing is added atomically.
"""
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from prefcore.triton_kernels._common import OPTIONS, TILES


@triton.jit
def _bounds(offsets, width):
    """First token of this program's sequence, and the one after its last."""
    sequence = tl.program_id(0).to(tl.int64)
    if offsets is None:
        begin = sequence * width
        end = begin + width
    else:
        begin = tl.load(offsets + sequence)
        end = tl.load(offsets + sequence + 1)
    return begin, end


@triton.jit
def sequence_sums_forward_kernel(values, mask, offsets, weights, sums, counts, width, LANES: tl.constexpr):
    """See the head of the file."""
    begin, end = _bounds(offsets, width)
    lanes = tl.arange(0, LANES)
    count = end - begin
    if mask is not None:
        first = tl.zeros([LANES], tl.int64) + end
        counted = tl.zeros([LANES], tl.int64)
        for start in range(begin, end, LANES):
            at = start + lanes
            kept = tl.load(mask + at, mask=at < end, other=0).to(tl.int1)
            first = tl.minimum(first, tl.where(kept, at, end))
            counted += kept.to(tl.int64)
        begin, count = tl.min(first, 0), tl.sum(counted, 0)

    total = tl.zeros([LANES], tl.float64)
    for start in range(begin, end, LANES):
        at = start + lanes
        read = at < end
        if mask is not None:
            read &= tl.load(mask + at, mask=read, other=0).to(tl.int1)
        x = tl.load(values + at, mask=read, other=0.0)
        if weights is not None:
            x *= tl.load(weights + at, mask=read, other=0.0)
        total += x.to(tl.float64)
    tl.store(sums + tl.program_id(0), tl.sum(total, 0).to(sums.dtype.element_ty))
    tl.store(counts + tl.program_id(0), count)


@triton.jit
def sequence_sums_backward_kernel(
    grad_sums, values, mask, offsets, weights, grad_values, grad_weights, width, LANES: tl.constexpr
):
    """See the head of the file."""
    begin, end = _bounds(offsets, width)
    grad = tl.load(grad_sums + tl.program_id(0))
    lanes = tl.arange(0, LANES)
    for start in range(begin, end, LANES):
        at = start + lanes
        inside = at < end
        read = inside
        if mask is not None:
            read &= tl.load(mask + at, mask=inside, other=0).to(tl.int1)
        if weights is None:
            tl.store(grad_values + at, tl.where(read, grad, 0.0), mask=inside)
        else:
            weight = tl.load(weights + at, mask=read, other=0.0)
            x = tl.load(values + at, mask=read, other=0.0)
            tl.store(grad_values + at, tl.where(read, grad * weight, 0.0), mask=inside)
            tl.store(grad_weights + at, tl.where(read, grad * x, 0.0), mask=inside)


def forward(
    values: Tensor, mask: Tensor | None, offsets: Tensor | None, weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return (sums, counts): `[B]` from `[B, T]`, `[G]` from `[N]` and offsets; sums in fp32 or fp64 as the values."""
    sequences = len(values) if offsets is None else len(offsets) - 1
    sums = torch.empty(sequences, dtype=values.dtype, device=values.device)
    counts = torch.empty(sequences, dtype=torch.int64, device=values.device)
    tile = TILES["sequence_sums_forward"]
    if sequences:
        with torch.cuda.device_of(values):
            sequence_sums_forward_kernel[(sequences,)](
                *_contiguous(values, mask, offsets, weights),
                sums,
                counts,
                values.shape[-1],
                LANES=tile.warps * 32 * tile.loads,
                num_warps=tile.warps,
                **OPTIONS,
            )
    return sums, counts


def backward(
    grad_sums: Tensor, values: Tensor, mask: Tensor | None, offsets: Tensor | None, weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the gradients of values and weights; the latter has size 0 without weights."""
    sequences = len(values) if offsets is None else len(offsets) - 1
    grad_values = torch.empty(values.shape, dtype=values.dtype, device=values.device)
    grad_weights = torch.empty(0 if weights is None else weights.shape, dtype=values.dtype, device=values.device)
    tile = TILES["sequence_sums_backward"]
    if sequences:
        with torch.cuda.device_of(values):
            sequence_sums_backward_kernel[(sequences,)](
                grad_sums.contiguous(),
                *_contiguous(values, mask, offsets, weights),
                grad_values,
                grad_weights,
                values.shape[-1],
                LANES=tile.warps * 32 * tile.loads,
                num_warps=tile.warps,
                **OPTIONS,
            )
    return grad_values, grad_weights


def _contiguous(*tensors: Tensor | None) -> list[Tensor | None]:
    return [None if tensor is None else tensor.contiguous() for tensor in tensors]
