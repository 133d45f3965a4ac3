"""Pref-GRPO: win rates within a group in place of scores (Wang et al. 2025, arXiv 2508.20751)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["advantages", "loss"]


def advantages(
    win_rate: Tensor,
    clip_score: Tensor,
    offsets: Tensor,
    *,
    weights: tuple[float, float] = (0.4, 0.6),
    limit: float = 5.0,
) -> Tensor:
    """Advantages of two rewards, each standardized within its group, mixed and bounded.

    clamp(w_0 group_advantage(win_rate) + w_1 group_advantage(clip_score), -limit, limit),  ddof 1, eps 1e-8

    A group of nearly equal scores has advantages of full size, which is why the paper takes win rates.

    Args:
        win_rate: [N] share of comparisons that each image won within its group.
        clip_score: [N] CLIP scores.
        offsets: [G+1] int64 boundaries of the groups of one prompt.
        weights: of the two rewards.
        limit: bound, > 0.
    Returns: [N] advantages, detached (f32; f64 for f64 input).
    Raises: ShapeError, DomainError, TypeError.
    Source: fastvideo/rewards/dispatcher.py, fastvideo/train_flux.py and
        scripts/full_train/ur_think_prefgrpo_flux.sh of CodeGoat24/Pref-GRPO.

    >>> offsets = torch.tensor([0, 3])
    >>> advantages(torch.tensor([0.0, 0.5, 1.0]), torch.tensor([0.1, 0.3, 0.2]), offsets)
    tensor([-1.0000,  0.6000,  0.4000])
    """
    from prefcore._checks import finite, numbers, positive
    from prefcore.papers._inputs import alike
    from prefcore.scores import group_advantage

    win_rate, clip_score = alike(win_rate=win_rate, clip_score=clip_score)
    try:
        first, second = weights
    except (TypeError, ValueError):
        raise TypeError(f"weights must be two numbers, of win_rate and clip_score, got {weights!r}") from None
    numbers(**{"weights[0]": first, "weights[1]": second}, limit=limit)
    finite(**{"weights[0]": first, "weights[1]": second})
    positive(limit=limit)
    wins, scores = (group_advantage(x, offsets, ddof=1, eps=1e-8) for x in (win_rate, clip_score))
    return (first * wins + second * scores).clamp(-limit, limit)


def loss(log_ratio: Tensor, advantages: Tensor, *, clip_range: float = 1e-4) -> Tensor:
    """Clipped policy loss of a denoising step, with the very small bound of a flow model.

    loss = `losses.ppo_clip` with clip_low = clip_high = clip_range

    Args:
        log_ratio: [N] log-probs of the steps under the policy minus those when they were sampled, in nats.
        advantages: [N] as `advantages` gives them.
        clip_range: bound of the ratio, both ways, > 0.
    Returns: [N] losses (f32; f64 for f64 input).
    Raises: ShapeError, DomainError, TypeError.
    Source: fastvideo/train_flux.py of CodeGoat24/Pref-GRPO.

    >>> loss(torch.tensor([0.0, 0.1]), torch.tensor([-2.0, 1.0]))
    tensor([ 2.0000, -1.0001])
    """
    from prefcore._checks import numbers, positive
    from prefcore.losses import ppo_clip
    from prefcore.papers._inputs import alike

    numbers(clip_range=clip_range)
    positive(clip_range=clip_range)
    log_ratio, advantages = alike(log_ratio=log_ratio, advantages=advantages)
    zero = log_ratio.new_zeros(log_ratio.shape)
    return ppo_clip(log_ratio, zero, advantages, clip_low=clip_range, clip_high=clip_range)
