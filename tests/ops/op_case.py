"""What `test_ops.py` knows of an op, and inputs that several ops share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Args = tuple[Any, ...]


@dataclass(frozen=True)
class OpCase:
    """An op and what `test_ops.py` does with it."""

    op: Callable[..., Any]
    reference: Callable[..., Any]
    #: positions of the arguments that have a gradient
    differentiable: tuple[int, ...]
    #: id -> inputs in a given dtype, float64 first made and then rounded, so that every dtype sees the same case
    inputs: dict[str, Callable[[torch.dtype], Args]]
    #: absolute tolerance on top of the reference's own error in the same dtype
    tolerance: dict[torch.dtype, float]
    #: small inputs for gradcheck and opcheck
    small: Callable[[torch.dtype], Args]
    #: relative errors are taken of at least this much: a sum of products of both signs has no digits left near 0
    smallest: float = 0.0
    #: on cuda the products of backward take dL/dx in the dtype of the operands, from logits made by a second product:
    #: their gradients are held in norm, to half a rounding of the dtype or three times the error of the reference
    rounded_products: bool = False
    #: how many outputs at the end are for the op's own backward, and not in the reference
    internal: int = 0


def logits(*shape: int, spread: float = 3.0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * spread


def ids(vocab: int, *shape: int) -> Tensor:
    return torch.randint(0, vocab, shape, generator=torch.Generator().manual_seed(2))


def keep(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3)) > 0.3
