"""Cases of group_advantage."""

import itertools
from collections.abc import Callable

import torch

from ops.op_case import Args, OpCase, logits
from prefcore.ops import group_advantage


def groups(*sizes: int, ddof: int | None = 1, eps: float = 0.0, offset: float = 0.0) -> Callable[[torch.dtype], Args]:
    """Arguments for groups of those sizes, rewards around `offset`."""

    def make(dtype: torch.dtype) -> Args:
        bounds = torch.tensor([0, *itertools.accumulate(sizes)])
        rewards = (logits(int(bounds[-1]), spread=1.0) + offset).to(dtype)
        return rewards, bounds, ddof, eps

    return make


CASE = OpCase(
    op=group_advantage.group_advantage,
    reference=group_advantage.reference,
    differentiable=(),
    inputs={
        "one_group": groups(5),
        "empty_groups_and_groups_of_one": groups(0, 3, 1, 0, 0, 1, 7, 0),
        "groups_of_one_population": groups(1, 1, 4, ddof=0),
        "no_rewards": groups(0, 0),
        "no_groups": groups(),
        "eps": groups(8, 2, 8, eps=1e-4),
        "centered": groups(3, 1, 6, ddof=None),
        "small_spread_at_an_offset": groups(64, 3, 1, 64, offset=1e3),
        "above_the_work_of_one_thread": groups(*[1, 2, 8, 16, 100] * 300),
    },
    # The reference adds up in the same order.
    tolerance={torch.float64: 1e-12, torch.float32: 1e-6},
    small=groups(3, 1, 4),
)
