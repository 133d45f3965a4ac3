"""FuseChat-3.0: preference optimization meets heterogeneous model fusion (arXiv 2503.04222)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["loss", "plain_loss"]


def loss(chosen: Tensor, rejected: Tensor, chosen_mask: Tensor, rejected_mask: Tensor, *, beta: Num = 10.0) -> Tensor:
    """Length-normalized DPO, for targets of the Llama family.

    loss = dpo(mean_t chosen, mean_t rejected)

    Args:
        chosen: [B, T] token log-ratios policy - reference of the preferred responses, in nats.
        rejected: [B, U] of the others.
        chosen_mask: [B, T] bool, True = counts; at least one token a row.
        rejected_mask: [B, U] bool.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: README.md of SLIT-AI/FuseChat-3.0.

    >>> mask = torch.tensor([[True, True]])
    >>> loss(torch.tensor([[0.1, 0.3]]), torch.zeros(1, 2), mask, mask)
    tensor([0.1269])
    """
    from prefcore.papers._length_normalized import length_normalized_dpo

    return length_normalized_dpo(chosen, rejected, chosen_mask, rejected_mask, beta)


def plain_loss(chosen: Tensor, rejected: Tensor, *, beta: Num = 0.01) -> Tensor:
    """`losses.dpo` with the beta for targets of the Qwen and Gemma families.

    Args:
        chosen: [B] log-ratios policy - reference of the preferred responses, sums over tokens, in nats.
        rejected: [B] log-ratios of the others.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: as `loss`.

    >>> plain_loss(torch.tensor([100.0]), torch.tensor([0.0]))
    tensor([0.3133])
    """
    from prefcore.losses import dpo

    return dpo(chosen, rejected, beta=beta)
