"""Cases of `papers`: what single papers select, on arrays."""

import numpy as np

from arrays.array_case import ArrayCase
from prefcore.papers import aligndiff, curry_dpo, mcts_dpo, rps, skywork_reward_v2, sphere, spo_degree
from prefcore.papers import suboptimal_on_policy as suboptimal

RNG = np.random.default_rng(0)
OK = RNG.random((2, 6)) < 0.5
OFFSETS = np.array([0, 3, 3, 6])

CASES = {
    "papers.sphere.step_paths": ArrayCase(
        sphere.step_paths, others={"scores": RNG.random((4, 3))}, result="other", no_nan=("scores",)
    ),
    "papers.sphere.route": ArrayCase(
        sphere.route,
        others={"best_correct": OK[0], "worst_correct": OK[1]},
        result="other",
        same_length=("worst_correct",),
    ),
    "papers.skywork_reward_v2.retrieve": ArrayCase(
        skywork_reward_v2.retrieve,
        others={"prob": RNG.random(3), "queries": RNG.normal(size=(3, 2)), "pool": RNG.normal(size=(7, 2))},
        params={"k_max": 3},
        result="other",
        no_nan=("prob",),
        same_length=("queries",),
    ),
    "papers.skywork_reward_v2.curate": ArrayCase(
        skywork_reward_v2.curate,
        others={"p_best": RNG.random(5), "p_gold": RNG.random(5), "llm_agrees": np.array([1.0, 0.0, np.nan, 1.0, 0.0])},
        result="other",
        no_nan=("p_best", "p_gold"),
        same_length=("p_gold", "llm_agrees"),
    ),
    "papers.skywork_reward_v2.evaluate": ArrayCase(
        skywork_reward_v2.evaluate, others={"scores": RNG.random((3, 7))}, result="other", no_nan=("scores",)
    ),
    "papers.aligndiff.relabel": ArrayCase(
        aligndiff.relabel, others={"strength": RNG.random((5, 2))}, result="other", no_nan=("strength",)
    ),
    "papers.aligndiff.plan": ArrayCase(
        aligndiff.plan,
        others={"strength": RNG.random((5, 2)), "target": RNG.random(2), "mask": np.array([True, True])},
        result="other",
        no_nan=("strength", "target"),
        same_length=("target", "mask"),
    ),
    "papers.rps.neighbors": ArrayCase(
        rps.neighbors, others={"target": np.array([0.9, 0.4])}, result="other", no_nan=("target",)
    ),
    "papers.rps.select": ArrayCase(
        rps.select,
        others={"rewards": RNG.random((2, 3, 2)), "target": np.array([0.9, 0.4])},
        result="other",
        no_nan=("rewards", "target"),
    ),
    "papers.curry_dpo.stages": ArrayCase(curry_dpo.stages, {"ratings": RNG.random(6)}, OFFSETS, result="other"),
    "papers.curry_dpo.stages_by_logp": ArrayCase(
        curry_dpo.stages_by_logp,
        {"ratings": RNG.random(6), "ref_logps": -RNG.random(6)},
        OFFSETS,
        result="other",
        no_nan=("ratings", "ref_logps"),
        same_length=("ref_logps",),
    ),
    "papers.mcts_dpo.prior": ArrayCase(
        mcts_dpo.prior,
        others={"logps": -RNG.random(4), "lengths": np.array([1.0, 3.0, 2.0, 9.0])},
        result="other",
        no_nan=("logps", "lengths"),
        same_length=("lengths",),
    ),
    "papers.mcts_dpo.value": ArrayCase(
        mcts_dpo.value,
        others={
            "confidence": RNG.random(3),
            "depth": np.array([0, 4, 9]),
            "parent_value": RNG.random(3),
            "terminal": np.array([False, True, False]),
            "outcome": RNG.random(3),
        },
        result="other",
        no_nan=("confidence", "parent_value", "outcome"),
        same_length=("depth", "terminal", "outcome"),
    ),
    "papers.spo_degree.variants": ArrayCase(
        spo_degree.variants,
        others={"importance": RNG.random(4)},
        params={"levels": 3},
        result="other",
        no_nan=("importance",),
    ),
    "papers.suboptimal_on_policy.weights": ArrayCase(
        suboptimal.weights,
        others={"scores": RNG.normal(size=4)},
        params={"temperature": 0.5, "limit": 5.0},
        result="other",
        no_nan=("scores",),
    ),
    "papers.suboptimal_on_policy.pairs": ArrayCase(
        suboptimal.pairs, {"rewards": RNG.random(6)}, OFFSETS, result="other"
    ),
}
