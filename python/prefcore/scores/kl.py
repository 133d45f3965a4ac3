"""KL terms of tokens: estimates, and rewards that hold a penalty."""

import torch
from torch import Tensor

from prefcore import weights
from prefcore._checks import nonnegative, numbers, readable, same_device, same_shape, tensors, token_columns, upcast
from prefcore.errors import DomainError, ShapeError
from prefcore.ops.ppo_clip import ppo_clip


def kl_k2(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """Schulman's k2 estimate of KL(policy || reference): half a squared log-ratio.

    k2 = (logps - ref_logps)^2 / 2

    Never negative, biased, but its gradient is, for tokens sampled from the policy, an unbiased one of the KL. The
    plain log-ratio `logps - ref_logps` is k1.

    Args:
        logps: log-probs of the sampled tokens (or sequences) under the policy, in nats; any shape.
        ref_logps: the same under the reference policy.
    Returns: one value for each log-prob (f32; f64 for f64 input); inf for a log-prob of -inf, NaN for two. NaN in, NaN
        out, also in the gradient: padding must hold numbers, whatever the mask of the reducer.
    Raises: ShapeError, TypeError.
    Source: Schulman 2020, "Approximating KL divergence".

    >>> kl_k2(torch.tensor([-1.0, -3.0]), torch.tensor([-1.0, -1.0]))
    tensor([0., 2.])
    """
    logps, ref_logps = _log_probs(logps, ref_logps)
    return 0.5 * (logps - ref_logps).square()


def kl_k3(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """Schulman's k3 estimate of KL(policy || reference), the KL term of GRPO.

    k3 = exp(d) - 1 - d,  d = ref_logps - logps

    Never negative and unbiased for tokens sampled from the policy. This is the penalty of `losses.ppo_clip`, with its
    accuracy: a series near 0, where the three terms cancel, and at wide gaps value and gradient saturate at the largest
    number of the dtype (3.4e38 in f32), never inf; two log-probs of -inf count as equal. Differentiable with respect
    to `logps` alone; the reference is data.

    Args:
        logps: log-probs of the sampled tokens (or sequences) under the policy, in nats; any shape.
        ref_logps: the same under the reference policy.
    Returns: one value >= 0 for each log-prob (f32; f64 for f64 input). NaN in, NaN out, also in the gradient: padding
        must hold numbers, whatever the mask of the reducer.
    Raises: ShapeError, TypeError.
    Source: Schulman 2020, "Approximating KL divergence"; GRPO (Shao et al. 2024) eq. 4; huggingface/trl#3015.

    >>> kl_k3(torch.tensor([-1.0, -500.0]), torch.tensor([-1.0, -1.0]))
    tensor([0.0000e+00, 3.4028e+38])
    """
    logps, ref_logps = _log_probs(logps, ref_logps)
    nothing = torch.zeros_like(logps, requires_grad=False)  # old log-probs and advantages: the policy loss is 0
    numbers = {"kl_coef": 1.0, "clip_low": 0.0, "clip_high": 0.0, "dual_clip": None}
    penalty: Tensor = ppo_clip(logps, nothing, nothing, None, None, ref_logps, **numbers)[0]
    return penalty


def _log_probs(logps: Tensor, ref_logps: Tensor) -> list[Tensor]:
    tensors(logps=logps, ref_logps=ref_logps)
    same_shape(logps=logps, ref_logps=ref_logps)
    return upcast(logps=logps, ref_logps=ref_logps)


def kl_shaped_rewards(
    logps: Tensor, ref_logps: Tensor, scores: Tensor, mask: Tensor, *, kl_coef: float = 0.05
) -> Tensor:
    """Rewards of tokens for PPO: a KL penalty on each, and the score of the sequence on the last that counts.

    r_t = -kl_coef (logps_t - ref_logps_t) + scores [t is the last counted token]

    The score lands on the last token of the mask, never on padding behind it. A score for answers without an end token
    (-10 in Unpacking) goes in beforehand: `torch.where(ended, scores, -10.0)`. Differentiable; what stands outside the
    mask does not matter, not even NaN.

    Args:
        logps: [B, T] log-probs of the sampled tokens under the policy, in nats.
        ref_logps: [B, T], the same under the reference policy.
        scores: [B] rewards of the sequences.
        mask: [B, T] bool, True = counts.
        kl_coef: weight of the penalty, >= 0 (0.05 in the paper; the flag of its code has 0.2).
    Returns: [B, T] rewards (f32; f64 for f64 input), 0 outside the mask.
    Raises: ShapeError, TypeError, DomainError; on the CPU, outside compiled code, also for a row without a counted
        token, whose score has no place (elsewhere it is lost).
    Source: Unpacking DPO and PPO (Ivison et al. 2024), EasyLM/models/llama/llama_train_ppo.py; huggingface/trl#3750.

    >>> logps, mask = torch.tensor([[-1.0, -2.0, -9.0]]), torch.tensor([[True, True, False]])
    >>> kl_shaped_rewards(logps, torch.zeros(1, 3), torch.tensor([3.0]), mask, kl_coef=0.5)
    tensor([[0.5000, 4.0000, 0.0000]])
    """
    token_columns(mask, logps=logps, ref_logps=ref_logps)
    tensors(scores=scores)
    if scores.shape != mask.shape[:1]:
        raise ShapeError(f"scores must be [B] = [{len(mask)}], got {list(scores.shape)}")
    same_device(scores=scores, mask=mask)
    numbers(kl_coef=kl_coef)
    nonnegative(kl_coef=kl_coef)
    _check_counted(mask)
    logps, ref_logps, scores = upcast(logps=logps, ref_logps=ref_logps, scores=scores)
    penalty = (kl_coef * (ref_logps - logps)).where(mask, 0.0)
    return torch.where(weights.last(mask) == 1, penalty + scores.unsqueeze(1), penalty)


def _check_counted(mask: Tensor) -> None:
    if readable(mask) and not bool(mask.any(1).all()):
        row = int((~mask.any(1)).nonzero()[0])
        raise DomainError(f"mask[{row}] must count at least 1 token, which takes the score, got none")
