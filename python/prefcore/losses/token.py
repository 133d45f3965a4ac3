"""Losses of single tokens."""

import torch
from torch import Tensor

from prefcore._checks import (
    Num,
    boolean,
    finite,
    nonnegative,
    numbers,
    numbers_or_none,
    per_example,
    positive,
    same_device,
    same_shape,
    tensors,
    tensors_or_none,
    unit_interval,
    upcast,
)
from prefcore.errors import DomainError, ShapeError
from prefcore.losses.pairwise.margin import dpo
from prefcore.ops import ppo_clip as op


def tdpo(
    chosen: Tensor,
    rejected: Tensor,
    chosen_kl: Tensor,
    rejected_kl: Tensor,
    *,
    beta: Num = 0.1,
    alpha: Num = 0.5,
) -> Tensor:
    """TDPO2: DPO that also keeps the token distributions of the rejected response near those of the reference.

    loss = -log sigmoid(beta (chosen - rejected - alpha (rejected_kl - chosen_kl))),  chosen_kl constant for autograd

    TDPO1 is `dpo(chosen + chosen_kl, rejected + rejected_kl)`, with a gradient through both; SparsePO is the same on
    token-weighted sums. Finite wherever the sums are. NaN in, NaN out.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, summed over tokens, in nats.
        rejected: [B] log-ratios of the others.
        chosen_kl: [B] sum over the tokens of KL(reference to policy), in nats: `kl_ref_policy` of
            `logps.paired_token_stats` through `sequence_logps`.
        rejected_kl: [B] the same for the others.
        beta: strength of the pull to the reference, > 0; float or [B].
        alpha: weight of the difference of the divergences, float or [B]; 0 = DPO.
    Returns: [B] losses in nats (f32; f64 for f64 input). Any common shape works elementwise.
    Raises: ShapeError, DomainError, TypeError.
    Source: TDPO (Zeng et al. 2024, arXiv 2404.11999), trainers.py of the official code.

    >>> tdpo(torch.tensor([2.0]), torch.tensor([0.0]), torch.tensor([1.0]), torch.tensor([3.0]), beta=1.0)
    tensor([0.3133])
    """
    given = {"chosen": chosen, "rejected": rejected, "chosen_kl": chosen_kl, "rejected_kl": rejected_kl}
    tensors(**given)
    same_shape(**given)
    finite(alpha=alpha)
    chosen, rejected, chosen_kl, rejected_kl = upcast(**given)
    weight = per_example("alpha", alpha, chosen)
    return dpo(chosen + weight * chosen_kl.detach(), rejected + weight * rejected_kl, beta=beta)


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
    given = {"logps": logps, "old_logps": old_logps, "advantages": advantages}
    optional = {"weights": weights, "ref_logps": ref_logps if kl_coef else None}
    given |= {name: tensor for name, tensor in optional.items() if tensor is not None}
    data = dict(zip(given, upcast(**given), strict=True))
    tokens = data["logps"], data["old_logps"], data["advantages"], mask, data.get("weights"), data.get("ref_logps")
    losses: Tensor = op.ppo_clip(*tokens, float(kl_coef), float(clip_low), float(clip_high), dual_clip)[0]
    return losses


def cispo(logps: Tensor, old_logps: Tensor, advantages: Tensor, *, max_ratio: float = 5.0) -> Tensor:
    """CISPO: policy gradient with a bounded importance weight, so that no token is left out.

    loss = -min(rho, max_ratio) A logps,  rho = exp(logps - old_logps);  all but the last factor constant for autograd

    Its gradient is what counts; its value is not that of an objective. Finite at any log-prob; 0 for a log-prob of
    -inf. NaN in, NaN out, also in the gradient: padding must hold numbers, whatever the mask of the reducer.

    Args:
        logps: [B, T] log-probs of the sampled tokens under the policy, in nats; or any other shape.
        old_logps: the same under the policy that sampled them.
        advantages: of the same shape, or [B], one for each first index of `logps`. Nothing else broadcasts.
        max_ratio: bound of the importance weight itself, > 0 (not of its distance from 1).
    Returns: losses of the shape of `logps` (f32; f64 for f64 input). The caller reduces: `token_mean`.
    Raises: ShapeError, DomainError, TypeError.
    Source: MiniMax-M1 (2025, arXiv 2506.13585), eq. 4 and 5; TRL `cispo` (trl/trainer/grpo_trainer.py).

    >>> cispo(torch.tensor([[-1.0, -2.0]]), torch.tensor([[-1.0, -9.0]]), torch.tensor([0.5]))
    tensor([[0.5000, 5.0000]])
    """
    numbers(max_ratio=max_ratio)
    positive(max_ratio=max_ratio)
    _check(logps, old_logps, advantages, mask=None)
    logps, old_logps, advantages = upcast(logps=logps, old_logps=old_logps, advantages=advantages)
    ratio = (logps - old_logps).exp().clamp(max=max_ratio).masked_fill(logps.isneginf(), 0.0)
    factor = (ratio * op.per_token(advantages, logps)).detach()
    return torch.where(factor == 0, 0.0, -factor * logps)  # not 0 times -inf


def ppo_value(values: Tensor, old_values: Tensor, returns: Tensor, *, clip: float = 0.2) -> Tensor:
    """Clipped value loss of PPO: the worse of two squared errors, with and without a bound on the change.

    loss = 1/2 max((values - returns)^2, (old_values + clamp(values - old_values, -clip, clip) - returns)^2)

    Differentiable with respect to `values` alone. NaN in, NaN out, also in the gradient: padding must hold numbers,
    whatever the mask of the reducer.

    Args:
        values: [B, T] values under the value model that is trained; or any other shape.
        old_values: the same when the responses were sampled.
        returns: targets, as `scores.gae` gives them.
        clip: largest change that counts, > 0, in the unit of the values.
    Returns: losses of the shape of `values` (f32; f64 for f64 input). The caller reduces: `token_mean`.
    Raises: ShapeError, DomainError, TypeError.
    Source: Unpacking DPO and PPO (Ivison et al. 2024, arXiv 2406.09279), EasyLM/models/llama/llama_train_ppo.py of
        hamishivi/EasyLM; first in the PPO of openai/baselines.

    >>> ppo_value(torch.tensor([1.0, 1.0]), torch.tensor([0.0, 0.9]), torch.tensor([2.0, 2.0]))
    tensor([1.6200, 0.5000])
    """
    tensors(values=values, old_values=old_values, returns=returns)
    same_shape(values=values, old_values=old_values, returns=returns)
    numbers(clip=clip)
    positive(clip=clip)
    given = {"values": values, "old_values": old_values.detach(), "returns": returns.detach()}
    values, old_values, returns = upcast(**given)
    bounded = old_values + (values - old_values).clamp(-clip, clip)
    return torch.maximum((values - returns).square(), (bounded - returns).square()) / 2


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
    numbers(kl_coef=kl_coef, clip_low=clip_low, clip_high=clip_high)
    numbers_or_none(dual_clip=dual_clip)
    nonnegative(kl_coef=kl_coef, clip_high=clip_high)
    unit_interval(clip_low=clip_low)
    if dual_clip is not None:
        nonnegative(dual_clip=dual_clip)
        if dual_clip < 1 + clip_high:  # below it, the paper and TRL differ
            raise DomainError(f"dual_clip must be at least 1 + clip_high = {1 + clip_high}, got {dual_clip}")
