"""One `OpCase` per registered op: its reference, and inputs whose sizes each have a reason."""

from ops.cases import paired_token_stats, sequence_sums, token_stats

CASES = {
    "token_stats": token_stats.CASE,
    "sequence_sums": sequence_sums.CASE,
    "paired_token_stats": paired_token_stats.CASE,
}
