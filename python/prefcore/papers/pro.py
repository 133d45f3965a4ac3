"""PRO: preference ranking optimization for human alignment (Song et al. 2023, arXiv 2306.17492)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["loss"]


def loss(logps: Tensor, lengths: Tensor, rewards: Tensor, *, sft_weight: Num = 0.05) -> Tensor:
    """Learn a whole ranking of responses, and the best of them by heart.

    loss = losses.pro(logps / lengths, rewards) - sft_weight (n - 1)^2 logps_best

    Args:
        logps: [B, n] sums of token log-probs of n responses to a prompt, in nats, in any order.
        lengths: [B, n] numbers of tokens, >= 1, any dtype.
        rewards: [B, n] of the responses, constant for autograd; scale them to order 1. The best is the first of equal
            ones.
        sft_weight: weight of the second term, >= 0; float or [B]. The script's; the default of the official code is 2.
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: `losses.pro`; PRO/train/utils/process_manager.py of AlibabaResearch/DAMO-ConvAI, whose log has a floor of
        1e-10 (`losses.pro(eps=)`) and whose lengths are off by one.

    >>> loss(torch.tensor([[-2.0, -4.0]]), torch.tensor([[2, 2]]), torch.tensor([[1.0, 0.0]]))
    tensor([0.4133])
    """
    from prefcore._checks import nonnegative, per_example, positive, same_shape, tensors, upcast
    from prefcore.errors import ShapeError
    from prefcore.losses import pro

    tensors(logps=logps, lengths=lengths, rewards=rewards)
    same_shape(logps=logps, lengths=lengths, rewards=rewards)
    if logps.ndim != 2 or logps.shape[1] == 0:
        raise ShapeError(f"logps must be [B, n] with n > 0, got {list(logps.shape)}")
    logps, rewards = upcast(logps=logps, rewards=rewards)
    lengths = lengths.to(logps.dtype)
    positive(lengths=lengths)
    nonnegative(sft_weight=sft_weight)
    ranking = pro(logps / lengths, rewards)
    best = logps.gather(1, rewards.argmax(1, keepdim=True)).squeeze(1)
    weight = per_example("sft_weight", sft_weight, ranking) * ranking.new_full(best.shape, (logps.shape[1] - 1) ** 2)
    return ranking - weight * best.where(weight != 0, 0.0)
