"""Cases of `metrics`: accuracies of preferences and rankings."""

import numpy as np

from arrays.array_case import ArrayCase, ragged
from prefcore import metrics

OFFSETS, RNG = ragged()
N = OFFSETS[-1]
PAIRS = {"chosen": RNG.integers(0, 4, size=N) / 2, "rejected": RNG.integers(0, 4, size=N).astype(np.float32) / 2}
WEIGHTS = RNG.random(N)
WEIGHTED = {**PAIRS, "weights": WEIGHTS}
MARGINS = {"margins": RNG.normal(size=N), "labels": RNG.integers(-1, 2, size=N).astype(np.float64), "weights": WEIGHTS}
SCORES = {"scores": RNG.integers(0, 5, size=N) / 4, "labels": RNG.integers(0, 3, size=N)}
RANKS = {"scores": RNG.normal(size=N), "ranks": RNG.integers(1, 4, size=N)}
CLASSES = {"scores": RNG.integers(0, 5, size=N) / 4, "labels": RNG.integers(0, 2, size=N), "weights": WEIGHTS}
FLOATS = ("omit", "propagate")

CASES = {
    "metrics.outcome_counts": ArrayCase(
        metrics.outcome_counts,
        PAIRS,
        OFFSETS,
        no_nan=("chosen", "rejected"),
        same_length=("rejected",),  # no policies: "omit" counts what it leaves out (tests/metrics/test_accuracy.py)
    ),
    "metrics.pairwise_accuracy": ArrayCase(
        metrics.pairwise_accuracy,
        WEIGHTED,
        OFFSETS,
        params={"ties": 0.5},
        no_nan=("chosen", "rejected"),
        policies=FLOATS,
        same_length=("rejected", "weights"),
    ),
    "metrics.pairwise_accuracy_with_ties": ArrayCase(
        metrics.pairwise_accuracy_with_ties,
        MARGINS,
        OFFSETS,
        params={"eps": 0.5, "tie_band": "all"},
        no_nan=("margins", "labels"),
        policies=FLOATS,
        same_length=("labels", "weights"),
    ),
    "metrics.tie_calibrated_accuracy": ArrayCase(
        metrics.tie_calibrated_accuracy,
        SCORES,
        OFFSETS,
        no_nan=("scores", "labels"),
        policies=FLOATS,
        same_length=("labels",),
    ),
    "metrics.ranking_exact_match": ArrayCase(
        metrics.ranking_exact_match,
        RANKS,
        OFFSETS,
        no_nan=("scores", "ranks"),
        policies=FLOATS,
        same_length=("ranks",),
    ),
    "metrics.roc_auc": ArrayCase(
        metrics.roc_auc,
        CLASSES,
        OFFSETS,
        no_nan=("scores", "labels"),
        policies=FLOATS,
        same_length=("labels", "weights"),
    ),
}
