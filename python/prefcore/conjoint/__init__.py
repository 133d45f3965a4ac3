"""Conjoint surveys: effects of attributes, models of choice, the policies that they favour, and their equilibria."""

from prefcore.conjoint.data import ConjointData
from prefcore.conjoint.design import Design
from prefcore.conjoint.model import OutcomeModel

__all__ = [
    "ConjointData",
    "Design",
    "OutcomeModel",
]
