"""Registered operators: importing this package defines `torch.ops.prefcore.*`, and nothing else does."""

from prefcore.ops import linear_token_stats, sequence_sums, token_stats

__all__ = ["linear_token_stats", "sequence_sums", "token_stats"]
