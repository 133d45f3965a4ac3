"""Registered operators: importing this package defines `torch.ops.prefcore.*`, and nothing else does."""

from prefcore.ops import ppo_clip, sequence_sums, token_stats, weighted_sequence_logps

__all__ = ["ppo_clip", "sequence_sums", "token_stats", "weighted_sequence_logps"]
