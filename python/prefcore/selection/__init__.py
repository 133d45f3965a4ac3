"""Selection of rows: the best, a sample, the next stage of a curriculum, the nearest neighbors.

Rows are indices into the caller's flat rows: `[texts[i] for i in found.rows]`.
"""

from prefcore.selection.cosine import Neighbors, top_k_cosine
from prefcore.selection.sample import balanced_indices, gumbel_top_k
from prefcore.selection.stages import curriculum_stages
from prefcore.selection.top import thin_by_gap, top_fraction, top_k
from prefcore.selection.tree import TreeValues, puct_scores, tree_backup

__all__ = [
    "Neighbors",
    "TreeValues",
    "balanced_indices",
    "curriculum_stages",
    "gumbel_top_k",
    "puct_scores",
    "thin_by_gap",
    "top_fraction",
    "top_k",
    "top_k_cosine",
    "tree_backup",
]
