"""Cases of `games`: equilibria with a pull to references."""

import numpy as np

import recipes
from arrays.array_case import ArrayCase
from prefcore import games

PAYOFF = recipes.uniform(5, 1)
RECTANGLE = np.random.default_rng(0).normal(size=(4, 6))

CASES = {
    "games.solve_nash_kl": ArrayCase(
        games.solve_nash_kl,
        others={"payoff": PAYOFF, "log_ref": recipes.ref_logits(5, 2), "init": recipes.ref_logits(5, 3)},
        params={"beta": 0.1},
        result="other",
        no_nan=("payoff", "log_ref", "init"),
    ),
    "games.solve_zero_sum_kl": ArrayCase(
        games.solve_zero_sum_kl,
        others={"payoff": RECTANGLE, "log_ref_row": np.zeros(4), "log_ref_column": np.zeros(6)},
        params={"beta": 0.1},
        result="other",
        no_nan=("payoff", "log_ref_row", "log_ref_column"),
    ),
    "games.comal": ArrayCase(
        games.comal,
        others={"payoff": PAYOFF, "log_ref": recipes.ref_logits(5, 2)},
        params={"beta": 0.1, "tol": None, "max_iter": 3},
        result="other",
        no_nan=("payoff", "log_ref"),
    ),
}
