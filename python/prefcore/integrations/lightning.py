"""Log-probs of completions inside a LightningModule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefcore.integrations._fused_head import add_fused_lm_head, has_fused_lm_head, label_logps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from prefcore.logps import SequenceLogps

__all__ = ["LogpsMixin"]


class LogpsMixin:
    """Gives a LightningModule `self.logps(batch)`: sums of the labels' log-probs, without the logits in memory.

        class Dpo(LogpsMixin, lightning.LightningModule):
            def __init__(self, model):
                super().__init__()
                self.model = model  # a transformers causal language model, or peft's wrapper of one

            def training_step(self, batch, _):
                chosen, rejected = self.logps(batch).sums.chunk(2)
                log_ratios = chosen - batch["ref_chosen_logps"], rejected - batch["ref_rejected_logps"]
                return losses.dpo(*log_ratios, beta=0.1).mean()

    Batches of `prefcore.integrations.transformers.preference_collator` hold the chosen rows first, and the reference's
    log-probs where `precompute_ref_logps` has scored the rows. Call it inside `training_step`, where Lightning's
    strategy sees it.

    Source: `LightningModule.training_step`, lightning 2.6.

    >>> from transformers import LlamaConfig, LlamaForCausalLM
    >>> class Scorer(LogpsMixin):
    ...     model = LlamaForCausalLM(LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=8,
    ...                                          num_hidden_layers=1, num_attention_heads=2))
    >>> ids = torch.tensor([[1, 2, 3]])
    >>> Scorer().logps({"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}).counts
    tensor([2])
    """

    model: Any

    def logps(self, batch: Mapping[str, Tensor]) -> SequenceLogps:
        """Return sums in nats and counts, [B], of the labels of a batch.

        Args:
            batch: input_ids, attention_mask, and labels that are -100 where nothing counts, [B, T] each.
        Raises: TypeError for a model of another kind; on the CPU DomainError for a row without a label.
        """
        if not has_fused_lm_head(self.model):
            add_fused_lm_head(self.model)
        return label_logps(self.model, batch)
