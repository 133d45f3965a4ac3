"""Metrics: one number per group, NaN where a group has none, so that `np.nanmean` is the usual mean."""

from prefcore.metrics.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha, percent_agreement
from prefcore.metrics.correlation import Concordance, concordance_counts, goodman_kruskal_gamma, kendall_tau
from prefcore.metrics.distribution import (
    DimensionScore,
    distinct_ngram_ratio,
    gini,
    kl_divergence,
    weighted_dimension_score,
)
from prefcore.metrics.sampling import best_of_n, pass_all_k, pass_at_k
from prefcore.metrics.winrate import (
    BootstrapMean,
    Interval,
    bootstrap_mean,
    clopper_pearson_interval,
    wald_interval,
    wilson_interval,
    win_rate,
)

__all__ = [
    "BootstrapMean",
    "Concordance",
    "DimensionScore",
    "Interval",
    "best_of_n",
    "bootstrap_mean",
    "clopper_pearson_interval",
    "cohen_kappa",
    "concordance_counts",
    "distinct_ngram_ratio",
    "fleiss_kappa",
    "gini",
    "goodman_kruskal_gamma",
    "kendall_tau",
    "kl_divergence",
    "krippendorff_alpha",
    "pass_all_k",
    "pass_at_k",
    "percent_agreement",
    "wald_interval",
    "weighted_dimension_score",
    "wilson_interval",
    "win_rate",
]
