"""Cases of `strength`."""

import numpy as np

from arrays.array_case import ArrayCase, ragged
from prefcore import strength

OFFSETS, RNG = ragged()

CASES = {
    "strength.ensemble_margin_stats": ArrayCase(
        strength.ensemble_margin_stats,
        others={"margins": RNG.normal(size=(3, 5))},
        params={"ddof": 1},
        result="other",
        no_nan=("margins",),
        policies=("omit", "propagate"),
    ),
    "strength.position_debiased": ArrayCase(
        strength.position_debiased,
        others={"p_ab": RNG.random(6), "p_ba": RNG.random(6)},
        result="other",
        no_nan=("p_ab", "p_ba"),
        same_length=("p_ba",),
    ),
    "strength.majority_vote": ArrayCase(
        strength.majority_vote, {"votes": RNG.integers(-1, 2, size=OFFSETS[-1])}, OFFSETS, no_nan=("votes",)
    ),
    "strength.visit_confidence": ArrayCase(
        strength.visit_confidence,
        others={"visits_better": np.array([7, 3, 0]), "visits_worse": np.array([2.0, 3.5, 5.0])},
        result="other",
        no_nan=("visits_worse",),
        same_length=("visits_worse",),
    ),
}
