"""Who is better, from comparisons of two: counts, ratings, intervals, and whether the data decide the question."""

from prefcore.ratings._results import Difference, RatingResult
from prefcore.ratings.bradley_terry import bradley_terry, contextual_bradley_terry, davidson, rao_kupper
from prefcore.ratings.comparisons import Comparisons, Factorized, factorize, parse_winners
from prefcore.ratings.connectivity import Connectivity, CyclicTriples, connectivity, cyclic_triples
from prefcore.ratings.counts import average_win_rate, counting, win_rate
from prefcore.ratings.elo import EloSpread, elo, elo_permuted, elo_scale
from prefcore.ratings.intervals import BootstrapResult, RankIntervals, bootstrap, rank_intervals
from prefcore.ratings.plackett_luce import plackett_luce
from prefcore.ratings.spectral import CentralityResult, eigenvector_centrality, pagerank, rank_centrality
from prefcore.ratings.states import ComparisonState

__all__ = [
    "BootstrapResult",
    "CentralityResult",
    "ComparisonState",
    "Comparisons",
    "Connectivity",
    "CyclicTriples",
    "Difference",
    "EloSpread",
    "Factorized",
    "RankIntervals",
    "RatingResult",
    "average_win_rate",
    "bootstrap",
    "bradley_terry",
    "connectivity",
    "contextual_bradley_terry",
    "counting",
    "cyclic_triples",
    "davidson",
    "eigenvector_centrality",
    "elo",
    "elo_permuted",
    "elo_scale",
    "factorize",
    "pagerank",
    "parse_winners",
    "plackett_luce",
    "rank_centrality",
    "rank_intervals",
    "rao_kupper",
    "win_rate",
]
