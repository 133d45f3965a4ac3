"""Who is better, from comparisons of two: counts, ratings, intervals, and whether the data decide the question."""

from prefcore.ratings._results import Difference, RankIntervals, RatingResult
from prefcore.ratings.bradley_terry import bradley_terry, contextual_bradley_terry, davidson, rao_kupper
from prefcore.ratings.comparisons import Comparisons
from prefcore.ratings.elo import EloSpread, elo, elo_permuted, elo_scale

__all__ = [
    "Comparisons",
    "Difference",
    "EloSpread",
    "RankIntervals",
    "RatingResult",
    "bradley_terry",
    "contextual_bradley_terry",
    "davidson",
    "elo",
    "elo_permuted",
    "elo_scale",
    "rao_kupper",
]
