"""Cases of `metrics`: regression and length control."""

import numpy as np

from arrays.array_case import ArrayCase
from prefcore import metrics

RNG = np.random.default_rng(0)
N = 24
FEATURES = RNG.normal(size=(N, 2))
LABELS = RNG.random(N)
STYLE = RNG.integers(0, 9, size=(2, N, 3)).astype(np.float64)
LENGTHS = RNG.integers(100, 2000, size=(2, N)).astype(np.float64)

CASES = {
    "metrics.fit_logit": ArrayCase(
        metrics.fit_logit,
        others={"features": FEATURES, "labels": LABELS, "weights": RNG.random(N)},
        result="other",
        no_nan=("features", "labels"),
        same_length=("labels", "weights"),
    ),
    "metrics.style_controlled_bt": ArrayCase(
        metrics.style_controlled_bt,
        others={"score_diff": RNG.normal(size=N), "style_a": STYLE[0], "style_b": STYLE[1], "labels": LABELS},
        result="other",
        no_nan=("score_diff", "style_a", "style_b", "labels"),
        same_length=("labels", "style_b"),
    ),
    "metrics.laplace_logistic_regression": ArrayCase(
        metrics.laplace_logistic_regression,
        others={"features": RNG.normal(size=(N, 4)), "labels": LABELS},
        params={"n_draws": 100, "n_warmup": 20, "strict": False},
        result="other",
        no_nan=("features", "labels"),
        same_length=("labels",),
    ),
    "metrics.fit_power_law": ArrayCase(
        metrics.fit_power_law,
        others={"sizes": np.array([1e2, 1e3, 1e4]), "losses": np.array([0.6, 0.5, 0.45])},
        result="other",
        no_nan=("sizes", "losses"),
        same_length=("losses",),
    ),
    "metrics.length_controlled_win_rate": ArrayCase(
        metrics.length_controlled_win_rate,
        others={
            "outcomes": LABELS,
            "lengths": LENGTHS[0],
            "baseline_lengths": LENGTHS[1],
            "difficulty": RNG.normal(size=N),
        },
        result="other",
        no_nan=("outcomes", "lengths", "baseline_lengths", "difficulty"),
        same_length=("lengths", "baseline_lengths", "difficulty"),
    ),
}
