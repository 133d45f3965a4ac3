"""Cases of `ranking`."""

from typing import Any

import numpy as np

from arrays.array_case import ArrayCase, ragged
from prefcore import ranking

OFFSETS, RNG = ragged()
SCORES = {"scores": RNG.normal(size=OFFSETS[-1])}
LABELED = {**SCORES, "labels": RNG.integers(0, 4, size=OFFSETS[-1]).astype(np.float64)}
GRADED = {**SCORES, "labels": RNG.integers(0, 4, size=OFFSETS[-1])}
UPSTREAM = {**SCORES, "upstream": RNG.normal(size=OFFSETS[-1])}
RANKING = np.array([3, 0, 2, 5, 1])

PER_ROW: dict[str, Any] = {"offsets": OFFSETS, "result": "row", "no_nan": ("scores",)}
# A record of two columns per list and one per row.
LOSS: dict[str, Any] = {"offsets": OFFSETS, "result": "other", "no_nan": ("scores",), "same_length": ("labels",)}

CASES = {
    "ranking.rank": ArrayCase(
        ranking.rank,
        {"x": RNG.integers(0, 4, size=OFFSETS[-1]) / 2},
        OFFSETS,
        params={"descending": True},
        result="row",
        no_nan=("x",),
        policies=("omit", "propagate"),
    ),
    "ranking.approx_rank": ArrayCase(ranking.approx_rank, SCORES, params={"temperature": 0.5}, **PER_ROW),
    "ranking.soft_rank": ArrayCase(ranking.soft_rank, SCORES, params={"strength": 0.5}, **PER_ROW),
    "ranking.soft_rank_vjp": ArrayCase(
        ranking.soft_rank_vjp,
        UPSTREAM,
        OFFSETS,
        params={"strength": 0.5},
        result="row",
        no_nan=("scores", "upstream"),
        same_length=("upstream",),
    ),
    "ranking.neural_sort": ArrayCase(ranking.neural_sort, others=SCORES, result="other", no_nan=("scores",)),
    "ranking.lambda_weights": ArrayCase(
        ranking.lambda_weights,
        others=LABELED,
        params={"k": 3},
        result="other",
        no_nan=("scores", "labels"),
        same_length=("labels",),
    ),
    "ranking.plackett_luce": ArrayCase(
        ranking.plackett_luce,
        {"ranking": RANKING},
        np.array([0, 2, 2, 5]),
        others={"scores": SCORES["scores"][:6]},
        result="other",
        no_nan=("scores",),
    ),
    "ranking.listmle": ArrayCase(ranking.listmle, LABELED, params={"k": 3}, **LOSS),
    "ranking.softmax_loss": ArrayCase(ranking.softmax_loss, LABELED, **LOSS),
    "ranking.listnet": ArrayCase(ranking.listnet, GRADED, params={"temperature": 2.0}, **LOSS),
    "ranking.ranknet": ArrayCase(ranking.ranknet, GRADED, params={"max_skip": 3}, **LOSS),
    "ranking.ranklist": ArrayCase(ranking.ranklist, LABELED, params={"min_gap": 1}, **LOSS),
    "ranking.lambdarank": ArrayCase(ranking.lambdarank, LABELED, params={"k": 3}, **LOSS),
    "ranking.approx_ndcg": ArrayCase(ranking.approx_ndcg, GRADED, params={"gain": "linear"}, **LOSS),
}
