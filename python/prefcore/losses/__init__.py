"""Preference losses: log-probs, log-ratios or rewards in, one loss per example out. The caller reduces and weights."""

from prefcore.losses.listwise import (
    PairLoss,
    approx_ndcg,
    lambdarank,
    listmle,
    listnet,
    neural_sort,
    plackett_luce,
    pro,
    ranklist,
    ranknet,
    soft_rank,
    softmax_loss,
)
from prefcore.losses.pairwise import dpo
from prefcore.losses.token import ppo_clip

__all__ = [
    "PairLoss",
    "approx_ndcg",
    "dpo",
    "lambdarank",
    "listmle",
    "listnet",
    "neural_sort",
    "plackett_luce",
    "ppo_clip",
    "pro",
    "ranklist",
    "ranknet",
    "soft_rank",
    "softmax_loss",
]
