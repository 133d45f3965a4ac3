"""Preference losses: log-probs, log-ratios or rewards in, one loss per example out. The caller reduces and weights."""

from prefcore.losses.auxiliary import info_nce, normalized_mse
from prefcore.losses.group import grao
from prefcore.losses.nash import nash_md, sppo, temporary_step
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
from prefcore.losses.reduce import seq_mean_token_mean, seq_mean_token_sum, seq_mean_token_sum_norm, token_mean
from prefcore.losses.running_moments import RunningMoments
from prefcore.losses.token import cispo, ppo_clip, ppo_value, tdpo
from prefcore.losses.unpaired import bco, kto, kto_kl

__all__ = [
    "RunningMoments",
    "aot",
    "apo_down",
    "apo_zero",
    "bco",
    "bco_pair",
    "bradley_terry",
    "cispo",
    "discopop",
    "dpo",
    "exo",
    "grao",
    "hinge",
    "info_nce",
    "ipo",
    "kto",
    "kto_kl",
    "nash_md",
    "nca",
    "normalized_mse",
    "orpo",
    "ppo_clip",
    "ppo_value",
    "robust_dpo",
    "seq_mean_token_mean",
    "seq_mean_token_sum",
    "seq_mean_token_sum_norm",
    "simpo",
    "sppo",
    "tdpo",
    "temporary_step",
    "token_mean",
]
