"""What log-probs and rewards become on their way to a loss or a log: transforms, advantages, KL terms, scores."""

from prefcore.scores.advantages import GAE, gae, group_advantage, group_center, masked_whiten
from prefcore.scores.games import BestResponse, kl_best_response, kl_nash
from prefcore.scores.kl import kl_k2, kl_k3, kl_shaped_rewards
from prefcore.scores.preference import (
    MinimumBayesRisk,
    PairMetrics,
    dynamic_beta,
    gpm_score,
    gpm_scores,
    minimum_bayes_risk,
    pair_metrics,
)
from prefcore.scores.transforms import (
    alpha_divergence_score,
    guidance_combine,
    js_divergence_score,
    log1mexp,
    log_odds,
)

__all__ = [
    "GAE",
    "BestResponse",
    "MinimumBayesRisk",
    "PairMetrics",
    "alpha_divergence_score",
    "dynamic_beta",
    "gae",
    "gpm_score",
    "gpm_scores",
    "group_advantage",
    "group_center",
    "guidance_combine",
    "js_divergence_score",
    "kl_best_response",
    "kl_k2",
    "kl_k3",
    "kl_nash",
    "kl_shaped_rewards",
    "log1mexp",
    "log_odds",
    "masked_whiten",
    "minimum_bayes_risk",
    "pair_metrics",
]
