"""Losses of single papers over the public functions (papers/*.py): sums, presets, soft labels."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from functions.function_case import FunctionCase, labels, log_probs, normal
from prefcore.papers import (
    aligndiff,
    delta_learning,
    dpo_3d,
    drift,
    egpo,
    evolve,
    fusechat3,
    gpm,
    grao,
    infifpo,
    mapl,
    mcts_dpo,
    medical_rpo,
    omnidpo,
    osp,
    pal,
    pisa_sr,
    pref_grpo,
    preference_rankings,
    rationales,
    secrets_of_rlhf,
    spo_degree,
    themis,
    unpacking_dpo_ppo,
    weak_to_strong_deception,
    wimhf,
)

BOTH = ("chosen", "rejected")
MASKS = {
    "chosen_mask": torch.tensor([[True, True, False], [True, True, True]]),
    "rejected_mask": torch.tensor([[True, False, False], [False, True, True]]),
}
TOKENS = {"chosen": normal(2, 3, seed=1), "rejected": normal(2, 3, seed=2)} | MASKS
SIDE = {"side": torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)}
POINTS = ("left", "right", "ideal")
SPAN = {"start": torch.tensor([1, 0, 2]), "end": torch.tensor([4, 3, 4])}


def case(
    function: Callable[..., Tensor],
    names: tuple[str, ...] = BOTH,
    *,
    shape: tuple[int, ...] = (4,),
    draw: Callable[..., Tensor] = normal,
    fixed: dict[str, Tensor] | None = None,
    **params: Any,
) -> FunctionCase:
    """All the promises for the named inputs, of one shape; `fixed` inputs have that shape too but no gradient."""
    inputs = {name: draw(*shape, seed=seed) for seed, name in enumerate(names)}
    alike = (*names, *(fixed or {}))
    return FunctionCase(
        function,
        inputs | (fixed or {}),
        params,
        differentiable=names,
        same_shape=alike,
        any_size=names,
        floating=names,
    )


def points(function: Callable[..., Tensor], names: tuple[str, ...] = POINTS, **params: Any) -> FunctionCase:
    """Two items and a user; the side is [B], so it has another shape."""
    inputs = {name: normal(3, 4, seed=seed) for seed, name in enumerate(names)} | SIDE
    return FunctionCase(
        function, inputs, params, differentiable=names, same_shape=names, any_size=names, floating=names
    )


def token_means(function: Callable[..., Tensor]) -> FunctionCase:
    return FunctionCase(
        function,
        TOKENS,
        {"beta": 2.0},
        differentiable=BOTH,
        same_shape=tuple(TOKENS),
        any_size=BOTH,
        floating=BOTH,
    )


def infifpo_loss(
    chosen: Tensor, rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor, *, beta: float
) -> Tensor:
    return infifpo.loss(chosen, rejected, infifpo.FusedReference(reference_chosen, reference_rejected), beta=beta)


def sae(x: Tensor, encoder: Tensor, decoder: Tensor, input_bias: Tensor, neuron_bias: Tensor) -> wimhf.SAEForward:
    return wimhf.sae(x, wimhf.SAE(encoder, decoder, input_bias, neuron_bias), k=2, prefixes=(2, 5))


def ppo_loss(advantages: Tensor, returns: Tensor, **given: Any) -> Tensor:
    return unpacking_dpo_ppo.ppo_loss(targets=unpacking_dpo_ppo.Targets(advantages, returns), **given)


RATIONALE = ("chosen", "rejected", "rationale")
REFINED = ("direct_chosen", "direct_rejected", "refine_chosen", "refine_rejected")
MARGINS = ("strong_chosen", "strong_rejected", "weak_chosen", "weak_rejected", "met", "violated")
REFERENCE = ("chosen", "rejected", "ref_chosen", "ref_rejected")
FUSED = ("chosen", "rejected", "reference_chosen", "reference_rejected")
SIDES = ("first", "second")
ADJUSTED = ("pixel", "full")
STEP = ("log_ratio", "values", "old_values", "advantages", "returns")
CONFLICT = {"conflict": labels(4, seed=1), "truth": labels(4, seed=3)}
VISITS = {"chosen_visits": torch.tensor([3, 0, 7, 1]), "rejected_visits": torch.tensor([1, 0, 2, 5])}
CASES = {
    "omnidpo.loss": case(
        omnidpo.loss, (*BOTH, "noised_video", "noised_audio"), beta=0.3, video_weight=0.5, audio_weight=2.0
    ),
    "themis.loss": case(themis.loss, ("lm_loss", *BOTH)),
    "medical_rpo.loss": FunctionCase(
        medical_rpo.loss,
        {"chosen": normal(2, seed=1), "rejected": normal(2, seed=2), "chosen_logps": log_probs(2, 3)}
        | {"chosen_mask": MASKS["chosen_mask"]},
        {"beta": 0.3, "alpha": 0.5},
        differentiable=(*BOTH, "chosen_logps"),
        same_shape=(*BOTH, "chosen_logps", "chosen_mask"),
        any_size=(*BOTH, "chosen_logps"),
        floating=(*BOTH, "chosen_logps"),
    ),
    "rationales.rdpo_loss": case(rationales.rdpo_loss, RATIONALE, beta=0.3, gamma=0.1),
    "rationales.rdpo_code_loss": case(rationales.rdpo_code_loss, RATIONALE, beta=0.3, gamma=0.1),
    "rationales.rorpo_loss": replace(case(rationales.rorpo_loss, (*RATIONALE, "nll"), draw=log_probs), log_probs=BOTH),
    "rationales.rorpo_sigmoid_loss": replace(
        case(rationales.rorpo_sigmoid_loss, (*RATIONALE, "nll"), draw=log_probs), log_probs=BOTH
    ),
    "evolve.loss": case(evolve.loss, REFINED, alpha=0.3, beta=0.4),
    "evolve.squared_loss": case(evolve.squared_loss, REFINED, prob=0.8, alpha=0.3, beta=0.4),
    "osp.loss": case(osp.loss, prob=0.8, beta=0.3),
    "mapl.loss": case(mapl.loss, MARGINS, intra_weight=0.5, inter_weight=2.0),
    # the loss has a step where the prediction turns; no example is near it
    "weak_to_strong_deception.reward_loss": FunctionCase(
        weak_to_strong_deception.reward_loss,
        {"logits": normal(4, seed=1), "weak": normal(4, seed=2).sigmoid(), "truth": labels(4)},
        {"alpha": 0.7},
        differentiable=("logits",),
        same_shape=("logits", "weak", "truth"),
        any_size=("logits",),
        floating=("logits", "weak"),
    ),
    "weak_to_strong_deception.reverse_dpo_loss": case(weak_to_strong_deception.reverse_dpo_loss, fixed=CONFLICT),
    "weak_to_strong_deception.reverse_simpo_loss": case(weak_to_strong_deception.reverse_simpo_loss, fixed=CONFLICT),
    "pal.users": FunctionCase(
        pal.users,
        {"weights": normal(3, 4, seed=1), "prototypes": normal(4, 2, seed=2)},
        differentiable=("weights", "prototypes"),
        same_shape=("weights", "prototypes"),
        any_size=("weights", "prototypes"),
        floating=("weights", "prototypes"),
    ),
    "pal.loss": points(pal.loss),
    "pal.logistic_loss": points(pal.logistic_loss),
    "pal.smooth_loss": points(pal.smooth_loss, smoothness=0.7),
    "pal.model_b_loss": points(pal.model_b_loss, ("left", "right", "user"), scale=14.0),
    "pal.token_loss": FunctionCase(
        pal.token_loss,
        {"gaps": normal(3, 4, seed=1)} | SIDE | SPAN,
        differentiable=("gaps",),
        same_shape=("side", "start", "end"),
        any_size=("gaps",),
        floating=("gaps",),
    ),
    "pal.last_token_loss": FunctionCase(
        pal.last_token_loss,
        {"gaps": normal(3, 4, seed=1)} | SIDE | SPAN,
        differentiable=("gaps",),
        same_shape=("side", "start", "end"),
        any_size=("gaps",),
        floating=("gaps",),
    ),
    "gpm.loss": case(gpm.loss, shape=(3, 4), temperature=0.5, margin=0.2),
    "gpm.gpo_loss": case(gpm.gpo_loss, ("ratio", "score"), shape=(3, 2), beta=0.3),
    "infifpo.loss": case(infifpo_loss, FUSED, draw=log_probs, beta=2.5),
    # detached; every size of log-prob is compared as a logarithm
    "infifpo.reference": FunctionCase(
        infifpo.reference,
        {"chosen_sources": log_probs(3, 4, seed=1), "rejected_sources": log_probs(3, 4, seed=2)}
        | {"chosen_init": log_probs(3, seed=3), "rejected_init": log_probs(3, seed=4)},
        any_size=("chosen_sources", "rejected_sources", "chosen_init", "rejected_init"),
        same_shape=("chosen_sources", "rejected_sources", "chosen_init", "rejected_init"),
        floating=("chosen_sources", "rejected_sources", "chosen_init", "rejected_init"),
    ),
    "infifpo.max_margin_reference": FunctionCase(
        infifpo.max_margin_reference,
        {"sources": log_probs(3, 4, seed=1), "pivot": log_probs(3, seed=3)},
        any_size=("sources", "pivot"),
        same_shape=("sources", "pivot"),
        floating=("sources", "pivot"),
    ),
    "infifpo.confidence_reference": FunctionCase(
        infifpo.confidence_reference,
        {"sources": log_probs(3, 4, seed=1)},
        any_size=("sources",),
        floating=("sources",),
    ),
    "fusechat3.loss": token_means(fusechat3.loss),
    "fusechat3.plain_loss": case(fusechat3.plain_loss, beta=0.3),
    "delta_learning.loss": token_means(delta_learning.loss),
    "dpo_3d.flex_loss": case(dpo_3d.flex_loss, beta_chosen=0.5, beta_rejected=0.3),
    # detached, and infinite where 1 / probability is
    "dpo_3d.probability_gradients": FunctionCase(
        dpo_3d.probability_gradients,
        {"chosen": normal(4, seed=1), "rejected": normal(4, seed=2)}
        | {"chosen_logps": log_probs(4, seed=3), "rejected_logps": log_probs(4, seed=4)},
        same_shape=(*BOTH, "chosen_logps", "rejected_logps"),
        floating=(*BOTH, "chosen_logps", "rejected_logps"),
    ),
    "spo_degree.loss": FunctionCase(
        spo_degree.loss,
        {"align": normal(3, seed=1), "degree_logits": normal(3, 4, seed=2), "level": torch.tensor([0, 3, 1])},
        differentiable=("align", "degree_logits"),
        same_shape=("align", "degree_logits", "level"),
        any_size=("align", "degree_logits"),
        floating=("align", "degree_logits"),
    ),
    "aligndiff.loss": case(aligndiff.loss, SIDES, shape=(3, 2), prob=0.8),
    "aligndiff.code_loss": case(aligndiff.code_loss, SIDES, shape=(3, 2), prob=0.8),
    "secrets_of_rlhf.loss": case(secrets_of_rlhf.loss, margin=0.2, prob=0.8),
    "secrets_of_rlhf.code_loss": case(secrets_of_rlhf.code_loss),
    "preference_rankings.difficulty": case(preference_rankings.difficulty, ("ref_chosen", "ref_rejected")),
    "preference_rankings.loss": case(preference_rankings.loss, REFERENCE, beta=0.3, gamma=0.5),
    "pisa_sr.adjust": case(pisa_sr.adjust, ADJUSTED, pixel_scale=0.8, semantic_scale=1.2),
    "pisa_sr.train_loss": case(pisa_sr.train_loss, ("l2", "lpips", "csd")),
    "mcts_dpo.loss": case(mcts_dpo.loss, fixed=VISITS, beta=0.3),
    "drift.loss": case(drift.loss, (*BOTH, "chosen_nll"), beta=0.3, nll_weight=0.1),
    "egpo.loss": case(egpo.loss, SIDES, first_pref=0.9, second_pref=0.4, beta=0.3),
    # which entries are kept has no gradient; no example is near a change of it
    "wimhf.sae": FunctionCase(
        sae,
        {"x": normal(3, 4, seed=1), "encoder": normal(5, 4, seed=2), "decoder": normal(4, 5, seed=3)}
        | {"input_bias": normal(4, seed=4), "neuron_bias": normal(5, seed=5)},
        differentiable=("encoder", "decoder", "input_bias", "neuron_bias"),
        same_shape=("x", "encoder", "decoder", "input_bias", "neuron_bias"),
        any_size=("x", "encoder", "decoder", "input_bias", "neuron_bias"),
        floating=("x", "encoder", "decoder", "input_bias", "neuron_bias"),
    ),
    "grao.loss": FunctionCase(
        grao.loss,
        {"logps": log_probs(2, 3, seed=1), "gold_logps": log_probs(2, seed=2)}
        | {"rewards": normal(2, 3, seed=3), "gold_rewards": normal(2, seed=4)},
        differentiable=("logps", "gold_logps"),
        same_shape=("logps", "gold_logps", "rewards", "gold_rewards"),
        any_size=("logps", "gold_logps", "rewards", "gold_rewards"),
        floating=("logps", "gold_logps", "rewards", "gold_rewards"),
    ),
    # detached; the offsets have a shape of their own
    "pref_grpo.advantages": FunctionCase(
        pref_grpo.advantages,
        {"win_rate": normal(6, seed=1), "clip_score": normal(6, seed=2), "offsets": torch.tensor([0, 4, 6])},
        same_shape=("win_rate", "clip_score"),
        any_size=("win_rate", "clip_score"),
        floating=("win_rate", "clip_score"),
    ),
    # advantages are constant
    "pref_grpo.loss": FunctionCase(
        pref_grpo.loss,
        {"log_ratio": normal(4, seed=1), "advantages": normal(4, seed=2)},
        differentiable=("log_ratio",),
        same_shape=("log_ratio", "advantages"),
        any_size=("log_ratio", "advantages"),
        floating=("log_ratio", "advantages"),
    ),
    # detached
    "unpacking_dpo_ppo.targets": FunctionCase(
        unpacking_dpo_ppo.targets,
        {"logps": log_probs(2, 3, seed=1), "ref_logps": log_probs(2, 3, seed=2), "values": normal(2, 3, seed=3)}
        | {"mask": MASKS["chosen_mask"], "score": normal(2, seed=4), "ended": torch.tensor([True, False])},
        same_shape=("logps", "ref_logps", "values", "mask", "score", "ended"),
        any_size=("logps", "ref_logps", "values", "score"),
        floating=("logps", "ref_logps", "values", "score"),
    ),
    "unpacking_dpo_ppo.ppo_loss": FunctionCase(
        ppo_loss,
        {name: normal(2, 3, seed=seed) for seed, name in enumerate(STEP)} | {"mask": MASKS["chosen_mask"]},
        differentiable=("log_ratio", "values"),
        same_shape=(*STEP, "mask"),
        any_size=STEP,
        floating=STEP,
    ),
}
