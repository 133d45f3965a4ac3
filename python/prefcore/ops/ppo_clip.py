"""Clipped policy loss of each token, with a k3 penalty for leaving a reference policy.

rho = exp(logps - old_logps);  loss = weights (max(-A rho, -A clip(rho, 1 - clip_low, 1 + clip_high)) + kl_coef k3)

The forward also gives the slope, the derivative of a loss with respect to its log-prob, while its factors are at hand;
the backward is one product. Both saturate at the largest number of the dtype instead of overflowing.
Traffic on CUDA in f32 with mask, weights and reference, counted: the eager chain of 15 launches moves 145 bytes a token
forward, the op 25 in one launch; the eager backward is as long again, that of the op moves 12 bytes in one launch.
On the CPU the body is plain torch and about as fast as that chain (docs/numerics.md); there the op is for its numbers.
"""

import math
from typing import Any

import torch
from torch import Tensor

from prefcore.errors import DomainError

Pair = tuple[Tensor, Tensor]
#: terms of the series of k3 that reach the precision of the dtype for gaps up to 1/2
TERMS = {torch.float64: 13, torch.float32: 7}


def reference(
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
) -> Tensor:
    """Return the losses: the definition in plain torch, which overflows at wide gaps."""
    ratio, advantages = (logps - old_logps).exp(), per_token(advantages, logps)
    clipped = ratio.clamp(1 - clip_low, 1 + clip_high)
    ratio = ratio if dual_clip is None else ratio.clamp(max=dual_clip)
    losses = torch.maximum(-advantages * ratio, -advantages * clipped)
    if ref_logps is not None:
        gap = ref_logps - logps
        losses = losses + kl_coef * (gap.expm1() - gap)
    losses = losses if weights is None else losses * weights
    return losses if mask is None else losses.where(mask, 0.0)


def per_token(advantages: Tensor, logps: Tensor) -> Tensor:
    """Give `[B]` advantages an axis for each further one of the log-probs."""
    return advantages.reshape(advantages.shape + (1,) * (logps.ndim - advantages.ndim))


def losses_and_slopes(
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
) -> Pair:
    """Return (losses, slopes) at any gap; both 0 where the mask is False.

    Without `where`, which on a CPU costs as much as four exponentials when its condition is random.
    """
    ratio, a = _saturate((logps - old_logps).exp_()), per_token(advantages, logps)
    losses = torch.maximum(-a * ratio.clamp(max=dual_clip or math.inf), -a * ratio.clamp(1 - clip_low, 1 + clip_high))
    losses, slopes = _saturate(losses), _saturate(-a * ratio)
    slopes = slopes.addcmul_(slopes, (losses - slopes).sign_().abs_(), value=-1)  # 0 where the ratio is bounded
    if ref_logps is not None:
        penalty, penalty_slope = _k3(_gap(ref_logps, logps))
        losses, slopes = losses.add_(penalty, alpha=kl_coef), slopes.sub_(penalty_slope, alpha=kl_coef)
    if weights is not None:
        losses, slopes = _saturate(losses).mul_(weights), _saturate(slopes).mul_(weights)
    return _zero_outside(_saturate(losses), mask), _zero_outside(_saturate(slopes), mask)


def _saturate(x: Tensor) -> Tensor:
    limit = torch.finfo(x.dtype).max
    return x.clamp_(-limit, limit)


def _gap(ref_logps: Tensor, logps: Tensor) -> Tensor:
    """Return d, 0 for two log-probs of -inf."""
    gap = ref_logps - logps
    if gap.sum().isnan():  # one pass for what is nearly never so
        gap = gap.masked_fill_(ref_logps == logps, 0.0)
    return _saturate(gap)


def _k3(gap: Tensor) -> Pair:
    """Return k3 = exp(d) - 1 - d and its derivative, d = c + r with c cut to [-1/2, 1/2].

    k3(d) = k3(c) + exp(c) (exp(r) - 1) - r: a series for c, because the difference cancels near 0, and r is exactly 0
    there.
    """
    near, one = gap.clamp(-0.5, 0.5), gap.new_ones(())
    series = one
    for term in range(TERMS[gap.dtype] + 2, 2, -1):
        series = torch.addcmul(one, series, near, value=1 / term)
    near_k3 = near.square().mul_(0.5).mul_(series)
    far = gap - near
    step = far.exp().sub_(1)
    step = step.addcmul_(step, near_k3 + near)  # exp(c) = 1 + c + k3(c)
    return near_k3 + step - far, near_k3 + near + step


def _zero_outside(x: Tensor, mask: Tensor | None) -> Tensor:
    """Zero by bits, so that NaN goes too."""
    if mask is None:
        return x
    bits = torch.int64 if x.dtype == torch.float64 else torch.int32
    return x.view(bits).bitwise_and_(mask.to(bits).neg_()).view(x.dtype)


# The body serves every device without a kernel of its own.
ppo_clip = torch.library.custom_op("prefcore::ppo_clip", losses_and_slopes, mutates_args=())


@ppo_clip.register_kernel("cpu")
def _forward_cpu(
    logps: Tensor, old_logps: Tensor, advantages: Tensor, mask: Any, weights: Tensor | None, *rest: Any
) -> Pair:
    _check_finite("old_logps", old_logps, mask)
    _check_finite("advantages", per_token(advantages, logps).expand(logps.shape), mask)
    if weights is not None:
        _check_finite("weights", weights, mask)
    return losses_and_slopes(logps, old_logps, advantages, mask, weights, *rest)


@ppo_clip.register_kernel("cuda")
def _forward_cuda(*args: Any) -> Pair:
    from prefcore.triton_kernels import ppo_clip as kernels

    return kernels.forward(*args)


@ppo_clip.register_fake
def _forward_fake(logps: Tensor, *_: Any) -> Pair:
    return logps.new_empty(logps.shape), logps.new_empty(logps.shape)


def backward_reference(grad_losses: Tensor, slopes: Tensor, logps: Tensor) -> Tensor:
    """Return the gradient of the log-probs, which stand here so that a second derivative is refused, not 0."""
    return _saturate(grad_losses * slopes)


ppo_clip_backward = torch.library.custom_op("prefcore::ppo_clip_backward", backward_reference, mutates_args=())


@ppo_clip_backward.register_kernel("cuda")
def _backward_cuda(grad_losses: Tensor, slopes: Tensor, _logps: Tensor) -> Tensor:
    from prefcore.triton_kernels import ppo_clip as kernels

    return kernels.backward(grad_losses, slopes)


@ppo_clip_backward.register_fake
def _backward_fake(_grad_losses: Tensor, slopes: Tensor, _logps: Tensor) -> Tensor:
    return slopes.new_empty(slopes.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Pair) -> None:
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[1], inputs[0])


def _backward(ctx: Any, grad_losses: Tensor | None, _grad_slopes: None) -> tuple[Tensor | None, ...]:
    if grad_losses is None:
        return (None,) * 10
    return ppo_clip_backward(grad_losses, *ctx.saved_tensors), *[None] * 9


ppo_clip.register_autograd(_backward, setup_context=_save)


def _check_finite(name: str, values: Tensor, mask: Tensor | None) -> None:
    if math.isfinite(values.sum()):  # one pass for what is nearly always so
        return
    bad = ~values.isfinite()
    at = (bad if mask is None else bad & mask).nonzero()
    if len(at):
        place = at[0].tolist()
        raise DomainError(f"{name} must be finite where the mask is True, got {values[tuple(place)].item()} at {place}")
