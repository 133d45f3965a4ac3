"""Per-token and sequence log-probs: the only module that sees a vocabulary or a mask of tokens.

Nothing here shifts: `targets[t]` is the token that `logits[t]` predicts, `mask[t]` says whether it counts.
"""

from prefcore.logps.head import FusedLMHead
from prefcore.logps.linear import linear_token_stats
from prefcore.logps.sequences import SequenceLogps, sequence_logps
from prefcore.logps.stats import TokenStats, token_logps

__all__ = ["FusedLMHead", "SequenceLogps", "TokenStats", "linear_token_stats", "sequence_logps", "token_logps"]
