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
from prefcore.metrics.overlap import RankBiasedOverlap, rank_biased_overlap
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
    "RankBiasedOverlap",
    "TestResult",
    "average_precision",
    "concordance_counts",
    "dcg",
    "expected_reciprocal_rank",
    "goodman_kruskal_gamma",
    "kendall_tau",
    "kendall_test",
    "ndcg",
    "pearson",
    "precision_at_k",
    "r_precision",
    "rank_biased_overlap",
    "rank_biased_precision",
    "recall_at_k",
    "reciprocal_rank",
    "spearman",
    "weighted_tau",
]
