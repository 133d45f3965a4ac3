"""Per-token and sequence log-probs: the only module that sees a vocabulary or a mask of tokens.

Nothing here shifts: `targets[t]` is the token that `logits[t]` predicts, `mask[t]` says whether it counts.
"""

from prefcore.logps.head import FusedLMHead
from prefcore.logps.linear import linear_token_stats
from prefcore.logps.masks import DivergeSlice, completion_mask, diverge_slice
from prefcore.logps.paired import PairedTokenStats, paired_token_stats
from prefcore.logps.sequences import SequenceLogps, prefix_chunk_logps, sequence_logps, weighted_sequence_logps
from prefcore.logps.stats import TokenStats, token_logps, token_stats

__all__ = [
    "DivergeSlice",
    "FusedLMHead",
    "PairedTokenStats",
    "SequenceLogps",
    "TokenStats",
    "completion_mask",
    "diverge_slice",
    "linear_token_stats",
    "paired_token_stats",
    "prefix_chunk_logps",
    "sequence_logps",
    "token_logps",
    "token_stats",
    "weighted_sequence_logps",
]
