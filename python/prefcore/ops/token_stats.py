"""Log-prob of each target and log-sum-exp of each row, from logits.

z = softcap tanh(logit_scale x / softcap) / temperature;  lse = log sum_v exp(z_v);  logps = z_target - lse

An entry of -inf is masked vocabulary and stays -inf under the softcap.
Source: `selective_log_softmax` of TRL (trl/trainer/utils.py); order of the transforms as in TRL 1.16.
Memory: forward reads the logits once and allocates `[...]` only, backward allocates the gradient; torch's
`log_softmax` + `gather` allocates the size of the logits in forward and three times that in backward.
Accuracy: log-probs of f32 logits within 3e-6 of float64 before they are rounded to f32; f16 and bf16 logits are upcast
as they are read, never rounded again.
"""

from typing import Any

import torch
from torch import Tensor

Stats = tuple[Tensor, Tensor]


def reference(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
) -> Stats:
    """Return (logps, lse): the definition in plain torch, with a full log-softmax in memory."""
    if mask is not None:
        logits, targets = logits.masked_fill(~mask.unsqueeze(-1), 0.0), targets.masked_fill(~mask, 0)
    z, _ = _transform(logits, row_temperature, temperature, softcap, logit_scale)
    lse = z.logsumexp(-1)
    logps = z.log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    if mask is not None:
        logps, lse = logps.masked_fill(~mask, 0.0), lse.masked_fill(~mask, 0.0)
    return logps, lse


def _transform(
    x: Tensor, row_temperature: Tensor | None, temperature: float, softcap: float | None, logit_scale: float
) -> Stats:
    """Return z and dz/dx; masked vocabulary stays out, with slope 0."""
    x, out = x if x.dtype == torch.float64 else x.float(), x == -torch.inf
    t = temperature if row_temperature is None else row_temperature.to(x.dtype).unsqueeze(-1)
    if softcap is None:
        z, slope = x * logit_scale, torch.full_like(x, logit_scale)
    else:
        capped = torch.tanh(x * logit_scale / softcap)
        z, slope = softcap * capped, logit_scale * (1 - capped.square())
    return z.masked_fill(out, -torch.inf) / t, slope.masked_fill(out, 0.0) / t


# The body serves every device without a kernel of its own.
token_stats = torch.library.custom_op("prefcore::token_stats", reference, mutates_args=())


@token_stats.register_kernel("cpu")
def _forward_cpu(logits: Tensor, targets: Tensor, mask: Any, row_temperature: Any, *transform: Any) -> Stats:
    import prefcore._rust as core

    rows = _array(_unit_stride(logits)), _array(targets), _array(mask), _array(row_temperature)
    logps, lse = core.token_stats_forward(*rows, *transform)
    return torch.from_numpy(logps), torch.from_numpy(lse)


@token_stats.register_kernel("cuda")
def _forward_cuda(logits: Tensor, *rest: Any) -> Stats:
    from prefcore.triton_kernels import token_stats as kernels

    return kernels.forward(_at_most_4d(_unit_stride(logits)), *rest)


@token_stats.register_fake
def _forward_fake(logits: Tensor, targets: Tensor, *_: Any) -> Stats:
    dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
    return targets.new_empty(targets.shape, dtype=dtype), targets.new_empty(targets.shape, dtype=dtype)


def backward_reference(
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
    """Return the gradient of the logits, p = softmax(z): grad_logps (1[v = target] - p) + grad_lse p, times dz/dx."""
    skip = (grad_logps == 0) & (grad_lse == 0)
    skip = skip if mask is None else skip | ~mask
    logits, targets = logits.masked_fill(skip.unsqueeze(-1), 0.0), targets.masked_fill(skip, 0).unsqueeze(-1)
    z, slope = _transform(logits, row_temperature, temperature, softcap, logit_scale)
    grad_logps, grad_lse, logps = grad_logps.unsqueeze(-1), grad_lse.unsqueeze(-1), logps.unsqueeze(-1)
    # From the gap to the target: lse has lost it where every logit has the same huge offset.
    log_p = torch.where(logps > -torch.inf, z - z.gather(-1, targets) + logps, z - lse.unsqueeze(-1))
    grad = (grad_lse - grad_logps) * log_p.exp()
    own = log_p.gather(-1, targets)  # 1 - p of the target through expm1: no cancellation where p is near 1
    own = grad_lse * own.exp() - grad_logps * own.expm1()
    grad = grad.scatter(-1, targets, own) * slope
    return grad.masked_fill(skip.unsqueeze(-1), 0.0).to(logits.dtype)


token_stats_backward = torch.library.custom_op("prefcore::token_stats_backward", backward_reference, mutates_args=())


@token_stats_backward.register_kernel("cpu")
def _backward_cpu(
    grad_logps: Tensor, grad_lse: Tensor, logits: Tensor, targets: Tensor, _logps: Tensor, lse: Tensor, *rest: Any
) -> Tensor:
    import prefcore._rust as core

    mask, row_temperature, temperature, softcap, logit_scale = rest
    grad = torch.empty(logits.shape, dtype=logits.dtype)
    upstream = _array(grad_logps.contiguous()), _array(grad_lse.contiguous())
    rows = _array(_unit_stride(logits)), _array(targets), _array(lse), _array(mask), _array(row_temperature)
    core.token_stats_backward(*upstream, *rows, temperature, softcap, logit_scale, _array(grad))
    return grad


@token_stats_backward.register_kernel("cuda")
def _backward_cuda(grad_logps: Tensor, grad_lse: Tensor, logits: Tensor, *rest: Any) -> Tensor:
    from prefcore.triton_kernels import token_stats as kernels

    grad: Tensor = kernels.backward(grad_logps, grad_lse, _at_most_4d(_unit_stride(logits)), *rest)
    return grad.view(logits.shape)


@token_stats_backward.register_fake
def _backward_fake(_grad_logps: Tensor, _grad_lse: Tensor, logits: Tensor, *_: Any) -> Tensor:
    return logits.new_empty(logits.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Stats) -> None:
    logits, targets, mask, row_temperature, *ctx.transform = inputs
    ctx.save_for_backward(logits, targets, *output, mask, row_temperature)


def _backward(ctx: Any, grad_logps: Tensor, grad_lse: Tensor) -> tuple[Tensor | None, ...]:
    grad = token_stats_backward(grad_logps, grad_lse, *ctx.saved_tensors, *ctx.transform)
    return grad, None, None, None, None, None, None


token_stats.register_autograd(_backward, setup_context=_save)


def _unit_stride(logits: Tensor) -> Tensor:
    """Copy only where the vocabulary itself is strided; a view such as `logits[:, :-1]` stays a view."""
    return logits if logits.stride(-1) == 1 else logits.contiguous()


def _at_most_4d(logits: Tensor) -> Tensor:
    """Merge leading axes: the kernels take three row strides."""
    return logits if logits.ndim <= 4 else logits.flatten(0, -4)


def _array(tensor: Tensor | None) -> Any:
    """Share memory with NumPy, which has no bf16: its bit pattern travels as uint16."""
    if tensor is None:
        return None
    tensor = tensor.detach()
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
