"""Metrics: one number per group, NaN where a group has none, so that `np.nanmean` is the usual mean."""

from prefcore.metrics.correlation import Concordance, concordance_counts, goodman_kruskal_gamma, kendall_tau

__all__ = ["Concordance", "concordance_counts", "goodman_kruskal_gamma", "kendall_tau"]
