"""Conjoint surveys: effects of attributes, models of choice, the policies that they favour, and their equilibria."""

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
    "OutcomeModel",
    "PolicyObjective",
    "PolicyResult",
    "best_profiles",
    "expected_value",
    "optimal_policy",
    "policy_objective",
    "policy_path",
]
