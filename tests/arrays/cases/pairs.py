"""Cases of `pairs`."""

import numpy as np

from arrays.array_case import ArrayCase, ragged
from prefcore import pairs

OFFSETS, RNG = ragged()
N = int(OFFSETS[-1])
SCORES = {"scores": RNG.normal(size=N)}
BY = {"by": RNG.integers(0, 2, size=N)}
STEPS = ("q", "prior", "rewards", "values", "visits")
TOKENS = {"chosen": RNG.integers(0, 2, size=(4, 5)), "rejected": RNG.integers(0, 2, size=(4, 3))}

BUILDER = {"offsets": OFFSETS, "result": "other", "no_nan": ("scores",), "policies": ("omit",)}

CASES = {
    "pairs.all_pairs": ArrayCase(pairs.all_pairs, SCORES, params={"min_gap": 0.2}, **BUILDER),  # type: ignore[arg-type]
    "pairs.best_vs_rest": ArrayCase(pairs.best_vs_rest, SCORES, **BUILDER),  # type: ignore[arg-type]
    "pairs.best_worst": ArrayCase(
        pairs.best_worst,
        SCORES | BY | {"correct": RNG.random(N) < 0.5},
        same_length=("by", "correct"),
        **BUILDER,  # type: ignore[arg-type]
    ),
    "pairs.adjacent": ArrayCase(
        pairs.adjacent,
        SCORES | BY,
        params={"max_skip": 2},
        same_length=("by",),
        **BUILDER,  # type: ignore[arg-type]
    ),
    "pairs.count_pairs": ArrayCase(
        pairs.count_pairs,
        SCORES,
        params={"min_gap": 0.2},
        **BUILDER,  # type: ignore[arg-type]
    ),
    "pairs.split_common_prefix": ArrayCase(pairs.split_common_prefix, others=TOKENS, result="other"),
    "pairs.kto_mismatch": ArrayCase(
        pairs.kto_mismatch, others={"prompt_ids": np.array([3, 1, 3, 2, 1])}, result="other"
    ),
    "pairs.step_pairs": ArrayCase(
        pairs.step_pairs,
        {name: RNG.integers(0, 3, size=N) / 2 for name in STEPS},
        OFFSETS,
        params={"worse": "random"},
        result="other",
        no_nan=STEPS,
        same_length=STEPS[1:],
    ),
}
