"""Conjoint surveys: effects of attributes, models of choice, the policies that they favour, and their equilibria."""

from prefcore.conjoint.choice import ChoiceModel, choice_probabilities, conditional_logit
from prefcore.conjoint.data import ConjointData
from prefcore.conjoint.design import Design
from prefcore.conjoint.effects import amce, marginal_means
from prefcore.conjoint.model import OutcomeModel
from prefcore.conjoint.table import EffectTable, WaldTest

__all__ = [
    "ChoiceModel",
    "ConjointData",
    "Design",
    "EffectTable",
    "OutcomeModel",
    "WaldTest",
    "amce",
    "choice_probabilities",
    "conditional_logit",
    "marginal_means",
]
