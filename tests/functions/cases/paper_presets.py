"""Functions of papers that are one public function of tensors with the paper's constants and order of inputs."""

from functions.cases.paper_losses import SIDES, case
from functions.function_case import FunctionCase, normal
from prefcore.papers import (
    aligndiff,
    dr_sow,
    pref_grpo,
    secrets_of_rlhf,
    self_reference_feedback,
    skywork_reward_v2,
    sphere,
    unpacking_dpo_ppo,
    videocomp,
)

LEVELS = {"levels": (0, 1, 1, 2)}
SCORES = {"scores": normal(3, 4, seed=1)}

CASES = {
    "secrets_of_rlhf.contrastive_loss": case(secrets_of_rlhf.contrastive_loss, SIDES, shape=(3, 4), temperature=0.5),
    "self_reference_feedback.loss": case(self_reference_feedback.loss, margin=0.3),
    # no score is near the kinks
    "videocomp.loss": FunctionCase(
        videocomp.loss,
        SCORES,
        LEVELS | {"order_margin": 0.1, "hierarchy_margin": 0.05, "hierarchy_weight": 0.7},
        differentiable=("scores",),
        any_size=("scores",),
        floating=("scores",),
    ),
    "videocomp.logistic_loss": FunctionCase(
        videocomp.logistic_loss,
        SCORES,
        LEVELS | {"temperature": 0.5},
        differentiable=("scores",),
        any_size=("scores",),
        floating=("scores",),
    ),
    # the sample is constant
    "pref_grpo.step_logps": FunctionCase(
        pref_grpo.step_logps,
        {"sample": normal(3, 2, 2, seed=1), "mean": normal(3, 2, 2, seed=2)},
        {"std": 0.7},
        differentiable=("mean",),
        same_shape=("sample", "mean"),
        any_size=("sample", "mean"),
        floating=("sample", "mean"),
    ),
    "sphere.loss": case(sphere.loss, beta=0.3),
    "skywork_reward_v2.loss": case(skywork_reward_v2.loss),
    "aligndiff.guide": case(aligndiff.guide, ("cond", "uncond"), shape=(3, 2), weight=1.5),
    "unpacking_dpo_ppo.dpo_loss": case(unpacking_dpo_ppo.dpo_loss, beta=0.3),
    "unpacking_dpo_ppo.reward_loss": case(unpacking_dpo_ppo.reward_loss),
    "dr_sow.loss": case(dr_sow.loss, beta=2.0, margin=0.5),
}
