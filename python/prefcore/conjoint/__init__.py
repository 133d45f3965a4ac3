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
from prefcore.conjoint.resampling import BootstrapResult, bootstrap
from prefcore.conjoint.value import (
    BetaSelection,
    Estimate,
    PolicyValue,
    crossfit_policy_value,
    policy_value,
    select_beta,
)

__all__ = [
    "BestProfiles",
    "BetaSelection",
    "BootstrapResult",
    "ConjointData",
    "Design",
    "Estimate",
    "OutcomeModel",
    "PolicyObjective",
    "PolicyResult",
    "PolicyValue",
    "best_profiles",
    "bootstrap",
    "crossfit_policy_value",
    "expected_value",
    "optimal_policy",
    "policy_objective",
    "policy_path",
    "policy_value",
    "select_beta",
]
