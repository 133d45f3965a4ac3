"""TRL's trainers with prefcore's log-probs (`patch`) or with a loss that TRL lacks (`with_loss`)."""

from prefcore.integrations.trl.kernel import Status, patch, status
from prefcore.integrations.trl.loss import with_loss

__all__ = ["Status", "patch", "status", "with_loss"]
