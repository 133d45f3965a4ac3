"""Mean and spread of rewards over a training run, as the shift of BCO needs them."""

from typing import Any

import torch
from torch import Tensor, nn

from prefcore._checks import finite, same_device, tensors, upcast
from prefcore.errors import DomainError


class RunningMoments(nn.Module):
    """Mean and spread of all values seen so far, in one pass; its state goes with `state_dict`.

    n = n_a + n_b,  mean = mean_a + (mean_b - mean_a) n_b / n,  S = S_a + S_b + (mean_b - mean_a)^2 n_a n_b / n,
    S = sum of the squared deviations from the mean

    The state is f64 and stays so: `.to(...)`, `.half()` and the like move it and do not round it. Batches may be split
    in any way, also over processes: only the last digits change.

    Source: Chan, Golub and LeVeque 1983; BCO (Jung et al. 2024, arXiv 2404.04656), its reward shift; TRL 0.24
        `RunningMoments` (trl/trainer/utils.py).

    >>> moments = RunningMoments()
    >>> moments.update(torch.tensor([1.0, 2.0]))
    >>> moments.update(torch.tensor([6.0]))
    >>> moments.mean.item(), moments.var.item(), moments.std.item(), moments.count.item()
    (3.0, 4.666666666666667, 2.6457513110645907, 3.0)
    """

    state: Tensor
    """[3] f64: count, mean and sum of the squared deviations."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("state", torch.zeros(3, dtype=torch.float64))

    def update(self, values: Tensor, *, group: Any = None) -> None:
        """Add values to those seen so far.

        Args:
            values: any shape, also empty; constant for autograd.
            group: process group, as `torch.distributed.group.WORLD`; every process adds the values of all of them and
                ends with the same bits. None = the values of this process alone.
        Raises: TypeError; DomainError for values that are not finite (on the CPU, and on every process of the group;
            on CUDA, where looking would cost a synchronization, the moments become NaN).
        """
        tensors(values=values)
        (floats,) = upcast(values=values.detach())
        same_device(values=values, state=self.state)
        parts = _moments(floats.double()).unsqueeze(0)
        if group is None:
            finite(values=floats)
        else:  # checked after the exchange: a process that raised before would leave the others waiting
            parts = _gathered(parts, group)
            _check_ranks(parts)
        self.state = _merged(torch.cat([self.state.unsqueeze(0), parts]))

    @property
    def count(self) -> Tensor:
        """[] number of values, as f64."""
        return self.state[0]

    @property
    def mean(self) -> Tensor:
        """[] mean; 0 before the first value."""
        return self.state[1]

    @property
    def var(self) -> Tensor:
        """[] mean squared deviation (ddof 0); NaN before the first value."""
        return self.state[2] / self.state[0]

    @property
    def std(self) -> Tensor:
        """[] standard deviation of the sample (ddof 1); NaN before the second value."""
        return (self.state[2] / (self.state[0] - 1).clamp(min=0)).sqrt()

    def _apply(self, fn: Any, recurse: bool = True) -> "RunningMoments":  # noqa: ARG002
        """Follow a move to another device, and no change of dtype: sums of many batches need f64."""
        moved = fn(self.state)
        self.state = moved if moved.dtype == torch.float64 else self.state.to(moved.device)
        return self

    def _load_from_state_dict(self, *args: Any) -> None:
        """Stay f64, also where `assign=True` puts the tensor of a rounded state here."""
        super()._load_from_state_dict(*args)
        self.state = self.state.double()


def _moments(values: Tensor) -> Tensor:
    count = torch.full((), values.numel(), dtype=torch.float64, device=values.device)
    mean = values.sum() / count.clamp(min=1)
    return torch.stack([count, mean, (values - mean).square().sum()])


def _check_ranks(parts: Tensor) -> None:
    if parts.device.type == "cpu" and not bool(parts.isfinite().all()):
        rank = int((~parts.isfinite()).any(1).nonzero()[0])
        raise DomainError(f"values must be finite on every process of the group, got inf or NaN on rank {rank} of it")


def _gathered(parts: Tensor, group: Any) -> Tensor:
    """Stack the moments of all processes, in the order of their ranks."""
    if not isinstance(group, torch.distributed.ProcessGroup):
        raise TypeError(f"group must be a process group, as torch.distributed.group.WORLD, got {group!r}")
    others = [torch.empty_like(parts) for _ in range(torch.distributed.get_world_size(group))]
    torch.distributed.all_gather(others, parts, group=group)
    return torch.cat(others)


def _merged(parts: Tensor) -> Tensor:
    """[3] from [k, 3]: the formula of the class, for k parts at once."""
    counts, means, squares = parts.unbind(1)
    total = counts.sum()
    mean = (counts * means).sum() / total.clamp(min=1)
    return torch.stack([total, mean, (squares + counts * (means - mean).square()).sum()])
