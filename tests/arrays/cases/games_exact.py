"""Cases of `games`: exact equilibria."""

import numpy as np

from arrays.array_case import ArrayCase
from prefcore import games

RNG = np.random.default_rng(0)
SKEW = RNG.normal(size=(5, 5))

CASES = {
    "games.solve_nash": ArrayCase(
        games.solve_nash, others={"payoff": SKEW - SKEW.T}, result="other", no_nan=("payoff",)
    ),
    "games.solve_zero_sum": ArrayCase(
        games.solve_zero_sum, others={"payoff": RNG.normal(size=(3, 5))}, result="other", no_nan=("payoff",)
    ),
}
