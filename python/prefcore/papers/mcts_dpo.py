"""MCTS-DPO: tree search boosts reasoning by iterative preference learning (Xie et al. 2024, arXiv 2405.00451)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from prefcore._checks import Num

__all__ = ["loss"]


def loss(
    chosen: Tensor, rejected: Tensor, chosen_visits: Tensor, rejected_visits: Tensor, *, beta: Num = 0.1
) -> Tensor:
    """DPO on steps of a search tree, with a label that is the softer the more often the worse step was visited.

    loss = dpo(chosen, rejected, label_smoothing=e),  e = min(1/2, n_rejected / (n_rejected + max(1, n_chosen)))

    Args:
        chosen: [B] log-ratios policy - reference of the better steps, in nats, from the first different token on
            (`logps.diverge_slice`).
        rejected: [B] log-ratios of the worse steps.
        chosen_visits: [B] how often the search came to the better step, >= 0, any dtype.
        rejected_visits: [B] the same of the worse step.
        beta: strength of the pull to the reference, > 0; float or [B].
    Returns: [B] losses in nats (f32; f64 for f64 input). NaN in, NaN out.
    Raises: ShapeError, DomainError, TypeError.
    Source: mcts_rl/algorithms/mcts/trainer.py and utils.py of YuxiXie/MCTS-DPO.

    >>> x = torch.tensor([2.0, 2.0])
    >>> loss(x, torch.zeros(2), torch.tensor([3, 0]), torch.tensor([1, 7]), beta=0.5)
    tensor([0.5633, 0.8133])
    """
    from prefcore._checks import nonnegative, same_shape, tensors, upcast
    from prefcore.losses import dpo

    given = {
        "chosen": chosen,
        "rejected": rejected,
        "chosen_visits": chosen_visits,
        "rejected_visits": rejected_visits,
    }
    tensors(**given)
    same_shape(**given)
    chosen, rejected = upcast(chosen=chosen, rejected=rejected)
    better, worse = chosen_visits.to(chosen.dtype), rejected_visits.to(chosen.dtype)
    nonnegative(chosen_visits=better, rejected_visits=worse)
    smoothing = (worse / (worse + better.clamp(min=1))).clamp(max=0.5)
    return dpo(chosen, rejected, beta=beta, label_smoothing=smoothing)
