"""Trainer of transformers for any loss of pairs."""

from __future__ import annotations

from contextlib import nullcontext
from copy import copy
from typing import TYPE_CHECKING, Any

import torch
from transformers import Trainer

from prefcore.errors import DomainError, ShapeError
from prefcore.integrations._fused_head import add_fused_lm_head, frozen, label_logps
from prefcore.integrations._handle import Handle
from prefcore.integrations.transformers.reference import COLUMNS, row_keys
from prefcore.logps import sequence_logps, token_logps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

__all__ = ["PreferenceTrainer", "attach_loss"]


class PreferenceTrainer(Trainer):  # type: ignore[misc]
    """Trainer of transformers that minimizes a loss of preference pairs, with or without a reference.

    mean over the pairs of weight * loss(chosen, rejected)

    Logs besides the loss: `margin`, the mean of chosen - rejected, and `accuracy`, the share of pairs with chosen >
    rejected. The loss is a mean over the batch and Trainer knows it: two accumulated batches of 4 are one of 8
    (`compute_loss_func` doubles the gradients there). Logits are never whole in memory. Everything is a call of the
    wrapped model, so DDP sees all gradients. The model gets `add_fused_lm_head`.

    Args:
        model: a transformers causal language model, or peft's wrapper of one.
        args: `transformers.TrainingArguments`; `remove_unused_columns` is taken as False.
        loss: function of (chosen, rejected), each [B], that returns [B], such as
            `partial(prefcore.losses.dpo, beta=0.1)`. It gets log-ratios policy - reference where there is a
            reference, else log-probs.
        ref_model: the reference; `model` itself stands for the same peft model with its adapters off; None where the
            rows bring `ref_chosen_logps` and `ref_rejected_logps` (`precompute_ref_logps`) or the loss needs none.
        average_logps: divide log-probs and reference by the number of completion tokens, for SimPO and its kind.
        weight_column: column of the rows with the weight of each pair; None = 1.
        train_dataset: of `datasets`, rows that data_collator reads.
        eval_dataset: the same.
        data_collator: `preference_collator(tokenizer)`, or a function that gives batches like it.
        processing_class: tokenizer, saved beside the model.
        callbacks: of transformers.
    Raises: DomainError for arguments that do not fit each other, for several GPUs in one process, for reference columns
        of other tokens, for a missing weight_column, on the CPU for an empty completion; ShapeError for a loss that
        does not return one value per pair.
    Source: accumulation: transformers 5.19 `Trainer.loss_is_scaled_for_ga`; unwrapped heads: huggingface/trl#7245.
    """

    loss_is_scaled_for_ga = False  # transformers divides by the number of accumulated batches

    def __init__(
        self,
        model: nn.Module,
        args: Any,
        *,
        loss: Callable[[Tensor, Tensor], Tensor],
        ref_model: nn.Module | None = None,
        average_logps: bool = False,
        weight_column: str | None = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        data_collator: Any = None,
        processing_class: Any = None,
        callbacks: Any = None,
    ) -> None:
        if data_collator is None:
            raise DomainError("data_collator must be given: preference_collator(tokenizer)")
        if ref_model is model and not hasattr(model, "disable_adapter"):
            raise DomainError("ref_model is the model itself, which has no adapters to turn off; expected a copy of it")
        if args.n_gpu > 1:
            raise DomainError(
                f"one process would use {args.n_gpu} GPUs by DataParallel: start one for each, by torchrun"
            )
        args = copy(args)
        args.remove_unused_columns = False
        self.pair_loss, self.average_logps, self.weight_column = loss, average_logps, weight_column
        self._seen: dict[bool, list[Tensor]] = {True: [], False: []}  # in training, in evaluation
        super().__init__(
            model,
            args,
            data_collator,
            train_dataset,
            eval_dataset,
            processing_class=processing_class,
            callbacks=callbacks,
        )
        self.model_accepts_loss_kwargs = False  # the same before 5.19; and labeled tokens need not be counted
        add_fused_lm_head(model)
        self.adapters_off = ref_model is model
        self.ref_model = ref_model
        if ref_model is not None and not self.adapters_off:
            add_fused_lm_head(ref_model.to(args.device))
            self.ref_model = self.accelerator.prepare_model(ref_model, evaluation_mode=True)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: object = None,  # noqa: ARG002
    ) -> Any:
        """Mean of the weighted losses of a batch; `Trainer` calls it."""
        chosen, rejected = self._log_ratios(model, inputs)
        losses = one_per_pair(self.pair_loss(chosen, rejected), chosen)
        margins = (chosen - rejected).detach()
        self._seen[model.training].append(torch.stack([margins, (margins > 0).to(margins.dtype)]).mean(1))
        value = (losses * self._weights(inputs, losses)).mean()
        return (value, {"loss": value, "margins": margins}) if return_outputs else value

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        prediction_loss_only: bool,  # noqa: ARG002
        ignore_keys: list[str] | None = None,  # noqa: ARG002
    ) -> tuple[Tensor, None, None]:
        """Loss of a batch without a gradient; `Trainer` calls it."""
        with torch.no_grad(), self.compute_loss_context_manager():
            return self.compute_loss(model, self._prepare_inputs(inputs)).detach(), None, None

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add margin and accuracy since the last line; `Trainer` calls it."""
        named = next((name for name in logs if name.endswith("loss") and name != "train_loss"), None)
        seen = self._seen[named == "loss"]
        if named is not None and seen:
            means = self.accelerator.reduce(torch.stack(seen).mean(0), reduction="mean").tolist()
            prefix = named.removesuffix("loss")
            logs.update({f"{prefix}margin": means[0], f"{prefix}accuracy": means[1]})  # evaluate returns them too
            seen.clear()
        super().log(logs, start_time)

    def _log_ratios(self, model: nn.Module, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """Policy - reference of both sides, [B] each."""
        sums, counts = label_logps(model, inputs)
        sums = sums - self._reference(model, inputs, sums)
        return list((sums / counts.clamp(min=1) if self.average_logps else sums).chunk(2))

    def _reference(self, model: nn.Module, inputs: Mapping[str, Tensor], like: Tensor) -> Tensor:
        """[2B] sums of the reference's log-probs; 0 without one."""
        if COLUMNS[0] in inputs:
            return _cached(inputs).to(like)
        if self.ref_model is None:
            return torch.zeros_like(like)
        off = self.accelerator.unwrap_model(model).disable_adapter() if self.adapters_off else nullcontext()
        module = model if self.adapters_off else self.ref_model
        with off, frozen(module):
            return label_logps(module, inputs).sums

    def _weights(self, inputs: Mapping[str, Tensor], losses: Tensor) -> Tensor | float:
        if self.weight_column is None:
            return 1.0
        if self.weight_column not in inputs:
            raise DomainError(
                f"weight_column {self.weight_column!r} is not in the batch, which has {', '.join(inputs)}"
            )
        return inputs[self.weight_column].to(losses)


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
    Raises: TypeError; when called, ShapeError for a loss that does not return one value per pair.
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


def one_per_pair(losses: Tensor, chosen: Tensor) -> Tensor:
    """The losses, where they are as many as the pairs."""
    if losses.shape != chosen.shape:
        raise ShapeError(f"loss must return one value per pair, {list(chosen.shape)}, got {list(losses.shape)}")
    return losses


def _cached(inputs: Mapping[str, Tensor]) -> Tensor:
    """[2B] columns of the rows, where they belong to these tokens."""
    if COLUMNS[2] in inputs:
        now, then = row_keys(inputs), inputs[COLUMNS[2]].cpu()
        if not torch.equal(now, then):
            row = int((now != then).nonzero()[0])
            raise DomainError(
                f"row {row} of the batch: the tokens are not those whose reference log-probs the dataset holds; "
                "expected the collator, tokenizer and options of precompute_ref_logps"
            )
    return torch.cat([inputs[name] for name in COLUMNS[:2]])
