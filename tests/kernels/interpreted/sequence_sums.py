"""Sums and gradients of the sequence_sums kernels against float64 on the CPU; `test_kernels.py` runs it interpreted."""

import pytest
import torch
from torch import Tensor

from ops.cases import CASES
from prefcore.ops.sequence_sums import backward_reference
from prefcore.triton_kernels import sequence_sums as kernels
from prefcore.triton_kernels._common import TILES

CASE = CASES["sequence_sums"]
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])
LANES = 32 * TILES["sequence_sums_forward"].warps * TILES["sequence_sums_forward"].loads


def check(values: Tensor, mask: Tensor | None, offsets: Tensor | None, weights: Tensor | None) -> None:
    sums, counts = kernels.forward(values, mask, offsets, weights)
    want, want_counts = CASE.reference(values, mask, offsets, weights, True)
    # f64 sums of up to a few thousand terms of size 3, f32 sums rounded once
    rounding = {"rtol": 1e-14, "atol": 1e-11} if values.dtype == torch.float64 else {"rtol": 2e-7, "atol": 1e-11}
    torch.testing.assert_close(sums, want, **rounding)
    assert torch.equal(counts, want_counts)
    upstream = torch.randn_like(sums)
    grads = kernels.backward(upstream, values, mask, offsets, weights)
    for got, right in zip(grads, backward_reference(upstream, values, mask, offsets, weights), strict=True):
        assert torch.equal(got, right)


@DTYPES
@pytest.mark.parametrize("name", CASE.inputs)
def test_cases_of_the_op(name: str, dtype: torch.dtype) -> None:
    check(*CASE.inputs[name](dtype)[:4])


@DTYPES
@pytest.mark.parametrize("width", [LANES - 1, LANES, LANES + 1, 3 * LANES + 5])
def test_edges_of_a_step(width: int, dtype: torch.dtype) -> None:
    """One step that is one short, full, followed by one of a single token; and more than one step."""
    values, weights = torch.randn(2, 2, width).to(dtype)
    mask = torch.rand(2, width) > 0.3
    check(values, mask, None, weights)
    check(values.flatten(), mask.flatten(), torch.tensor([0, 0, width - 3, 2 * width, 2 * width]), weights.flatten())


def test_views_are_read_right() -> None:
    values = torch.randn(7, 3).T
    check(values, (torch.rand(7, 3) > 0.3).T, None, torch.randn(3, 14)[:, ::2])


def test_padding_and_packing_change_no_bit() -> None:
    """f64 values, so that a different order of addition would show; a hole of masked tokens in the middle."""
    values = torch.randn(4, 2500, dtype=torch.float64)
    mask = torch.ones(4, 2500, dtype=torch.bool)
    mask[:, 1000:1100] = False
    plain, counts = kernels.forward(values, mask, None, None)
    for left, right in ((37, 501), (LANES, 0), (1, 3 * LANES)):
        wide = torch.nn.functional.pad(values, (left, right), value=torch.nan)
        padded = kernels.forward(wide, torch.nn.functional.pad(mask, (left, right)), None, None)
        assert torch.equal(padded[0], plain)
        assert torch.equal(padded[1], counts)
        lengths = torch.arange(5) * wide.shape[1]
        packed = kernels.forward(wide.flatten(), torch.nn.functional.pad(mask, (left, right)).flatten(), lengths, None)
        assert torch.equal(packed[0], plain)
    alone = kernels.forward(values[2:3], mask[2:3], None, None)
    assert torch.equal(alone[0], plain[2:3])


def test_sums_are_exact_where_f32_is_not() -> None:
    sums, _ = kernels.forward(torch.tensor([[1e8, 1.0, -1e8, 1.0]]), None, None, None)
    assert sums.item() == 2.0


@DTYPES
def test_what_stands_outside_the_mask_does_not_matter(dtype: torch.dtype) -> None:
    values, mask, _, weights, _ = CASE.inputs["masked_weighted"](dtype)
    bad = values.masked_fill(~mask, torch.nan), mask, None, weights.masked_fill(~mask, torch.inf)
    want = kernels.forward(values, mask, None, weights)
    assert all(torch.equal(got, right) for got, right in zip(kernels.forward(*bad), want, strict=True))
    ones = torch.ones_like(want[0])
    right = kernels.backward(ones, values, mask, None, weights)
    assert all(torch.equal(got, grad) for got, grad in zip(kernels.backward(ones, *bad), right, strict=True))
