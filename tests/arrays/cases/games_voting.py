"""Cases of `games`: voting rules, tables of general preference models, steps."""

from typing import Any

import numpy as np

import recipes
from arrays.array_case import ArrayCase
from prefcore import games

RNG = np.random.default_rng(0)
VOTES = {"votes": np.where(np.eye(5, dtype=bool), 0, RNG.integers(0, 9, size=(5, 5))).astype(np.float64)}
EMBEDDINGS = {"embeddings": RNG.normal(size=(5, 4)), "gate": RNG.random(2)}


def rule(function: Any, **params: Any) -> ArrayCase:
    return ArrayCase(function, others=VOTES, params=params, result="other", no_nan=("votes",))


CASES = {
    "games.borda": rule(games.borda),
    "games.copeland": rule(games.copeland, ties=0.5),
    "games.minimax": rule(games.minimax),
    "games.schulze": rule(games.schulze),
    "games.ranked_pairs": rule(games.ranked_pairs),
    "games.kemeny": rule(games.kemeny),
    "games.maximal_lottery": rule(games.maximal_lottery),
    "games.pairwise_votes": ArrayCase(
        games.pairwise_votes,
        {"rankings": np.array([2, 0, 1, 4, 3, 3, 1, 0])},
        np.array([0, 4, 4, 5, 8]),
        params={"n_items": 5, "unranked": "last"},
        result="other",
    ),
    "games.gpm_scores": ArrayCase(games.gpm_scores, others=EMBEDDINGS, result="other", no_nan=("embeddings", "gate")),
    "games.gpm_preferences": ArrayCase(
        games.gpm_preferences,
        others=EMBEDDINGS,
        params={"tau": 0.1},
        result="other",
        no_nan=("embeddings", "gate"),
    ),
    "games.gpm_matvec": ArrayCase(
        games.gpm_matvec,
        others={**EMBEDDINGS, "policy": np.full(5, 0.2)},
        result="other",
        no_nan=("embeddings", "gate", "policy"),
        same_length=("policy",),
    ),
    "games.symmetrize": ArrayCase(
        games.symmetrize, others={"payoff": RNG.random((5, 5))}, result="other", no_nan=("payoff",)
    ),
    "games.beta_for_gap": ArrayCase(
        games.beta_for_gap,
        others={"log_ref": recipes.ref_logits(5, 3)},
        params={"gap": 0.1},
        result="other",
        no_nan=("log_ref",),
    ),
}
