"""DRIFT: learning from abundant user dissatisfaction (arXiv 2510.02341)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["loss"]


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
