"""A loss of pairs in a Trainer that is already there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import Trainer

from prefcore.errors import DomainError
from prefcore.integrations._handle import Handle
from prefcore.integrations.transformers._checks import callable_loss, one_per_pair
from prefcore.logps import sequence_logps, token_logps

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["attach_loss"]


def attach_loss(trainer: Any, loss: Callable[[Tensor, Tensor], Tensor], *, average_logps: bool = False) -> Handle:
    """Give a plain `transformers.Trainer` a loss of pairs that needs no reference.

    mean over the pairs of loss(chosen, rejected), log-probs of the labels, chosen rows in the first half of the batch

    The way for a Trainer that you already have; it reads whole logits, which `PreferenceTrainer` does not. The bare
    `compute_loss_func` of Trainer is taken for a sum over the accumulated batches and doubles the gradients of a mean
    with two of them; this sets `loss_is_scaled_for_ga = False` beside it.

    Args:
        trainer: with batches like those of `preference_collator`.
        loss: function of (chosen, rejected), each [B], that returns [B].
        average_logps: divide by the number of labels, for SimPO and ORPO.
    Returns: Handle that puts back what the trainer had.
    Raises: TypeError; DomainError for a trainer with a `compute_loss` of its own, which need not ask for this loss;
        when called, ShapeError for a loss that does not return one value per pair.
    Source: `Trainer.compute_loss_func`, transformers 5.24.

    >>> from types import SimpleNamespace
    >>> from prefcore.losses import dpo
    >>> trainer = SimpleNamespace(compute_loss_func=None, loss_is_scaled_for_ga=None)
    >>> with attach_loss(trainer, dpo):
    ...     trainer.loss_is_scaled_for_ga
    False
    >>> trainer.compute_loss_func is None
    True
    """
    if not hasattr(trainer, "compute_loss_func"):
        raise TypeError(f"trainer must be a transformers.Trainer, got {type(trainer).__name__}")
    if getattr(trainer, "loss_is_scaled_for_ga", "absent") == "absent":
        raise TypeError("trainer has no loss_is_scaled_for_ga: attach_loss needs transformers 5.19 or later")
    callable_loss(loss)
    _refuse_own_loss(trainer)

    def compute(outputs: Any, labels: Tensor | None, num_items_in_batch: object = None) -> Tensor:  # noqa: ARG001
        if labels is None:
            raise DomainError("the batch has no labels: use preference_collator")
        targets = labels[:, 1:]
        mask = targets != -100
        found = sequence_logps(token_logps(outputs.logits[:, :-1], targets, mask=mask), mask)
        chosen, rejected = (found.means if average_logps else found.sums).chunk(2)
        return one_per_pair(loss(chosen, rejected), chosen).mean()

    before = trainer.compute_loss_func, trainer.loss_is_scaled_for_ga
    trainer.compute_loss_func, trainer.loss_is_scaled_for_ga = compute, False

    def undo() -> None:
        trainer.compute_loss_func, trainer.loss_is_scaled_for_ga = before

    return Handle(undo, previous=before[0])


def _refuse_own_loss(trainer: Any) -> None:
    """Raise where `compute_loss` is not that of transformers, which alone is known to call `compute_loss_func`."""
    kind = type(trainer)
    theirs = Trainer.compute_loss
    if getattr(kind, "compute_loss", theirs) is theirs and "compute_loss" not in vars(trainer):
        return
    instead = "prefcore.integrations.trl.with_loss" if kind.__module__.startswith("trl.") else "PreferenceTrainer"
    if any(base.__name__ == "PreferenceTrainer" for base in kind.__mro__):
        instead = "PreferenceTrainer(..., loss=loss)"
    raise DomainError(f"{kind.__name__} computes its loss itself and would ignore this one: use {instead}")
