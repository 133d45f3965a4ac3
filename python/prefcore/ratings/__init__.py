"""Who is better, from comparisons of two: counts, ratings, intervals, and whether the data decide the question."""

from prefcore.ratings.comparisons import Comparisons

__all__ = ["Comparisons"]
