"""Cases of `selection`."""

import numpy as np

from arrays.array_case import ArrayCase, ragged
from prefcore import selection

OFFSETS, RNG = ragged()
SCORES = {"scores": RNG.normal(size=OFFSETS[-1])}
TREE = {
    "rewards": RNG.normal(size=6),
    "leaf_values": RNG.normal(size=6),
    "visits": np.array([5.0, 3.0, 1.0, 0.0, 2.0, 1.0]),
}
CANDIDATES = {"q": RNG.normal(size=5), "prior": RNG.random(5), "visits": np.array([0.0, 3.0, 1.0, 2.0, 0.0])}

CASES = {
    "selection.top_k": ArrayCase(
        selection.top_k, SCORES, OFFSETS, params={"k": 3}, result="other", no_nan=("scores",), policies=("omit",)
    ),
    "selection.top_fraction": ArrayCase(
        selection.top_fraction,
        SCORES,
        OFFSETS,
        params={"fraction": 0.5, "rounding": "ceil"},
        result="other",
        no_nan=("scores",),
        policies=("omit",),
    ),
    "selection.thin_by_gap": ArrayCase(
        selection.thin_by_gap,
        SCORES,
        OFFSETS,
        params={"min_gap": 0.5},
        result="other",
        no_nan=("scores",),
        policies=("omit",),
    ),
    "selection.gumbel_top_k": ArrayCase(
        selection.gumbel_top_k,
        {"log_weights": SCORES["scores"]},
        OFFSETS,
        params={"k": 2, "seed": 3},
        result="other",
        no_nan=("log_weights",),
        policies=("omit",),
    ),
    "selection.balanced_indices": ArrayCase(
        selection.balanced_indices,
        others={"labels": np.array([1, 0, 1, 1, 2, 0, 1])},
        params={"ratios": {0: 1, 1: 2}},
        result="other",
    ),
    "selection.curriculum_stages": ArrayCase(
        selection.curriculum_stages, {"gaps": SCORES["scores"]}, OFFSETS, result="other", no_nan=("gaps",)
    ),
    "selection.top_k_cosine": ArrayCase(
        selection.top_k_cosine,
        others={"pool": RNG.normal(size=(9, 4)), "queries": RNG.normal(size=(3, 4))},
        params={"k": 2},
        result="other",
        no_nan=("pool", "queries"),
    ),
    "selection.puct_scores": ArrayCase(
        selection.puct_scores,
        CANDIDATES,
        others={"parent_visits": np.array([6.0, 6.0, 6.0, 6.0, 6.0])},
        result="row",
        no_nan=("q", "prior", "visits", "parent_visits"),
        same_length=("prior", "visits"),
    ),
    "selection.tree_backup": ArrayCase(
        selection.tree_backup,
        TREE,
        others={"parents": np.array([-1, 0, 0, 1, 1, 4])},
        result="row",
        no_nan=("rewards", "leaf_values", "visits"),
        same_length=("rewards", "leaf_values", "visits"),
    ),
}
