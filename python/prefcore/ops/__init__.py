"""Registered operators: importing this package defines `torch.ops.prefcore.*`, and nothing else does."""

from prefcore.ops import paired_token_stats, sequence_sums, token_stats

__all__ = ["paired_token_stats", "sequence_sums", "token_stats"]
