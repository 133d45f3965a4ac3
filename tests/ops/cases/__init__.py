"""One `OpCase` per registered op: its reference, and inputs whose sizes each have a reason."""

from ops.cases import (
    gae,
    games,
    group_advantage,
    linear_token_stats,
    lists,
    paired_token_stats,
    ppo_clip,
    sequence_sums,
    token_stats,
    weighted_sequence_logps,
)

CASES = {
    "token_stats": token_stats.CASE,
    "token_stats_extras": token_stats.EXTRAS,
    "linear_token_stats": linear_token_stats.CASE,
    "paired_token_stats": paired_token_stats.CASE,
    "sequence_sums": sequence_sums.CASE,
    "weighted_sequence_logps": weighted_sequence_logps.CASE,
    "ppo_clip": ppo_clip.CASE,
    "group_advantage": group_advantage.CASE,
    "gae": gae.CASE,
    **games.CASES,
    **lists.CASES,
}
