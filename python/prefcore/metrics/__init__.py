"""Metrics: one number per group, NaN where a group has none, so that `np.nanmean` is the usual mean."""

from prefcore.metrics.correlation import Concordance, concordance_counts, goodman_kruskal_gamma, kendall_tau
from prefcore.metrics.length_control import LengthControlled, length_controlled_win_rate
from prefcore.metrics.regression import (
    LaplacePosterior,
    LogitFit,
    PowerLaw,
    StyleControl,
    fit_logit,
    fit_power_law,
    laplace_logistic_regression,
    style_controlled_bt,
)

__all__ = [
    "Concordance",
    "LaplacePosterior",
    "LengthControlled",
    "LogitFit",
    "PowerLaw",
    "StyleControl",
    "concordance_counts",
    "fit_logit",
    "fit_power_law",
    "goodman_kruskal_gamma",
    "kendall_tau",
    "laplace_logistic_regression",
    "length_controlled_win_rate",
    "style_controlled_bt",
]
