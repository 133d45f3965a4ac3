"""Registered operators: importing this package defines `torch.ops.prefcore.*`, and nothing else does."""

from prefcore.ops import (
    gae,
    group_advantage,
    kl_best_response,
    kl_nash,
    linear_token_stats,
    list_likelihood,
    list_pairs,
    list_ranks,
    paired_token_stats,
    ppo_clip,
    sequence_sums,
    token_stats,
    weighted_sequence_logps,
)

__all__ = [
    "gae",
    "group_advantage",
    "kl_best_response",
    "kl_nash",
    "linear_token_stats",
    "list_likelihood",
    "list_pairs",
    "list_ranks",
    "paired_token_stats",
    "ppo_clip",
    "sequence_sums",
    "token_stats",
    "weighted_sequence_logps",
]
