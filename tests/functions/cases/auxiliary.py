"""Losses beside a preference loss (losses/auxiliary.py)."""

from functions.function_case import FunctionCase, normal
from prefcore import losses

VIEWS = ("anchors", "positives")
RECONSTRUCTION = ("prediction", "target")
CASES = {
    "info_nce": FunctionCase(
        losses.info_nce,
        {"anchors": normal(3, 4, seed=1), "positives": normal(3, 4, seed=2)},
        {"temperature": 0.3},
        differentiable=VIEWS,
        same_shape=VIEWS,
        any_size=VIEWS,
        floating=VIEWS,
    ),
    "normalized_mse": FunctionCase(
        losses.normalized_mse,
        {"prediction": normal(3, 4, seed=1), "target": normal(3, 4, seed=2)},
        differentiable=("prediction",),
        same_shape=RECONSTRUCTION,
        any_size=RECONSTRUCTION,
        floating=RECONSTRUCTION,
    ),
}
