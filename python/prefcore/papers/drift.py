"""DRIFT: learning from abundant user dissatisfaction (arXiv 2510.02341)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num
    from prefcore.pairs import Pairs

__all__ = ["loss", "pairs"]


def loss(chosen: Tensor, rejected: Tensor, chosen_nll: Tensor, *, beta: Num = 0.1, nll_weight: Num = 0.001) -> Tensor:
    """DPO on a fresh sample against a reply that a user was not satisfied with, and a little likelihood.

    loss = dpo(chosen, rejected) + nll_weight chosen_nll

    Args:
        chosen: [B] log-ratios policy - reference of fresh samples, in nats.
        rejected: [B] log-ratios of the dissatisfying replies.
        chosen_nll: [B] negative log-likelihood of the fresh samples per token, in nats.
        beta: strength of the pull to the reference, > 0; float or [B].
        nll_weight: weight of the second term (`rpo_alpha`), >= 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: beta and `rpo_alpha` in configs/qwen2.5-7b and configs/qwen2.5-14b of cacayaya/DRIFT.

    >>> loss(torch.tensor([0.0]), torch.tensor([0.0]), torch.tensor([1.5]), nll_weight=0.1)
    tensor([0.8431])
    """
    from prefcore._checks import nonnegative, per_example
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike

    chosen, rejected, chosen_nll = alike(chosen=chosen, rejected=rejected, chosen_nll=chosen_nll)
    nonnegative(nll_weight=nll_weight)
    return dpo(chosen, rejected, beta=beta) + per_example("nll_weight", nll_weight, chosen) * chosen_nll


def pairs(fresh_id: Any, dissatisfied_id: Any) -> Pairs:
    """Pair every fresh sample with the reply that a user was not satisfied with; equal texts are dropped.

    `pairs.all_pairs` of levels 1 and 0

    Args:
        fresh_id: [N] integers or strings that are equal where the texts are, or the texts.
        dissatisfied_id: [N] of the replies.
    Returns: Pairs [P]; rows are those of the [N, 2] array of both (2 n fresh, 2 n + 1 dissatisfied), `group` is n.
    Raises: ShapeError, DomainError, TypeError.
    Source: gen-drift.py of cacayaya/DRIFT; that equal texts go is derived.

    >>> pairs(["better", "same"], ["bad", "same"]).group
    array([0])
    """
    import numpy as np

    from prefcore.errors import ShapeError
    from prefcore.pairs import all_pairs
    from prefcore.papers._inputs import with_other_text

    fresh, dissatisfied = np.asarray(fresh_id), np.asarray(dissatisfied_id)
    if fresh.shape != dissatisfied.shape or fresh.ndim != 1:
        raise ShapeError(
            f"fresh_id and dissatisfied_id must be [N] both, got {list(fresh.shape)} and {list(dissatisfied.shape)}"
        )
    ladder = np.tile([1, 0], (len(fresh), 1))
    return with_other_text(all_pairs(ladder), np.column_stack([fresh, dissatisfied]).ravel(), ladder.size)
