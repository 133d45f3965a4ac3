"""One `OpCase` per registered op: its reference, and inputs whose sizes each have a reason."""

from ops.cases import sequence_sums, token_stats

CASES = {"token_stats": token_stats.CASE, "token_stats_extras": token_stats.EXTRAS, "sequence_sums": sequence_sums.CASE}
