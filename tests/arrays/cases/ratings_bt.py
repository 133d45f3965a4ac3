"""Cases of `ratings`: the estimator that takes rows."""

from typing import Any

import numpy as np

import recipes
from arrays.array_case import ArrayCase
from prefcore import ratings

FIRST, SECOND, OUTCOMES = recipes.duel(4, 60, 2)


def contextual(*args: Any, **options: Any) -> Any:
    """What the record shows, and the errors that need the rows again."""
    board = ratings.contextual_bradley_terry(*args, **options)
    return board.theta, board.feature_coef, board.loglik, board.std_error, board.robust_std_error


CASES = {
    "ratings.contextual_bradley_terry": ArrayCase(
        contextual,
        others={
            "first": FIRST,
            "second": SECOND,
            "outcomes": OUTCOMES,
            "features": recipes.feature(120, 3).reshape(60, 2),
            "weights": np.linspace(0.5, 2.0, 60),
        },
        params={"ridge": 0.1},
        result="other",
        no_nan=("outcomes", "features", "weights"),
        same_length=("second", "outcomes", "features", "weights"),
    ),
}
