"""Rewards of sequences and KL terms of tokens into advantages, which weight a policy loss."""

from typing import NamedTuple

import torch
from torch import Tensor

from prefcore import weights
from prefcore._checks import (
    boolean,
    nonnegative,
    numbers,
    positive,
    readable,
    same_device,
    same_shape,
    tensors,
    unit_interval,
    upcast,
)
from prefcore.errors import DomainError, ShapeError
from prefcore.ops import gae as gae_op
from prefcore.ops import group_advantage as group_op
from prefcore.ops.ppo_clip import ppo_clip
from prefcore.ops.sequence_sums import sequence_sums


def group_advantage(rewards: Tensor, offsets: Tensor, *, ddof: int, eps: float = 0.0) -> Tensor:
    """Group-relative advantages of GRPO: rewards standardized within their group.

    A_i = (r_i - mean_g) / (std_g + eps),  std over n_g - ddof

    Exactly 0 in a group of one and in a group of equal rewards, whatever `ddof` and `eps`. The mean and the spread are
    taken in f64, in two passes, so a small spread at a large offset keeps its digits; the number of threads changes no
    bit. A constant: no gradient flows to the rewards. A group that holds NaN or an infinity is NaN, and no other is.

    Args:
        rewards: [N], the responses to one prompt side by side; equal groups of K: `rewards.flatten()`.
        offsets: [G+1] int64 boundaries of the groups: 0 first, N last, never decreasing. Groups of any size, also 0.
        ddof: 0 for the standard deviation over n (GRAO), 1 over n - 1 (GRPO, Pref-GRPO, `torch.std`); no default,
            because papers differ.
        eps: added to the standard deviation, >= 0 (TRL: 1e-4, Pref-GRPO: 1e-8).
    Returns: [N] advantages, detached, f32 (f64 for f64 input).
    Raises: ShapeError, TypeError, DomainError; offsets that are no boundaries raise on the CPU, in compiled code too
        (on CUDA, where looking would cost a synchronization, all advantages are NaN).
    Source: GRPO (Shao et al. 2024) 4.1.2; GRAO (2508.07750); Pref-GRPO (2508.20751),
        fastvideo/rewards/dispatcher.py; TRL `scale_rewards="group"` (trl/trainer/grpo_trainer.py).

    >>> rewards, offsets = torch.tensor([1.0, 2.0, 3.0, 0.7, 0.1, 0.1]), torch.tensor([0, 3, 4, 6])
    >>> group_advantage(rewards, offsets, ddof=1)
    tensor([-1.,  0.,  1.,  0.,  0.,  0.])
    """
    _check_groups(rewards, offsets)
    numbers(ddof=ddof, eps=eps)
    nonnegative(eps=eps)
    if ddof not in (0, 1):
        raise DomainError(f"ddof must be 0 or 1, got {ddof}")
    (rewards,) = upcast(rewards=rewards.detach())
    advantages: Tensor = group_op.group_advantage(rewards, offsets, int(ddof), float(eps))
    return advantages


def group_center(rewards: Tensor, offsets: Tensor) -> Tensor:
    """Rewards relative to the mean of their group, as in Dr. GRPO.

    A_i = r_i - mean_g

    Times n / (n - 1) this is the leave-one-out baseline of RLOO. In f64 and rounded once; exactly 0 in a group of one
    and in a group of equal rewards. A constant: no gradient flows to the rewards.

    Args:
        rewards: [N], the responses to one prompt side by side.
        offsets: [G+1] int64 boundaries of the groups, as in `group_advantage`.
    Returns: [N] advantages, detached, f32 (f64 for f64 input).
    Raises: ShapeError, TypeError, DomainError, as `group_advantage`.
    Source: Dr. GRPO (Liu et al. 2025, arXiv 2503.20783); TRL `scale_rewards="none"`.

    >>> group_center(torch.tensor([1.0, 2.0, 6.0, 0.7]), torch.tensor([0, 3, 4]))
    tensor([-2., -1.,  3.,  0.])
    """
    _check_groups(rewards, offsets)
    (rewards,) = upcast(rewards=rewards.detach())
    advantages: Tensor = group_op.group_advantage(rewards, offsets, None, 0.0)
    return advantages


