"""Cases of `conjoint`: choices from sets."""

from typing import Any

import numpy as np

import recipes
from arrays.array_case import ArrayCase
from prefcore import conjoint


def logit(*args: Any, **options: Any) -> Any:
    """What the record shows."""
    model = conjoint.conditional_logit(*args, **options)
    return model.coef, model.std_error, model.loglik


OFFSETS = np.array([0, 3, 4, 9, 11, 14])

CASES = {
    "conjoint.choice_probabilities": ArrayCase(
        conjoint.choice_probabilities,
        columns={"utility": recipes.feature(16, 1)},
        offsets=np.array([0, 5, 5, 6, 13, 16]),
        result="row",
        no_nan=("utility",),
    ),
    "conjoint.conditional_logit": ArrayCase(
        logit,
        others={
            "features": recipes.feature(28, 2).reshape(14, 2),
            "offsets": OFFSETS,
            "chosen": np.array([2, 0, 1, 1, 0]),
            "clusters": np.array([0, 1, 1, 2, 3]),
            "weights": np.linspace(0.5, 2.0, 5),
        },
        params={"ridge": 0.5},
        result="other",
        no_nan=("features", "weights"),
        same_length=("clusters", "weights"),
    ),
}
