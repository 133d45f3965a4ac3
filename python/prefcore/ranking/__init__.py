"""Ranks, and the losses of ranked lists as arrays of values and gradients (`losses.listwise` has them for autograd)."""

from prefcore.ranking._lists import ListLoss
from prefcore.ranking.likelihood import listmle, listnet, plackett_luce, softmax_loss
from prefcore.ranking.ndcg import approx_ndcg, lambda_weights, lambdarank
from prefcore.ranking.pairwise import ranklist, ranknet
from prefcore.ranking.ranks import approx_rank, neural_sort, rank, soft_rank, soft_rank_vjp

__all__ = [
    "ListLoss",
    "approx_ndcg",
    "approx_rank",
    "lambda_weights",
    "lambdarank",
    "listmle",
    "listnet",
    "neural_sort",
    "plackett_luce",
    "rank",
    "ranklist",
    "ranknet",
    "soft_rank",
    "soft_rank_vjp",
    "softmax_loss",
]
