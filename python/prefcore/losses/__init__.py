"""Preference losses: log-probs, log-ratios or rewards in, one loss per example out. The caller reduces and weights."""

from prefcore.losses.auxiliary import info_nce, normalized_mse
from prefcore.losses.group import grao
from prefcore.losses.nash import nash_md, sppo, temporary_step
from prefcore.losses.pairwise import dpo
from prefcore.losses.reduce import seq_mean_token_mean, seq_mean_token_sum, seq_mean_token_sum_norm, token_mean
from prefcore.losses.token import cispo, ppo_clip, ppo_value, tdpo
from prefcore.losses.unpaired import RunningMoments, bco, kto, kto_kl

__all__ = [
    "RunningMoments",
    "bco",
    "cispo",
    "dpo",
    "grao",
    "info_nce",
    "kto",
    "kto_kl",
    "nash_md",
    "normalized_mse",
    "ppo_clip",
    "ppo_value",
    "seq_mean_token_mean",
    "seq_mean_token_sum",
    "seq_mean_token_sum_norm",
    "sppo",
    "tdpo",
    "temporary_step",
    "token_mean",
]
