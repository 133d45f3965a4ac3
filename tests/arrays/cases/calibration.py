"""Cases of `metrics`: calibration and proper scores."""

from arrays.array_case import ArrayCase, ragged
from prefcore import metrics

OFFSETS, RNG = ragged()
N = OFFSETS[-1]
COLUMNS = {"probs": RNG.random(N), "labels": RNG.integers(0, 2, size=N), "weights": RNG.random(N)}
COMMON = {"no_nan": ("probs", "labels"), "same_length": ("labels", "weights")}

CASES = {
    "metrics.expected_calibration_error": ArrayCase(
        metrics.expected_calibration_error,
        COLUMNS,
        OFFSETS,
        params={"n_bins": 4, "strategy": "quantile"},
        policies=("omit", "propagate"),
        **COMMON,
    ),
    "metrics.calibration_curve": ArrayCase(
        metrics.calibration_curve, COLUMNS, OFFSETS, params={"n_bins": 3}, policies=("omit",), **COMMON
    ),
    "metrics.brier_score": ArrayCase(metrics.brier_score, COLUMNS, OFFSETS, policies=("omit", "propagate"), **COMMON),
    "metrics.log_loss": ArrayCase(
        metrics.log_loss, COLUMNS, OFFSETS, params={"eps": 1e-3}, policies=("omit", "propagate"), **COMMON
    ),
}
