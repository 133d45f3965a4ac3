"""Trainers whose loss is no method: TRL computes as it does, and hooks keep what the models gave it.

The trainer calls its models as always, so everything between the trainer and a weight (DDP, FSDP, DeepSpeed, PEFT,
autocast) works as without us. The hook on the model that the trainer calls sees what DDP returns, not what it wraps.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from prefcore.errors import DomainError
from prefcore.integrations.trl._batches import split
from prefcore.integrations.trl._own import Override, OwnLoss
from prefcore.logps import SequenceLogps, sequence_logps, token_logps
from prefcore.weights import length_desensitized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    Batch = dict[str, Any]


class Calls:
    """What the policy and the reference returned during one loss of the trainer."""

    def __init__(self, policy: nn.Module, reference: nn.Module) -> None:
        self._modules = {id(module): module for module in (policy, reference)}
        self._kept: dict[int, list[tuple[bool, Any]]] = {key: [] for key in self._modules}
        self._policy, self._reference = id(policy), id(reference)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what the modules return."""
        hooks = [
            module.register_forward_hook(self._keeper(key), with_kwargs=True) for key, module in self._modules.items()
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _keeper(self, key: int) -> Callable[..., None]:
        def keep(_module: nn.Module, _args: Any, options: Batch, output: Any) -> None:
            self._kept[key].append((bool(options.get("fused_lm_head")), output))

        return keep

    def policy(self, *, number: int = 0) -> Any:
        """Return the policy's output number `number`."""
        return self._outputs(self._policy)[number]

    def reference(self) -> Any:
        """Return the reference's output. One module may be both, without its adapter; then this call is the last."""
        return self._outputs(self._reference)[-1]

    def _outputs(self, key: int) -> list[Any]:
        """Without calls for the logits, which TRL adds for `compute_metrics` where it has a fused head."""
        fused = [output for is_fused, output in self._kept[key] if is_fused]
        found = fused or [output for _, output in self._kept[key]]
        if not found:
            why = "TRL 1.13 and 1.14 do on GPUs, and with use_liger_kernel=True"
            raise DomainError(
                f"TRL read the head without calling the model, as {why}: take another, or set it to False"
            )
        return found


class Captured(Override):
    """`compute_loss` that returns our loss of what TRL's computed its own from."""

    def __init__(self, theirs: Any, trainer: Any, own: OwnLoss, arguments: Callable[..., tuple[Tensor, ...]]) -> None:
        super().__init__(theirs)
        self.trainer, self.own, self.arguments = trainer, own, arguments

    def __call__(
        self, model: nn.Module, inputs: Batch, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean of the weighted losses, and with `return_outputs` what TRL returns beside its loss."""
        inputs, weights = split(inputs)
        reference = getattr(self.trainer, "ref_model", None)
        calls = Calls(model, self.trainer.model if reference is None else reference)
        with calls.kept():
            found = self.theirs(model, inputs, return_outputs=return_outputs, num_items_in_batch=num_items_in_batch)
        arguments = self.arguments(self.trainer, inputs, calls, average=self.own.average_logps)
        loss = self.own.of(arguments, weights).mean() + _loss_of_experts(self.trainer, calls)
        return (loss, found[1]) if return_outputs else loss


def _loss_of_experts(trainer: Any, calls: Calls) -> Tensor | float:
    """Return the load-balancing loss of a mixture of experts, weighted as TRL does."""
    if not getattr(trainer, "aux_loss_enabled", False):
        return 0.0
    coefficient = getattr(trainer, "router_aux_loss_coef", None)
    weighted: Tensor = (trainer.aux_loss_coef if coefficient is None else coefficient) * _policy(
        trainer, calls
    ).aux_loss
    return weighted


def _policy(trainer: Any, calls: Calls) -> Any:
    """Return the policy's output. A KTO trainer asks it for the mismatched completions first."""
    return calls.policy(number=int(getattr(trainer, "calculate_KL", False)))


def dpo(trainer: Any, inputs: Batch, calls: Calls, *, average: bool) -> tuple[Tensor, ...]:
    """Return log-ratios of the chosen and of the rejected completions."""
    weights, alpha = None, getattr(trainer, "ld_alpha", None)
    if alpha is not None:
        mask = _counted(inputs)
        weights = length_desensitized(mask, mask.roll(len(mask) // 2, 0), alpha=alpha)
    reference = None
    if trainer.precompute_ref_logps:
        reference = torch.cat([inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]])
    return _logratios(trainer, inputs, calls, reference, weights, average=average).chunk(2)


def kto(trainer: Any, inputs: Batch, calls: Calls, *, average: bool) -> tuple[Tensor, ...]:
    """Return log-ratios, labels, and the KL estimate that TRL has made of this batch on all processes."""
    reference = inputs["ref_logps"] if trainer.precompute_ref_logps else None
    logratios = _logratios(trainer, inputs, calls, reference, None, average=average)
    labels = torch.as_tensor(inputs["label"], dtype=torch.bool, device=logratios.device)
    kl = trainer._metrics["train" if trainer.model.training else "eval"]["kl"][-1]
    return logratios, labels, logratios.new_tensor(kl)


def reward(_trainer: Any, inputs: Batch, calls: Calls, *, average: bool) -> tuple[Tensor, ...]:  # noqa: ARG001
    """Return rewards of the chosen and of the rejected completions."""
    if "margin" in inputs:
        raise DomainError("the data has a column 'margin', which the loss would not see: remove it, or use TRL's loss")
    rewards: Tensor = calls.policy().logits.squeeze(-1)
    return rewards.chunk(2)


def _logratios(
    trainer: Any, inputs: Batch, calls: Calls, reference: Tensor | None, weights: Tensor | None, *, average: bool
) -> Tensor:
    policy = _sums(_policy(trainer, calls), inputs, weights)
    if reference is None:
        reference = _sums(calls.reference(), inputs, weights).sums
    ratios = policy.sums - reference.to(policy.sums)
    return ratios / policy.counts.clamp(min=1) if average else ratios


def _sums(output: Any, inputs: Batch, weights: Tensor | None) -> SequenceLogps:
    mask = _counted(inputs)
    if hasattr(output, "log_probs"):
        tokens = output.log_probs[:, -mask.shape[1] :]  # prompt tuning puts tokens before the batch's
    else:
        logits = output.logits[:, -mask.shape[1] - 1 : -1]
        tokens = token_logps(logits, inputs["input_ids"][:, 1:], mask=mask)
    return sequence_logps(tokens, mask, weights=weights, empty="zero")


def _counted(inputs: Batch) -> Tensor:
    """[B, T-1], True where position t predicts a token of the completion."""
    counted: Tensor = inputs["completion_mask"][:, 1:].bool()
    return counted
