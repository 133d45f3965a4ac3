"""Weighted sums over the counted tokens of sequences, padded or packed.

sums_s = sum_t weights_t mask_t x_t,  counts_s = sum_t mask_t

An op, though it is small, because an empty sequence must raise in compiled code too.
Order: each sequence is added up in f64 and in a fixed order that begins at its first counted token (from there to its
last on the CPU, in two levels on CUDA), so neither padding nor the place in the batch nor the number of threads changes
a bit.
Traffic on CUDA, f32 with mask and weights, counted: the plain body moves 58 bytes a token forward in 10 launches, the
kernel 10 in one.
"""

from typing import Any

import torch
from torch import Tensor

from prefcore.errors import DomainError

Sums = tuple[Tensor, Tensor]


def reference(values: Tensor, mask: Tensor | None, offsets: Tensor | None, weights: Tensor | None) -> Sums:
    """Return (sums, counts): `[B]` from `[B, T]`, `[G]` from `[N]` and offsets."""
    counted = torch.ones_like(values, dtype=torch.bool) if mask is None else mask
    weighted = values if weights is None else values * weights
    if offsets is None:
        rows, width = values.shape
        offsets = torch.arange(rows + 1, device=values.device) * width
    return _add_up(weighted.where(counted, 0.0), offsets).to(values.dtype), _add_up(counted, offsets).long()


def _add_up(x: Tensor, offsets: Tensor) -> Tensor:
    return torch.segment_reduce(x.double().flatten(), "sum", offsets=offsets, axis=0, initial=0)


def checked(
    values: Tensor, mask: Tensor | None, offsets: Tensor | None, weights: Tensor | None, allow_empty: bool
) -> Sums:
    """Return (sums, counts); a sequence without a counted token raises unless `allow_empty`."""
    return _checked(reference, values, mask, offsets, weights, allow_empty)


def _checked(kernel: Any, values: Tensor, mask: Any, offsets: Tensor | None, weights: Any, allow_empty: bool) -> Sums:
    if offsets is not None:
        check_offsets(offsets, len(values))
    sums, counts = kernel(values, mask, offsets, weights)
    if not allow_empty:
        _check_counts(counts, "row" if offsets is None else "group")
    return sums, counts


# The body serves every device without a kernel of its own.
sequence_sums = torch.library.custom_op("prefcore::sequence_sums", checked, mutates_args=())


@sequence_sums.register_kernel("cuda")
def _forward_cuda(*args: Any) -> Sums:
    from prefcore.triton_kernels import sequence_sums as kernels

    return _checked(kernels.forward, *args)


@sequence_sums.register_fake
def _forward_fake(values: Tensor, mask: Any, offsets: Tensor | None, weights: Any, allow_empty: Any) -> Sums:
    sequences = values.shape[0] if offsets is None else offsets.shape[0] - 1
    return values.new_empty(sequences), values.new_empty(sequences, dtype=torch.int64)


def backward_reference(
    grad_sums: Tensor, values: Tensor, mask: Tensor | None, offsets: Tensor | None, weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the gradients of values and weights (of size 0 without weights), 0 where the mask is False."""
    if offsets is None:
        grad = grad_sums.unsqueeze(1).expand(values.shape)
    else:
        grad = grad_sums.repeat_interleave(offsets.diff(), output_size=len(values))
    if weights is None:
        return grad.clone() if mask is None else grad.where(mask, 0.0), grad.new_empty(0)
    grads = grad * weights, grad * values
    return grads if mask is None else (grads[0].where(mask, 0.0), grads[1].where(mask, 0.0))


sequence_sums_backward = torch.library.custom_op(
    "prefcore::sequence_sums_backward", backward_reference, mutates_args=()
)


@sequence_sums_backward.register_kernel("cuda")
def _backward_cuda(*args: Any) -> tuple[Tensor, Tensor]:
    from prefcore.triton_kernels import sequence_sums as kernels

    return kernels.backward(*args)


@sequence_sums_backward.register_fake
def _backward_fake(
    _grad_sums: Tensor, values: Tensor, _mask: Any, _offsets: Any, weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    return values.new_empty(values.shape), values.new_empty(0 if weights is None else weights.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Sums) -> None:
    ctx.save_for_backward(*inputs[:4])


def _backward(ctx: Any, grad_sums: Tensor, _grad_counts: Any) -> tuple[Tensor | None, ...]:
    values, mask, offsets, weights = ctx.saved_tensors
    grad_values, grad_weights = sequence_sums_backward(grad_sums, values, mask, offsets, weights)
    return grad_values, None, None, None if weights is None else grad_weights, None


sequence_sums.register_autograd(_backward, setup_context=_save)


def check_offsets(offsets: Tensor, n: int) -> None:
    """Refuse what are no boundaries of n rows."""
    offsets = offsets.cpu()  # one synchronization in place of three
    first, last = int(offsets[0]), int(offsets[-1])
    if first != 0 or last != n:
        raise DomainError(f"offsets must begin with 0 and end with {n}, the number of rows, got {first} and {last}")
    falls = (offsets.diff() < 0).nonzero()
    if len(falls):
        at = int(falls[0]) + 1
        raise DomainError(
            f"offsets[{at}] must be at least offsets[{at - 1}] = {int(offsets[at - 1])}, got {int(offsets[at])}"
        )


def _check_counts(counts: Tensor, name: str) -> None:
    empty = (counts == 0).nonzero()
    if len(empty):
        raise DomainError(
            f"{name} {int(empty[0])} has no counted token ({len(empty)} of {len(counts)} {name}s), "
            'expected at least 1; empty="zero" gives sum 0 and count 0'
        )
