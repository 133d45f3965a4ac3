"""Registered operators: importing this package defines `torch.ops.prefcore.*`, and nothing else does."""

from prefcore.ops import sequence_sums, token_stats

__all__ = ["sequence_sums", "token_stats"]
