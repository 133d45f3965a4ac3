"""Who is better, from comparisons of two: counts, ratings, intervals, and whether the data decide the question."""

from prefcore.ratings.comparisons import Comparisons, Factorized, factorize, parse_winners
from prefcore.ratings.connectivity import Connectivity, CyclicTriples, connectivity, cyclic_triples
from prefcore.ratings.counts import average_win_rate, counting, win_rate
from prefcore.ratings.elo import EloSpread, elo, elo_permuted, elo_scale
from prefcore.ratings.states import ComparisonState

__all__ = [
    "ComparisonState",
    "Comparisons",
    "Connectivity",
    "CyclicTriples",
    "EloSpread",
    "Factorized",
    "average_win_rate",
    "connectivity",
    "counting",
    "cyclic_triples",
    "elo",
    "elo_permuted",
    "elo_scale",
    "factorize",
    "parse_winners",
    "win_rate",
]
