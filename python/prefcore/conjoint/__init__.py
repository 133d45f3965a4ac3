"""Conjoint surveys: effects of attributes, models of choice, the policies that they favour, and their equilibria."""

from prefcore.conjoint._anova import Anova
from prefcore.conjoint.choice import ChoiceModel, choice_probabilities, conditional_logit
from prefcore.conjoint.data import ConjointData
from prefcore.conjoint.design import Design
from prefcore.conjoint.effects import amce, marginal_means
from prefcore.conjoint.model import OutcomeModel
from prefcore.conjoint.outcome import fit_outcome_linear, fit_outcome_logit
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
from prefcore.conjoint.table import EffectTable, WaldTest
from prefcore.conjoint.value import (
    BetaSelection,
    Estimate,
    PolicyValue,
    crossfit_policy_value,
    policy_value,
    select_beta,
)

__all__ = [
    "Anova",
    "BestProfiles",
    "BetaSelection",
    "BootstrapResult",
    "ChoiceModel",
    "ConjointData",
    "Design",
    "EffectTable",
    "Estimate",
    "OutcomeModel",
    "PolicyObjective",
    "PolicyResult",
    "PolicyValue",
    "WaldTest",
    "amce",
    "best_profiles",
    "bootstrap",
    "choice_probabilities",
    "conditional_logit",
    "crossfit_policy_value",
    "expected_value",
    "fit_outcome_linear",
    "fit_outcome_logit",
    "marginal_means",
    "optimal_policy",
    "policy_objective",
    "policy_path",
    "policy_value",
    "select_beta",
]
