"""Metrics: one number per group, NaN where a group has none, so that `np.nanmean` is the usual mean."""

from prefcore.metrics.accuracy import (
    Outcomes,
    TieCalibrated,
    outcome_counts,
    pairwise_accuracy,
    pairwise_accuracy_with_ties,
    ranking_exact_match,
    roc_auc,
    tie_calibrated_accuracy,
)
from prefcore.metrics.calibration import (
    CalibrationCurve,
    brier_score,
    calibration_curve,
    expected_calibration_error,
    log_loss,
)
from prefcore.metrics.correlation import Concordance, concordance_counts, goodman_kruskal_gamma, kendall_tau
from prefcore.metrics.states import CalibrationState, Mean, MeanState, OutcomeState

__all__ = [
    "CalibrationCurve",
    "CalibrationState",
    "Concordance",
    "Mean",
    "MeanState",
    "OutcomeState",
    "Outcomes",
    "TieCalibrated",
    "brier_score",
    "calibration_curve",
    "concordance_counts",
    "expected_calibration_error",
    "goodman_kruskal_gamma",
    "kendall_tau",
    "log_loss",
    "outcome_counts",
    "pairwise_accuracy",
    "pairwise_accuracy_with_ties",
    "ranking_exact_match",
    "roc_auc",
    "tie_calibrated_accuracy",
]
