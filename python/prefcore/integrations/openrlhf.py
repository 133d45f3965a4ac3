"""Preference losses for OpenRLHF's DPO trainer: `trainer.loss_fn = PairLoss("hinge", beta=0.1)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefcore.integrations._adapter import PairResult, pair_loss

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["PairLoss"]


class PairLoss:
    """A loss of prefcore in the place of OpenRLHF's `DPOLoss`.

    (mean of loss(c, r), beta c, beta r),  c = chosen - ref_chosen,  r = rejected - ref_rejected

    One line after the trainer is built: `trainer.loss_fn = PairLoss("hinge", beta=0.1)`. Its log-probs are sums over
    the response, also for `ipo`: there OpenRLHF's target 1 / (2 beta) is one of sums.

    Args:
        loss: name of a loss of pairs in `prefcore.losses` that has a beta; or a function of the log-ratios of both
            sides, each [B], that returns [B].
        beta: scale of the rewards that are logged, and the beta of the loss: a function that has a parameter `beta` is
            called with it, unless it is a `functools.partial` with a beta of its own. Finite, > 0.
    Raises: DomainError for another name, for a loss that cannot be called so, and for a beta that is not > 0; at a call
        ShapeError for log-probs of different shapes, and for a loss that does not return one value per pair.
    Source: `trainer.loss_fn` in openrlhf/trainer/dpo_trainer.py of OpenRLHF 0.11.2.

    >>> from prefcore.losses import dpo
    >>> call = PairLoss(dpo, beta=0.5)
    >>> call(*(torch.tensor([x]) for x in (-1.0, -2.0, -1.0, -1.0))).losses
    tensor(0.4741)
    """

    def __init__(self, loss: str | Callable[..., Tensor], *, beta: float) -> None:
        self._call = pair_loss(loss, beta=beta)

    def __call__(self, chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor) -> PairResult:
        """Return the mean loss, and the rewards [B] of both sides, detached; inputs are log-probs [B] in nats."""
        found = self._call(chosen, rejected, ref_chosen, ref_rejected)
        return found._replace(losses=found.losses.mean())
