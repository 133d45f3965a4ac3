"""Values and gradients of the paired kernels against float64 on the CPU; run as `token_stats.py` beside it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kernels.interpreted.token_stats import DTYPES, upstream, watched
from ops.cases import CASES
from ops.op_case import Args
from prefcore.triton_kernels import paired_token_stats as kernels
from prefcore.triton_kernels._common import TILES
from vector_records import assert_close, build, load

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy, where a kernel means to compute with inf

CASE = CASES["paired_token_stats"]
PLAIN = (None, None, 1.0, None, 1.0)
#: outputs with a gradient, and those that the backward reads
DIFFERENTIABLE = (0, 2, 3, 4, 5)
SAVED = (0, 1, 3, 4, 5, 6, 7)
VECTORS = [r for r in load(Path(__file__).parents[2] / "vectors") if r["function"] == "logps.paired_token_stats"]
EXACT = {"rtol": 1e-6, "atol": 0.0}


def rows(args: Args) -> Args:
    """The arguments as the op passes them on: with a contiguous vocabulary."""
    unit = [x if x.stride(-1) == 1 else x.contiguous() for x in args[:2]]
    return (*unit, *args[2:])


def backward(grads: list[Tensor], args: Args, stats: Any) -> Tensor:
    logits, ref_logits, targets, *rest = args
    return kernels.backward(*grads, logits, ref_logits, targets, *(stats[index] for index in SAVED), *rest)


def in_float64(args: Args) -> tuple[list[Tensor], Tensor]:
    """Statistics and gradient of the definition; the gradient of a logit of -inf counts as 0."""
    logits = args[0].double().requires_grad_()
    stats = CASE.reference(logits, args[1].double(), *args[2:])
    outputs = [stats[index] for index in DIFFERENTIABLE]
    (grad,) = torch.autograd.grad(outputs, [logits], [upstream(output, 3) for output in outputs])
    return [stat.detach() for stat in stats], grad.masked_fill(logits == -torch.inf, 0.0)


def check(args: Args) -> None:
    stats = kernels.forward(*args)
    grad = backward([upstream(stats[index], 3) for index in DIFFERENTIABLE], args, stats)
    assert grad.dtype == args[0].dtype
    # 3e-6 is the accuracy contract; f32 itself rounds a logp of 30 by 1e-6, and f16 a gradient by one part in 2000.
    rounding = {torch.float64: 1e-12, torch.float32: 4e-6, torch.float16: 6e-4}[grad.dtype]
    smallest = 1e-12 if grad.dtype == torch.float64 else 3e-6
    want, want_grad = in_float64(args)
    for got, truth in zip(stats, want, strict=True):
        torch.testing.assert_close(got.double(), truth, rtol=min(rounding, 4e-7), atol=smallest)
    torch.testing.assert_close(grad.double(), want_grad, rtol=rounding, atol=smallest)
    assert (stats[2] >= 0).all()
    assert (stats[3] >= 0).all()


@DTYPES
@pytest.mark.parametrize("name", CASE.inputs)
def test_cases_of_the_op(name: str, dtype: torch.dtype) -> None:
    check(rows(CASE.inputs[name](dtype)))


@DTYPES
@pytest.mark.parametrize("kernel", [name for name in TILES if name.startswith("paired")])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_edges_of_a_tile(kernel: str, beyond: int, dtype: torch.dtype) -> None:
    """Targets on both sides of the edge; a tile that is one short, full, or followed by one of a single entry."""
    edge = TILES[kernel].lanes(dtype.itemsize) * TILES[kernel].loads
    targets = torch.tensor([0, edge - 2, edge + beyond - 1, edge + beyond - 2])
    logits = torch.randn(2, 4, edge + beyond).to(dtype) * 3
    check((*logits, targets, *PLAIN))


@pytest.mark.parametrize("softcap", [None, 5.0])
def test_float64_stays_float64(softcap: float | None) -> None:
    temperature = torch.tensor([0.7, 1.3], dtype=torch.float64)
    logits = torch.randn(2, 2, 300, dtype=torch.float64)
    check((*logits, torch.tensor([3, 299]), None, temperature, 1.0, softcap, 0.3))


@pytest.mark.parametrize("record", VECTORS, ids=lambda record: record["id"])
def test_vectors(record: dict[str, Any]) -> None:
    args = *(build(record["inputs"][name], tensors=True) for name in ("logits", "ref_logits", "targets")), *PLAIN
    stats = kernels.forward(*args)
    (name,) = record["params"]["outputs"]
    index = ("logps", "ref_logps", "kl_ref_policy", "kl_policy_ref", "entropy", "log_sum_sq_probs").index(name)
    assert_close(stats[index], record["expected"][name], record["tol"], record["id"])
    if "grad_logits" in record["expected"]:
        grads = [torch.ones_like(stats[0]) * (index == other) for other in DIFFERENTIABLE]
        assert_close(backward(grads, args, stats), record["expected"]["grad_logits"], record["tol"], record["id"])


def test_rows_are_read_where_they_lie() -> None:
    """Three leading axes that cannot be merged, with other strides in the reference."""
    logits, ref_logits = torch.randn(3, 4, 5, 40)[1:, 1:, :-1], torch.randn(2, 5, 6, 40)[:, :3, 2:]
    check((logits, ref_logits, torch.randint(0, 40, (2, 3, 4)), *PLAIN))


def test_equal_rows_have_no_divergence_and_no_gradient_of_it() -> None:
    logits, targets = torch.randn(3, 3000) * 4, torch.tensor([0, 1500, 2999])
    args = (logits, logits.clone(), targets, *PLAIN)
    stats = kernels.forward(*args)
    assert not stats[2].any()
    assert not stats[3].any()
    grad = backward([torch.zeros(3), torch.ones(3), torch.ones(3), torch.zeros(3), torch.zeros(3)], args, stats)
    assert not grad.any()


def test_a_tiny_divergence_keeps_its_digits() -> None:
    """5e-7, where log_softmax in f32 leaves an error of that size; the tops move in the loop and in the merge."""
    logits = torch.randn(2, 20_000) * 3
    args = (logits, logits + torch.randn(2, 20_000) * 1e-3, torch.tensor([0, 1]), *PLAIN)
    want, _ = in_float64(args)
    stats = kernels.forward(*args)
    for index in (2, 3):
        torch.testing.assert_close(stats[index].double(), want[index], rtol=2e-3, atol=0)


def test_first_tiles_of_minus_infinity_in_either_row() -> None:
    """Running tops of -inf; row 0 has mass of the reference alone, row 1 of the policy alone, row 2 shares its gap."""
    logits, ref_logits = torch.randn(3, 9000), torch.randn(3, 9000)
    logits[0, :5000], ref_logits[1, :5000] = -torch.inf, -torch.inf
    logits[2, :5000], ref_logits[2, :5000] = -torch.inf, -torch.inf
    args = (logits, ref_logits, torch.tensor([6000, 6000, 6000]), *PLAIN)
    stats, (want, _) = kernels.forward(*args), in_float64(args)
    for got, truth in zip(stats, want, strict=True):
        torch.testing.assert_close(got.double(), truth, rtol=4e-7, atol=3e-6)
    assert stats[2].isinf().tolist() == [True, False, False]
    assert stats[3].isinf().tolist() == [False, True, False]
    grads = [torch.zeros(3), torch.ones(3), torch.zeros(3), torch.zeros(3), torch.zeros(3)]
    assert backward(grads, args, stats).isfinite().all()


def test_gradient_at_a_huge_common_offset() -> None:
    """p and q of logits around 2e8, where exp(z - lse) would be 1 (LP-01)."""
    row, ref = torch.full((1, 3), 2e8), torch.tensor([[2e8, 2e8 + 16, 2e8]])
    args = (row, ref, torch.tensor([0]), *PLAIN)
    zero, one = torch.zeros(1), torch.ones(1)
    grad = backward([one, one, zero, zero, zero], args, kernels.forward(*args))
    q = torch.tensor([[0.0, 16.0, 0.0]], dtype=torch.float64).softmax(-1)
    want = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64) - q
    torch.testing.assert_close(grad.double(), want, rtol=1e-6, atol=2e-7)


@DTYPES
def test_masked_rows_are_not_read(dtype: torch.dtype) -> None:
    clean, ref, targets, mask, *rest = CASE.inputs["masked_rows"](dtype)
    out = ~mask.unsqueeze(-1)
    poisoned, hidden = (clean.masked_fill(out, torch.nan), ref.masked_fill(out, torch.nan)), targets.clone()
    hidden[~mask] = 10**12
    want, got = kernels.forward(clean, ref, targets, mask, *rest), kernels.forward(*poisoned, hidden, mask, *rest)
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))
    assert torch.equal(got[0] == 0, ~mask)
    grads = [upstream(got[index], 3) for index in DIFFERENTIABLE]
    grad = backward(grads, (*poisoned, hidden, mask, *rest), got)
    assert torch.equal(grad, backward(grads, (clean, ref, targets, mask, *rest), want))
    assert not grad[~mask].any()


def test_exactly_the_rows_that_count_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets one outside, hidden by a mask, below 0, and inside; the reference only where a divergence asks for it."""
    memory, ref = torch.randn(6, 3000), torch.randn(6, 3000)
    targets, mask = torch.tensor([3000, 10**12, -1, 7]), torch.tensor([True, False, True, True])
    args = (memory[1:5], ref[1:5], targets, mask, *PLAIN[1:])
    stats, read = watched(monkeypatch, memory, lambda: kernels.forward(*args))
    assert read == [0, 3000, 0, 3000, 3000, 0]
    zero = torch.zeros(4)
    grads = [torch.tensor([1.0, 1.0, 0.0, 1.0]), torch.tensor([0.0, 1.0, -0.0, 0.0]), zero, zero, zero]
    grad, read = watched(monkeypatch, memory, lambda: backward(grads, args, stats))
    assert read == [0, 3000, 0, 0, 3000, 0]
    assert not grad[1:3].any()
    _, read = watched(monkeypatch, ref, lambda: backward(grads, args, stats))
    assert read == [0] * 6


