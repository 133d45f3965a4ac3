"""Ranks, and the listwise losses as arrays of values and gradients."""

__all__: list[str] = []
