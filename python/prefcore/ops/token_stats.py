"""Statistics of each token from logits: log-prob of the target, log-sum-exp, and four more when asked for.

z = softcap tanh(logit_scale x / softcap) / temperature;  lse = log sum_v exp(z_v);  p_v = exp(z_v - lse)
logps = z_target - lse;  entropy = -sum p log p;  log_sum_sq_probs = log sum p^2;  mean_logits = mean_v z_v
is_top1: the target is the first of the largest logits

An entry of -inf is masked vocabulary and stays -inf under the softcap.
Source: `FusedCausalLMOutput` and `selective_log_softmax` of TRL (trl/trainer/utils.py); order of the transforms as in
TRL 1.16.
Memory: forward reads the logits once and allocates `[...]` only, backward allocates the gradient, or nothing in place;
torch's `log_softmax` + `gather` allocates the size of the logits in forward and three times that in backward.
Accuracy: log-probs of f32 logits within 3e-6 of float64 before they are rounded to f32; f16 and bf16 logits are upcast
as they are read, never rounded again.
"""

from typing import Any

import torch
from torch import Tensor

Stats = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
#: bits of `extras`, in the order of the outputs after logps and lse; an output that is not asked for has size 0
EXTRAS = {"entropy": 1, "log_sum_sq_probs": 2, "is_top1": 4, "mean_logits": 8}


def reference(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    row_temperature: Tensor | None,
    temperature: float,
    softcap: float | None,
    logit_scale: float,
    extras: int,
    inplace_backward: bool,
) -> Stats:
    """Return (logps, lse, entropy, log_sum_sq_probs, is_top1, mean_logits): the definition, with a full log-softmax."""
    if mask is not None:
        logits, targets = logits.masked_fill(~mask.unsqueeze(-1), 0.0), targets.masked_fill(~mask, 0)
    z, _ = _transform(logits, row_temperature, temperature, softcap, logit_scale)
    log_p = z.log_softmax(-1)
    finite = log_p.masked_fill(log_p == -torch.inf, 0.0)
    logps = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    outputs: tuple[Tensor, ...] = (
        logps,
        z.logsumexp(-1),
        -(log_p.exp() * finite).sum(-1),
        (2 * log_p).logsumexp(-1),
        (logits.argmax(-1) == targets) & ~logps.isnan(),
        z.mean(-1).detach(),
    )
    if mask is not None:
        outputs = tuple(output.masked_fill(~mask, 0) for output in outputs)
    wanted = True, True, *(bool(extras & bit) for bit in EXTRAS.values())
    return tuple(o if w else o.new_empty(0) for o, w in zip(outputs, wanted, strict=True))  # type: ignore[return-value]


def _transform(
    x: Tensor, row_temperature: Tensor | None, temperature: float, softcap: float | None, logit_scale: float
) -> tuple[Tensor, Tensor]:
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
def _forward_cpu(logits: Tensor, targets: Tensor, mask: Any, row: Any, *rest: Any) -> Stats:
    import prefcore._rust as core

    *transform, extras, _inplace = rest
    wanted = [bool(extras & bit) for bit in EXTRAS.values()]
    rest = (_array(mask), _array(row), *transform)
    outputs = core.token_stats_forward(_array(_unit_stride(logits)), _array(targets), rest, wanted)
    return tuple(torch.from_numpy(output) for output in outputs)  # type: ignore[return-value]


@token_stats.register_kernel("cuda")
def _forward_cuda(logits: Tensor, *rest: Any) -> Stats:
    from prefcore.triton_kernels import token_stats as kernels

    return kernels.forward(_at_most_4d(_unit_stride(logits)), *rest[:-1])


@token_stats.register_fake
def _forward_fake(logits: Tensor, targets: Tensor, *rest: Any) -> Stats:
    real = torch.float64 if logits.dtype == torch.float64 else torch.float32
    extras, dtypes = rest[-2], (real, real, torch.bool, real)
    pairs = zip(EXTRAS.values(), dtypes, strict=True)
    shapes = [(targets.shape if extras & bit else (0,), dtype) for bit, dtype in pairs]
    columns = [(targets.shape, real), (targets.shape, real), *shapes]
    return tuple(targets.new_empty(shape, dtype=dtype) for shape, dtype in columns)  # type: ignore[return-value]


