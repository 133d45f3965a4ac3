"""Pairs of rows as flat columns of row indices: who beats whom, by how much, in which group.

Texts stay with the caller: `[texts[i] for i in pairs.chosen]`.
"""

from prefcore.pairs.count import PairCounts, count_pairs, iter_pairs, pair_weights
from prefcore.pairs.score import Pairs, adjacent, all_pairs, best_vs_rest, best_worst
from prefcore.pairs.text import CommonPrefix, kto_mismatch, split_common_prefix
from prefcore.pairs.tree import step_pairs

__all__ = [
    "CommonPrefix",
    "PairCounts",
    "Pairs",
    "adjacent",
    "all_pairs",
    "best_vs_rest",
    "best_worst",
    "count_pairs",
    "iter_pairs",
    "kto_mismatch",
    "pair_weights",
    "split_common_prefix",
    "step_pairs",
]
