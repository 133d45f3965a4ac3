"""Conjoint surveys: effects of attributes, models of choice, the policies that they favour, and their equilibria."""

from prefcore.conjoint._anova import Anova
from prefcore.conjoint.data import ConjointData
from prefcore.conjoint.design import Design
from prefcore.conjoint.model import OutcomeModel
from prefcore.conjoint.outcome import fit_outcome_linear, fit_outcome_logit

__all__ = [
    "Anova",
    "ConjointData",
    "Design",
    "OutcomeModel",
    "fit_outcome_linear",
    "fit_outcome_logit",
]
