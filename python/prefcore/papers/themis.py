"""Themis: tool-augmented reward modeling (Li et al. 2023, arXiv 2310.01045)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["loss"]


def loss(lm_loss: Tensor, chosen: Tensor, rejected: Tensor, *, reward_weight: Num = 0.5) -> Tensor:
    """Language-model loss on traces of tool use plus the reward-model loss.

    loss = lm_loss + reward_weight bradley_terry(chosen, rejected)

    Args:
        lm_loss: [B] cross-entropy of the traces, in nats (the mean over tokens).
        chosen: [B] rewards of the preferred responses.
        rejected: [B] rewards of the others.
        reward_weight: weight of the second term, >= 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: src/models/reward_model.py of ernie-research/Tool-Augmented-Reward-Model.

    >>> loss(torch.tensor([1.0]), torch.tensor([0.0]), torch.tensor([0.0]))
    tensor([1.3466])
    """
    from prefcore._checks import nonnegative, per_example
    from prefcore.losses import bradley_terry
    from prefcore.papers._inputs import alike

    lm_loss, chosen, rejected = alike(lm_loss=lm_loss, chosen=chosen, rejected=rejected)
    nonnegative(reward_weight=reward_weight)
    return lm_loss + per_example("reward_weight", reward_weight, chosen) * bradley_terry(chosen, rejected)
