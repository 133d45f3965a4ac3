"""Metrics: one number per group, NaN where a group has none, so that `np.nanmean` is the usual mean."""

from prefcore.metrics.correlation import (
    Concordance,
    TestResult,
    concordance_counts,
    goodman_kruskal_gamma,
    kendall_tau,
    kendall_test,
    pearson,
    spearman,
    weighted_tau,
)
from prefcore.metrics.length_control import LengthControlled, length_controlled_win_rate
from prefcore.metrics.overlap import RankBiasedOverlap, rank_biased_overlap
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
from prefcore.metrics.retrieval import (
    average_precision,
    dcg,
    expected_reciprocal_rank,
    ndcg,
    precision_at_k,
    r_precision,
    rank_biased_precision,
    recall_at_k,
    reciprocal_rank,
)

__all__ = [
    "Concordance",
    "LaplacePosterior",
    "LengthControlled",
    "LogitFit",
    "PowerLaw",
    "RankBiasedOverlap",
    "StyleControl",
    "TestResult",
    "average_precision",
    "concordance_counts",
    "dcg",
    "expected_reciprocal_rank",
    "fit_logit",
    "fit_power_law",
    "goodman_kruskal_gamma",
    "kendall_tau",
    "kendall_test",
    "laplace_logistic_regression",
    "length_controlled_win_rate",
    "ndcg",
    "pearson",
    "precision_at_k",
    "r_precision",
    "rank_biased_overlap",
    "rank_biased_precision",
    "recall_at_k",
    "reciprocal_rank",
    "spearman",
    "style_controlled_bt",
    "weighted_tau",
]
