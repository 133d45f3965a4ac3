"""Losses of one margin (losses/pairwise/margin.py)."""

from functions.function_case import FunctionCase, normal
from prefcore import losses

PAIRS = {"chosen": normal(4, seed=1), "rejected": normal(4, seed=2)}
BOTH = ("chosen", "rejected")
CASES = {
    "dpo": FunctionCase(
        losses.dpo,
        PAIRS,
        {"beta": 0.3, "margin": 0.2, "label_smoothing": 0.1},
        differentiable=BOTH,
        same_shape=BOTH,
        any_size=BOTH,
        floating=BOTH,
    ),
}
