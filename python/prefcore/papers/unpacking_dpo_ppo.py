"""Unpacking DPO and PPO (Ivison et al. 2024, arXiv 2406.09279): the recipes that it compares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["Targets", "dpo_loss", "ppo_loss", "reward_loss", "targets"]


class Targets(NamedTuple):
    """What policy and value model learn from a batch of samples."""

    advantages: Tensor
    """[B, T] whitened, 0 outside the mask."""
    returns: Tensor
    """[B, T]"""


def dpo_loss(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.1) -> Tensor:
    """`losses.dpo` with the beta of the paper.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, sums over tokens, in nats.
        rejected: [B] log-ratios of the others.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: EasyLM/models/llama/llama_train_dpo.py of hamishivi/EasyLM.

    >>> dpo_loss(torch.tensor([0.5, -1.0]), torch.tensor([-1.0, 1.5]))
    tensor([0.6210, 0.8259])
    """
    from prefcore.losses import dpo

    return dpo(chosen, rejected, beta=beta)


def reward_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """`losses.bradley_terry`, the loss of the reward model that PPO uses.

    Args:
        chosen: [B] rewards of the preferred responses.
        rejected: [B] rewards of the others.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, TypeError.
    Source: EasyLM/models/llama/llama_train_rm.py of hamishivi/EasyLM.

    >>> reward_loss(torch.tensor([1.0]), torch.tensor([0.0]))
    tensor([0.3133])
    """
    from prefcore.losses import bradley_terry

    return bradley_terry(chosen, rejected)


def targets(
    logps: Tensor,
    ref_logps: Tensor,
    values: Tensor,
    mask: Tensor,
    score: Tensor,
    ended: Tensor,
    *,
    kl_coef: float = 0.05,
    gamma: float = 1.0,
    lam: float = 0.95,
    no_eos: float = -10.0,
) -> Targets:
    """Whitened advantages and returns: KL-shaped rewards through generalized advantage estimation.

    gae(kl_shaped_rewards(logps, ref_logps, score where ended, else no_eos)), advantages whitened with ddof 1

    Args:
        logps: [B, T] log-probs of the sampled tokens under the policy that sampled them, in nats.
        ref_logps: [B, T] the same under the reference.
        values: [B, T] of the value model.
        mask: [B, T] bool, True = counts.
        score: [B] rewards of the responses.
        ended: [B] bool, True where the response ends with an end token.
        kl_coef: weight of the KL penalty, >= 0 (the official flag has 0.2).
        gamma: discount, in [0, 1].
        lam: trace of the advantages, in [0, 1].
        no_eos: score of a response that does not end.
    Returns: Targets(advantages, returns), detached (f32; f64 for f64 input).
    Raises: ShapeError, DomainError, TypeError.
    Source: EasyLM/models/llama/llama_train_ppo.py of hamishivi/EasyLM.

    >>> zero, mask = torch.zeros(1, 2), torch.ones(1, 2).bool()
    >>> targets(zero, zero, zero, mask, torch.tensor([2.0]), torch.tensor([True]), lam=0.5).returns
    tensor([[1., 2.]])
    """
    from prefcore._checks import boolean, finite, numbers, same_shape, tensors
    from prefcore.papers._inputs import alike
    from prefcore.scores import gae, kl_shaped_rewards, masked_whiten

    logps, ref_logps, values = (x.detach() for x in alike(logps=logps, ref_logps=ref_logps, values=values))
    (score,) = (x.detach() for x in alike(score=score))
    tensors(ended=ended)
    same_shape(score=score, ended=ended)
    boolean(ended=ended)
    numbers(no_eos=no_eos)
    finite(no_eos=no_eos)
    rewards = kl_shaped_rewards(logps, ref_logps, score.where(ended, no_eos), mask, kl_coef=kl_coef)
    advantages, returns = gae(rewards, values, mask, gamma=gamma, lam=lam)
    return Targets(masked_whiten(advantages, mask, ddof=1, eps=1e-6), returns)


def ppo_loss(
    log_ratio: Tensor,
    values: Tensor,
    old_values: Tensor,
    targets: Targets,
    mask: Tensor,
    *,
    clip: float = 0.2,
    value_clip: float = 0.2,
    value_weight: float = 0.1,
) -> Tensor:
    """Policy loss and value loss of each token; the official code takes `losses.token_mean` of it.

    loss = ppo_clip(log_ratio, advantages) + value_weight ppo_value(values, old_values, returns)

    Args:
        log_ratio: [B, T] log-probs under the policy minus those when the tokens were sampled, in nats.
        values: [B, T] of the value model that is trained.
        old_values: [B, T] when the tokens were sampled.
        targets: what `targets` gives.
        mask: [B, T] bool, True = counts; what stands elsewhere does not matter.
        clip: bound of the ratio, both ways, in (0, 1].
        value_clip: bound of the change of a value, > 0.
        value_weight: weight of the value loss, >= 0.
    Returns: [B, T] losses, 0 outside the mask (f32; f64 for f64 input).
    Raises: ShapeError, DomainError, TypeError.
    Source: EasyLM/models/llama/llama_train_ppo.py of hamishivi/EasyLM.

    >>> zero, one, mask = torch.zeros(1, 2), torch.ones(1, 2), torch.tensor([[True, False]])
    >>> ppo_loss(zero, zero, zero, Targets(one, 2 * one), mask)
    tensor([[-0.8000,  0.0000]])
    """
    from prefcore._checks import boolean, nonnegative, numbers, positive, same_shape, tensors
    from prefcore.losses import ppo_clip, ppo_value
    from prefcore.papers._inputs import alike, of_kind, renamed

    of_kind(Targets, targets=targets)
    given = {"log_ratio": log_ratio, "values": values, "old_values": old_values, **targets._asdict()}
    tensors(**given, mask=mask)
    same_shape(**given, mask=mask)
    boolean(mask=mask)
    numbers(clip=clip, value_clip=value_clip, value_weight=value_weight)
    positive(clip=clip, value_clip=value_clip)
    nonnegative(value_weight=value_weight)
    log_ratio, values, old_values, advantages, returns = (x.where(mask, 0.0) for x in alike(**given))
    old = log_ratio.new_zeros(log_ratio.shape)
    with renamed(clip_low="clip"):
        policy = ppo_clip(log_ratio, old, advantages, mask=mask, clip_low=clip, clip_high=clip)
    return policy + value_weight * ppo_value(values, old_values, returns, clip=value_clip)
