"""Trainer of transformers for any loss of pairs."""

from __future__ import annotations

from contextlib import nullcontext
from copy import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import Trainer, TrainingArguments

from prefcore.errors import DomainError
from prefcore.integrations._fused_head import add_fused_lm_head, causal_lm, frozen, label_logps
from prefcore.integrations.transformers._checks import (
    TWO_REFERENCES,
    brings_reference,
    cached_reference,
    callable_loss,
    finite_column,
    one_per_pair,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

__all__ = ["PreferenceTrainer"]


class PreferenceTrainer(Trainer):  # type: ignore[misc]
    """Trainer of transformers that minimizes a loss of preference pairs, with or without a reference.

    mean over the pairs of weight * loss(chosen, rejected)

    Logs besides the loss, over all pairs since the last line or of an evaluation: `margin`, the mean of chosen -
    rejected, and `accuracy`, the share of pairs with chosen > rejected (several processes also count the rows that
    the sampler repeats to fill their last batches). The loss is a mean over the batch and Trainer knows it: two
    accumulated batches of 4 are one of 8 (`compute_loss_func` doubles the gradients there). Logits are never whole in
    memory. Everything is a call of the wrapped model, so DDP sees all gradients. The model gets
    `add_fused_lm_head`, and the `torch.nn.Dropout` of both models is set to 0 for good, as TRL does: with it the
    policy is not its own reference, and the first loss is not log 2.

    Args:
        model: a transformers causal language model, or peft's wrapper of one.
        args: `transformers.TrainingArguments`; `remove_unused_columns` is taken as False.
        loss: function of (chosen, rejected), each [B], that returns [B], such as
            `partial(prefcore.losses.dpo, beta=0.1)`. It gets log-ratios policy - reference where there is a
            reference, else log-probs.
        ref_model: the reference; `model` itself stands for the same peft model with its adapters off; None where the
            rows bring `ref_chosen_logps` and `ref_rejected_logps` (`precompute_ref_logps`) or the loss needs none.
            Where rows of training or evaluation bring them, all have to.
        average_logps: divide log-probs and reference by the number of completion tokens, for SimPO and its kind.
        weight_column: column of the rows with the weight of each pair, finite; None = 1.
        train_dataset: of `datasets`, rows that data_collator reads.
        eval_dataset: the same.
        data_collator: `preference_collator(tokenizer)`, or a function that gives batches like it.
        processing_class: tokenizer, saved beside the model.
        callbacks: of transformers.
        optimizers: optimizer and schedule; None = those of `args`.
    Raises: TypeError for arguments of another kind; DomainError for arguments that do not fit each other, for several
        GPUs in one process, for reference columns that are missing, not finite or of other tokens, for weights that
        are missing or not finite, on the CPU for an empty completion; ShapeError for a loss that does not return one
        value per pair.
    Source: accumulation: transformers 5.19 `Trainer.loss_is_scaled_for_ga`; unwrapped heads: huggingface/trl#7245;
        dropout: `disable_dropout_in_model` of TRL 1.16.
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
        optimizers: tuple[Any, Any] = (None, None),
    ) -> None:
        _kinds(model, args, loss, ref_model)
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
        self._sums: dict[bool, Tensor | None] = {True: None, False: None}  # in training, in evaluation
        self._cached = brings_reference(train_dataset) or brings_reference(eval_dataset)
        if self._cached and ref_model is not None:
            raise DomainError(TWO_REFERENCES)
        super().__init__(
            model,
            args,
            data_collator,
            train_dataset,
            eval_dataset,
            processing_class=processing_class,
            callbacks=callbacks,
            optimizers=optimizers,
        )
        self.model_accepts_loss_kwargs = False  # the same before 5.19; and labeled tokens need not be counted
        add_fused_lm_head(model)
        _disable_dropout(model)
        self.adapters_off = ref_model is model
        self.ref_model = ref_model
        if ref_model is not None and not self.adapters_off:
            add_fused_lm_head(ref_model.to(args.device))
            _disable_dropout(ref_model)
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
        found = torch.stack([margins, (margins > 0).to(margins), torch.ones_like(margins)]).sum(1)
        before = self._sums[model.training]
        self._sums[model.training] = found if before is None else before + found
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

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train as `Trainer` does."""
        self._sums[True] = None
        return super().train(*args, **kwargs)

    def evaluation_loop(
        self,
        dataloader: Any,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> Any:
        """Add margin and accuracy of these pairs; `evaluate` and `predict` call it."""
        self._sums[False] = None
        output = super().evaluation_loop(dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix)
        output.metrics.update(
            {f"{metric_key_prefix}_{name}": value for name, value in self._means(training=False).items()}
        )
        return output

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add margin and accuracy since the last line; `Trainer` calls it."""
        super().log({**logs, **self._means(training=True)} if "loss" in logs else logs, start_time)

    def _means(self, *, training: bool) -> dict[str, float]:
        """Margin and accuracy of all pairs since the last call, of all processes."""
        sums, self._sums[training] = self._sums[training], None
        if sums is None:
            return {}
        margin, right, pairs = self.accelerator.reduce(sums, reduction="sum").tolist()
        return {"margin": margin / pairs, "accuracy": right / pairs}

    def _log_ratios(self, model: nn.Module, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """Policy - reference of both sides, [B] each."""
        sums, counts = label_logps(model, inputs)
        sums = sums - self._reference(model, inputs, sums)
        return list((sums / counts.clamp(min=1) if self.average_logps else sums).chunk(2))

    def _reference(self, model: nn.Module, inputs: Mapping[str, Tensor], like: Tensor) -> Tensor:
        """[2B] sums of the reference's log-probs; 0 without one."""
        cached = cached_reference(inputs)
        if cached is not None:
            self._cached = True
            if self.ref_model is not None:
                raise DomainError(TWO_REFERENCES)
            return cached.to(like)
        if self._cached:
            raise DomainError(
                "the batch has no ref_chosen_logps and ref_rejected_logps, which other rows of this trainer bring: "
                "precompute_ref_logps has to score the evaluation data too, and the collator to pass on its columns"
            )
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
        return finite_column(inputs, self.weight_column).to(losses)


def _kinds(model: Any, args: Any, loss: object, ref_model: object) -> None:
    """Refuse arguments of other kinds by their names."""
    causal_lm(model)
    if not isinstance(args, TrainingArguments):
        raise TypeError(f"args must be transformers.TrainingArguments, got {type(args).__name__}")
    if ref_model is not None and not isinstance(ref_model, nn.Module):
        raise TypeError(f"ref_model must be a transformers causal language model, got {type(ref_model).__name__}")
    callable_loss(loss)


def _disable_dropout(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
