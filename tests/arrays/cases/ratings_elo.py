"""Cases of `ratings`: Elo."""

import numpy as np

import recipes
from arrays.array_case import ArrayCase
from prefcore import ratings

FIRST, SECOND, OUTCOMES = recipes.duel(5, 30, 1)
ROWS = {"first": FIRST, "second": SECOND, "outcomes": OUTCOMES, "weights": np.linspace(0.5, 2.0, 30)}
OPTIONS: dict[str, object] = {
    "result": "other",
    "no_nan": ("outcomes", "weights"),
    "same_length": ("second", "outcomes", "weights"),
}

CASES = {
    "ratings.elo": ArrayCase(ratings.elo, others=ROWS, **OPTIONS),
    "ratings.elo_permuted": ArrayCase(ratings.elo_permuted, others=ROWS, params={"n_permutations": 3}, **OPTIONS),
    "ratings.elo_scale": ArrayCase(ratings.elo_scale, others={"theta": np.linspace(-1, 1, 5)}, result="other"),
}
