"""Advantages: contenders."""

from collections.abc import Callable
from typing import Any

import numpy as np

Contenders = dict[str, Callable[[], Any]]
GROUPS = {"f64": {"cpu": "1e5 groups of 4-16 f64, ddof 1"}, "f32": {"cpu": "1e5 groups of 4-16 f32, ddof 1"}}
TOKENS = {"cpu": "[256, 2048] f32, right padding", "cuda": "[256, 2048] f32, right padding"}


def group_advantage(_device: str, *, dtype: str = "float64") -> Contenders:
    """All begin with rewards and offsets, and no group has one reward, which would trouble the rivals."""
    import torch

    from prefcore import scores

    rng = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(4, 17, size=100_000))])
    rewards = rng.normal(size=offsets[-1]).astype(dtype)
    x, bounds = torch.from_numpy(rewards), torch.from_numpy(offsets)
    return {
        "prefcore": lambda: scores.group_advantage(x, bounds, ddof=1),
        "numpy reduceat + repeat": lambda: _reduceat(rewards, offsets),
        "numpy bincount": lambda: _bincount(rewards, offsets),
        "torch segment_reduce": lambda: _segment_reduce(x, bounds),
        "torch index_add": lambda: _index_add(x, bounds),
    }


def group_advantage_f32(device: str) -> Contenders:
    return group_advantage(device, dtype="float32")


def _reduceat(rewards: Any, offsets: Any) -> Any:
    sizes = np.diff(offsets)
    counts = sizes.astype(rewards.dtype)
    gaps = rewards - np.repeat(np.add.reduceat(rewards, offsets[:-1]) / counts, sizes)
    return gaps * np.repeat(1 / np.sqrt(np.add.reduceat(gaps * gaps, offsets[:-1]) / (counts - 1)), sizes)


def _bincount(rewards: Any, offsets: Any) -> Any:
    sizes = np.diff(offsets)
    ids = np.repeat(np.arange(len(sizes)), sizes)
    gaps = rewards - (np.bincount(ids, rewards) / sizes)[ids]
    return gaps * (1 / np.sqrt(np.bincount(ids, gaps * gaps) / (sizes - 1)))[ids]


def _segment_reduce(x: Any, bounds: Any) -> Any:
    import torch

    sizes = bounds.diff()
    gaps = x - torch.segment_reduce(x, "mean", offsets=bounds, axis=0).repeat_interleave(sizes)
    squares = torch.segment_reduce(gaps.square(), "sum", offsets=bounds, axis=0)
    return gaps * (squares / (sizes - 1)).rsqrt().repeat_interleave(sizes)


def _index_add(x: Any, bounds: Any) -> Any:
    import torch

    sizes = bounds.diff()
    ids, nothing = torch.arange(len(sizes)).repeat_interleave(sizes), x.new_zeros(len(sizes))
    gaps = x - (nothing.index_add(0, ids, x) / sizes)[ids]
    return gaps * (nothing.index_add(0, ids, gaps.square()) / (sizes - 1)).rsqrt()[ids]


def gae(device: str) -> Contenders:
    import torch

    from prefcore import scores

    generator = torch.Generator().manual_seed(6)
    rewards, values = torch.randn(2, 256, 2048, generator=generator).to(device)
    lengths = torch.randint(512, 2049, (256, 1), generator=generator)
    mask = (torch.arange(2048) < lengths).to(device)
    contenders: Contenders = {
        "prefcore": lambda: tuple(scores.gae(rewards, values, mask)),
        "torch, loop over T": lambda: _loop(rewards, values, mask, 0.95),
        "torch, loop over T on rows of [T, B]": lambda: _loop_time_major(rewards, values, mask, 0.95),
    }
    if device == "cpu":
        arrays = [x.numpy() for x in (rewards, values, mask)]
        contenders["scipy lfilter, no holes"] = lambda: _lfilter(*arrays, 0.95)
    return contenders


def _loop(rewards: Any, values: Any, mask: Any, lam: float) -> Any:
    """As trainers write it: values of padding are zeroed, so the recurrence needs no mask where there are no holes."""
    import torch

    values, rewards, advantage, columns = values * mask, rewards * mask, 0.0, []
    for t in range(values.shape[1] - 1, -1, -1):
        next_value = values[:, t + 1] if t + 1 < values.shape[1] else 0.0
        advantage = rewards[:, t] + next_value - values[:, t] + lam * advantage
        columns.append(advantage)
    advantages = torch.stack(columns[::-1], 1)
    return advantages, (advantages + values) * mask


def _loop_time_major(rewards: Any, values: Any, mask: Any, lam: float) -> Any:
    """The same with all differences at once and steps that lie side by side: two calls a token."""
    import torch

    values = (values * mask).T.contiguous()
    deltas = (rewards * mask).T - values
    deltas[:-1] += values[1:]
    advantages = torch.empty_like(deltas)
    advantage = torch.zeros_like(deltas[0])
    for t in range(len(deltas) - 1, -1, -1):
        advantage = torch.add(deltas[t], advantage, alpha=lam, out=advantages[t])
    return advantages.T, (advantages + values).T * mask


def _lfilter(rewards: Any, values: Any, mask: Any, lam: float) -> Any:
    from scipy.signal import lfilter

    values = values * mask
    deltas = rewards * mask - values
    deltas[:, :-1] += values[:, 1:]
    advantages = lfilter(np.float32([1.0]), np.float32([1.0, -lam]), deltas[:, ::-1])[:, ::-1]
    return advantages, (advantages + values) * mask
