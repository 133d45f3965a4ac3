"""What `test_functions.py` knows of a public function of tensors, and inputs that several of them share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class FunctionCase:
    """A function, an ordinary input, and which of the common promises hold for it."""

    function: Callable[..., Any]
    #: its tensors by name, float64; small enough for gradcheck, and away from kinks
    inputs: dict[str, Tensor]
    #: the keywords that are not tensors
    params: dict[str, Any] = field(default_factory=dict)
    #: names of the inputs that have a gradient
    differentiable: tuple[str, ...] = ()
    #: names of the inputs that must have one common shape
    same_shape: tuple[str, ...] = ()
    #: inputs (log-probs, log-ratios, scores) that may hold any number up to 1e4 either way
    any_size: tuple[str, ...] = ()
    #: those of them that must be at most 0
    log_probs: tuple[str, ...] = ()
    #: names of the inputs that f16 and bf16 are allowed for; integer tensors are refused in them
    floating: tuple[str, ...] = ()

    @property
    def mixes_types(self) -> bool:
        """Whether all data are computed in one type: recipes of papers add parts, each of which does so for itself."""
        return self.function.__module__.startswith(("prefcore.losses", "prefcore.scores"))

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the hyper-parameters that are given as plain numbers."""
        return tuple(name for name, value in self.params.items() if type(value) in (int, float))


def normal(*shape: int, seed: int = 1, scale: float = 1.0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


def log_probs(*shape: int, seed: int = 1) -> Tensor:
    """Mean log-probs, in nats: below 0."""
    return -0.05 - 3.0 * torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def labels(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) > 0.5
