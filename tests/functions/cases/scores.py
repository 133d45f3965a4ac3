"""Scores (prefcore/scores)."""

import torch

from functions.function_case import FunctionCase, labels, log_probs, normal
from prefcore import scores

LOGPS = {"logps": log_probs(3, 4, seed=1), "ref_logps": log_probs(3, 4, seed=2)}
BOTH = ("logps", "ref_logps")
MASK = labels(3, 4) | torch.tensor([True, False, False, False])
GROUPS = {"rewards": normal(9), "offsets": torch.tensor([0, 4, 4, 5, 9])}
PAIRS = {"chosen": normal(4, seed=1), "rejected": normal(4, seed=2)}
GATE = torch.tensor([0.7, 0.3, 1.5], dtype=torch.float64)
#: multiples of 1/8, so that both sides add up to 1 in half types too
GAMES = torch.tensor([[[4, 1, 7], [7, 4, 2], [1, 6, 4]], [[4, 8, 5], [0, 4, 3], [3, 5, 4]]], dtype=torch.float64) / 8
CASES = {
    # Advantages are constants of a policy loss: group_advantage, group_center and gae have no gradient.
    "group_advantage": FunctionCase(
        scores.group_advantage, GROUPS, {"ddof": 1, "eps": 1e-4}, any_size=("rewards",), floating=("rewards",)
    ),
    "group_center": FunctionCase(scores.group_center, GROUPS, any_size=("rewards",), floating=("rewards",)),
    "gae": FunctionCase(
        scores.gae,
        {"rewards": normal(3, 4, seed=1), "values": normal(3, 4, seed=2), "mask": MASK},
        {"gamma": 0.9, "lam": 0.7},
        same_shape=("rewards", "values", "mask"),
        any_size=("rewards", "values"),
        floating=("rewards", "values"),
    ),
    "kl_k2": FunctionCase(scores.kl_k2, LOGPS, differentiable=BOTH, same_shape=BOTH, any_size=BOTH, floating=BOTH),
    # The reference is data.
    "kl_k3": FunctionCase(
        scores.kl_k3, LOGPS, differentiable=("logps",), same_shape=BOTH, any_size=BOTH, floating=BOTH
    ),
    "kl_shaped_rewards": FunctionCase(
        scores.kl_shaped_rewards,
        {**LOGPS, "scores": normal(3), "mask": MASK},
        {"kl_coef": 0.1},
        differentiable=(*BOTH, "scores"),
        same_shape=(*BOTH, "mask"),
        any_size=(*BOTH, "scores"),
        floating=(*BOTH, "scores"),
    ),
    "masked_whiten": FunctionCase(
        scores.masked_whiten,
        {"values": normal(3, 4), "mask": MASK},
        {"ddof": 1, "eps": 1e-6},
        differentiable=("values",),
        same_shape=("values", "mask"),
        any_size=("values",),
        floating=("values",),
    ),
    # What is logged has no gradient.
    "pair_metrics": FunctionCase(
        scores.pair_metrics,
        PAIRS,
        {"beta": 0.3, "ties": 0.5},
        same_shape=("chosen", "rejected"),
        any_size=("chosen", "rejected"),
        floating=("chosen", "rejected"),
    ),
    "gpm_score": FunctionCase(
        scores.gpm_score,
        {"first": normal(4, 6, seed=1), "second": normal(4, 6, seed=2), "gate": GATE},
        differentiable=("first", "second", "gate"),
        same_shape=("first", "second"),
        any_size=("first", "second"),
        floating=("first", "second", "gate"),
    ),
    "gpm_scores": FunctionCase(
        scores.gpm_scores,
        {"embeddings": normal(2, 4, 6), "gate": GATE},
        differentiable=("embeddings", "gate"),
        any_size=("embeddings",),
        floating=("embeddings", "gate"),
    ),
    # Probabilities are not of any size: outside [0, 1] they are refused.
    "minimum_bayes_risk": FunctionCase(
        scores.minimum_bayes_risk,
        {"probs": normal(2, 4).softmax(1) * 0.9, "similarity": normal(2, 4, 4)},
        differentiable=("probs", "similarity"),
        any_size=("similarity",),
        floating=("probs", "similarity"),
    ),
    # Preferences add up to 1. Policies are normalized, so that they may be of any size.
    "kl_nash": FunctionCase(
        scores.kl_nash,
        {"preferences": GAMES, "ref_logps": normal(2, 3)},
        {"beta": 0.3, "iterations": 4, "step_size": 1.2},
        same_shape=("preferences", "ref_logps"),
        any_size=("ref_logps",),
        floating=("preferences", "ref_logps"),
    ),
    "kl_best_response": FunctionCase(
        scores.kl_best_response,
        {"preferences": GAMES, "logps": normal(2, 3, seed=1), "ref_logps": normal(2, 3, seed=2)},
        {"beta": 0.3},
        same_shape=("preferences", "logps", "ref_logps"),
        any_size=("logps", "ref_logps"),
        floating=("preferences", "logps", "ref_logps"),
    ),
    "dynamic_beta": FunctionCase(
        scores.dynamic_beta,
        {"gap": normal(4)},
        {"gap_mean": 0.2, "beta": 0.1, "alpha": 0.6},
        any_size=("gap",),
        floating=("gap",),
    ),
}
