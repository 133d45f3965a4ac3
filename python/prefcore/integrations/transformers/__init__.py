"""Preference losses in the Trainer of transformers, and log-probs of any transformers model without its logits."""

from prefcore.integrations._fused_head import FusedOutput, add_fused_lm_head
from prefcore.integrations.transformers.attached import attach_loss
from prefcore.integrations.transformers.collator import preference_collator
from prefcore.integrations.transformers.reference import precompute_ref_logps, soft_update
from prefcore.integrations.transformers.trainer import PreferenceTrainer

__all__ = [
    "FusedOutput",
    "PreferenceTrainer",
    "add_fused_lm_head",
    "attach_loss",
    "precompute_ref_logps",
    "preference_collator",
    "soft_update",
]