@pytest.mark.parametrize("softcap", [None, 5.0])
def test_bad_rows_are_nan_and_leave_their_neighbors_alone(softcap: float | None) -> None:
    """Targets outside, -inf alone in either row, NaN in either row beside -inf; the last row is sound."""
    logits, ref_logits = torch.randn(7, 3000), torch.randn(7, 3000)
    logits[2], ref_logits[3] = -torch.inf, -torch.inf
    logits[4, :2999], ref_logits[5, :2999] = -torch.inf, -torch.inf
    logits[4, 2048], ref_logits[5, 2048] = torch.nan, torch.nan
    targets = torch.tensor([3000, -1, 2, 2, 2999, 2999, 2999])
    rest = (None, None, 1.0, softcap, 1.0)
    stats = kernels.forward(logits, ref_logits, targets, *rest)
    for index in (2, 3):
        assert stats[index].isnan().tolist() == [True] * 6 + [False]
    assert stats[0].isnan().tolist() == [True, True, True, False, True, False, False]
    assert stats[1].isnan().tolist() == [True, True, False, True, False, True, False]
    one = torch.ones(7)
    grad = backward([one] * 5, (logits, ref_logits, targets, *rest), stats)
    assert grad.isnan().any(1).tolist() == [True, True, False, True, True, True, False]
    assert not grad[2].any()  # a logit of -inf has gradient 0
    check((logits[6:], ref_logits[6:], targets[6:], *rest))
