"""Losses of self-play (losses/nash.py)."""

from functions.function_case import FunctionCase, log_probs, normal
from prefcore import losses

LOGPS = ("logps", "ref_logps")
CASES = {
    # `preference_gap` may be integers, and beside logratios [B, 1] a gap [B] is one for each response
    "sppo": FunctionCase(
        losses.sppo,
        {"logratios": normal(4, seed=1), "preference_gap": normal(4, seed=2, scale=0.1)},
        {"beta": 0.3},
        differentiable=("logratios", "preference_gap"),
        same_shape=("preference_gap",),
        any_size=("logratios", "preference_gap"),
        floating=("logratios",),
    ),
    # no gradcheck: the bracket is constant for autograd, so the gradient is not that of the value
    "nash_md": FunctionCase(
        losses.nash_md,
        {
            "logps": log_probs(4, seed=1),
            "ref_logps": log_probs(4, seed=2),
            "preference_gap": normal(4, seed=3, scale=0.1),
        },
        {"beta": 0.3},
        same_shape=(*LOGPS, "preference_gap"),
        any_size=(*LOGPS, "preference_gap"),
        floating=LOGPS,
    ),
}
