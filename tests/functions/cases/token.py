"""Losses of single tokens (losses/token.py)."""

from functions.function_case import FunctionCase, labels, log_probs, normal
from prefcore import losses

SUMS = ("chosen", "rejected", "chosen_kl", "rejected_kl")
VALUES = ("values", "old_values", "returns")
POLICY = ("logps", "old_logps", "advantages")
CASES = {
    "tdpo": FunctionCase(
        losses.tdpo,
        {name: normal(4, seed=seed) for seed, name in enumerate(SUMS)},
        {"beta": 0.3, "alpha": 0.6},
        differentiable=("chosen", "rejected", "rejected_kl"),
        same_shape=SUMS,
        any_size=SUMS,
        floating=SUMS,
    ),
    "ppo_value": FunctionCase(
        losses.ppo_value,
        {name: normal(3, 4, seed=seed) for seed, name in enumerate(VALUES)},
        {"clip": 0.3},
        differentiable=("values",),
        same_shape=VALUES,
        any_size=VALUES,
        floating=VALUES,
    ),
    # no example stands where the ratio is bounded.
    "ppo_clip": FunctionCase(
        losses.ppo_clip,
        {name: log_probs(3, 4, seed=seed) for seed, name in enumerate(("logps", "old_logps", "ref_logps"))}
        | {"advantages": normal(3, 4, seed=3), "weights": normal(3, 4, seed=4), "mask": labels(3, 4)},
        {"kl_coef": 0.1, "clip_low": 0.3, "clip_high": 0.4, "dual_clip": 3.0},
        differentiable=("logps",),
        same_shape=("logps", "old_logps", "ref_logps", "advantages", "weights", "mask"),
        any_size=("logps", "old_logps", "advantages", "ref_logps"),
        floating=("logps", "old_logps", "ref_logps", "advantages", "weights"),
    ),
    # no gradcheck: the importance weight is constant for autograd, so the gradient is not that of the value
    "cispo": FunctionCase(
        losses.cispo,
        {"logps": log_probs(3, 4, seed=1), "old_logps": log_probs(3, 4, seed=2), "advantages": normal(3, 4, seed=3)},
        {"max_ratio": 2.0},
        same_shape=POLICY,
        any_size=POLICY,
        floating=POLICY,
    ),
}
