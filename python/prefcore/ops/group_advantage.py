"""Rewards relative to the mean, and to the spread, of their group.

advantage = (r - mean_g) / (std_g + eps), std over n - ddof;  r - mean_g where ddof is None

An op because its CPU kernel is Rust, which also checks the offsets in compiled code. Rewards are data: no gradient.
Two-pass, never E[x^2] - E[x]^2, in f64 and rounded once. Gaps are taken to the first row of the group, so that a group
of equal rewards is exactly 0 at any scale.
On CUDA plain torch: the rewards of a step are a few thousand numbers, for which any kernel is a launch and no traffic.
Nothing is added atomically (each group by one thread, from its first row to its last) and nothing synchronizes.
"""

from typing import Any

import torch
from torch import Tensor


def reference(rewards: Tensor, offsets: Tensor, ddof: int | None, eps: float) -> Tensor:
    """Return the advantages; all NaN where the offsets are not group boundaries."""
    n = len(rewards)
    bounds = offsets.clamp(0, n).cummax(0).values  # whatever they hold, nothing is read outside
    rows = torch.arange(n, device=rewards.device)
    group = (torch.searchsorted(bounds, rows, right=True) - 1).clamp(0, max(len(offsets) - 2, 0))
    x, sizes = rewards.double(), bounds.diff().double()
    gaps = x - x[bounds[group].clamp(max=max(n - 1, 0))]
    gaps = gaps - (_add_up(gaps, bounds) / sizes)[group]
    if ddof is not None:
        spread = (_add_up(gaps.square(), bounds) / (sizes - ddof)).sqrt() + eps
        gaps = (gaps / spread[group]).where(gaps != 0, 0.0)
    right = (offsets[0] == 0) & (offsets[-1] == n) & (offsets.diff() >= 0).all()
    return gaps.where(right, torch.nan).to(rewards.dtype)


def _add_up(x: Tensor, bounds: Tensor) -> Tensor:
    return torch.segment_reduce(x, "sum", offsets=bounds, axis=0, initial=0)


# The body serves every device without a kernel of its own.
group_advantage = torch.library.custom_op("prefcore::group_advantage", reference, mutates_args=())


@group_advantage.register_kernel("cpu")
def _forward_cpu(rewards: Tensor, offsets: Tensor, ddof: int | None, eps: float) -> Tensor:
    import prefcore._rust as core

    scale = None if ddof is None else (ddof, eps)
    out = torch.empty_like(rewards, memory_format=torch.contiguous_format)  # torch's heap keeps its pages
    core.group_advantage(rewards.contiguous().numpy(), offsets.contiguous().numpy(), scale, out.numpy())
    return out


@group_advantage.register_fake
def _forward_fake(rewards: Tensor, _offsets: Tensor, _ddof: Any, _eps: Any) -> Tensor:
    return rewards.new_empty(rewards.shape)
