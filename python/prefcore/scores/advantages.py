"""Rewards of sequences and tokens into advantages, which weight a policy loss."""

from typing import NamedTuple

import torch
from torch import Tensor

from prefcore._checks import nonnegative, numbers, positive, same_device, tensors, token_columns, unit_interval, upcast
from prefcore.errors import DomainError, ShapeError
from prefcore.ops import gae as gae_op
from prefcore.ops import group_advantage as group_op
from prefcore.ops.sequence_sums import sequence_sums


def group_advantage(rewards: Tensor, offsets: Tensor, *, ddof: int, eps: float = 0.0) -> Tensor:
    """Group-relative advantages of GRPO: rewards standardized within their group.

    A_i = (r_i - mean_g) / (std_g + eps),  std over n_g - ddof

    Exactly 0 in a group of one and in a group of equal rewards, whatever `ddof` and `eps`. The mean and the spread are
    taken in f64, in two passes, so a small spread at a large offset keeps its digits; the number of threads changes no
    bit. A constant: no gradient flows to the rewards. A group that holds NaN or an infinity is NaN, and no other is.

    Args:
        rewards: [N], the responses to one prompt side by side; equal groups of K: `rewards.flatten()`.
        offsets: [G+1] int64 boundaries of the groups: 0 first, N last, never decreasing. Groups of any size, also 0; of
            rewards [P, K]: `torch.arange(0, P * K + 1, K)`.
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
    _check_ddof(ddof)
    numbers(eps=eps)
    nonnegative(eps=eps)
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
    advantages: Tensor = group_op.group_advantage(rewards, offsets, None, 0.0)  # ddof=None: no scale
    return advantages


def _check_ddof(ddof: int) -> None:
    numbers(ddof=ddof)
    if ddof not in (0, 1):
        raise DomainError(f"ddof must be 0 or 1, got {ddof}")


def _check_groups(rewards: Tensor, offsets: Tensor) -> None:
    tensors(rewards=rewards, offsets=offsets)
    if rewards.ndim != 1 or offsets.ndim != 1 or len(offsets) < (2 if len(rewards) else 1):
        got = f"{list(rewards.shape)} and {list(offsets.shape)}"
        raise ShapeError(f"expected rewards [N] and offsets [G+1], got {got}")
    if offsets.dtype != torch.int64:
        raise TypeError(f"offsets must be an int64 tensor, got {offsets.dtype}; call .long()")
    same_device(rewards=rewards, offsets=offsets)


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
    Returns: GAE(advantages, returns), [B, T], detached, f32 (f64 for f64 input); both 0 outside the mask.
    Raises: ShapeError, TypeError, DomainError.
    Source: Schulman et al. 2016 (arXiv 1506.02438) eq. 16; Unpacking DPO and PPO (Ivison et al. 2024),
        EasyLM/models/llama/llama_train_ppo.py; huggingface/trl#3750.

    >>> values, mask = torch.tensor([[0.5, 9.0, 0.5]]), torch.tensor([[True, False, True]])
    >>> gae(torch.tensor([[0.0, 0.0, 1.0]]), values, mask, lam=0.5)
    GAE(advantages=tensor([[0.2500, 0.0000, 0.5000]]), returns=tensor([[0.7500, 0.0000, 1.0000]]))
    """
    token_columns(mask, rewards=rewards, values=values)
    numbers(gamma=gamma, lam=lam)
    unit_interval(gamma=gamma, lam=lam)
    rewards, values = upcast(rewards=rewards.detach(), values=values.detach())
    return GAE(*gae_op.gae(rewards, values, mask, float(gamma), float(lam)))


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
    token_columns(mask, values=values)
    _check_ddof(ddof)
    numbers(eps=eps)
    positive(eps=eps)
    (values,) = upcast(values=values)
    x = values.double().where(mask, 0.0)
    if x.numel() == 0:
        return values
    count = mask.sum().clamp(min=1)
    largest = x.detach().where(mask, -torch.inf).amax()
    x = (x - largest).where(mask, 0.0)  # equal values become 0, which no mean can round
    scale = x.detach().abs().amax().clamp(min=1.0)  # so that no square overflows
    x = x / scale
    x = (x - _total(x, mask) / count).where(mask, 0.0)
    variance = _total(x.square(), mask) / (count - ddof).clamp(min=1)
    return (x / (variance + eps / scale.square()).sqrt()).to(values.dtype)


def _total(values: Tensor, mask: Tensor) -> Tensor:
    """Sum over the counted tokens, in an order that no number of threads changes."""
    total: Tensor = sequence_sums(values, mask, None, None, allow_empty=True)[0].sum()
    return total
