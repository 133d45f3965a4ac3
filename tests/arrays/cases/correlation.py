"""Cases of `metrics`: correlation."""

import numpy as np

from arrays.array_case import ArrayCase, ragged
from prefcore import metrics

OFFSETS, RNG = ragged()
XY = {"x": RNG.integers(0, 4, size=OFFSETS[-1]) / 2, "y": RNG.normal(size=OFFSETS[-1]).astype(np.float32)}
BOTH = {"no_nan": ("x", "y"), "same_length": ("y",)}

CASES = {
    "metrics.kendall_tau": ArrayCase(metrics.kendall_tau, XY, OFFSETS, policies=("omit", "propagate"), **BOTH),
    "metrics.goodman_kruskal_gamma": ArrayCase(
        metrics.goodman_kruskal_gamma, XY, OFFSETS, policies=("omit", "propagate"), **BOTH
    ),
    "metrics.concordance_counts": ArrayCase(metrics.concordance_counts, XY, OFFSETS, policies=("omit",), **BOTH),
}
