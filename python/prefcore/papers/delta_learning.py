"""Delta Learning: gains from weak preference data (Geng et al. 2025, arXiv 2507.06187)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.pairs import Pairs

__all__ = ["loss", "pairs"]


def loss(chosen: Tensor, rejected: Tensor, chosen_mask: Tensor, rejected_mask: Tensor, *, beta: Num = 5.0) -> Tensor:
    """Length-normalized DPO on a response of a larger weak model against one of a smaller.

    loss = dpo(mean_t chosen, mean_t rejected)

    Args:
        chosen: [B, T] token log-ratios policy - reference of the larger model's responses, in nats.
        rejected: [B, U] of the smaller model's.
        chosen_mask: [B, T] bool, True = counts; at least one token a row, where the official code has 0/0.
        rejected_mask: [B, U] bool.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: openrlhf/trainer/dpo_trainer.py and configs/dpo of scottgeng00/delta_learning.

    >>> mask = torch.tensor([[True, True]])
    >>> loss(torch.tensor([[0.1, 0.3]]), torch.zeros(1, 2), mask, mask)
    tensor([0.3133])
    """
    from prefcore.papers._length_normalized import length_normalized_dpo

    return length_normalized_dpo(chosen, rejected, chosen_mask, rejected_mask, beta)


def pairs(level: Any, offsets: Any, text_id: Any) -> Pairs:
    """Pair the answers to a prompt by the size of their models, whatever they say; equal texts are dropped.

    `pairs.all_pairs`, the higher level chosen

    Args:
        level: [n] size or rank of the model of every answer; larger is taken for better.
        offsets: int [G + 1] boundaries of the prompts.
        text_id: [n] integers or strings that are equal where the texts are, or the texts.
    Returns: Pairs [P].
    Raises: ShapeError, DomainError, TypeError.
    Source: the paper, section 3.

    >>> pairs([3, 1, 0], [0, 3], ["x", "y", "x"]).rejected
    array([1, 2])
    """
    from prefcore.pairs import all_pairs
    from prefcore.papers._inputs import with_other_text

    return with_other_text(all_pairs(level, offsets=offsets), text_id, len(level))
