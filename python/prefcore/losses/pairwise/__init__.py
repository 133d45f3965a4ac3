"""Losses of a preferred and a rejected response."""

from prefcore.losses.pairwise.dpo_forms import aot, orpo, simpo
from prefcore.losses.pairwise.margin import bradley_terry, discopop, dpo, exo, hinge, ipo, robust_dpo
from prefcore.losses.pairwise.two_sided import apo_down, apo_zero, bco_pair, nca

__all__ = [
    "aot",
    "apo_down",
    "apo_zero",
    "bco_pair",
    "bradley_terry",
    "discopop",
    "dpo",
    "exo",
    "hinge",
    "ipo",
    "nca",
    "orpo",
    "robust_dpo",
    "simpo",
]
