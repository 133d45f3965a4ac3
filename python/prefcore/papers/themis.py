"""Themis: tool-augmented reward modeling (Li et al. 2023, arXiv 2310.01045)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.papers._sections import Sections

__all__ = ["evaluate", "loss"]


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


def evaluate(chosen: Any, rejected: Any, task: Any) -> Sections:
    """How often the preferred response has the higher reward, for each task and on average.

    Args:
        chosen: [N] rewards of the preferred responses.
        rejected: [N] rewards of the others; a tie counts as wrong.
        task: [N] integers or strings: the tool, or the data set.
    Returns: Sections(sections, accuracy, mean), tasks in the order in which they come.
    Raises: ShapeError, DomainError, TypeError.
    Source: accuracies by tool, as the paper gives them; the average over tasks is derived.

    >>> evaluate([1.0, 0.0, 2.0], [0.0, 1.0, 1.0], ["wiki", "wiki", "map"])
    Sections(sections=array(['wiki', 'map'], dtype='<U4'), accuracy=array([0.5, 1. ]), mean=0.75)
    """
    from prefcore.papers._sections import by_section

    return by_section(chosen, rejected, "task", task)
