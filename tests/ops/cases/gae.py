"""Cases of gae."""

from collections.abc import Callable

import torch

from ops.op_case import Args, OpCase, keep, logits
from prefcore.ops import gae


def tokens(*shape: int, mask: bool = True, gamma: float = 1.0, lam: float = 0.95) -> Callable[[torch.dtype], Args]:
    def make(dtype: torch.dtype) -> Args:
        rewards, values = logits(2, *shape, spread=1.0).to(dtype)
        return rewards, values, keep(*shape) if mask else torch.ones(shape, dtype=torch.bool), gamma, lam

    return make


CASE = OpCase(
    op=gae.gae,
    reference=gae.reference,
    differentiable=(),
    inputs={
        "one_token": tokens(4, 1, mask=False),
        "no_tokens": tokens(4, 0),
        "no_rows": tokens(0, 3),
        "holes": tokens(7, 130),
        "discounted": tokens(3, 50, gamma=0.9, lam=0.5),
        "one_step": tokens(3, 9, lam=0.0),
        "no_future": tokens(3, 9, gamma=0.0),
        "undiscounted": tokens(3, 300, mask=False, lam=1.0),
        "above_the_work_of_one_thread": tokens(33, 500),
    },
    tolerance={torch.float64: 1e-12, torch.float32: 1e-6},
    small=tokens(3, 4),
)