def backward_reference(
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
) -> Tensor:
    """Return the gradient of the logits: dz/dx times, with p = softmax(z), H = entropy, S = sum p^2,

    grad_logps (1[v = target] - p) + p (grad_lse - grad_entropy (log p + H) + 2 grad_log_sum_sq_probs (p / S - 1))
    """
    upstream = [grad_logps, grad_lse, grad_entropy, grad_log_sum_sq_probs]
    skip = ~sum(grad != 0 for grad in upstream if grad is not None).bool()  # type: ignore[union-attr]
    skip = skip if mask is None else skip | ~mask
    logits, targets = logits.masked_fill(skip.unsqueeze(-1), 0.0), targets.masked_fill(skip, 0).unsqueeze(-1)
    z, slope = _transform(logits, row_temperature, temperature, softcap, logit_scale)
    log_p = _log_probs(z, targets, logps, lse)
    p, finite = log_p.exp(), log_p.masked_fill(log_p == -torch.inf, 0.0)
    grad = torch.zeros_like(z)
    if grad_lse is not None:
        grad += grad_lse.unsqueeze(-1) * p
    if grad_entropy is not None:
        grad -= grad_entropy.unsqueeze(-1) * p * (finite + entropy.unsqueeze(-1))
    if grad_log_sum_sq_probs is not None:
        grad += grad_log_sum_sq_probs.unsqueeze(-1) * 2 * p * (finite - log_sum_sq_probs.unsqueeze(-1)).expm1()
    if grad_logps is not None:
        own = -log_p.gather(-1, targets).expm1()  # 1 - p of the target without cancellation where p is near 1
        grad += grad_logps.unsqueeze(-1) * (-p).scatter(-1, targets, own)
    return (grad * slope).masked_fill(skip.unsqueeze(-1), 0.0).to(logits.dtype)


def _log_probs(z: Tensor, at: Tensor, logps: Tensor, lse: Tensor) -> Tensor:
    """From the gap to the target: lse has lost it where every logit has the same huge offset."""
    logps = logps.unsqueeze(-1)
    return torch.where(logps > -torch.inf, z - z.gather(-1, at) + logps, z - lse.unsqueeze(-1))


token_stats_backward = torch.library.custom_op("prefcore::token_stats_backward", backward_reference, mutates_args=())


@token_stats_backward.register_kernel("cpu")
def _backward_cpu(*args: Any) -> Tensor:
    rows = _array(_unit_stride(args[4]))
    out = _empty_like(rows)
    _call_rust(args, rows, out)
    return torch.from_numpy(out).view(args[4].dtype)


def _call_rust(args: tuple[Any, ...], logits: Any, out: Any) -> None:
    import prefcore._rust as core

    *grads, _logits, targets, _logps, lse, entropy, log_sum_sq_probs, mask, row = args[:12]
    saved = lse, entropy if args[2] is not None else None, log_sum_sq_probs if args[3] is not None else None
    upstream = [_array(None if column is None else column.contiguous()) for column in (*grads, *saved)]
    core.token_stats_backward(upstream, logits, _array(targets), (_array(mask), _array(row), *args[12:]), out)


@token_stats_backward.register_kernel("cuda")
def _backward_cuda(*args: Any) -> Tensor:
    rows = _at_most_4d(_unit_stride(args[4]))
    out = torch.empty(rows.shape, dtype=rows.dtype, device=rows.device)
    return _call_triton((*args[:4], rows, *args[5:]), out).view(args[4].shape)


def _call_triton(args: tuple[Any, ...], out: Tensor) -> Tensor:
    from prefcore.triton_kernels import token_stats as kernels

    return kernels.backward(*args, out=out)


@token_stats_backward.register_fake
def _backward_fake(*args: Any) -> Tensor:
    logits: Tensor = args[4]
    return logits.new_empty(logits.shape)


@torch.library.custom_op("prefcore::token_stats_backward_", mutates_args=("logits",))
def token_stats_backward_(
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
) -> None:
    """Write the gradient of the logits over the logits."""
    grads = grad_logps, grad_lse, grad_entropy, grad_log_sum_sq_probs
    saved = targets, logps, lse, entropy, log_sum_sq_probs
    rest = mask, row_temperature, temperature, softcap, logit_scale
    if logits.stride(-1) != 1 or logits.device.type not in ("cpu", "cuda"):
        logits.copy_(token_stats_backward(*grads, logits, *saved, *rest))
    elif logits.device.type == "cpu":
        _call_rust((*grads, logits, *saved, *rest), None, _array(logits))
    else:
        rows = logits if logits.ndim <= 4 else logits.view(-1, *logits.shape[-3:])
        _call_triton((*grads, rows, *saved, *rest), rows)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Stats) -> None:
    logits, targets, mask, row_temperature, *ctx.transform, extras, ctx.inplace = inputs
    ctx.save_for_backward(logits, targets, *output[:4], mask, row_temperature)
    given = EXTRAS["entropy"] & extras, EXTRAS["log_sum_sq_probs"] & extras
    flat = [column for column, wanted in zip(output[2:4], given, strict=True) if not wanted]
    ctx.mark_non_differentiable(*flat, *output[4:])
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
    saved = ctx.saved_tensors
    if ctx.inplace:
        token_stats_backward_(*grads[:4], *saved, *ctx.transform)
        return saved[0], *[None] * 8
    return token_stats_backward(*grads[:4], *saved, *ctx.transform), *[None] * 8


token_stats.register_autograd(_backward, setup_context=_save)


def _empty_like(rows: Any) -> Any:
    """Allocate a gradient in NumPy: its large arrays lie in huge pages; small ones cost half the time in faults."""
    import numpy as np

    return np.empty(rows.shape, dtype=rows.dtype)


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
