"""Conjoint surveys: effects of attributes, models of choice, the policies that they favour, and their equilibria."""

from prefcore.conjoint.data import ConjointData
from prefcore.conjoint.design import Design
from prefcore.conjoint.model import OutcomeModel
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
    "BetaSelection",
    "BootstrapResult",
    "ConjointData",
    "Design",
    "Estimate",
    "OutcomeModel",
    "PolicyValue",
    "bootstrap",
    "crossfit_policy_value",
    "policy_value",
    "select_beta",
]
