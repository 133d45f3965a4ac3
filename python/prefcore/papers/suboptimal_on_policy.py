"""Preference fine-tuning should leverage suboptimal, on-policy data (Tajwar et al. 2024, arXiv 2404.14367)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["best_of_n_loss"]


def best_of_n_loss(logps: Tensor, rewards: Tensor, *, beta: float, negative_weights: Tensor | None = None) -> Tensor:
    """Best of n, with a negative gradient on other samples.

    loss = -logps[best] + beta sum_i w_i logps_i

    Not bounded below for beta > 0: the paper's study of negative gradients, not a loss to train long with.

    Args:
        logps: [B, N] log-probs of n samples for each prompt, in nats.
        rewards: [B, N] their rewards; of equal ones the first is the best, and the worst.
        beta: weight of the negative gradient, >= 0; 0 = best of n alone.
        negative_weights: [B, N] w; None = 1 for the worst sample. 1/(n - 1) or 1 for all but the best are the paper's
            others.
    Returns: [B] losses (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError for rewards that are not finite (on the CPU, outside compiled code), TypeError.
    Source: the bandit experiments of the official code.

    >>> best_of_n_loss(torch.tensor([[-1.0, -2.0, -3.0]]), torch.tensor([[0.1, 0.9, -0.3]]), beta=0.5)
    tensor([0.5000])
    """
    from torch.nn.functional import one_hot

    from prefcore._checks import finite, nonnegative, numbers, same_shape, tensors, tensors_or_none, upcast
    from prefcore.errors import ShapeError

    tensors(logps=logps, rewards=rewards)
    tensors_or_none(negative_weights=negative_weights)
    weights = rewards if negative_weights is None else negative_weights
    same_shape(logps=logps, rewards=rewards, negative_weights=weights)
    if logps.ndim != 2 or logps.shape[1] == 0:
        raise ShapeError(f"logps must be [B, N] with N > 0, got {list(logps.shape)}")
    numbers(beta=beta)
    nonnegative(beta=beta)
    finite(rewards=rewards)
    (logps,) = upcast(logps=logps)
    best, worst = (one_hot(x.argmax(1), logps.shape[1]).to(logps.dtype) for x in (rewards, -rewards))
    negative = worst if negative_weights is None else negative_weights.to(logps.dtype)
    return ((beta * negative - best) * logps).sum(1)
