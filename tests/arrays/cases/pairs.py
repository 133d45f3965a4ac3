"""Cases of `pairs`."""

from arrays.array_case import ArrayCase, ragged
from prefcore import pairs

OFFSETS, RNG = ragged()
SCORES = {"scores": RNG.normal(size=OFFSETS[-1])}

CASES = {
    "pairs.all_pairs": ArrayCase(
        pairs.all_pairs,
        SCORES,
        OFFSETS,
        params={"min_gap": 0.2},
        result="other",
        no_nan=("scores",),
        policies=("omit",),
    ),
    "pairs.best_vs_rest": ArrayCase(
        pairs.best_vs_rest, SCORES, OFFSETS, result="other", no_nan=("scores",), policies=("omit",)
    ),
}
