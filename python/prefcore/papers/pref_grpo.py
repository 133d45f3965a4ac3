"""Pref-GRPO: win rates within a group in place of scores (Wang et al. 2025, arXiv 2508.20751)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["advantages", "loss", "rewards", "step_logps"]


def rewards(first: Any, second: Any, outcomes: Any, offsets: Any) -> NDArray[np.float64]:
    """Win rate of each image among those of its prompt, as a judge of pairs sees them.

    round(wins / comparisons, 3), a tie half a win

    Args:
        first: int [M] rows of the images that were compared, 0 to n - 1.
        second: int [M] rows of their opponents, of the same prompt.
        outcomes: [M] 1 where the first won, 0 where the second did, 1/2 for a tie or a verdict that cannot be read.
        offsets: int [G + 1] boundaries of the groups of one prompt, n = the last.
    Returns: float64 [n] in [0, 1]; 0 for an image without a comparison. Rounded as the official code does: for numbers
        in full, and NaN there, call `ratings.win_rate`.
    Raises: ShapeError, DomainError, TypeError.
    Source: fastvideo/rewards/unifiedreward_think.py of CodeGoat24/Pref-GRPO.

    >>> rewards([0, 0, 1], [1, 2, 2], [1.0, 0.5, 1.0], [0, 3])
    array([0.75, 0.5 , 0.25])
    """
    from prefcore import _arrays, _rust
    from prefcore.errors import DomainError
    from prefcore.ratings import Comparisons, win_rate

    ends = _arrays.integers("offsets", offsets)
    n = int(ends[-1]) if ends.ndim == 1 and len(ends) else 0
    _rust.validate_offsets(ends, n)
    found = Comparisons.from_outcomes(first, second, outcomes, n_items=n)
    prompt = np.searchsorted(ends, [_arrays.integers("first", first), _arrays.integers("second", second)], "right")
    if (apart := prompt[0] != prompt[1]).any():
        row = int(apart.argmax())
        raise DomainError(f"second[{row}] must be in the group of first[{row}], got groups {prompt[:, row] - 1}")
    return win_rate(found, unmet=0.0).round(3)


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
        clip_range: bound of the ratio, both ways, in (0, 1].
    Returns: [N] losses (f32; f64 for f64 input).
    Raises: ShapeError, DomainError, TypeError.
    Source: fastvideo/train_flux.py of CodeGoat24/Pref-GRPO.

    >>> loss(torch.tensor([0.0, 0.1]), torch.tensor([-2.0, 1.0]))
    tensor([ 2.0000, -1.0001])
    """
    from prefcore._checks import numbers, positive
    from prefcore.losses import ppo_clip
    from prefcore.papers._inputs import alike, renamed

    numbers(clip_range=clip_range)
    positive(clip_range=clip_range)
    log_ratio, advantages = alike(log_ratio=log_ratio, advantages=advantages)
    zero = log_ratio.new_zeros(log_ratio.shape)
    with renamed(clip_low="clip_range"):
        return ppo_clip(log_ratio, zero, advantages, clip_low=clip_range, clip_high=clip_range)


def step_logps(sample: Tensor, mean: Tensor, *, std: Num) -> Tensor:
    """Log-prob of a denoising step, whose differences are the `log_ratio` of `loss`.

    mean over the elements of -(sample - mean)^2 / (2 std^2) - log(std) - log(2 pi) / 2

    Args:
        sample: [B, ...] latents that the step gave, constant for autograd.
        mean: [B, ...] its mean under the policy.
        std: standard deviation of its noise, > 0; float or [B].
    Returns: [B] nats per element (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: fastvideo/grpo/steps.py of CodeGoat24/Pref-GRPO, which takes the mean where a density has the sum.

    >>> step_logps(torch.tensor([[1.0, -1.0]]), torch.zeros(1, 2), std=1.0)
    tensor([-1.4189])
    """
    import math

    import torch

    from prefcore._checks import per_example, positive
    from prefcore.errors import ShapeError
    from prefcore.papers._inputs import alike

    sample, mean = alike(sample=sample, mean=mean)
    if sample.ndim < 2 or 0 in sample.shape[1:]:
        raise ShapeError(f"sample must be [B, ...] with an element each, got {list(sample.shape)}")
    positive(std=std)
    errors = (sample.detach() - mean).square().flatten(1).mean(1)
    width = torch.ones_like(errors) * per_example("std", std, errors)
    return -errors / (2 * width**2) - width.log() - math.log(2 * math.pi) / 2
