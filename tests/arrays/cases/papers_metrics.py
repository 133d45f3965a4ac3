"""Cases of `papers`: what single papers measure, on arrays."""

import numpy as np

from arrays.array_case import Array, ArrayCase
from prefcore.papers import (
    aligndiff,
    delta_learning,
    dpo_3d,
    drift,
    grao,
    negotiative_alignment,
    preference_dissection,
    value_drifts,
    vbench,
    weak_to_strong_deception,
)

RNG = np.random.default_rng(0)
N = 6
UNIT = RNG.random((N, 3))
OK = RNG.random((4, N)) < 0.5
VECTORS = dict(zip(("truth", "teacher_chosen", "teacher_rejected", "student"), RNG.normal(size=(4, 3)), strict=True))


def columns(*names: str) -> dict[str, Array]:
    return {name: RNG.random(N) for name in names}


CASES = {
    "papers.aligndiff.match_area": ArrayCase(
        aligndiff.match_area,
        others={"strength": UNIT, "target": UNIT[::-1].copy(), "mask": UNIT.max(1, keepdims=True) / 2 <= UNIT},
        result="other",
        no_nan=("strength", "target"),
        same_length=("target", "mask"),
    ),
    "papers.delta_learning.alignment": ArrayCase(
        delta_learning.alignment,
        others=VECTORS,
        params={"step": 0.5},
        result="other",
        no_nan=tuple(VECTORS),
        same_length=("teacher_chosen", "student"),
    ),
    "papers.dpo_3d.track": ArrayCase(
        dpo_3d.track,
        others={"chosen_logps": -RNG.random(N), "rejected_logps": -2 - RNG.random(N)},
        result="other",
        no_nan=("chosen_logps", "rejected_logps"),
        same_length=("rejected_logps",),
    ),
    "papers.drift.gradient_floor": ArrayCase(
        drift.gradient_floor,
        others=columns("margin", "grad_difference"),
        params={"tau": 0.4},
        result="other",
        no_nan=("margin", "grad_difference"),
        same_length=("grad_difference",),
    ),
    "papers.grao.relative_gain": ArrayCase(
        grao.relative_gain,
        others=columns("ours", "theirs"),
        result="other",
        no_nan=("ours", "theirs"),
        same_length=("theirs",),
    ),
    "papers.negotiative_alignment.summary": ArrayCase(
        negotiative_alignment.summary,
        others=columns("utilities"),
        params={"low": 0.0, "high": 1.0},
        result="other",
        no_nan=("utilities",),
    ),
    "papers.preference_dissection.length_feature": ArrayCase(
        preference_dissection.length_feature,
        others={"first_words": RNG.integers(0, 50, N), "second_words": RNG.integers(0, 50, N)},
        result="other",
        same_length=("second_words",),
    ),
    "papers.preference_dissection.difference": ArrayCase(
        preference_dissection.difference, others=columns("d"), result="other", no_nan=("d",)
    ),
    "papers.preference_dissection.log_difference": ArrayCase(
        preference_dissection.log_difference, others=columns("d"), result="other", no_nan=("d",)
    ),
    "papers.preference_dissection.similarity": ArrayCase(
        preference_dissection.similarity,
        others={"u": RNG.normal(size=(2, N)), "v": RNG.normal(size=(2, N))},
        result="other",
        no_nan=("u", "v"),
        same_length=("v",),
    ),
    "papers.value_drifts.values": ArrayCase(
        value_drifts.values,
        others={"stance": (UNIT / UNIT.sum(1, keepdims=True)).reshape(2, 3, 3)},
        result="other",
        no_nan=("stance",),
    ),
    "papers.value_drifts.drift": ArrayCase(
        value_drifts.drift,
        others={"values": UNIT, "steps": np.arange(N)},
        result="other",
        no_nan=("values",),
        same_length=("steps",),
    ),
    "papers.vbench.bias": ArrayCase(vbench.bias, others=columns("counts"), result="other", no_nan=("counts",)),
    "papers.vbench.subject_consistency": ArrayCase(
        vbench.subject_consistency, others={"features": UNIT}, result="other", no_nan=("features",)
    ),
    "papers.weak_to_strong_deception.evaluate": ArrayCase(
        weak_to_strong_deception.evaluate,
        others=dict(zip(("weak_ok", "ceiling_ok", "plain_ok", "conflict_ok"), OK, strict=True)),
        result="other",
        same_length=("ceiling_ok", "plain_ok", "conflict_ok"),
    ),
}
