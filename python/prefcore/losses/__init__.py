"""Preference losses: log-probs, log-ratios or rewards in, one loss per example out. The caller reduces and weights."""

from prefcore.losses.pairwise import dpo
from prefcore.losses.token import ppo_clip

__all__ = ["dpo", "ppo_clip"]
