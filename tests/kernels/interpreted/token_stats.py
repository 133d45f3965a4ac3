"""Values and gradients of the kernels against float64 on the CPU; `test_kernels.py` runs it with TRITON_INTERPRET=1.

float16 and float32 (float64 where it is cheap), never bfloat16: the interpreter gets that wrong in silence
(triton-lang/triton#11584). `conftest.py` fills `torch.empty` with NaN, so a lane that nobody writes fails.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.runtime.interpreter import InterpreterBuilder

from ops.cases import CASES
from ops.op_case import Args
from prefcore.triton_kernels import token_stats as kernels
from prefcore.triton_kernels._common import TILES, expm1, tanh
from vector_records import assert_close, build, load

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy, where a kernel means to compute with inf

CASE = CASES["token_stats_extras"]
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=["f32", "f16"])
PLAIN = (None, None, 1.0, None, 1.0)
RECORDS = load(Path(__file__).parents[2] / "vectors")
VECTORS = [r for r in RECORDS if r["function"] == "logps.token_logps" and "value" in r["expected"]]


def upstream(like: Tensor, every: int) -> Tensor:
    """Gradients of both signs, 0 at every so-many-th row."""
    grad = torch.randn(like.shape, generator=torch.Generator().manual_seed(every))
    grad.view(-1)[every - 1 :: every] = 0.0
    return grad.to(like.dtype)


def pull(grads: Sequence[Tensor | None], args: Args, stats: Sequence[Tensor], out: Tensor | None = None) -> Tensor:
    """Gradient of the logits from what comes back to logps, lse, entropy and log_sum_sq_probs."""
    logits, targets, *rest = args[:7]
    out = torch.empty(logits.shape, dtype=logits.dtype) if out is None else out
    return kernels.backward(*grads, logits, targets, *stats[:4], *rest, out=out)


def upstreams(stats: Sequence[Tensor]) -> list[Tensor | None]:
    """Gradients that are 0 at rows 2, 5, …, at rows 3, 7, …, and so on; none to a statistic that was not asked for."""
    return [
        upstream(one, every) if one.shape == stats[0].shape else None for every, one in enumerate(stats[:4], start=3)
    ]


def in_float64(args: Args) -> tuple[Sequence[Tensor], Tensor]:
    """The statistics by definition and the gradient; the gradient of a logit of -inf counts as 0."""
    logits = args[0].double().requires_grad_()
    stats = CASE.reference(logits, *args[1:])
    asked = [(one, grad) for one, grad in zip(stats, upstreams(stats), strict=False) if grad is not None]
    (grad,) = torch.autograd.grad([one for one, _ in asked], [logits], [grad for _, grad in asked])
    return [one.detach() for one in stats], grad.masked_fill(logits == -torch.inf, 0.0)


def check(args: Args) -> None:
    """Compare statistics and gradient with the definition, and the gradient in place with the one that is not."""
    args = (*args, 15, False)[:9]
    stats = kernels.forward(*args[:8])
    grads = upstreams(stats)
    grad = pull(grads, args, stats)
    assert grad.dtype == args[0].dtype
    # 3e-6 is the accuracy contract; f32 itself rounds a logp of 30 by 1e-6, and f16 a gradient by one part in 2000.
    rounding = {torch.float64: 1e-14, torch.float32: 4e-6, torch.float16: 6e-4}[grad.dtype]
    smallest = 1e-13 if grad.dtype == torch.float64 else 3e-6
    want, want_grad = in_float64(args)
    for got, truth in zip(stats, want, strict=True):
        torch.testing.assert_close(got.double(), truth.double(), rtol=min(rounding, 3e-7), atol=smallest)
    torch.testing.assert_close(grad.double(), want_grad, rtol=rounding, atol=smallest)
    over = args[0].clone(memory_format=torch.preserve_format)
    assert torch.equal(pull(grads, (over, *args[1:]), stats, over), grad)


@DTYPES
@pytest.mark.parametrize("name", CASE.inputs)
def test_cases_of_the_op(name: str, dtype: torch.dtype) -> None:
    logits, *rest = CASE.inputs[name](dtype)
    check((logits if logits.stride(-1) == 1 else logits.contiguous(), *rest))


@DTYPES
@pytest.mark.parametrize("kernel", [name for name in TILES if name.startswith("token_stats")])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
@pytest.mark.parametrize("extras", [0, 15])
def test_edges_of_a_tile(kernel: str, extras: int, beyond: int, dtype: torch.dtype) -> None:
    """Targets on both sides of the edge; a tile that is one short, full, or followed by one of a single entry."""
    tile = TILES[kernel]
    edge = tile.lanes(dtype.itemsize) * tile.loads
    targets = torch.tensor([0, edge - 2, edge + beyond - 1, edge + beyond - 2])
    check((torch.randn(4, edge + beyond).to(dtype) * 3, targets, *PLAIN, extras, False))


@pytest.mark.parametrize("softcap", [None, 5.0])
def test_float64_stays_float64(softcap: float | None) -> None:
    """Not only the sums: a factor that arrived as f32 would show as 1e-8."""
    temperature = torch.tensor([0.7, 1.3], dtype=torch.float64)
    targets = torch.tensor([3, 299])
    check((torch.randn(2, 300, dtype=torch.float64), targets, None, temperature, 1.0, softcap, 0.3))
    check((torch.randn(2, 300, dtype=torch.float64), targets, None, None, 0.7, softcap, 0.3))


def test_rows_are_read_where_they_lie() -> None:
    """Three leading axes, none of which can be merged with the next; an f32 temperature; an expanded gradient."""
    logits = torch.randn(3, 4, 5, 40)[1:, 1:, :-1]
    targets = torch.randint(0, 40, (2, 3, 4))
    temperature = torch.rand(2, 3, 4) + 0.5
    check((logits, targets, None, temperature, 1.0, None, 1.0))
    stats, one = kernels.forward(logits, targets, *PLAIN, 0), torch.ones(()).expand(2, 3, 4)
    got = pull([one, one, None, None], (logits, targets, *PLAIN), stats)
    whole = one.contiguous()
    assert torch.equal(got, pull([whole, whole, None, None], (logits.contiguous(), targets, *PLAIN), stats))


@pytest.mark.parametrize("record", VECTORS, ids=lambda record: record["id"])
def test_vectors(record: dict[str, Any]) -> None:
    logits, targets = (build(record["inputs"][name], tensors=True) for name in ("logits", "targets"))
    assert not record["params"]
    logps, *_ = kernels.forward(logits, targets, *PLAIN, 0)
    assert_close(logps, record["expected"]["value"], record["tol"], record["id"])


def test_first_tiles_of_minus_infinity() -> None:
    """LP-03, where a running maximum of -inf gave NaN: 34 tiles of the forward kernel, 19 of them -inf alone."""
    logits = torch.full((3, 70001), -torch.inf)
    logits[:, 40000], logits[:, 70000] = 6.5, 4.25
    args = (logits, torch.tensor([40000, 0, 70000]), *PLAIN)
    check(args)
    logps, lse, *_ = kernels.forward(*args, 0)
    assert logps[1] == -torch.inf
    assert torch.allclose(lse, torch.tensor(6.600206558916748), rtol=0, atol=2e-6)


def test_peaked_rows() -> None:
    """A trained head: p of the target within 1e-9 of 1 in row 0, and 1e-20 in row 1."""
    logits = torch.randn(2, 3000)
    logits[:, 17] = 30.0
    check((logits, torch.tensor([17, 2500]), *PLAIN))


def test_gradient_at_a_huge_common_offset() -> None:
    """lse of three logits of 2e8 is 2e8 in f32, so exp(z - lse) would be 1 instead of 1/3 (LP-01)."""
    args = torch.full((1, 3), 2e8), torch.tensor([0]), *PLAIN
    grad = pull([torch.ones(1), None, None, None], args, kernels.forward(*args, 0))
    torch.testing.assert_close(grad, torch.tensor([[2.0, -1.0, -1.0]]) / 3, rtol=1e-6, atol=0)


def test_gradient_of_a_target_with_nearly_all_of_the_mass() -> None:
    """1 - p = 2e-9, which exp(z - lse) - 1 in f32 would make 0."""
    row, one = torch.tensor([[0.0, -20.0]]), torch.ones(1)
    lse = torch.tensor([2.061153620314381e-09])
    grad = pull([one, 0 * one, None, None], (row, torch.tensor([0]), *PLAIN), (-lse, lse, lse, lse))
    torch.testing.assert_close(grad, torch.stack([lse, -lse], dim=1), rtol=1e-6, atol=0)


@DTYPES
def test_masked_rows_are_not_read(dtype: torch.dtype) -> None:
    clean, targets, mask, *rest = CASE.inputs["masked_rows"](dtype)
    temperature = torch.rand(targets.shape, dtype=torch.float64) + 0.5
    poisoned = clean.masked_fill(~mask.unsqueeze(-1), torch.nan)
    hidden = torch.where(mask, targets, 10**12)
    nowhere = temperature.masked_fill(~mask, torch.nan)
    hard, easy = (poisoned, hidden, mask, nowhere, *rest[1:4]), (clean, targets, mask, temperature, *rest[1:4])
    stats, want = kernels.forward(*hard, 15), kernels.forward(*easy, 15)
    for got, one in zip(stats, want, strict=True):
        assert torch.equal(got, one)
        assert not got[~mask].any()
    grad = pull(upstreams(stats), hard, stats)
    assert torch.equal(grad, pull(upstreams(stats), easy, stats))
    assert not grad[~mask].any()


def test_exactly_the_rows_that_count_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets one outside, hidden by a mask, below 0, and inside; a row of memory before and behind the logits."""
    memory = torch.randn(6, 5000)
    args = (memory[1:5], torch.tensor([5000, 10**12, -1, 7]), torch.tensor([True, False, True, True]))
    stats, read = watched(monkeypatch, memory, lambda: kernels.forward(*args, *PLAIN[1:], 15))
    assert read == [0, 5000, 0, 5000, 5000, 0]
    grads = torch.tensor([1.0, 1.0, 0.0, -0.0]), torch.tensor([0.0, 1.0, -0.0, 1.0])
    run = lambda: pull([*grads, None, grads[0]], (*args, *PLAIN[1:]), stats)  # noqa: E731
    grad, read = watched(monkeypatch, memory, run)
    assert read == [0, 5000, 0, 0, 5000, 0]
    assert not grad[1:3].any()


