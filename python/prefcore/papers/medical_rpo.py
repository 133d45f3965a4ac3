"""Reasoning preference optimization (RPO) of medical models (arXiv 2504.18080; Pang et al. 2024, arXiv 2404.19733)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["loss"]


def loss(
    chosen: Tensor, rejected: Tensor, chosen_logps: Tensor, chosen_mask: Tensor, *, beta: Num = 0.1, alpha: Num = 1.0
) -> Tensor:
    """DPO that also learns the chosen reasoning path.

    loss = dpo(chosen, rejected) - alpha mean_t chosen_logps

    The mean is over the tokens of each response. TRL's `rpo_alpha` takes it over the tokens of the batch:
    `dpo(...).mean() + alpha * token_mean(-chosen_logps, chosen_mask)`. Pang et al. put alpha on the first term.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B] log-ratios of the others.
        chosen_logps: [B, T] log-probs of the tokens of the preferred responses under the policy, in nats.
        chosen_mask: [B, T] bool, True = counts; at least one token a row.
        beta: strength of the pull to the reference, > 0; float or [B].
        alpha: weight of the second term, >= 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: Iterative RPO (Pang et al. 2024), eq. 1; TRL up to 0.24 (trl/trainer/dpo_trainer.py).

    >>> logps, mask = torch.tensor([[-1.0, -2.0]]), torch.tensor([[True, True]])
    >>> loss(torch.zeros(1), torch.zeros(1), logps, mask)
    tensor([2.1931])
    """
    from prefcore._checks import nonnegative, per_example, same_device
    from prefcore.errors import ShapeError
    from prefcore.losses import dpo
    from prefcore.papers._inputs import alike, token_sums

    chosen, rejected = alike(chosen=chosen, rejected=rejected)
    means = token_sums({"chosen_logps": chosen_logps, "chosen_mask": chosen_mask}).means
    same_device(chosen=chosen, chosen_logps=chosen_logps)
    if means.shape != chosen.shape:
        got = f"{list(chosen.shape)} and {list(chosen_logps.shape)}"
        raise ShapeError(f"expected chosen [B] and chosen_logps [B, T], got {got}")
    nonnegative(alpha=alpha)
    return dpo(chosen, rejected, beta=beta) - per_example("alpha", alpha, chosen) * means
