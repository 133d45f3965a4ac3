"""Preference losses: log-probs, log-ratios or rewards in, one loss per example out. The caller reduces and weights."""

from prefcore.losses.pairwise import (
    aot,
    apo_down,
    apo_zero,
    bco_pair,
    bradley_terry,
    discopop,
    dpo,
    exo,
    hinge,
    ipo,
    nca,
    orpo,
    robust_dpo,
    simpo,
)
from prefcore.losses.token import ppo_clip

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
    "ppo_clip",
    "robust_dpo",
    "simpo",
]
