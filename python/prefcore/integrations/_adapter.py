"""The form of a preference loss that trainers with a slot for one expect, around a loss of prefcore."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from prefcore.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["PairResult", "pair_loss"]


class PairResult(NamedTuple):
    """Losses and implicit rewards of a batch of pairs."""

    losses: Tensor
    """[B], nats."""
    chosen_rewards: Tensor
    """[B], beta times the log-ratio, detached."""
    rejected_rewards: Tensor
    """[B]."""


def pair_loss(loss: Callable[[Tensor, Tensor], Tensor], *, beta: float) -> Callable[..., PairResult]:
    """Turn `loss(chosen, rejected) -> [B]` of log-ratios into a function of four log-probs with three results.

    >>> from prefcore.losses import dpo
    >>> call = pair_loss(lambda chosen, rejected: dpo(chosen, rejected, beta=0.1), beta=0.1)
    >>> call(*(torch.tensor([x]) for x in (-1.0, -2.0, -1.0, -1.0))).losses
    tensor([0.6444])
    """
    if not callable(loss):
        raise DomainError(f"loss must be a function of two tensors, got {type(loss).__name__}")

    def call(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor) -> PairResult:
        ours, theirs = chosen - ref_chosen, rejected - ref_rejected
        return PairResult(loss(ours, theirs), beta * ours.detach(), beta * theirs.detach())

    return call
