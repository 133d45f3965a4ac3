"""Elementwise transforms (scores/transforms.py)."""

from functions.function_case import FunctionCase, log_probs, normal
from prefcore import scores

BOTH = ("base", "full")
CASES = {
    "alpha_divergence_score": FunctionCase(
        scores.alpha_divergence_score,
        {"logratios": normal(4)},
        {"alpha": 0.3},
        differentiable=("logratios",),
        any_size=("logratios",),
        floating=("logratios",),
    ),
    "js_divergence_score": FunctionCase(
        scores.js_divergence_score,
        {"logratios": normal(4)},
        differentiable=("logratios",),
        any_size=("logratios",),
        floating=("logratios",),
    ),
    # not of any size: -inf at 0 and NaN above are its values there
    "log1mexp": FunctionCase(scores.log1mexp, {"logps": log_probs(4)}, differentiable=("logps",), floating=("logps",)),
    "log_odds": FunctionCase(
        scores.log_odds,
        {"logps": log_probs(4)},
        differentiable=("logps",),
        any_size=("logps",),
        log_probs=("logps",),
        floating=("logps",),
    ),
    "guidance_combine": FunctionCase(
        scores.guidance_combine,
        {"base": normal(4, seed=1), "full": normal(4, seed=2)},
        {"w_base": 0.8, "w_delta": 1.7},
        differentiable=BOTH,
        same_shape=BOTH,
        any_size=BOTH,
        floating=BOTH,
    ),
}
