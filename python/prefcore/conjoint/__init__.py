"""Conjoint surveys: effects of attributes, models of choice, the policies that they favour, and their equilibria."""

from prefcore.conjoint._anova import Anova
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
    "Divergence",
    "EffectTable",
    "EquilibriumResult",
    "Estimate",
    "Game",
    "GameValue",
    "OutcomeModel",
    "PolicyObjective",
    "PolicyResult",
    "PolicyValue",
    "Primaries",
    "WaldTest",
    "amce",
    "best_profiles",
    "best_response",
    "bootstrap",
    "choice_probabilities",
    "conditional_logit",
    "crossfit_policy_value",
    "equilibrium",
    "expected_value",
    "fit_outcome_linear",
    "fit_outcome_logit",
    "game_value",
    "marginal_means",
    "optimal_policy",
    "policy_objective",
    "policy_path",
    "policy_value",
    "select_beta",
    "strategic_divergence",
]
