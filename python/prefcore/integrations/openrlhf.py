"""Preference losses for OpenRLHF's DPO trainer: `trainer.loss_fn = PairLoss(loss, beta=0.1)`."""

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

    One line after the trainer is built: `trainer.loss_fn = PairLoss(partial(losses.hinge, beta=0.1), beta=0.1)`. Its
    log-probs are sums over the response, also for `ipo`: there OpenRLHF's target 1 / (2 beta) is one of sums.

    Args:
        loss: function of the log-ratios of both sides, each [B], that returns [B].
        beta: scale of the rewards that are logged, of the loss too where it has one.
    Raises: DomainError for a loss that is no function.
    Source: `trainer.loss_fn` in openrlhf/trainer/dpo_trainer.py of OpenRLHF 0.11.2.

    >>> from prefcore.losses import dpo
    >>> call = PairLoss(dpo, beta=0.1)
    >>> call(*(torch.tensor([x]) for x in (-1.0, -2.0, -1.0, -1.0))).losses
    tensor(0.6444)
    """

    def __init__(self, loss: Callable[[Tensor, Tensor], Tensor], *, beta: float) -> None:
        self._call = pair_loss(loss, beta=beta)

    def __call__(self, chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor) -> PairResult:
        """Return the mean loss, and the rewards [B] of both sides, detached; inputs are log-probs [B] in nats."""
        found = self._call(chosen, rejected, ref_chosen, ref_rejected)
        return found._replace(losses=found.losses.mean())
