"""Cases of `ratings`: rankings and rank intervals."""

from typing import Any

import numpy as np

from arrays.array_case import ArrayCase
from prefcore import ratings


def plackett_luce(*args: Any, **options: Any) -> Any:
    """What the record shows, and the errors that need the rankings again."""
    board = ratings.plackett_luce(*args, **options)
    return board.theta, board.loglik, board.std_error, board.robust_std_error


CASES = {
    "ratings.plackett_luce": ArrayCase(
        plackett_luce,
        columns={"rankings": np.array([0, 1, 2, 1, 0, 3, 2, 3, 0, 2, 1, 3, 0])},
        offsets=np.array([0, 3, 7, 8, 10, 13]),
        params={"ridge": 0.5, "n_items": 4},
        result="other",
        may_be_empty=False,
    ),
    "ratings.rank_intervals": ArrayCase(
        ratings.rank_intervals,
        others={"lower": np.array([0.0, 1.0, 3.0]), "upper": np.array([2.0, 2.5, 4.0])},
        result="other",
        no_nan=("lower", "upper"),
        same_length=("upper",),
    ),
}