def watched(monkeypatch: pytest.MonkeyPatch, memory: Tensor, launch: Callable[[], Any]) -> tuple[Any, list[int]]:
    """Return what a launch returns, and how many elements of each row of `memory` its loads touch."""
    touched, load = torch.zeros(memory.shape, dtype=torch.bool), InterpreterBuilder.create_masked_load

    def noted(self: InterpreterBuilder, pointers: Any, mask: Any, *rest: Any) -> Any:
        places = (torch.from_numpy(pointers.data[mask.data].astype("int64")) - memory.data_ptr()) // memory.itemsize
        touched.view(-1)[places[(places >= 0) & (places < memory.numel())]] = True
        return load(self, pointers, mask, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(InterpreterBuilder, "create_masked_load", noted)
        return launch(), touched.sum(1).tolist()


@pytest.mark.parametrize("softcap", [None, 5.0])
def test_bad_rows_are_nan_and_leave_their_neighbours_alone(softcap: float | None) -> None:
    """Targets one outside and far outside, a row of -inf alone, and a NaN whose own lane holds -inf else."""
    logits = torch.randn(7, 5000)
    logits[4] = -torch.inf
    logits[5, :4999] = -torch.inf
    logits[5, 4096] = torch.nan
    targets = torch.tensor([5000, -1, 10**12, -(10**12), 2, 4999, 4999])
    args = logits, targets, None, None, 1.0, softcap, 1.0
    stats, ones = kernels.forward(*args, 15), torch.ones(7)
    for name, one in zip(("logps", "lse", "entropy", "log_sum_sq_probs", "is_top1", "mean_logits"), stats, strict=True):
        assert not one[:6].any() if name == "is_top1" else one[:6].isnan().all(), name
    assert pull([ones] * 4, args, stats)[:6].isnan().all()
    assert pull([ones, None, None, None], args, stats)[:6].isnan().all()
    check((logits[6:], targets[6:], None, None, 1.0, softcap, 1.0))


@triton.jit
def elementwise_kernel(x, out_tanh, out_expm1, size: tl.constexpr):
    """Both functions of `_common` at `size` points."""
    lanes = tl.arange(0, size)
    at = tl.load(x + lanes)
    tl.store(out_tanh + lanes, tanh(at))
    tl.store(out_expm1 + lanes, expm1(at))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tanh_and_expm1_keep_relative_accuracy(dtype: torch.dtype) -> None:
    """Negative numbers of every size, both sides of the switch at 1/2 (of x, and of x / 2 in expm1), and the ends."""
    ends = [0.0, -torch.inf, torch.nan, -0.49999997, -0.5, -0.99999994, -1.0, -torch.finfo(dtype).tiny]
    x = torch.cat([-torch.logspace(-30, 2, 1024 - len(ends), dtype=dtype), torch.tensor(ends, dtype=dtype)])
    got = torch.empty_like(x), torch.empty_like(x)
    elementwise_kernel[(1,)](x, *got, size=1024)
    tolerance = {"rtol": 4 * torch.finfo(dtype).eps, "atol": 0.0, "equal_nan": True}
    torch.testing.assert_close(got[0].double(), x.double().tanh(), **tolerance)
    torch.testing.assert_close(got[1].double(), x.double().expm1(), **tolerance)
