"""A language model's head that gives token statistics instead of logits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from prefcore._checks import positive
from prefcore.logps._dtensor import local_head, local_rows
from prefcore.logps.linear import linear_columns
from prefcore.logps.stats import TokenStats

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup


class FusedLMHead(nn.Module):
    """`linear_token_stats` over the weights of a head, as a module.

    A weight that is read outside a module's `forward` is not gathered by FSDP2 and ZeRO, and DDP does not reduce the
    gradients of what was called outside it. So hold it in a module of your own, beside the backbone, and call both from
    that module's `forward`; wrap (or `fully_shard`) this module or that one, not the head inside. The head itself stays
    where it is: a transformers model whose `lm_head` was replaced could neither generate nor be saved and loaded.

        class Policy(nn.Module):
            def __init__(self, model):
                super().__init__()
                self.model, self.head = model, FusedLMHead(model.lm_head)

            def forward(self, input_ids, targets, mask):
                hidden = self.model.model(input_ids).last_hidden_state
                return self.head(hidden[:, :-1], targets, mask=mask)

    No result is a view, which would drop FSDP2's hook before backward.

    Args:
        lm_head: `nn.Linear` or anything with `weight` [V, D] and perhaps `bias`; also peft's LoRA layer around one:
            its factors enter as a second product of the width of their rank, and get the gradient that they get there.
            A weight that is a DTensor placed `Shard(0)` stays where it is.
        temperature: divides the logits, > 0.
        softcap: bound of the logits as in Gemma 2, > 0; None = no bound.
        logit_scale: factor of the logits as in Cohere's models, > 0.
        group: ranks that hold parts of the vocabulary in their order, this rank's in `lm_head`.
    Raises: DomainError; TypeError for a module without a weight, for a head whose `fully_shard` hooks would not run,
        and for DoRA.
    Source: why a module: huggingface/trl#7245, verl-project/verl#6659, linkedin/Liger-Kernel#332.

    >>> head = FusedLMHead(nn.Linear(3, 7, bias=False))
    >>> stats = head(torch.zeros(2, 5, 3), torch.zeros(2, 5, dtype=torch.long), outputs=("logps", "entropy"))
    >>> stats.entropy[0, 0]
    tensor(1.9459, grad_fn=<SelectBackward0>)
    """

    def __init__(
        self,
        lm_head: nn.Module,
        *,
        temperature: float = 1.0,
        softcap: float | None = None,
        logit_scale: float = 1.0,
        group: "ProcessGroup | None" = None,
    ) -> None:
        super().__init__()
        if not (hasattr(lm_head, "weight") or hasattr(lm_head, "lora_A")) or not callable(lm_head):
            got = type(lm_head).__name__
            raise TypeError(f"lm_head must be a module with a weight [V, D] such as nn.Linear, got {got}")
        positive(temperature=temperature, softcap=1.0 if softcap is None else softcap, logit_scale=logit_scale)
        self.lm_head = lm_head
        self.temperature, self.softcap, self.logit_scale, self.group = temperature, softcap, logit_scale, group

    def forward(
        self, hidden: Tensor, targets: Tensor, *, mask: Tensor | None = None, outputs: Sequence[str] = ("logps",)
    ) -> TokenStats:
        """Return what `linear_token_stats(hidden, weight, targets, bias=bias, mask=mask, outputs=outputs)` does."""
        if any(base.__name__ == "FSDPModule" for base in type(self.lm_head).__mro__):
            raise TypeError("hooks of lm_head do not run here: call fully_shard on the FusedLMHead, not on lm_head")
        hidden = local_rows(hidden)
        low_hidden = low_head = None
        layer: Any = self.lm_head
        if hasattr(layer, "lora_A"):
            low_hidden, low_head = _low_rank(layer, hidden)
            layer = layer.base_layer
        weight, bias, group, start = local_head(layer.weight, getattr(layer, "bias", None), self.group, None)
        options = {"temperature": self.temperature, "softcap": self.softcap, "logit_scale": self.logit_scale}
        operands = hidden, weight, targets, bias, low_hidden, low_head
        return linear_columns(*operands, mask, "auto", group, start, outputs=outputs, **options)  # type: ignore[arg-type]


def _low_rank(layer: Any, hidden: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Return scaling A hidden, [..., r], and B, [V, r], of all active adapters side by side."""
    active = [name for name in layer.active_adapters if name in layer.lora_A]
    if layer.disable_adapters or layer.merged or not active:
        return None, None
    rows, heads = [], []
    for name in active:
        if name in getattr(layer, "lora_variant", {}) or layer.lora_B[name].bias is not None:
            raise TypeError(f"adapter {name!r} of lm_head must be plain LoRA, without DoRA or a bias of its own")
        a = layer.lora_A[name]
        rows.append(a(layer.lora_dropout[name](hidden.to(a.weight.dtype))) * layer.scaling[name])
        heads.append(layer.lora_B[name].weight)
    return (rows[0], heads[0]) if len(active) == 1 else (torch.cat(rows, -1), torch.cat(heads, 1))
