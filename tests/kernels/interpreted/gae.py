"""Advantages and returns of the gae kernel against float64 on the CPU; `test_kernels.py` runs it interpreted."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ops.cases import CASES
from prefcore.triton_kernels import gae as kernels
from prefcore.triton_kernels._common import TILES
from vector_records import assert_close, build, load

CASE = CASES["gae"]
DTYPES = pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=["f16", "f32", "f64"])
LANES = 32 * TILES["gae_forward"].warps * TILES["gae_forward"].loads
VECTORS = [r for r in load(Path(__file__).parents[2] / "vectors") if r["function"] == "scores.gae"]


def check(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> None:
    """Calculated in f64 and rounded once: half a step of the dtype; f64 sums of some hundred numbers of size 1."""
    got = kernels.forward(rewards, values, mask, gamma, lam)
    want = CASE.reference(rewards.double(), values.double(), mask, gamma, lam)
    tolerance = {torch.float16: 4.9e-4, torch.float32: 6e-8, torch.float64: 1e-13}[rewards.dtype]
    for value, right in zip(got, want, strict=True):
        assert value.dtype == rewards.dtype
        torch.testing.assert_close(
            value.double(), right, rtol=tolerance, atol=1e-7 if rewards.dtype.itemsize == 2 else 1e-12
        )


@DTYPES
@pytest.mark.parametrize("name", CASE.inputs)
def test_cases_of_the_op(name: str, dtype: torch.dtype) -> None:
    check(*CASE.inputs[name](dtype))


@DTYPES
@pytest.mark.parametrize("width", [LANES - 1, LANES, LANES + 1, 2 * LANES + 5])
def test_edges_of_a_step(width: int, dtype: torch.dtype) -> None:
    """A sequence that is one short of a step, fills it, needs a second one; full rows, holes, and an empty row."""
    rewards, values = (torch.randn(2, 3, width) * 0.1).to(dtype)
    mask = torch.rand(3, width) > 0.3
    mask[0], mask[1] = True, False
    check(rewards, values, mask, 0.999, 0.9)


def test_views_are_read_right() -> None:
    rewards, values = torch.randn(2, 5, 3).mT
    check(rewards, values, (torch.rand(5, 3) > 0.3).T, 0.9, 0.8)


@pytest.mark.parametrize("record", VECTORS, ids=lambda record: record["id"])
def test_vectors(record: dict[str, Any]) -> None:
    given = [build(record["inputs"][name], tensors=True) for name in ("rewards", "values", "mask")]
    got = kernels.forward(*given, **record["params"])
    for value, name in zip(got, ("advantages", "returns"), strict=True):
        assert_close(value, record["expected"][name], record["tol"], f"{record['id']} {name}")


def test_padding_changes_no_bit() -> None:
    """f64, so that another order would show; more than one step, with a hole; garbage and NaN in the padding."""
    rewards, values = torch.randn(2, 2, LANES + 300, dtype=torch.float64)
    mask = torch.ones(2, LANES + 300, dtype=torch.bool)
    mask[:, 100:130] = False
    plain = kernels.forward(rewards, values, mask, 0.99, 0.95)
    for left, right in ((37, 201), (LANES, 0), (0, LANES + 1)):
        padded = [torch.nn.functional.pad(x, (left, right), value=torch.nan) for x in (rewards, values)]
        wide = torch.nn.functional.pad(mask, (left, right))
        for got, want in zip(kernels.forward(*padded, wide, 0.99, 0.95), plain, strict=True):
            assert torch.equal(got, torch.nn.functional.pad(want, (left, right)))
    alone = kernels.forward(rewards[1:], values[1:], mask[1:], 0.99, 0.95)
    assert all(torch.equal(got, want[1:]) for got, want in zip(alone, plain, strict=True))


def test_nan_reaches_earlier_tokens_only() -> None:
    rewards, values, mask = torch.zeros(1, 6), torch.zeros(1, 6), torch.tensor([[True, True, False, True, True, True]])
    rewards[0, 3], values[0, 2] = torch.nan, torch.nan
    for got in kernels.forward(rewards, values, mask, 0.9, 0.5):
        assert got.isnan().tolist() == [[True, True, False, True, False, False]]
