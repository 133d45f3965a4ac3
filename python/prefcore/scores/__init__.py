"""What log-probs and rewards become on their way to a loss or a log: advantages, KL terms, preference scores."""

from prefcore.scores.advantages import (
    GAE,
    gae,
    group_advantage,
    group_center,
    kl_k2,
    kl_k3,
    kl_shaped_rewards,
    masked_whiten,
)
from prefcore.scores.preference import (
    MinimumBayesRisk,
    PairMetrics,
    dynamic_beta,
    gpm_score,
    gpm_scores,
    minimum_bayes_risk,
    pair_metrics,
)

__all__ = [
    "GAE",
    "MinimumBayesRisk",
    "PairMetrics",
    "dynamic_beta",
    "gae",
    "gpm_score",
    "gpm_scores",
    "group_advantage",
    "group_center",
    "kl_k2",
    "kl_k3",
    "kl_shaped_rewards",
    "masked_whiten",
    "minimum_bayes_risk",
    "pair_metrics",
]
