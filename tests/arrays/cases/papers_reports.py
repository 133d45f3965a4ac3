"""Cases of `papers`: reports and choices on arrays that put public functions together."""

import numpy as np

from arrays.array_case import Array, ArrayCase
from prefcore.papers import (
    action_preference,
    anyprefer,
    curry_dpo,
    follow_up_likelihood,
    gpm,
    mcts_dpo,
    medical_rpo,
    negotiative_alignment,
    psychocounsel,
    ranklist,
    regularized_relevance,
    themis,
    weak_to_strong_deception,
    wimhf,
    worldpm,
)

RNG = np.random.default_rng(0)
N = 12
OFFSETS = np.array([0, 3, 3, 8, N])
STEPS = ("q", "prior", "rewards", "values", "visits")
LABELS = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
STYLE = RNG.integers(0, 9, size=(2, N, 3)).astype(np.float64)
EMBEDDINGS = RNG.normal(size=(4, 6))


def columns(*names: str) -> dict[str, Array]:
    return {name: RNG.random(N) for name in names}


CASES = {
    "papers.gpm.rank": ArrayCase(gpm.rank, others={"embeddings": EMBEDDINGS}, result="other", no_nan=("embeddings",)),
    "papers.gpm.equilibrium": ArrayCase(
        gpm.equilibrium,
        others={"embeddings": EMBEDDINGS, "log_ref": RNG.normal(size=4)},
        params={"beta": 0.3},
        result="other",
        no_nan=("embeddings", "log_ref"),
        same_length=("log_ref",),
    ),
    "papers.curry_dpo.adjusted_win_rate": ArrayCase(
        curry_dpo.adjusted_win_rate,
        {"outcomes": RNG.integers(0, 3, size=N) / 2},
        OFFSETS,
        no_nan=("outcomes",),
    ),
    "papers.ranklist.evaluate": ArrayCase(
        ranklist.evaluate,
        {"scores": RNG.integers(0, 4, size=N) / 4, "labels": RNG.integers(0, 3, size=N)},
        OFFSETS,
        no_nan=("scores", "labels"),
        same_length=("labels",),
    ),
    "papers.regularized_relevance.monotonicity": ArrayCase(
        regularized_relevance.monotonicity,
        others=columns("proxy", "gold"),
        result="other",
        no_nan=("proxy", "gold"),
        same_length=("gold",),
    ),
    "papers.negotiative_alignment.compare": ArrayCase(
        negotiative_alignment.compare,
        others=columns("before", "after"),
        params={"low": 0.0, "high": 1.0},
        result="other",
        no_nan=("before", "after"),
        same_length=("after",),
    ),
    "papers.negotiative_alignment.disagreement": ArrayCase(
        negotiative_alignment.disagreement,
        others={"ratings": RNG.integers(1, 6, size=(4, N)).astype(np.float64)},
        result="other",
    ),
    "papers.negotiative_alignment.package": ArrayCase(
        negotiative_alignment.package,
        others={"utilities": RNG.random((3, 5)), "costs": RNG.random(5)},
        params={"budget": 1.2},
        result="other",
        no_nan=("utilities", "costs"),
        same_length=("costs",),
    ),
    "papers.mcts_dpo.select": ArrayCase(
        mcts_dpo.select,
        others={"q": RNG.random(4), "prior": RNG.random(4), "visits": np.array([3.0, 0.0, 1.0, 2.0])},
        params={"parent_visits": 6},
        result="other",
        no_nan=("q", "prior", "visits"),
        same_length=("prior", "visits"),
    ),
    "papers.mcts_dpo.back_up": ArrayCase(
        mcts_dpo.back_up,
        {name: RNG.random(6) for name in ("rewards", "leaf_values", "visits")},
        others={"parents": np.array([-1, 0, 0, 1, 1, 4])},
        result="row",
        no_nan=("rewards", "leaf_values", "visits"),
        same_length=("rewards", "leaf_values", "visits"),
    ),
    "papers.mcts_dpo.pairs": ArrayCase(
        mcts_dpo.pairs,
        {name: RNG.integers(0, 3, size=N) / 2 for name in STEPS},
        OFFSETS,
        params={"worse": "random"},
        result="other",
        no_nan=STEPS,
        same_length=STEPS[1:],
    ),
    "papers.anyprefer.synthesize": ArrayCase(
        anyprefer.synthesize,
        others={"judge": RNG.random(N), "offsets": OFFSETS, "pair_reward": RNG.random(4)},
        params={"threshold": 0.5},
        result="other",
        no_nan=("judge", "pair_reward"),
        same_length=("pair_reward",),
    ),
    "papers.worldpm.style_adjusted": ArrayCase(
        worldpm.style_adjusted,
        others={"score_diff": RNG.normal(size=N), "style_a": STYLE[0], "style_b": STYLE[1], "labels": LABELS},
        result="other",
        no_nan=("score_diff", "style_a", "style_b", "labels"),
        same_length=("labels", "style_b"),
    ),
    "papers.worldpm.scaling_law": ArrayCase(
        worldpm.scaling_law,
        others={"sizes": np.array([1e2, 1e3, 1e4]), "losses": np.array([0.6, 0.5, 0.45])},
        result="other",
        no_nan=("sizes", "losses"),
        same_length=("losses",),
    ),
    "papers.themis.evaluate": ArrayCase(
        themis.evaluate,
        others=columns("chosen", "rejected") | {"task": np.array([3, 1, 3, 3, 2, 1, 1, 2, 2, 3, 1, 1])},
        result="other",
        no_nan=("chosen", "rejected"),
        same_length=("rejected", "task"),
    ),
    "papers.wimhf.features": ArrayCase(
        wimhf.features,
        others={"code": RNG.normal(size=(N, 2)), "controls": RNG.normal(size=(N, 1)), "labels": LABELS},
        params={"ridge": 0.1},
        result="other",
        no_nan=("code", "controls", "labels"),
        same_length=("controls", "labels"),
    ),
    "papers.wimhf.select": ArrayCase(
        wimhf.select,
        others={"code": RNG.normal(size=(N, 4)), "controls": RNG.normal(size=(N, 1)), "labels": LABELS},
        params={"n_select": 2},
        result="other",
        no_nan=("code", "controls", "labels"),
        same_length=("controls", "labels"),
    ),
    "papers.wimhf.relabel": ArrayCase(
        wimhf.relabel,
        others={"labels": LABELS, "code": RNG.normal(size=(N, 2))},
        params={"feature": 1},
        result="other",
        no_nan=("code", "labels"),
        same_length=("code", "labels"),
    ),
    "papers.follow_up_likelihood.evaluate": ArrayCase(
        follow_up_likelihood.evaluate,
        others=columns("chosen", "rejected", "rating"),
        result="other",
        no_nan=("chosen", "rejected", "rating"),
        same_length=("rejected", "rating"),
    ),
    "papers.weak_to_strong_deception.confident": ArrayCase(
        weak_to_strong_deception.confident, others=columns("prob"), result="other", no_nan=("prob",)
    ),
    "papers.medical_rpo.stability": ArrayCase(
        medical_rpo.stability,
        others=dict(zip(("plain_ok", "explained_ok"), RNG.random((2, N)) < 0.6, strict=True)),
        result="other",
        same_length=("explained_ok",),
    ),
    "papers.psychocounsel.pairs": ArrayCase(
        psychocounsel.pairs,
        others={"principles": RNG.integers(1, 6, size=(N, 7)), "offsets": OFFSETS},
        result="other",
    ),
    "papers.psychocounsel.extremes": ArrayCase(
        psychocounsel.extremes, {"reward": RNG.random(N)}, OFFSETS, result="other", no_nan=("reward",)
    ),
    "papers.psychocounsel.evaluate": ArrayCase(
        psychocounsel.evaluate,
        others=columns("prob") | {"label": LABELS},
        result="other",
        no_nan=("prob", "label"),
        same_length=("label",),
    ),
    "papers.action_preference.sample": ArrayCase(
        action_preference.sample,
        others={"labels": np.array(["correct", "failure", "interaction", "correct"] * 3)},
        result="other",
    ),
}
