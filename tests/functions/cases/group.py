"""Losses over the candidates of one prompt (losses/group.py)."""

from functions.function_case import FunctionCase, log_probs, normal
from prefcore import losses

GRAO = {
    "logps": log_probs(3, 4, seed=1),
    "gold_logps": log_probs(3, seed=2),
    "advantages": normal(3, 4, seed=3),
    "gold_advantages": normal(3, seed=4),
}
CASES = {
    "grao": FunctionCase(
        losses.grao,
        GRAO,
        {"beta": 0.4, "lam": 0.7},
        differentiable=("logps", "gold_logps"),
        same_shape=tuple(GRAO),
        any_size=tuple(GRAO),
        floating=tuple(GRAO),
    ),
}
