"""Losses of ranked lists, `[B, L]` or ragged, and smooth ranks."""

from prefcore.losses.listwise.likelihood import listmle, listnet, plackett_luce, softmax_loss
from prefcore.losses.listwise.ndcg import approx_ndcg, lambdarank
from prefcore.losses.listwise.pairs import PairLoss, pro, ranklist, ranknet
from prefcore.losses.listwise.ranks import neural_sort, soft_rank

__all__ = [
    "PairLoss",
    "approx_ndcg",
    "lambdarank",
    "listmle",
    "listnet",
    "neural_sort",
    "plackett_luce",
    "pro",
    "ranklist",
    "ranknet",
    "soft_rank",
    "softmax_loss",
]
