"""The kernels around torch's GEMM, values and gradients against float64; `test_kernels.py` runs it interpreted.

The product is torch's on the CPU and cuBLAS's on a GPU, so no dot is interpreted: operands of half types are upcast
before it (LP-15). `conftest.py` fills `torch.empty` with NaN, so a lane that nobody writes fails.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ops.cases import CASES
from ops.op_case import Args
from prefcore.ops import _linear_cuda as cuda
from prefcore.ops import linear_token_stats as op
from prefcore.triton_kernels import linear_token_stats as kernels
from prefcore.triton_kernels._common import TILES
from vector_records import assert_close, build, load

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy, where a kernel means to compute with inf

CASE = CASES["linear_token_stats"]
VECTORS = [r for r in load(Path(__file__).parents[2] / "vectors") if r["function"] == "logps.linear_token_stats"]
#: without the 1100 rows, which would be interpreted one by one, and without the case that launches nothing
FEW_ROWS = [name for name in CASE.inputs if name not in ("strip_edges", "no_rows")]


def upstream(like: Tensor, number: int) -> Tensor:
    grad = torch.randn(like.shape, generator=torch.Generator().manual_seed(number), dtype=torch.float64)
    grad.view(-1)[number :: number + 3] = 0.0
    return grad.to(like.dtype)


def through_kernels(args: Args) -> tuple[list[Tensor], list[Tensor]]:
    """The six statistics, and the gradients of the operands that are there."""
    found = op._statistics(cuda.add_strip, cuda.gradient, *args)
    grads = [upstream(x, k) if x.numel() or k < 2 else None for k, x in enumerate(found[:4])]
    if args[12]:  # a stash serves the gradient that comes through logps alone
        grads[1:] = [None] * 3
    needs = sum(1 << bit for bit, place in enumerate(CASE.differentiable) if args[place] is not None)
    logps, _, entropy, squares, _, _, top, total, stash, _ = found
    saved = logps, entropy, squares, top, total, stash
    operands = op._gradients(cuda.gradient, *grads, *saved, *args[:11], needs, "", -1)
    return list(found[:6]), [grad for bit, grad in enumerate(operands) if needs & (1 << bit)]


def in_float64(args: Args) -> tuple[list[Tensor], list[Tensor]]:
    exact = [x.double() if isinstance(x, Tensor) and x.is_floating_point() else x for x in args]
    inputs = [exact[place].requires_grad_() for place in CASE.differentiable if exact[place] is not None]
    found = CASE.reference(*exact)
    through = [(x, upstream(x, k)) for k, x in enumerate(found[:4]) if x.requires_grad and x.numel()]
    through = through[:1] if args[12] else through
    outputs, ups = [x for x, _ in through], [up for _, up in through]
    return [x.detach() for x in found], list(torch.autograd.grad(outputs, inputs, ups))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=["f32", "f16"])
@pytest.mark.parametrize("name", FEW_ROWS)
def test_cases_of_the_op(name: str, dtype: torch.dtype) -> None:
    args = CASE.inputs[name](dtype)
    (got, grads), (want, want_grads) = through_kernels(args), in_float64(args)
    for position, (one, other) in enumerate(zip(got, want, strict=True)):
        assert one.dtype in (torch.float32, torch.bool)
        message = f"statistic {position}"
        torch.testing.assert_close(one.to(other.dtype), other, rtol=1e-6, atol=4e-6, msg=message)
    rounding = 1e-5 if dtype == torch.float32 else 1e-3
    for position, (one, other) in enumerate(zip(grads, want_grads, strict=True)):
        message = f"gradient {position}"
        torch.testing.assert_close(one.double(), other, rtol=rounding, atol=rounding, msg=message)


@pytest.mark.parametrize("record", VECTORS, ids=lambda record: record["id"])
def test_vectors(record: dict[str, Any]) -> None:
    hidden, head, targets = (build(record["inputs"][name], tensors=True) for name in ("hidden", "head", "targets"))
    rest = *[None] * 5, 1.0, record["params"].get("softcap"), 1.0, 0, 0, False, "", -1
    found = op._statistics(cuda.add_strip, cuda.gradient, hidden, head, targets, *rest)
    assert_close(found[0], record["expected"]["logps"], record["tol"], record["id"])


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_edges_of_a_block(beyond: int) -> None:
    """Targets on both sides of the edge of a block; the block is one short, full, or followed by one of one entry."""
    tile = TILES["linear_token_stats_forward"]
    edge = tile.lanes(4) * tile.loads
    vocab = edge + beyond
    targets = torch.tensor([0, edge - 2, vocab - 1, vocab - 2])
    args = torch.randn(4, 8), torch.randn(vocab, 8), targets, *[None] * 5, 1.0, None, 1.0, 15, 0, False, "", -1
    (got, grads), (want, want_grads) = through_kernels(args), in_float64(args)
    for one, other in zip([*got, *grads], [*want, *want_grads], strict=True):
        torch.testing.assert_close(one.to(other.dtype), other, rtol=1e-5, atol=1e-5)


def test_exponentials_go_to_the_first_rows_only() -> None:
    """Two rows of the stash for four rows of logits: what lies behind them stays as it was; f16 as on a GPU bf16."""
    memory = torch.full((4, 10), 7.0, dtype=torch.float16)
    x, zero = torch.zeros(4, 6), torch.zeros(4, dtype=torch.float64)
    sums = (zero.float(), torch.full((4,), -torch.inf), zero.long(), zero.float(), *(zero.clone() for _ in range(4)))
    flags = dict.fromkeys(("entropy", "squares", "top1", "mean"), False)
    place = torch.tensor([1, 9, -3, 5])
    kernels.forward(x, place, None, 1.0, 1.0, False, sums, 30.0, memory[:2, 2:8], first=0, shard_start=0, **flags)
    assert memory[0].tolist() == [7.0, 7.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 7.0, 7.0]
    assert memory[1].tolist() == [7.0] * 2 + [1.0] * 6 + [7.0] * 2
    assert (memory[2:] == 7.0).all()
    assert sums[4].tolist() == [5.0, 6.0, 6.0, 5.0]


def test_bad_rows_are_nan_and_leave_their_neighbors_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets outside, and a NaN hidden state: what a GPU gives where looking would cost a synchronization."""
    hidden, head = torch.randn(5, 8), torch.randn(40, 8)
    hidden[1] = torch.nan
    targets = torch.tensor([3, 3, 40, -1, 7])
    monkeypatch.setattr("prefcore.ops._linear_forward.check_rows", lambda *_: None)
    args = hidden, head, targets, *[None] * 5, 1.0, None, 1.0, 3, 0, False, "", -1
    logps, lse, entropy, squares, *_ = op._statistics(cuda.add_strip, cuda.gradient, *args)
    for value in (logps, lse, entropy, squares):
        assert value.isnan().tolist() == [False, True, True, True, False]
    clean = op._statistics(cuda.add_strip, cuda.gradient, hidden[[0, 4]], head, targets[[0, 4]], *args[3:])
    torch.testing.assert_close(logps[[0, 4]], clean[0], rtol=0, atol=1e-6)
