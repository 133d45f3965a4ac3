"""Losses of a preferred and a rejected response (losses/pairwise)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor

from functions.function_case import FunctionCase, log_probs, normal
from prefcore import losses

BOTH = ("chosen", "rejected")
#: no example stands at a kink of the hinge, nor between equal ranks of aot
RATIOS = {"chosen": normal(4, seed=1), "rejected": normal(4, seed=2)}
MEANS = {"chosen": log_probs(4, seed=1), "rejected": log_probs(4, seed=2)}


def case(function: Callable[..., Tensor], inputs: dict[str, Tensor] = RATIOS, **params: Any) -> FunctionCase:
    """The two sides of a pair have all the promises."""
    return FunctionCase(function, inputs, params, differentiable=BOTH, same_shape=BOTH, any_size=BOTH, floating=BOTH)


CASES = {
    "bradley_terry": case(losses.bradley_terry, margin=0.2, label_smoothing=0.1, center=0.01),
    "dpo": case(losses.dpo, beta=0.3, margin=0.2, label_smoothing=0.1),
    "robust_dpo": case(losses.robust_dpo, beta=0.3, label_smoothing=0.1),
    "hinge": case(losses.hinge, beta=0.3, margin=0.5),
    "ipo": case(losses.ipo, beta=0.3, preference_gap=0.4),
    "exo": case(losses.exo, beta=0.3, label_smoothing=0.01),
    "discopop": case(losses.discopop, beta=0.3, tau=0.2),
    "simpo": case(losses.simpo, MEANS, beta=2.0, margin=0.7, label_smoothing=0.1),
    "orpo": replace(case(losses.orpo, MEANS, beta=0.3), log_probs=BOTH),
    "aot": case(losses.aot, beta=0.3, label_smoothing=0.1),
    "nca": case(losses.nca, beta=0.3),
    "bco_pair": case(losses.bco_pair, beta=0.3, delta=0.2),
    "apo_zero": case(losses.apo_zero, beta=0.3),
    "apo_down": case(losses.apo_down, beta=0.3),
}
