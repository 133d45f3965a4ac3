"""Preference games: equilibria with certificates, the dynamics that lead to them, and voting rules.

A payoff is a matrix whose pairs payoff[i, j] + payoff[j, i] sum to one constant: 1 for win probabilities, 0 for
margins.
"""

from prefcore.games.exact import solve_nash, solve_zero_sum
from prefcore.games.forms import FactorPayoff, PackedPayoff
from prefcore.games.results import GameResult, Path, ZeroSumResult

__all__ = [
    "FactorPayoff",
    "GameResult",
    "PackedPayoff",
    "Path",
    "ZeroSumResult",
    "solve_nash",
    "solve_zero_sum",
]
