"""Values and gradients of the ppo_clip kernels against float64 on the CPU; `test_kernels.py` runs it interpreted."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ops.cases import CASES
from ops.op_case import Args
from prefcore.ops.ppo_clip import TERMS, losses_and_slopes
from prefcore.triton_kernels import ppo_clip as kernels
from prefcore.triton_kernels._common import TILES

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy, where a kernel means to overflow

CASE = CASES["ppo_clip"]
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])


def in_float64(args: Args) -> tuple[Tensor, Tensor]:
    args = tuple(arg.double() if isinstance(arg, Tensor) and arg.is_floating_point() else arg for arg in args)
    logps = args[0].clone().requires_grad_()
    losses = CASE.reference(logps, *args[1:])
    return losses.detach(), torch.autograd.grad(losses.sum(), logps)[0]


def check(args: Args) -> None:
    """The sum of two logits of size 1 is rounded by 1e-7 in f32, and a ratio of e^15 multiplies that."""
    tolerance = {"rtol": 1e-12, "atol": 1e-13} if args[0].dtype == torch.float64 else {"rtol": 4e-6, "atol": 1e-6}
    losses, slopes = kernels.forward(*args)
    assert losses.dtype == slopes.dtype == args[0].dtype
    want_losses, want_slopes = in_float64(args)
    torch.testing.assert_close(losses.double(), want_losses, **tolerance)
    torch.testing.assert_close(slopes.double(), want_slopes, **tolerance)
    grad = torch.randn_like(slopes)
    assert torch.equal(kernels.backward(grad, slopes), grad * slopes)


@DTYPES
@pytest.mark.parametrize("name", CASE.inputs)
def test_cases_of_the_op(name: str, dtype: torch.dtype) -> None:
    check(CASE.inputs[name](dtype))
