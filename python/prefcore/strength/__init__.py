"""Strength of preferences that exist: margins of ensembles, votes, confidence of judges."""

from prefcore.strength.ensemble import MarginState, MarginStats, ensemble_margin_stats
from prefcore.strength.judges import Debiased, Vote, majority_vote, position_debiased, visit_confidence

__all__ = [
    "Debiased",
    "MarginState",
    "MarginStats",
    "Vote",
    "ensemble_margin_stats",
    "majority_vote",
    "position_debiased",
    "visit_confidence",
]