def _check_groups(rewards: Tensor, offsets: Tensor) -> None:
    tensors(rewards=rewards, offsets=offsets)
    if rewards.ndim != 1 or offsets.ndim != 1 or len(offsets) < (2 if len(rewards) else 1):
        got = f"{list(rewards.shape)} and {list(offsets.shape)}"
        raise ShapeError(f"expected rewards [N] and offsets [G+1], got {got}")
    if offsets.dtype != torch.int64:
        raise TypeError(f"offsets must be an int64 tensor, got {offsets.dtype}; call .long()")
    same_device(rewards=rewards, offsets=offsets)


def kl_k2(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """Schulman's k2 estimate of KL(policy || reference): half a squared log-ratio.

    k2 = (logps - ref_logps)^2 / 2

    Never negative, biased, but its gradient is, for tokens sampled from the policy, an unbiased one of the KL. The
    plain log-ratio `logps - ref_logps` is k1.

    Args:
        logps: log-probs of the sampled tokens (or sequences) under the policy, in nats; any shape.
        ref_logps: the same under the reference policy.
    Returns: one value for each log-prob (f32; f64 for f64 input); inf for a log-prob of -inf, NaN for two.
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
    Returns: one value >= 0 for each log-prob (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: Schulman 2020, "Approximating KL divergence"; GRPO (Shao et al. 2024) eq. 4; huggingface/trl#3015.

    >>> kl_k3(torch.tensor([-1.0, -500.0]), torch.tensor([-1.0, -1.0]))
    tensor([0.0000e+00, 3.4028e+38])
    """
    logps, ref_logps = _log_probs(logps, ref_logps)
    nothing = torch.zeros_like(logps, requires_grad=False)
    penalty: Tensor = ppo_clip(logps, nothing, nothing, None, None, ref_logps, 1.0, 0.0, 0.0, None)[0]
    return penalty


def _log_probs(logps: Tensor, ref_logps: Tensor) -> list[Tensor]:
    tensors(logps=logps, ref_logps=ref_logps)
    same_shape(logps=logps, ref_logps=ref_logps)
    logps, ref_logps = upcast(logps=logps, ref_logps=ref_logps)
    return [logps, ref_logps.to(logps.dtype)]


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
    _check_tokens(mask, logps=logps, ref_logps=ref_logps)
    tensors(scores=scores)
    if scores.shape != mask.shape[:1]:
        raise ShapeError(f"scores must be [B] = [{len(mask)}], got {list(scores.shape)}")
    same_device(scores=scores, mask=mask)
    numbers(kl_coef=kl_coef)
    nonnegative(kl_coef=kl_coef)
    _check_counted(mask)
    logps, ref_logps, scores = upcast(logps=logps, ref_logps=ref_logps, scores=scores)
    penalty = (kl_coef * (ref_logps.to(logps.dtype) - logps)).where(mask, 0.0)
    return torch.where(weights.last(mask) == 1, penalty + scores.to(logps.dtype).unsqueeze(1), penalty)


def _check_counted(mask: Tensor) -> None:
    if readable(mask) and not bool(mask.any(1).all()):
        row = int((~mask.any(1)).nonzero()[0])
        raise DomainError(f"mask[{row}] must count at least 1 token, which takes the score, got none")


class GAE(NamedTuple):
    """Advantages and returns of tokens."""

    advantages: Tensor
    """[B, T], 0 outside the mask."""
    returns: Tensor
    """[B, T], advantages + values: what a value function is fitted to; 0 outside the mask."""


def gae(rewards: Tensor, values: Tensor, mask: Tensor, *, gamma: float = 1.0, lam: float = 0.95) -> GAE:
    """Generalized advantage estimation along the counted tokens of each sequence.

    A_t = r_t + gamma V_t+1 - V_t + gamma lam A_t+1,  return_t = A_t + V_t

    t + 1 is the next token that counts; after the last one V and A are 0. So tokens of tools and padding are skipped
    without discount, and what stands there, rewards included, does not matter, not even NaN. Calculated in f64 from the
    last token, rounded once: padding and the place in the batch change no bit. Constants: no gradient flows.

    Args:
        rewards: [B, T] rewards of tokens, as from `kl_shaped_rewards`.
        values: [B, T] values that were predicted before each token.
        mask: [B, T] bool, True = counts.
        gamma: discount for each counted token, in [0, 1].
        lam: decay of the estimate, in [0, 1]: 0 looks one token ahead, 1 is the return minus the value.
    Returns: GAE(advantages, returns), [B, T], detached, f32 (f64 for f64 rewards); both 0 outside the mask.
    Raises: ShapeError, TypeError, DomainError.
    Source: Schulman et al. 2016 (arXiv 1506.02438) eq. 16; Unpacking DPO and PPO (Ivison et al. 2024),
        EasyLM/models/llama/llama_train_ppo.py; huggingface/trl#3750.

    >>> values, mask = torch.tensor([[0.5, 9.0, 0.5]]), torch.tensor([[True, False, True]])
    >>> gae(torch.tensor([[0.0, 0.0, 1.0]]), values, mask, lam=0.5)
    GAE(advantages=tensor([[0.2500, 0.0000, 0.5000]]), returns=tensor([[0.7500, 0.0000, 1.0000]]))
    """
    _check_tokens(mask, rewards=rewards, values=values)
    numbers(gamma=gamma, lam=lam)
    unit_interval(gamma=gamma, lam=lam)
    rewards, values = upcast(rewards=rewards.detach(), values=values.detach())
    return GAE(*gae_op.gae(rewards, values.to(rewards.dtype), mask, float(gamma), float(lam)))


def masked_whiten(values: Tensor, mask: Tensor, *, ddof: int, eps: float = 1e-8) -> Tensor:
    """Values of the counted tokens of a batch, shifted to mean 0 and scaled to variance 1.

    (x - mean) / sqrt(var + eps) over all counted tokens together, var over n - ddof

    Two passes in f64, rounded once; equal values, and a single one, give exactly 0. Differentiable; what stands outside
    the mask does not matter, not even NaN.

    Args:
        values: [B, T], as advantages from `gae`.
        mask: [B, T] bool, True = counts.
        ddof: 0 for the variance over n (verl), 1 over n - 1 (Unpacking, TRL); no default, because codes differ.
        eps: added to the variance, > 0 (1e-6 in Unpacking).
    Returns: [B, T] (f32; f64 for f64 input), 0 outside the mask, where the official code leaves numbers.
    Raises: ShapeError, TypeError, DomainError.
    Source: Unpacking DPO and PPO (Ivison et al. 2024), EasyLM/models/llama/llama_train_ppo.py; TRL `masked_whiten`.

    >>> masked_whiten(torch.tensor([[1.0, 3.0, 9.0]]), torch.tensor([[True, True, False]]), ddof=0)
    tensor([[-1.,  1.,  0.]])
    """
    _check_tokens(mask, values=values)
    numbers(ddof=ddof, eps=eps)
    positive(eps=eps)
    if ddof not in (0, 1):
        raise DomainError(f"ddof must be 0 or 1, got {ddof}")
    (values,) = upcast(values=values)
    x = values.double().where(mask, 0.0)
    if x.numel() == 0:
        return values
    count = mask.sum().clamp(min=1)
    largest = x.detach().where(mask, -torch.inf).amax()
    x = (x - largest).where(mask, 0.0)  # equal values become 0, which no mean can round
    x = (x - _total(x, mask) / count).where(mask, 0.0)
    variance = _total(x.square(), mask) / (count - ddof).clamp(min=1)
    return (x / (variance + eps).sqrt()).to(values.dtype)


def _total(values: Tensor, mask: Tensor) -> Tensor:
    """Sum over the counted tokens, in an order that no number of threads changes."""
    total: Tensor = sequence_sums(values, mask, None, None, allow_empty=True)[0].sum()
    return total


def _check_tokens(mask: Tensor, **columns: Tensor) -> None:
    tensors(mask=mask, **columns)
    boolean(mask=mask)
    if mask.ndim != 2:
        raise ShapeError(f"mask must be [B, T], got {list(mask.shape)}")
    same_shape(**columns, mask=mask)
