"""Preference games: equilibria with certificates, the dynamics that lead to them, and voting rules.

A payoff is a matrix whose pairs payoff[i, j] + payoff[j, i] sum to one constant: 1 for win probabilities, 0 for
margins.
"""

from prefcore.games.dynamics import (
    extragradient,
    magnetic_mirror_descent,
    mirror_descent,
    mpo,
    nash_md,
    omwu,
)
from prefcore.games.forms import FactorPayoff, PackedPayoff
from prefcore.games.gaps import best_response, duality_gap
from prefcore.games.regret import (
    fictitious_play,
    predictive_regret_matching_plus,
    regret_matching,
    regret_matching_plus,
)
from prefcore.games.results import GameResult, Path, ZeroSumResult

__all__ = [
    "FactorPayoff",
    "GameResult",
    "PackedPayoff",
    "Path",
    "ZeroSumResult",
    "best_response",
    "duality_gap",
    "extragradient",
    "fictitious_play",
    "magnetic_mirror_descent",
    "mirror_descent",
    "mpo",
    "nash_md",
    "omwu",
    "predictive_regret_matching_plus",
    "regret_matching",
    "regret_matching_plus",
]
