"""Losses of single tokens."""

from torch import Tensor

from prefcore._checks import (
    boolean,
    nonnegative,
    numbers,
    same_device,
    same_shape,
    tensors,
    tensors_or_none,
    unit_interval,
    upcast,
)
from prefcore.errors import DomainError, ShapeError
from prefcore.ops import ppo_clip as op


def ppo_clip(
    logps: Tensor,
    old_logps: Tensor,
    advantages: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    ref_logps: Tensor | None = None,
    kl_coef: float = 0.0,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    dual_clip: float | None = None,
) -> Tensor:
    """Clipped policy loss of PPO, GRPO, DAPO and GSPO, with the k3 penalty of GRPO.

    loss = weights (-min(rho A, clip(rho, 1 - clip_low, 1 + clip_high) A) + kl_coef (exp(d) - 1 - d)),
    rho = exp(logps - old_logps),  d = ref_logps - logps

    Differentiable with respect to `logps` alone; everything else is data, also where it requires a gradient. At any gap
    value and gradient are finite: they saturate at the largest number of the dtype (3.4e38 in f32), and two log-probs
    of -inf count as equal in d. The penalty keeps its relative accuracy down to gaps of 0. What stands outside the mask
    does not matter, not even NaN. NaN in `logps` or `ref_logps`, NaN out, for that token.

    Args:
        logps: [B, T] log-probs of the sampled tokens under the policy, in nats; or [B], one number for each sequence
            (GSPO: `.means` of `sequence_logps`), or any other shape.
        old_logps: the same under the policy that sampled them, finite.
        advantages: of the same shape, or [B], one for each first index of `logps`. Nothing else broadcasts.
        mask: bool of the shape of `logps`, True = counts; None = all count. The loss is 0 elsewhere.
        weights: token weights of the shape of `logps`.
        ref_logps: log-probs under the reference policy, for the penalty; not read where `kl_coef` is 0.
        kl_coef: weight of the penalty, >= 0.
        clip_low: the ratio counts as at least 1 - clip_low where A < 0; in [0, 1].
        clip_high: the ratio counts as at most 1 + clip_high where A > 0; >= 0 (DAPO: 0.28).
        dual_clip: the ratio counts as at most this where A < 0; >= 1 + clip_high, None = no bound. `delta` in TRL.
    Returns: losses of the shape of `logps` (f32; f64 for f64 input). The caller reduces.
    Raises: ShapeError, TypeError, DomainError; on the CPU also DomainError for `old_logps`, `advantages` or `weights`
        that are not finite where the mask is True (on CUDA, where looking would cost a synchronization, that loss is
        NaN).
    Source: PPO (Schulman et al. 2017) eq. 7; dual clip: Ye et al. 2020, eq. 5; k3: Schulman 2020, "Approximating KL
        divergence"; GRPO (Shao et al. 2024) eq. 3 and 4; DAPO (Yu et al. 2025) eq. 8; TRL `_compute_loss`
        (trl/trainer/grpo_trainer.py).

    >>> logps = torch.tensor([[-1.0, -2.0], [-1.0, -3.0]])
    >>> ppo_clip(logps, torch.tensor([[-1.5, -2.0], [-1.5, -2.0]]), torch.tensor([1.0, -1.0]))
    tensor([[-1.2000, -1.0000],
            [ 1.6487,  0.8000]])
    """
    _check_numbers(kl_coef, clip_low, clip_high, dual_clip)
    _check(logps, old_logps, advantages, mask=mask, weights=weights, ref_logps=ref_logps)
    if kl_coef and ref_logps is None:
        raise DomainError(f"kl_coef must be 0 without ref_logps, got {kl_coef}")
    (logps,) = upcast(logps=logps)
    old_logps, advantages = (x.to(logps.dtype) for x in upcast(old_logps=old_logps, advantages=advantages))
    weights = None if weights is None else upcast(weights=weights)[0].to(logps.dtype)
    ref_logps = None if ref_logps is None or kl_coef == 0 else upcast(ref_logps=ref_logps)[0].to(logps.dtype)
    numbers = kl_coef, clip_low, clip_high, dual_clip
    losses: Tensor = op.ppo_clip(logps, old_logps, advantages, mask, weights, ref_logps, *numbers)[0]
    return losses


def _check(logps: Tensor, old_logps: Tensor, advantages: Tensor, **given: Tensor | None) -> None:
    tensors(logps=logps, old_logps=old_logps, advantages=advantages)
    tensors_or_none(**given)
    boolean(mask=given["mask"])
    others = {name: tensor for name, tensor in given.items() if tensor is not None}
    same_shape(logps=logps, old_logps=old_logps, **others)
    same_device(logps=logps, advantages=advantages)
    if advantages.shape != logps.shape and (logps.ndim < 2 or advantages.shape != logps.shape[:1]):
        got = list(advantages.shape)
        raise ShapeError(f"advantages must be [B] or of the shape of logps {list(logps.shape)}, got {got}")


def _check_numbers(kl_coef: float, clip_low: float, clip_high: float, dual_clip: float | None) -> None:
    numbers(kl_coef=kl_coef, clip_low=clip_low, clip_high=clip_high, dual_clip=dual_clip)
    nonnegative(kl_coef=kl_coef, clip_high=clip_high)
    unit_interval(clip_low=clip_low)
    if dual_clip is not None:
        nonnegative(dual_clip=dual_clip)
        if dual_clip < 1 + clip_high:  # below it, the paper and TRL differ
            raise DomainError(f"dual_clip must be at least 1 + clip_high = {1 + clip_high}, got {dual_clip}")
