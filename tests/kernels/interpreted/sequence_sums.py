"""Sums and gradients of the sequence_sums kernels against float64 on the CPU; `test_kernels.py` runs it interpreted."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ops.cases import CASES
from prefcore.ops.sequence_sums import backward_reference
from prefcore.triton_kernels import sequence_sums as kernels
from prefcore.triton_kernels import token_stats
from prefcore.triton_kernels._common import TILES
from vector_records import assert_close, build, load

CASE = CASES["sequence_sums"]
WEIGHTED = CASES["weighted_sequence_logps"]
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])
LANES = 32 * TILES["sequence_sums_forward"].warps * TILES["sequence_sums_forward"].loads
VECTORS = [r for r in load(Path(__file__).parents[2] / "vectors") if r["function"] == "logps.weighted_sequence_logps"]


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


def weighted(
    logits: Tensor, targets: Tensor, weights: Tensor, mask: Tensor | None, offsets: Any, *transform: Any
) -> Any:
    """The launches of weighted_sequence_logps on CUDA: (sums, counts, gradient of logits, of weights)."""
    read = weights != 0 if mask is None else mask & (weights != 0)
    logps, lse = token_stats.forward(logits, targets, read, *transform)
    sums, counts = kernels.forward(logps, mask, offsets, weights)
    grad_logps, grad_weights = kernels.backward(torch.ones_like(sums), logps, mask, offsets, weights)
    rows = logits, targets, logps, lse, read
    return sums, counts, token_stats.backward(grad_logps, torch.zeros_like(lse), *rows, *transform), grad_weights


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64], ids=["f32", "f16", "f64"])
@pytest.mark.parametrize("name", WEIGHTED.inputs)
def test_weighted_sums_from_logits(name: str, dtype: torch.dtype) -> None:
    args = WEIGHTED.inputs[name](dtype)
    logits, weights = args[0].double().requires_grad_(), args[2].double().requires_grad_()
    want, _ = WEIGHTED.reference(logits, args[1], weights, *args[3:])
    want_grads = torch.autograd.grad(want.sum(), [logits, weights])
    sums, _, *grads = weighted(*args[:-1])
    rounding = {torch.float64: 1e-12, torch.float32: 4e-6, torch.float16: 6e-4}[dtype]
    smallest = 1e-12 if dtype == torch.float64 else 2e-5  # 9 log-probs of size 10, each within 3e-6 of the truth
    torch.testing.assert_close(sums.double(), want, rtol=min(rounding, 4e-6), atol=smallest)
    for got, right in zip(grads, want_grads, strict=True):
        torch.testing.assert_close(got.double(), right, rtol=rounding, atol=smallest)


@pytest.mark.parametrize("record", VECTORS, ids=lambda record: record["id"])
def test_vectors(record: dict[str, Any]) -> None:
    given = {name: build(value, tensors=True) for name, value in record["inputs"].items()}
    rows = given["logits"], given["targets"], given["weights"], given["mask"], given.get("offsets")
    got = dict(zip(("sums", "counts", "grad_logits"), weighted(*rows, None, 1.0, None, 1.0), strict=False))
    for name, want in record["expected"].items():
        assert_close(got[name], want, record["tol"], f"{record['id']} {name}")
