"""weighted_sequence_logps as it runs on CUDA, against float64 on the CPU; `test_kernels.py` runs it interpreted."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ops.cases import CASES
from prefcore.triton_kernels import sequence_sums, token_stats
from vector_records import assert_close, build, load

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy, where a kernel means to compute with inf

CASE = CASES["weighted_sequence_logps"]
VECTORS = [r for r in load(Path(__file__).parents[2] / "vectors") if r["function"] == "logps.weighted_sequence_logps"]


def weighted(
    logits: Tensor, targets: Tensor, weights: Tensor, mask: Tensor | None, offsets: Any, *transform: Any
) -> Any:
    """The launches of the op: (sums, counts, gradient of logits, of weights) for a gradient of 1 for each sum."""
    read = weights != 0 if mask is None else mask & (weights != 0)
    logps, lse, *none = token_stats.forward(logits, targets, read, *transform, extras=0)
    sums, counts = sequence_sums.forward(logps, mask, offsets, weights)
    grad_logps, grad_weights = sequence_sums.backward(torch.ones_like(sums), logps, mask, offsets, weights)
    rows, out = (logits, targets, logps, lse, *none[:2], read), torch.empty(logits.shape, dtype=logits.dtype)
    grad = token_stats.backward(grad_logps, None, None, None, *rows, *transform, out=out)
    return sums, counts, grad, grad_weights


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64], ids=["f32", "f16", "f64"])
@pytest.mark.parametrize("name", CASE.inputs)
def test_weighted_sums_from_logits(name: str, dtype: torch.dtype) -> None:
    args = CASE.inputs[name](dtype)
    logits, weights = args[0].double().requires_grad_(), args[2].double().requires_grad_()
    want, *_ = CASE.reference(logits, args[1], weights, *args[3:])
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
