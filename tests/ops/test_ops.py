"""Every registered op against its reference: values, gradients, registration, compiled code, determinism."""

from typing import Any

import pytest
import torch
from torch import Tensor

import prefcore
from ops.cases import CASES
from ops.op_case import Args, OpCase

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
GRID = [
    pytest.param(case, name, dtype, id=f"{op}-{name}-{str(dtype).removeprefix('torch.')}")
    for op, case in CASES.items()
    for name in case.inputs
    for dtype in DTYPES
    if dtype in case.tolerance
]
EVERY_OP = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
DIFFERENTIABLE = {name: case for name, case in CASES.items() if case.differentiable}
EVERY_DIFFERENTIABLE_OP = pytest.mark.parametrize("case", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)


def moved(args: Args, device: str) -> Args:
    return tuple(arg.to(device) if isinstance(arg, Tensor) else arg for arg in args)


def in_float64(args: Args) -> Args:
    return tuple(arg.double() if isinstance(arg, Tensor) and arg.is_floating_point() else arg for arg in args)


def upstream(output: Tensor) -> Tensor:
    """An arbitrary gradient per row, with zeros, so that a rule which only serves a mean is found out."""
    grad = torch.randn(output.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    grad.view(-1)[2::3] = 0.0
    return grad.to(output.device, output.dtype)


def values_and_grads(case: OpCase, function: Any, args: Args) -> list[Tensor]:
    """Floating outputs, then the gradient of each differentiable input."""
    args = tracked(case, tuple(arg.clone() if isinstance(arg, Tensor) else arg for arg in args))
    result = function(*args)
    outputs = floating(result if function is case.reference or not case.internal else result[: -case.internal])
    inputs = [arg for arg in args if isinstance(arg, Tensor) and arg.requires_grad]
    tracking = [output for output in outputs if output.requires_grad]
    grads = torch.autograd.grad(tracking, inputs, [upstream(output) for output in tracking]) if inputs else ()
    return [output.detach() for output in outputs] + list(grads)


def floating(result: Any) -> tuple[Tensor, ...]:
    results = (result,) if isinstance(result, Tensor) else result
    return tuple(output for output in results if output.is_floating_point())


def tracked(case: OpCase, args: Args) -> Args:
    return tuple(
        arg.requires_grad_() if index in case.differentiable and isinstance(arg, Tensor) else arg
        for index, arg in enumerate(args)
    )


def worst(got: Tensor, want: Tensor) -> float:
    """Largest error, relative where the truth is above 1; where the truth is not finite both must agree."""
    assert got.shape == want.shape
    exact = ~want.isfinite()
    assert torch.equal(got[exact].double().nan_to_num(7.0), want[exact].nan_to_num(7.0))
    error = ((got.detach().double() - want).abs() / want.abs().clamp(min=1.0))[~exact]
    return float(error.max()) if error.numel() else 0.0


@pytest.mark.parametrize(("case", "name", "dtype"), GRID)
def test_no_worse_than_the_reference_in_the_same_dtype(
    case: OpCase, name: str, dtype: torch.dtype, device: str
) -> None:
    args = moved(case.inputs[name](dtype), device)
    truth = values_and_grads(case, case.reference, in_float64(args))
    naive, got = values_and_grads(case, case.reference, args), values_and_grads(case, case.op, args)
    assert len(got) == len(truth)
    for position, (value, same_dtype, want) in enumerate(zip(got, naive, truth, strict=True)):
        assert value.dtype == same_dtype.dtype
        rounding = torch.finfo(value.dtype).eps
        if case.rounded_products and device == "cuda" and value.shape != args[2].shape:  # a gradient, not a statistic
            allowed_norm = max(0.5 * rounding * want.norm(), 3 * (same_dtype.double() - want).norm())
            assert (value.double() - want).norm() <= allowed_norm, f"output {position}"
            continue
        allowed = worst(same_dtype, want) + max(case.tolerance[dtype], rounding)
        assert worst(value, want) <= allowed, f"output {position}"
        if value.dtype != torch.float64:  # the truth itself is a float64
            small = max(case.smallest, 2e-7 if value.dtype.itemsize == 2 else 1e-10)  # below it f16 has no digits left
            allowed = relative(same_dtype, want, small) + 2 * rounding + 2e-5
            assert relative(value, want, small) <= allowed, f"output {position}"


def relative(got: Tensor, want: Tensor, small: float) -> float:
    """Largest relative error, so that a gradient of 1e-5 in a wide row counts as much as one of 1."""
    error = ((got.detach().double() - want).abs() / (want.abs() + small))[want.isfinite()]
    return float(error.max()) if error.numel() else 0.0


@EVERY_DIFFERENTIABLE_OP
def test_gradcheck(case: OpCase, device: str) -> None:
    args = tracked(case, moved(case.small(torch.float64), device))
    assert torch.autograd.gradcheck(lambda *a: floating(case.op(*a)), args)


@EVERY_OP
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # opcheck reads it of its own copies
def test_opcheck(case: OpCase, device: str) -> None:
    torch.library.opcheck(case.op, tracked(case, moved(case.small(torch.float32), device)))


@EVERY_OP
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiles_to_one_graph(case: OpCase, device: str, backend: str) -> None:
    torch.compiler.reset()  # all ops are one code object to Dynamo, which compiles it for 8 kinds of arguments at most
    args = moved(case.small(torch.float32), device)
    eager = values_and_grads(case, case.op, args)
    compiled = values_and_grads(case, torch.compile(case.op, fullgraph=True, backend=backend), args)
    for got, want in zip(compiled, eager, strict=True):
        assert torch.equal(got, want)


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_token_stats_bits_do_not_depend_on_threads(threads: int, dtype: torch.dtype) -> None:
    """[40, 9001] is above the work at which threads start; 40 rows do not divide evenly among 3 threads."""
    case = CASES["token_stats_extras"]
    args = (torch.randn(40, 9001, dtype=dtype), torch.randint(0, 9001, (40,)), None, None, 1.0, None, 1.0, 15, False)
    before = prefcore.get_num_threads()
    try:
        prefcore.set_num_threads(1)
        serial = values_and_grads(case, case.op, args)
        prefcore.set_num_threads(threads)
        for got, want in zip(values_and_grads(case, case.op, args), serial, strict=True):
            assert torch.equal(got, want)
    finally:
        prefcore.set_num_threads(before)


def test_token_stats_bits_do_not_depend_on_the_batch(device: str) -> None:
    logits, targets = torch.randn(33, 1000, device=device), torch.randint(0, 1000, (33,), device=device)
    rest = None, None, 1.0, None, 1.0, 15, False
    whole = CASES["token_stats"].op(logits, targets, *rest)
    for row in (0, 17, 32):
        alone = CASES["token_stats"].op(logits[row : row + 1], targets[row : row + 1], *rest)
        assert all(torch.equal(a[0], w[row]) for a, w in zip(alone, whole, strict=True))


def test_sequence_sums_bits_do_not_depend_on_padding_or_packing(device: str) -> None:
    """f64 values, so that a different order of addition would show."""
    values = torch.randn(4, 300, dtype=torch.float64).to(device)
    op = CASES["sequence_sums"].op
    plain, _ = op(values, None, None, None, False)
    wide = torch.nn.functional.pad(values, (37, 501), value=torch.nan)
    padded, counts = op(wide, ~wide.isnan(), None, None, False)
    packed, _ = op(values.flatten(), None, torch.arange(5, device=device) * 300, None, False)
    assert torch.equal(padded, plain)
    assert torch.equal(packed, plain)
    assert counts.tolist() == [300] * 4


def test_body_for_other_devices_agrees_with_autograd() -> None:
    """Devices without a kernel use `backward_reference`: its closed form against autograd of the definition."""
    from prefcore.ops.token_stats import backward_reference, reference

    for name, make in CASES["token_stats_extras"].inputs.items():
        logits, targets, *rest, extras, inplace = make(torch.float64)
        *outputs, grad = values_and_grads(CASES["token_stats"], reference, (logits, targets, *rest, extras, inplace))
        stats, grads = outputs[:4], [upstream(one) if one.shape == targets.shape else None for one in outputs[:4]]
        closed = backward_reference(*grads, logits, targets, *stats, *rest)
        torch.testing.assert_close(closed, grad.nan_to_num(0.0), rtol=1e-12, atol=1e-12, msg=name)
