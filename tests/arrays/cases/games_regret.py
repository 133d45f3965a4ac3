"""Cases of `games`: the regret family, best responses and gaps."""

import numpy as np

import recipes
from arrays.array_case import ArrayCase
from prefcore import games

PAYOFF = recipes.uniform(5, 1)
POLICIES = {"log_policy": recipes.ref_logits(5, 2), "log_ref": recipes.ref_logits(5, 3)}
FIXED = {"tol": None, "max_iter": 20}

CASES = {
    f"games.{function.__name__}": ArrayCase(
        function, others={"payoff": PAYOFF}, params=FIXED, result="other", no_nan=("payoff",)
    )
    for function in (
        games.regret_matching,
        games.regret_matching_plus,
        games.predictive_regret_matching_plus,
        games.fictitious_play,
    )
} | {
    "games.best_response": ArrayCase(
        games.best_response,
        others={"payoff": np.random.default_rng(0).normal(size=(5, 5)), **POLICIES},
        params={"beta": 0.1},
        result="other",
        no_nan=("payoff", "log_policy", "log_ref"),
    ),
    "games.duality_gap": ArrayCase(
        games.duality_gap,
        others={"payoff": PAYOFF, **POLICIES},
        params={"beta": 0.1},
        result="other",
        no_nan=("payoff", "log_policy", "log_ref"),
    ),
}
