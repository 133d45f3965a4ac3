"""One `OpCase` per registered op: its reference, and inputs whose sizes each have a reason."""

from ops.cases import linear_token_stats, sequence_sums, token_stats

CASES = {
    "token_stats": token_stats.CASE,
    "sequence_sums": sequence_sums.CASE,
    "linear_token_stats": linear_token_stats.CASE,
}
