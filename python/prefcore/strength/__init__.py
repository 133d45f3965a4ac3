"""Strength of preferences that exist: margins of ensembles, votes, confidence of judges."""

__all__: list[str] = []
