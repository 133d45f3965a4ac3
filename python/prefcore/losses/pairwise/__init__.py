"""Losses of a preferred and a rejected response."""

from prefcore.losses.pairwise.margin import dpo

__all__ = ["dpo"]
