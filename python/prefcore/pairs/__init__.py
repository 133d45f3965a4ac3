"""Pairs of rows as flat columns of row indices: who beats whom, by how much, in which group.

Texts stay with the caller: `[texts[i] for i in pairs.chosen]`.
"""

from prefcore.pairs.score import Pairs, all_pairs, best_vs_rest, pair_weights

__all__ = ["Pairs", "all_pairs", "best_vs_rest", "pair_weights"]
