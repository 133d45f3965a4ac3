"""Sums and gradients of the sequence_sums kernels against float64 on the CPU; `test_kernels.py` runs it interpreted."""

from typing import Any

import pytest
import torch

from ops.cases import CASES
from ops.op_case import Args
from prefcore.ops.sequence_sums import backward_reference
from prefcore.triton_kernels import sequence_sums as kernels

CASE = CASES["sequence_sums"]
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])


def check(values: Any, mask: Any, offsets: Any, weights: Any) -> None:
    sums, counts = kernels.forward(values, mask, offsets, weights)
    want, want_counts = CASE.reference(values, mask, offsets, weights, True)
    rounding = {"rtol": 1e-14, "atol": 1e-13} if values.dtype == torch.float64 else {"rtol": 2e-7, "atol": 0.0}
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
