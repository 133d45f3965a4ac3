"""Advantages: contenders."""

from collections.abc import Callable
from typing import Any

import numpy as np

Contenders = dict[str, Callable[[], Any]]
GROUPS = {"f64": {"cpu": "1e5 groups of 4-16 f64, ddof 1"}, "f32": {"cpu": "1e5 groups of 4-16 f32, ddof 1"}}
TOKENS = {"cpu": "[256, 2048] f32, right padding", "cuda": "[256, 2048] f32, right padding"}


def group_advantage(_device: str, *, dtype: str = "float64") -> Contenders:
    """Rivals hold ids and counts of the groups ready; none of them minds a group of one."""
    import torch

    from prefcore import scores

    rng = np.random.default_rng(0)
    lengths = rng.integers(4, 17, size=100_000)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    rewards, ids = rng.normal(size=offsets[-1]).astype(dtype), np.repeat(np.arange(len(lengths)), lengths)
    x, bounds, index, counts = (torch.from_numpy(array) for array in (rewards, offsets, ids, lengths))
    return {
        "prefcore": lambda: scores.group_advantage(x, bounds, ddof=1),
        "numpy reduceat + repeat": lambda: _reduceat(rewards, offsets, lengths),
        "numpy bincount": lambda: _bincount(rewards, ids, lengths),
        "torch segment_reduce": lambda: _segment_reduce(x, bounds, index, counts),
        "torch index_add": lambda: _index_add(x, index, counts),
    }


def group_advantage_f32(device: str) -> Contenders:
    return group_advantage(device, dtype="float32")


def _reduceat(rewards: Any, offsets: Any, lengths: Any) -> Any:
    gaps = rewards - np.repeat(np.add.reduceat(rewards, offsets[:-1]) / lengths.astype(rewards.dtype), lengths)
    squares = np.add.reduceat(gaps * gaps, offsets[:-1])
    return gaps / np.repeat(np.sqrt(squares / (lengths - 1).astype(rewards.dtype)), lengths)


def _bincount(rewards: Any, ids: Any, lengths: Any) -> Any:
    gaps = rewards - (np.bincount(ids, rewards) / lengths)[ids]
    return gaps / np.sqrt(np.bincount(ids, gaps * gaps) / (lengths - 1))[ids]


def _segment_reduce(x: Any, bounds: Any, index: Any, counts: Any) -> Any:
    import torch

    gaps = x - torch.segment_reduce(x, "mean", offsets=bounds, axis=0)[index]
    squares = torch.segment_reduce(gaps.square(), "sum", offsets=bounds, axis=0)
    return gaps / (squares / (counts - 1)).sqrt()[index]


def _index_add(x: Any, index: Any, counts: Any) -> Any:
    nothing = x.new_zeros(len(counts))
    gaps = x - (nothing.index_add(0, index, x) / counts)[index]
    return gaps / (nothing.index_add(0, index, gaps.square()) / (counts - 1)).sqrt()[index]


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
