"""Token-weighted sums of log-probs over sequences, from logits.

sums_s = sum_t weights_t mask_t logps_t,  counts_s = sum_t mask_t,  logps as in `token_stats`

The body runs the kernels of `token_stats` and `sequence_sums` on every device; what the op adds is that a row of weight
0 is neither read forward nor written other than with zeros backward, and that nothing between the two is seen by
autograd: logits, targets and two numbers a row are kept for the backward.
Memory, [8192, 128256] bf16, 2.1 GB: torch's float + log_softmax + gather + mul + sum writes two tensors of 4.2 GB and
keeps one of them for the backward; the op reads the logits once, and keeps 66 kB beside its inputs.
"""

from typing import Any

import torch
from torch import Tensor

from prefcore.ops import sequence_sums, token_stats

Sums = tuple[Tensor, Tensor, Tensor, Tensor]


def reference(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor,
    mask: Tensor | None,
    offsets: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
) -> Sums:
    """Return (sums, counts, logps, lse): the definition in plain torch; the last two are for the backward only."""
    read = _read(weights, mask)
    transform = row_temperature, temperature, softcap, logit_scale
    logps, lse, *_ = token_stats.reference(logits, targets, read, *transform, extras=0, inplace_backward=False)
    return *sequence_sums.reference(logps, mask, offsets, weights), logps.detach(), lse.detach()


def _read(weights: Tensor, mask: Tensor | None) -> Tensor:
    """Rows whose logits have a say."""
    read = weights != 0
    return (read if mask is None else read & mask).contiguous()


def sums_and_stats(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor,
    mask: Tensor | None,
    offsets: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
    allow_empty: bool,
) -> Sums:
    """Return (sums, counts, logps, lse) by the kernels of the device; an empty sequence raises unless `allow_empty`."""
    transform = row_temperature, temperature, softcap, logit_scale
    read = _read(weights, mask)
    logps, lse, *_ = token_stats.token_stats(logits, targets, read, *transform, extras=0, inplace_backward=False)
    sums, counts = sequence_sums.sequence_sums(logps, mask, offsets, weights, allow_empty)
    return sums, counts, logps, lse


weighted_sequence_logps = torch.library.custom_op("prefcore::weighted_sequence_logps", sums_and_stats, mutates_args=())


@weighted_sequence_logps.register_fake
def _forward_fake(
    logits: Tensor, targets: Tensor, weights: Tensor, _mask: Any, offsets: Tensor | None, *_: Any
) -> Sums:
    sequences = targets.shape[0] if offsets is None else offsets.shape[0] - 1
    sums, counts = weights.new_empty(sequences), targets.new_empty(sequences)
    return sums, counts, weights.new_empty(targets.shape), weights.new_empty(targets.shape)


def gradients(
    grad_sums: Tensor,
    logits: Tensor,
    targets: Tensor,
    weights: Tensor,
    mask: Tensor | None,
    offsets: Tensor | None,
    row_temperature: Tensor | None,
    logps: Tensor,
    lse: Tensor,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
) -> tuple[Tensor, Tensor]:
    """Return the gradients of logits and weights: those of the sums, and the first through that of the log-probs."""
    grad_logps, grad_weights = sequence_sums.sequence_sums_backward(grad_sums, logps, mask, offsets, weights)
    none = logps.new_empty(0)
    rows = logits, targets, logps, lse, none, none, _read(weights, mask), row_temperature
    transform = temperature, softcap, logit_scale
    grad = token_stats.token_stats_backward(grad_logps, None, None, None, *rows, *transform)
    return grad, grad_weights


weighted_sequence_logps_backward = torch.library.custom_op(
    "prefcore::weighted_sequence_logps_backward", gradients, mutates_args=()
)


@weighted_sequence_logps_backward.register_fake
def _backward_fake(
    _grad_sums: Tensor, logits: Tensor, _targets: Any, weights: Tensor, *_: Any
) -> tuple[Tensor, Tensor]:
    return logits.new_empty(logits.shape), weights.new_empty(weights.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Sums) -> None:
    *tensors, temperature, softcap, logit_scale, _allow_empty = inputs
    ctx.transform = temperature, softcap, logit_scale
    ctx.mark_non_differentiable(*output[1:])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*tensors, *output[2:])


def _backward(ctx: Any, grad_sums: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    if grad_sums is None:
        return (None,) * 10
    if not ctx.needs_input_grad[0]:  # logits of a reference under learned weights: nothing of their size is computed
        _logits, _targets, weights, mask, offsets, _row_temperature, logps, _lse = ctx.saved_tensors
        _, grad_weights = sequence_sums.sequence_sums_backward(grad_sums, logps, mask, offsets, weights)
        return None, None, grad_weights, *[None] * 7
    grad_logits, grad_weights = weighted_sequence_logps_backward(grad_sums, *ctx.saved_tensors, *ctx.transform)
    return grad_logits, None, grad_weights, *[None] * 7


weighted_sequence_logps.register_autograd(_backward, setup_context=_save)
