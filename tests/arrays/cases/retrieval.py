"""Cases of `metrics`: ranked lists, and the correlations beside Kendall's."""

from functools import partial

import numpy as np

from arrays.array_case import ArrayCase, ragged
from prefcore import metrics

OFFSETS, RNG = ragged()
LISTS = {
    "scores": RNG.integers(0, 5, size=OFFSETS[-1]) / 4,
    "labels": RNG.integers(0, 4, size=OFFSETS[-1]).astype(np.float32),
}
XY = {"x": RNG.integers(0, 4, size=OFFSETS[-1]) / 2, "y": RNG.normal(size=OFFSETS[-1]).astype(np.float32)}

judged = partial(
    ArrayCase,
    columns=LISTS,
    offsets=OFFSETS,
    no_nan=("scores", "labels"),
    policies=("omit", "propagate"),
    same_length=("labels",),
)
correlation = partial(
    ArrayCase, columns=XY, offsets=OFFSETS, no_nan=("x", "y"), policies=("omit", "propagate"), same_length=("y",)
)

CASES = {
    "metrics.kendall_test": correlation(metrics.kendall_test),
    "metrics.weighted_tau": correlation(metrics.weighted_tau),
    "metrics.spearman": correlation(metrics.spearman),
    "metrics.pearson": correlation(metrics.pearson),
    "metrics.dcg": judged(metrics.dcg, params={"k": 3}),
    "metrics.ndcg": judged(metrics.ndcg, params={"k": 3, "ties": "average"}),
    "metrics.average_precision": judged(metrics.average_precision),
    "metrics.reciprocal_rank": judged(metrics.reciprocal_rank),
    "metrics.precision_at_k": judged(metrics.precision_at_k, params={"k": 2}),
    "metrics.recall_at_k": judged(metrics.recall_at_k, params={"k": 2}),
    "metrics.r_precision": judged(metrics.r_precision),
    "metrics.expected_reciprocal_rank": judged(metrics.expected_reciprocal_rank, params={"max_grade": 3}),
    "metrics.rank_biased_precision": judged(metrics.rank_biased_precision, params={"p": 0.8}),
    "metrics.rank_biased_overlap": ArrayCase(
        metrics.rank_biased_overlap,
        others={"a": np.array([4, 2, 9, 1]), "b": np.array([2, 4, 7, 1, 5])},
        params={"p": 0.9},
        result="other",
    ),
}
