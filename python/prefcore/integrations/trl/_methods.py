"""Trainers whose loss is a method of log-probs: CPO, SimPO and ORPO, and DPO in TRL up to 0.24."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from prefcore.errors import DomainError
from prefcore.integrations.trl._batches import split
from prefcore.integrations.trl._own import Override, OwnLoss

if TYPE_CHECKING:
    from torch import Tensor


class Metrics(Override):
    """`get_batch_loss_metrics`, which calls the loss: it keeps what the loss has to know of the batch."""

    def __init__(self, theirs: Any, trainer: Any) -> None:
        super().__init__(theirs)
        self.trainer = trainer
        self.weights: Tensor | None = None
        self.batch: dict[str, Any] = {}
        self.asked = False

    def __call__(self, model: Any, batch: dict[str, Any], train_eval: str = "train") -> Any:
        """Return what TRL's method does."""
        self.batch, self.weights = split(batch)
        self.asked = False
        found = self.theirs(model, self.batch, train_eval)
        if not self.asked:
            raise DomainError("TRL did not ask for the loss: set use_liger_loss=False, whose losses are fixed")
        return found

    def rescaled(self, chosen: Tensor, rejected: Tensor, *, average: bool) -> tuple[Tensor, Tensor]:
        """Turn means over tokens into sums or the reverse, unless TRL has given what is asked for."""
        given_means = not hasattr(self.trainer, "cpo_loss") or self.trainer.loss_type in ("ipo", "simpo")
        if given_means == average:
            return chosen, rejected
        counts = [self._counts(side).to(chosen.device) for side in ("chosen", "rejected")]
        return (chosen / counts[0], rejected / counts[1]) if average else (chosen * counts[0], rejected * counts[1])

    def _counts(self, side: str) -> Tensor:
        labels = self.batch[f"{side}_labels"]
        shifted = labels if self.trainer.is_encoder_decoder else labels[:, 1:]
        return torch.as_tensor(shifted != -100).sum(1).clamp(min=1)


class PairMethod(Override):
    """The method of the loss: it returns TRL's rewards and figures, with our losses before them."""

    def __init__(self, theirs: Any, own: OwnLoss, metrics: Metrics, sign: float) -> None:
        super().__init__(theirs)
        self.own, self.metrics, self.sign = own, metrics, sign

    def __call__(self, chosen: Tensor, rejected: Tensor, *others: Any, **options: Any) -> tuple[Tensor, ...]:
        """Return a tuple that begins with losses, chosen rewards and rejected rewards, each [B]."""
        self.metrics.asked = True
        found = self.theirs(chosen, rejected, *others, **options)
        if len(others) >= 2:  # the log-probs of a reference
            sides = chosen - others[0], rejected - others[1]
        else:
            sides = self.metrics.rescaled(chosen, rejected, average=self.own.average_logps)
        return (self.sign * self.own.of(sides, self.metrics.weights), *found[1:])
