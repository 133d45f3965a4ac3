"""Values and slopes of the ppo_clip kernels against float64 on the CPU; `test_kernels.py` runs it interpreted."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ops.cases import CASES
from ops.op_case import Args
from prefcore.ops.ppo_clip import losses_and_slopes
from prefcore.triton_kernels import ppo_clip as kernels
from prefcore.triton_kernels._common import TILES
from vector_records import assert_close, build, load

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy, where a kernel means to overflow

CASE = CASES["ppo_clip"]
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])
VECTORS = [r for r in load(Path(__file__).parents[2] / "vectors") if r["function"] == "losses.ppo_clip"]
PLAIN = (0.0, 0.2, 0.2, None)


def in_float64(args: Args) -> tuple[Tensor, Tensor]:
    """(losses, slopes) of the definition."""
    args = tuple(arg.double() if isinstance(arg, Tensor) and arg.is_floating_point() else arg for arg in args)
    logps = args[0].clone().requires_grad_()
    losses = CASE.reference(logps, *args[1:])
    return losses.detach(), torch.autograd.grad(losses.sum(), logps)[0]


def check(args: Args) -> None:
    """The gap of two log-probs is rounded by 1e-7 in f32, and a ratio of e^10 multiplies that."""
    tolerance = {"rtol": 1e-12, "atol": 1e-13} if args[0].dtype == torch.float64 else {"rtol": 4e-6, "atol": 1e-6}
    losses, slopes = kernels.forward(*args)
    assert losses.dtype == slopes.dtype == args[0].dtype
    for got, want in zip((losses, slopes), in_float64(args), strict=True):
        torch.testing.assert_close(got.double(), want, **tolerance)
    grad = torch.randn_like(slopes)
    assert torch.equal(kernels.backward(grad, slopes), grad * slopes)


@DTYPES
@pytest.mark.parametrize("name", CASE.inputs)
def test_cases_of_the_op(name: str, dtype: torch.dtype) -> None:
    check(CASE.inputs[name](dtype))


@DTYPES
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_edges_of_a_block(beyond: int, dtype: torch.dtype) -> None:
    """Three sequences that begin and end in the middle of blocks; a total that is one short, full, or one too long."""
    tile = TILES["ppo_clip_forward"]
    block = tile.lanes(dtype.itemsize) * tile.loads
    logps, old = (torch.randn(2, 3, block + beyond) * 0.3).to(dtype)
    check((logps, old, torch.randn(3).to(dtype), None, None, None, *PLAIN))
    check((logps[0], old[0], torch.randn(block + beyond).to(dtype), None, None, None, *PLAIN))


def test_views_are_read_right() -> None:
    logps, old, ref = torch.randn(3, 5, 8).transpose(1, 2)
    mask, a = (torch.rand(5, 8) > 0.3).T, torch.randn(16)[::2]
    check((logps, old, a, mask, old, ref, 0.1, 0.2, 0.2, None))


@pytest.mark.parametrize("record", VECTORS, ids=lambda record: record["id"])
def test_vectors(record: dict[str, Any]) -> None:
    given, numbers = record["inputs"], {"kl_coef": 0.0, "clip_low": 0.2, "clip_high": 0.2, **record["params"]}
    logps, old, a = (build(given[name], tensors=True) for name in ("logps", "old_logps", "advantages"))
    ref = build(given["ref_logps"], tensors=True) if "ref_logps" in given else None
    losses, _ = kernels.forward(logps, old, a, None, None, ref, **numbers, dual_clip=None)
    assert_close(losses, record["expected"]["value"], record["tol"], record["id"])


@pytest.mark.parametrize("dual_clip", [None, 3.0])
def test_saturates_as_the_cpu_does(dual_clip: float | None) -> None:
    """Gaps of all sizes and signs, log-probs of -inf, advantages of 0, -0 and 1e30, weights up to 1e20."""
    numbers = torch.tensor([0.0, 0.3, -0.3, 0.75, -0.75, 88.8, -88.8, 1e4, -1e4])
    gap, kl_gap, a = torch.cartesian_prod(numbers, numbers, torch.tensor([0.0, -0.0, 1.0, -1.0, 1e30, -1e30])).T
    nothing = torch.full_like(gap, -math.inf)
    new, ref = torch.cat([gap, gap, nothing, nothing]), torch.cat([gap + kl_gap, nothing, gap, nothing])
    args = new, torch.zeros_like(new), a.repeat(4), None, torch.linspace(-1e20, 1e20, len(new)), ref
    got = kernels.forward(*args, 0.5, 0.2, 0.2, dual_clip)
    for value, want in zip(got, losses_and_slopes(*args, 0.5, 0.2, 0.2, dual_clip), strict=True):
        assert value.isfinite().all()
        # exp of 88 in f32 has the rounding of 88 log2(e)
        torch.testing.assert_close(value, want, rtol=2e-5, atol=1e-6)
    grad = torch.full_like(new, 1e5)
    assert kernels.backward(grad, got[1]).isfinite().all()


def test_bad_tokens_are_nan_and_leave_their_neighbors_alone() -> None:
    """Tokens 0 to 6: bad old_logps, advantage, weight, and NaN of the policy; 7 is bad outside the mask; 8 is good."""
    logps, old, ref, a, weights = torch.zeros(5, 9)
    old[0], old[1], a[2], a[3], weights[4], weights[5] = -math.inf, math.inf, math.nan, math.inf, math.inf, math.nan
    logps[6], old[7], mask = math.nan, math.nan, torch.arange(9) != 7
    losses, slopes = kernels.forward(logps, old, a, mask, weights + 1, ref, 0.1, 0.2, 0.2, None)
    for got in (losses, slopes):
        assert got[:7].isnan().all()
        assert got[7:].tolist() == [0.0, 0.0]


@DTYPES
def test_what_stands_outside_the_mask_does_not_matter(dtype: torch.dtype) -> None:
    logps, old, a, mask, weights, ref, *numbers = CASE.inputs["masked_weighted_penalty"](dtype)
    want = kernels.forward(logps, old, a, mask, weights, ref, *numbers)
    bad = [x.masked_fill(~mask, math.nan) for x in (logps, old, a, weights, ref)]
    got = kernels.forward(*bad[:3], mask, *bad[3:], *numbers)
    for value, right in zip(got, want, strict=True):
        assert torch.equal(value, right)
        assert not value[~mask].any()
