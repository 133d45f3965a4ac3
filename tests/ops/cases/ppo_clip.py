"""Cases of ppo_clip."""

from collections.abc import Callable

import torch

from ops.op_case import Args, OpCase, keep, logits
from prefcore.ops import ppo_clip


def policy(
    *shape: int,
    gap: float = 0.3,
    sequences: bool = False,
    mask: bool = False,
    weights: bool = False,
    kl_coef: float = 0.0,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    dual_clip: float | None = None,
) -> Callable[[torch.dtype], Args]:
    """Arguments for log-probs of that shape which differ by about `gap` from the old and the reference ones."""

    def make(dtype: torch.dtype) -> Args:
        old, new, ref, advantages, weight = logits(5, *shape, spread=1.0).to(dtype)
        if sequences:
            advantages = advantages.flatten(1)[:, 0].clone()
        optional = (
            keep(*shape) if mask else None,
            weight.abs() if weights else None,
            old + gap * ref if kl_coef else None,
        )
        return old + gap * new, old, advantages, *optional, kl_coef, clip_low, clip_high, dual_clip

    return make


CASE = OpCase(
    op=ppo_clip.ppo_clip,
    reference=ppo_clip.reference,
    internal=1,  # the slope
    differentiable=(0,),
    inputs={
        "one_per_sequence": policy(7),
        "below_a_vector": policy(2, 5),
        "block_edges": policy(3, 1025, kl_coef=0.1),
        "no_tokens": policy(4, 0),
        "no_rows": policy(0, 3),
        "sequence_advantages": policy(5, 130, sequences=True),
        "three_axes_sequence_advantages": policy(3, 4, 50, sequences=True, mask=True),
        "masked_weighted_penalty": policy(7, 130, mask=True, weights=True, kl_coef=0.04),
        "penalty_of_tiny_gaps": policy(4, 300, gap=1e-3, kl_coef=1.0),
        "wide_gaps": policy(4, 300, gap=5.0, kl_coef=0.1, dual_clip=3.0),
        "asymmetric_clip": policy(4, 77, clip_low=0.1, clip_high=0.28),
        "nothing_clipped_below": policy(4, 77, gap=1.0, clip_low=1.0),
    },
    tolerance={torch.float64: 1e-12, torch.float32: 3e-6},
    small=policy(3, 4, mask=True, weights=True, kl_coef=0.2, dual_clip=2.0),
)
