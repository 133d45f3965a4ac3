"""Cases of `papers`: how single papers label and evaluate, on arrays."""

import numpy as np

from arrays.array_case import Array, ArrayCase
from prefcore.papers import (
    dr_sow,
    egpo,
    evolve,
    fusechat3,
    grao,
    pref_grpo,
    preference_dissection,
    preference_rankings,
    rps,
    secrets_of_rlhf,
    self_reference_feedback,
    skywork_reward_v2,
    vbench,
    videocomp,
)

RNG = np.random.default_rng(0)
N = 6
VERDICTS = ("verdict_a", "verdict_b")
RANKED = ("chosen", "rejected", "ref_chosen", "ref_rejected")
ALPACA = ("preference", "lengths", "baseline_lengths")
VOTES = {"first": np.array([0, 1, 0, 2]), "second": np.array([1, 2, 2, 0]), "outcomes": np.array([1.0, 0.5, 0.0, 1.0])}
LISTS = RNG.random((N, 3))


def columns(*names: str) -> dict[str, Array]:
    return {name: RNG.random(N) for name in names}


def alpaca() -> dict[str, Array]:
    """Outcomes that no length separates."""
    return {
        "preference": np.array([0.9, 0.2, 0.6, 0.4, 0.7, 0.1]),
        "lengths": np.array([900.0, 800.0, 300.0, 500.0, 200.0, 400.0]),
        "baseline_lengths": np.array([500.0, 400.0, 600.0, 300.0, 500.0, 900.0]),
    }


CASES = {
    "papers.secrets_of_rlhf.strength": ArrayCase(
        secrets_of_rlhf.strength,
        others={"chosen": RNG.normal(size=(3, N)), "rejected": RNG.normal(size=(3, N))},
        result="other",
        no_nan=("chosen", "rejected"),
        same_length=("rejected",),
    ),
    "papers.secrets_of_rlhf.denoise": ArrayCase(
        secrets_of_rlhf.denoise,
        others={"mean": RNG.normal(size=N)},
        params={"smoothing": 0.3, "flip_fraction": 0.2},
        result="other",
        no_nan=("mean",),
    ),
    "papers.self_reference_feedback.strength": ArrayCase(
        self_reference_feedback.strength,
        others={name: -RNG.random((3, 2, 4)) for name in VERDICTS}
        | {f"mask_{side}": np.ones((3, 2, 4), dtype=bool) for side in "ab"},
        result="other",
        no_nan=VERDICTS,
        same_length=("mask_a", "mask_b", "verdict_b"),
    ),
    "papers.self_reference_feedback.labels": ArrayCase(
        self_reference_feedback.labels, others={"votes": RNG.integers(-1, 2, (5, 4))}, result="other"
    ),
    "papers.videocomp.evaluate": ArrayCase(
        videocomp.evaluate,
        others={"true": RNG.random(N), "disrupted": RNG.random((3, N))},
        result="other",
        no_nan=("true", "disrupted"),
        same_length=("true",),
    ),
    "papers.pref_grpo.rewards": ArrayCase(
        pref_grpo.rewards,
        others=VOTES | {"offsets": np.array([0, 3, 4])},
        result="other",
        no_nan=("outcomes",),
        same_length=("second", "outcomes"),
    ),
    "papers.egpo.tabular": ArrayCase(
        egpo.tabular,
        others={"payoff": np.array([[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]]), "log_ref": RNG.random(3)},
        params={"steps": 3, "noise": 0.1, "seed": 5},
        result="other",
        no_nan=("payoff", "log_ref"),
        same_length=("log_ref",),
    ),
    "papers.evolve.evaluate": ArrayCase(
        evolve.evaluate, others=alpaca(), result="other", no_nan=ALPACA, same_length=ALPACA[1:]
    ),
    "papers.fusechat3.alpaca_eval": ArrayCase(
        fusechat3.alpaca_eval, others=alpaca(), result="other", no_nan=ALPACA, same_length=ALPACA[1:]
    ),
    "papers.skywork_reward_v2.best_of_n": ArrayCase(
        skywork_reward_v2.best_of_n,
        others=columns("reward", "gold") | {"offsets": np.array([0, 3, 6])},
        params={"n": 2},
        result="other",
        no_nan=("reward", "gold"),
        same_length=("gold",),
    ),
    "papers.vbench.final_score": ArrayCase(
        vbench.final_score, others={"raw": RNG.random((2, 16))}, result="other", no_nan=("raw",)
    ),
    "papers.vbench.human_alignment": ArrayCase(
        vbench.human_alignment,
        others=VOTES | {"metric": RNG.random((4, 3))},
        result="other",
        no_nan=("outcomes", "metric"),
        same_length=("second", "outcomes"),
    ),
    "papers.vbench.i2v_subject": ArrayCase(
        vbench.i2v_subject,
        others={"conformity": RNG.random(N), "consecutive": RNG.random(N - 1)},
        result="other",
        no_nan=("conformity", "consecutive"),
        same_length=("conformity", "consecutive"),
    ),
    "papers.vbench.flicker": ArrayCase(
        vbench.flicker, others={"frames": 255 * RNG.random((3, 2, 2, 1))}, result="other", no_nan=("frames",)
    ),
    "papers.grao.evaluate": ArrayCase(
        grao.evaluate,
        others=columns("relative", "post", "pre"),
        result="other",
        no_nan=("relative", "post", "pre"),
        same_length=("post", "pre"),
    ),
    "papers.rps.evaluate": ArrayCase(
        rps.evaluate,
        others=columns("scores", "baseline"),
        result="other",
        no_nan=("scores", "baseline"),
        same_length=("baseline",),
    ),
    "papers.preference_rankings.evaluate": ArrayCase(
        preference_rankings.evaluate,
        others=columns(*RANKED, "prob"),
        result="other",
        no_nan=RANKED,
        same_length=(*RANKED[1:], "prob"),
    ),
    "papers.preference_rankings.exact_match": ArrayCase(
        preference_rankings.exact_match,
        others={"scores": LISTS, "ranks": 1 + (-LISTS).argsort(1).argsort(1)},
        result="other",
        no_nan=("scores",),
        same_length=("ranks",),
    ),
    "papers.preference_dissection.labels": ArrayCase(
        preference_dissection.labels,
        others={"p_shown": RNG.random((N, 2)), "p_swapped": RNG.random((N, 2))},
        result="other",
        no_nan=("p_shown", "p_swapped"),
        same_length=("p_swapped",),
    ),
    "papers.preference_dissection.fit": ArrayCase(
        preference_dissection.fit,
        others={"features": RNG.integers(-1, 2, (N, 2)).astype(float), "labels": RNG.random(N)},
        params={"folds": 3},
        result="other",
        no_nan=("features", "labels"),
        same_length=("labels",),
    ),
    "papers.dr_sow.evaluate": ArrayCase(
        dr_sow.evaluate,
        others=columns("chosen", "rejected") | {"section": np.array([0, 1, 0, 2, 1, 0])},
        result="other",
        no_nan=("chosen", "rejected"),
        same_length=("rejected", "section"),
    ),
}
