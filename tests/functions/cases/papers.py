"""Formulas of single papers (papers/*.py) that take tensors."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from functions.function_case import FunctionCase, log_probs, normal
from prefcore.logps import PairedTokenStats
from prefcore.papers import (
    action_preference,
    aligndiff,
    dr_sow,
    follow_up_likelihood,
    pal,
    pisa_sr,
    secrets_of_rlhf,
    sparsepo,
    suboptimal_on_policy,
    tdpo,
)

PAIRS = ("chosen", "rejected")
POINTS = ("items", "ideal")
SAMPLES = ("logps", "rewards")
LATENTS = ("latent", "real", "fake")
ACTIONS = ("desirable", "undesirable", "mismatched")
MASK = torch.tensor([[True, True, False], [True, True, True]])
FOLLOW_UPS = ("positive", "negative")
MODELS = ("strong", "weak")
ERRORS = {"error": normal(3, seed=1).abs()}
FIELDS = ("logps", "ref_logps", "kl_ref_policy")


def of_stats(
    function: Callable[..., Tensor], *weights: str, constant: tuple[str, ...] = (), **params: Any
) -> FunctionCase:
    """A function of two `PairedTokenStats`, called with their fields; weights are away from 0, the kink of the norm."""

    def call(**given: Any) -> Tensor:
        stats = [
            PairedTokenStats(*[given.pop(f"{side}_{name}") for name in FIELDS], None, None, None) for side in PAIRS
        ]
        return function(*stats, **given)

    draws = {
        "logps": log_probs,
        "ref_logps": log_probs,
        "kl_ref_policy": lambda *shape, seed: normal(*shape, seed=seed).abs(),
    }
    terms = {f"{side}_{name}": draws[name](2, 3, seed=seed) for seed, side in enumerate(PAIRS) for name in FIELDS}
    scales = {name: 0.1 + normal(2, 3, seed=seed).abs() for seed, name in enumerate(weights)}
    masks = {f"{side}_mask": MASK for side in PAIRS}
    learned = tuple(name for name in (*terms, *scales) if "_ref_logps" not in name and name not in constant)
    names = (*terms, *scales)
    return FunctionCase(
        call,
        terms | scales | masks,
        params,
        differentiable=learned,
        same_shape=(*names, *masks),
        any_size=tuple(terms),
        floating=names,
    )


CASES = {
    "pal.ideal_point": FunctionCase(
        pal.ideal_point,
        {"items": normal(3, 4, seed=1), "ideal": normal(3, 4, seed=2)},
        differentiable=POINTS,
        same_shape=POINTS,
        any_size=POINTS,
        floating=POINTS,
    ),
    "pal.smooth_hinge": FunctionCase(
        pal.smooth_hinge,
        {"chosen": normal(5, seed=1), "rejected": normal(5, seed=2)},
        {"margin": 0.5, "smoothness": 0.7},
        differentiable=PAIRS,
        same_shape=PAIRS,
        any_size=PAIRS,
        floating=PAIRS,
    ),
    "secrets_of_rlhf.meta_difference": FunctionCase(
        secrets_of_rlhf.meta_difference,
        {"scores": normal(2, 4, seed=1)},
        differentiable=("scores",),
        any_size=("scores",),
        floating=("scores",),
    ),
    "suboptimal_on_policy.best_of_n_loss": FunctionCase(
        suboptimal_on_policy.best_of_n_loss,
        {"logps": log_probs(3, 4, seed=1), "rewards": normal(3, 4, seed=2)},
        {"beta": 0.3},
        differentiable=("logps",),
        same_shape=SAMPLES,
        any_size=SAMPLES,
        floating=("logps",),  # rewards may be integers
    ),
    # no gradcheck: the target is fixed, so the gradient is not that of the value
    "pisa_sr.csd_loss": FunctionCase(
        pisa_sr.csd_loss,
        {name: normal(2, 3, 2, seed=seed) for seed, name in enumerate(LATENTS)},
        same_shape=LATENTS,
        any_size=LATENTS,
        floating=LATENTS,
    ),
    "action_preference.loss": FunctionCase(
        action_preference.loss,
        {name: normal(2, 3, seed=seed) for seed, name in enumerate(ACTIONS)}
        | {f"{name}_mask": MASK for name in ACTIONS},
        {"beta": 0.4},
        differentiable=("desirable", "undesirable"),
        same_shape=(*ACTIONS, *(f"{name}_mask" for name in ACTIONS)),
        any_size=ACTIONS,
    ),
    # detached; errors of one class only
    "action_preference.desirable_weights": FunctionCase(
        action_preference.desirable_weights, ERRORS, floating=("error",)
    ),
    "action_preference.undesirable_weights": FunctionCase(
        action_preference.undesirable_weights, ERRORS, floating=("error",)
    ),
    "aligndiff.strength": FunctionCase(
        aligndiff.strength,
        {"raw": normal(2, 3, 2, seed=1)},
        {"limit": 2.0},
        differentiable=("raw",),
        any_size=("raw",),
        floating=("raw",),
    ),
    "follow_up_likelihood.score": FunctionCase(
        follow_up_likelihood.score,
        {"positive": log_probs(2, 3, 4, seed=1), "negative": log_probs(2, 3, 2, seed=2)},
        differentiable=FOLLOW_UPS,
        same_shape=FOLLOW_UPS,
        any_size=FOLLOW_UPS,
        floating=FOLLOW_UPS,
    ),
    "dr_sow.reward": FunctionCase(
        dr_sow.reward,
        {name: log_probs(2, 3, seed=seed) for seed, name in enumerate(MODELS)}
        | {f"{name}_mask": MASK for name in MODELS},
        differentiable=MODELS,
        same_shape=(*MODELS, "strong_mask", "weak_mask"),
        any_size=MODELS,
        floating=MODELS,
    ),
    "tdpo.loss": of_stats(tdpo.loss, constant=("chosen_kl_ref_policy",), beta=0.3, alpha=0.7),
    "tdpo.first_loss": of_stats(tdpo.first_loss, beta=0.3),
    "sparsepo.loss": of_stats(
        sparsepo.loss,
        *("chosen_weight", "rejected_weight", "chosen_kl_weight", "rejected_kl_weight"),
        beta=0.3,
        l1=0.1,
        kl_l1=0.2,
    ),
    "sparsepo.common_loss": of_stats(sparsepo.common_loss, "chosen_weight", "rejected_weight", beta=0.3, l1=0.1),
    # detached
    "suboptimal_on_policy.mode_seeking": FunctionCase(
        suboptimal_on_policy.mode_seeking,
        {"target": normal(2, 3, seed=1).softmax(-1), "logits": normal(2, 3, seed=2)},
        same_shape=("target", "logits"),
        any_size=("logits",),
        floating=("target", "logits"),
    ),
}
