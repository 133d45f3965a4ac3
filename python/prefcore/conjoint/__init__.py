"""Conjoint surveys: effects of attributes, models of choice, the policies that they favour, and their equilibria."""

from prefcore.conjoint.adversarial import (
    Divergence,
    EquilibriumResult,
    Game,
    GameValue,
    Primaries,
    best_response,
    equilibrium,
    game_value,
    strategic_divergence,
)
from prefcore.conjoint.data import ConjointData
from prefcore.conjoint.design import Design
from prefcore.conjoint.model import OutcomeModel
from prefcore.conjoint.policy import (
    BestProfiles,
    PolicyObjective,
    PolicyResult,
    best_profiles,
    expected_value,
    optimal_policy,
    policy_objective,
    policy_path,
)

__all__ = [
    "BestProfiles",
    "ConjointData",
    "Design",
    "Divergence",
    "EquilibriumResult",
    "Game",
    "GameValue",
    "OutcomeModel",
    "PolicyObjective",
    "PolicyResult",
    "Primaries",
    "best_profiles",
    "best_response",
    "equilibrium",
    "expected_value",
    "game_value",
    "optimal_policy",
    "policy_objective",
    "policy_path",
    "strategic_divergence",
]
