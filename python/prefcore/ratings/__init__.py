"""Who is better, from comparisons of two: counts, ratings, intervals, and whether the data decide the question."""

from prefcore.ratings.comparisons import Comparisons
from prefcore.ratings.elo import EloSpread, elo, elo_permuted, elo_scale

__all__ = ["Comparisons", "EloSpread", "elo", "elo_permuted", "elo_scale"]
