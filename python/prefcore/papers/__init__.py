"""Papers as modules: `prefcore.papers.<name>` puts public functions together with a paper's own constants.

A formula with one user and no name in the field stands in the module of its paper. Where a function needs torch it is
imported inside, so that all modules load without it.

>>> from prefcore.papers import osp
>>> osp.ranked_pairs([[0.5, 0.9], [0.3, 0.5]]).prob
array([0.8])
"""

from importlib import import_module
from types import ModuleType

__all__ = [
    "action_preference",
    "adversarial_conjoint",
    "aligndiff",
    "anyprefer",
    "curry_dpo",
    "delta_learning",
    "dpo_3d",
    "dr_sow",
    "drift",
    "egpo",
    "evolve",
    "follow_up_likelihood",
    "fusechat3",
    "gpm",
    "grao",
    "infifpo",
    "mapl",
    "mcts_dpo",
    "medical_rpo",
    "negotiative_alignment",
    "omnidpo",
    "osp",
    "pal",
    "pisa_sr",
    "pref_grpo",
    "preference_dissection",
    "preference_rankings",
    "pro",
    "psychocounsel",
    "ranklist",
    "rationales",
    "regularized_relevance",
    "rps",
    "secrets_of_rlhf",
    "self_reference_feedback",
    "skywork_reward_v2",
    "sparsepo",
    "sphere",
    "spo_degree",
    "suboptimal_on_policy",
    "tdpo",
    "themis",
    "unpacking_dpo_ppo",
    "utility_probability",
    "value_drifts",
    "vbench",
    "videocomp",
    "weak_to_strong_deception",
    "wimhf",
    "worldpm",
]


def __getattr__(name: str) -> ModuleType:
    """Import a paper's module when it is first named."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
