"""Preference games: equilibria with certificates, the dynamics that lead to them, and voting rules.

A payoff is a matrix whose pairs payoff[i, j] + payoff[j, i] sum to one constant: 1 for win probabilities, 0 for
margins.
"""

from prefcore.games.dynamics import extragradient, magnetic_mirror_descent, mirror_descent, mpo, nash_md, omwu
from prefcore.games.exact import solve_nash, solve_zero_sum
from prefcore.games.forms import FactorPayoff, PackedPayoff
from prefcore.games.gaps import best_response, beta_for_gap, duality_gap, extragradient_step_size
from prefcore.games.payoffs import gpm_matvec, gpm_preferences, gpm_scores, symmetrize
from prefcore.games.regret import (
    fictitious_play,
    predictive_regret_matching_plus,
    regret_matching,
    regret_matching_plus,
)
from prefcore.games.regularized import comal, solve_nash_kl, solve_zero_sum_kl
from prefcore.games.results import GameResult, Path, ZeroSumResult
from prefcore.games.voting import (
    KemenyResult,
    RankedPairsResult,
    SchulzeResult,
    borda,
    copeland,
    kemeny,
    maximal_lottery,
    minimax,
    pairwise_votes,
    ranked_pairs,
    schulze,
)

__all__ = [
    "FactorPayoff",
    "GameResult",
    "KemenyResult",
    "PackedPayoff",
    "Path",
    "RankedPairsResult",
    "SchulzeResult",
    "ZeroSumResult",
    "best_response",
    "beta_for_gap",
    "borda",
    "comal",
    "copeland",
    "duality_gap",
    "extragradient",
    "extragradient_step_size",
    "fictitious_play",
    "gpm_matvec",
    "gpm_preferences",
    "gpm_scores",
    "kemeny",
    "magnetic_mirror_descent",
    "maximal_lottery",
    "minimax",
    "mirror_descent",
    "mpo",
    "nash_md",
    "omwu",
    "pairwise_votes",
    "predictive_regret_matching_plus",
    "ranked_pairs",
    "regret_matching",
    "regret_matching_plus",
    "schulze",
    "solve_nash",
    "solve_nash_kl",
    "solve_zero_sum",
    "solve_zero_sum_kl",
    "symmetrize",
]
