"""Losses of single responses (losses/unpaired.py)."""

from functions.function_case import FunctionCase, labels, normal
from prefcore import losses

SINGLE = {"logratios": normal(5, seed=1), "labels": labels(5, seed=1)}
COMMON = {
    "differentiable": ("logratios",),
    "same_shape": ("logratios", "labels"),
    "any_size": ("logratios",),
    "floating": ("logratios",),
}
CASES = {
    "kto": FunctionCase(
        losses.kto, SINGLE, {"kl": 0.3, "beta": 0.4, "desirable_weight": 1.2, "undesirable_weight": 0.7}, **COMMON
    ),
    "bco": FunctionCase(losses.bco, SINGLE, {"delta": 0.2, "beta": 0.4}, **COMMON),
    # detached: no gradient; any shape
    "kto_kl": FunctionCase(
        losses.kto_kl,
        {"kl_logratios": normal(3, 2, seed=1)},
        {"minimum": -5.0, "maximum": 5.0},
        any_size=("kl_logratios",),
        floating=("kl_logratios",),
    ),
}
