"""Losses and weights of single papers that pass on to one public function, or to one and a sum."""

import torch

from functions.cases.listwise import GRADES, OFFSETS
from functions.function_case import FunctionCase, log_probs, normal
from prefcore.papers import curry_dpo, pro, psychocounsel, ranklist, sparsepo, utility_probability, worldpm

BOTH = ("chosen", "rejected")
LISTS = ("scores", "labels")
RESPONSES = ("logps", "lengths", "rewards")
PAIR = {"chosen": normal(4, seed=1), "rejected": normal(4, seed=2)}
MASK = torch.tensor([[True, True, False], [True, True, True]])
LIST = {"scores": normal(9), "labels": GRADES, "offsets": OFFSETS}
LIST_RULE = {"max_skip": 3, "temperature": 0.7, "min_gap": 1.0}


def of_pairs(function: object, **params: float) -> FunctionCase:
    return FunctionCase(  # type: ignore[arg-type]
        function, PAIR, params, differentiable=BOTH, same_shape=BOTH, any_size=BOTH, floating=BOTH
    )


def of_lists(function: object) -> FunctionCase:
    return FunctionCase(  # type: ignore[arg-type]
        function,
        LIST,
        LIST_RULE,
        differentiable=("scores",),
        same_shape=LISTS,
        any_size=("scores",),
        floating=("scores",),
    )


CASES = {
    "curry_dpo.loss": of_pairs(curry_dpo.loss, beta=0.3),
    "psychocounsel.loss": of_pairs(psychocounsel.loss, beta=0.3),
    "psychocounsel.reward_loss": of_pairs(psychocounsel.reward_loss),
    "worldpm.loss": of_pairs(worldpm.loss),
    "ranklist.loss": of_lists(ranklist.loss),
    "ranklist.sum_loss": of_lists(ranklist.sum_loss),
    "pro.loss": FunctionCase(
        pro.loss,
        {"logps": 9 * log_probs(2, 4, seed=1), "rewards": normal(2, 4, seed=2)}
        | {"lengths": torch.tensor([[9, 3, 8, 20], [5, 7, 1, 12]])},
        {"sft_weight": 0.3},
        differentiable=("logps",),
        same_shape=RESPONSES,
        any_size=("logps", "rewards"),
        floating=("logps", "rewards"),
    ),
    "sparsepo.mapo_weights": FunctionCase(
        sparsepo.mapo_weights,
        {"activations": normal(2, 2, 3, seed=1), "mask": MASK},
        differentiable=("activations",),
        same_shape=("activations", "mask"),
        any_size=("activations",),
        floating=("activations",),
    ),
    # detached
    "sparsepo.sparsity": FunctionCase(
        sparsepo.sparsity,
        {"weights": normal(2, 3, seed=1).relu(), "mask": MASK},
        any_size=("weights",),
        floating=("weights",),
    ),
    "utility_probability.decide": FunctionCase(
        utility_probability.decide,
        {"utility": normal(2, 4, seed=1), "similarity": normal(2, 4, 4, seed=2)},
        {"temperature": 0.7},
        differentiable=("utility",),
        same_shape=("utility", "similarity"),
        any_size=("utility",),
        floating=("utility", "similarity"),
    ),
}
