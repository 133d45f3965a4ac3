"""What every function of tensors promises: right gradients, any size, half types, one graph, errors with names."""

import itertools
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from functions.cases import CASES
from functions.function_case import FunctionCase
from prefcore.errors import PrefcoreError, ShapeError

EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
HALF = (torch.float16, torch.bfloat16)
#: what a pair of numbers may be: near, far apart either way, both large
SIZES = torch.tensor([0.0, -0.0, 1e-4, -0.7, 60.0, -60.0, 1e4, -1e4], dtype=torch.float64)


def those_with(what: str) -> Any:
    found = {key: case for key, case in CASES.items() if getattr(case, what)}
    return pytest.mark.parametrize("case", found.values(), ids=found)


def every_name_in(what: str) -> Any:
    return pytest.mark.parametrize(
        ("case", "name"),
        [pytest.param(case, name, id=f"{key}-{name}") for key, case in CASES.items() for name in getattr(case, what)],
    )


def call(case: FunctionCase, **changed: Any) -> Any:
    return case.function(**{**case.inputs, **case.params, **changed})


def fields(result: Any) -> list[Tensor]:
    return [field for field in (result if isinstance(result, tuple) else (result,)) if field is not None]


def total(result: Any) -> Tensor:
    """A weighted sum of all that has a gradient; the weights differ, so that no two examples can be mixed up."""
    parts = [field for field in fields(result) if field.requires_grad]
    return sum((part * torch.linspace(0.5, 2.0, part.numel()).to(part).view_as(part)).sum() for part in parts)


@those_with("differentiable")
def test_gradients_equal_differences(case: FunctionCase) -> None:
    def function(*values: Tensor) -> tuple[Tensor, ...]:
        result = fields(call(case, **dict(zip(case.differentiable, values, strict=True))))
        return tuple(field for field in result if field.requires_grad)

    leaves = [case.inputs[name].clone().requires_grad_() for name in case.differentiable]
    assert torch.autograd.gradcheck(function, leaves)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@those_with("any_size")
def test_any_size_gives_finite_values_and_gradients(case: FunctionCase, dtype: torch.dtype) -> None:
    """Every combination of sizes, first example only: the others keep their ordinary numbers."""
    for sizes in itertools.product(SIZES.tolist(), repeat=min(len(case.any_size), 3)):
        changed = {name: value.to(dtype) if value.is_floating_point() else value for name, value in case.inputs.items()}
        for name, size in zip(case.any_size, itertools.cycle(sizes)):  # the fourth input has the size of the first
            changed[name] = changed[name].clone()
            changed[name].view(-1)[0] = -abs(size) if name in case.log_probs else size
        leaves = [changed[name].requires_grad_() for name in case.any_size if name in case.differentiable]
        result = call(case, **changed)
        assert all(field.isfinite().all() for field in fields(result)), sizes
        if leaves:
            for grad in torch.autograd.grad(total(result), leaves):
                assert grad.isfinite().all(), sizes


@pytest.mark.parametrize("dtype", HALF)
@those_with("floating")
def test_half_types_are_computed_in_f32(case: FunctionCase, dtype: torch.dtype) -> None:
    half = {name: case.inputs[name].to(dtype) for name in case.floating}
    got = fields(call(case, **half))
    want = fields(call(case, **{name: value.float() for name, value in half.items()}))
    assert all(field.dtype == torch.float32 for field in got if field.is_floating_point())
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize("only", [0, 1])
@those_with("mixes_types")
def test_data_of_two_types_are_computed_in_the_wider(case: FunctionCase, only: int) -> None:
    """The one that is f64 may be the first or the last. Its digits count: rounding it to f32 would be silent."""
    wide = case.floating[-only]
    given = {name: value.float() for name, value in case.inputs.items() if name in case.floating and name != wide}
    got = fields(call(case, **given))
    want = fields(call(case, **{name: value.double() for name, value in given.items()}))
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))
    assert all(field.dtype == torch.float64 for field in got if field.is_floating_point())


@EVERY
def test_autocast_changes_no_bit(case: FunctionCase) -> None:
    results = []
    for enabled in (False, True):
        inputs = {name: value.float() if value.is_floating_point() else value for name, value in case.inputs.items()}
        leaves = [inputs[name].clone().requires_grad_() for name in case.differentiable]
        inputs |= dict(zip(case.differentiable, leaves, strict=True))
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            result = case.function(**inputs, **case.params)
        results.append(fields(result) + (list(torch.autograd.grad(total(result), leaves)) if leaves else []))
    assert all(torch.equal(plain, under) for plain, under in zip(*results, strict=True))


@pytest.mark.parametrize("shrink", [lambda x: x.flatten()[0], lambda x: x[:0]], ids=["0-d", "empty"])
@EVERY
def test_scalars_and_empty_tensors_have_a_result_or_an_error_of_ours(case: FunctionCase, shrink: Any) -> None:
    """No IndexError from inside torch."""
    inputs = {name: shrink(value) for name, value in case.inputs.items()}
    try:
        result = case.function(**inputs, **case.params)
    except (PrefcoreError, TypeError):
        return
    assert all(isinstance(field, Tensor) for field in fields(result))


@EVERY
def test_values_are_looked_at_on_the_cpu_alone(case: FunctionCase) -> None:
    """On the meta device there are none: what would synchronize on CUDA fails there."""
    inputs = {name: value.to("meta") for name, value in case.inputs.items()}
    leaves = [inputs[name].requires_grad_() for name in case.differentiable]
    result = case.function(**inputs, **case.params)
    assert all(field.device.type == "meta" for field in fields(result))
    if leaves:
        torch.autograd.grad([field.sum() for field in fields(result) if field.requires_grad], leaves)


@EVERY
def test_inputs_stay_as_they_are(case: FunctionCase) -> None:
    copies = {name: value.clone() for name, value in case.inputs.items()}
    call(case)
    assert all(torch.equal(value, copies[name]) for name, value in case.inputs.items())


@EVERY
def test_compiles_to_one_graph(case: FunctionCase) -> None:
    """Same values and gradients as eager."""
    torch.compiler.reset()
    compiled = torch.compile(case.function, fullgraph=True, backend="aot_eager")
    results = []
    for function in (case.function, compiled):
        inputs = {name: value.clone() for name, value in case.inputs.items()}
        leaves = [inputs[name].requires_grad_() for name in case.differentiable]
        result = function(**inputs, **case.params)
        results.append(fields(result) + (list(torch.autograd.grad(total(result), leaves)) if leaves else []))
    for eager, graph in zip(*results, strict=True):
        torch.testing.assert_close(graph, eager, rtol=1e-12, atol=1e-14)


@every_name_in("same_shape")
def test_other_shapes_are_refused_by_name(case: FunctionCase, name: str) -> None:
    """`[B, 1]` beside `[B]` would broadcast to `[B, B]` in silence."""
    with pytest.raises(ShapeError, match=name):
        call(case, **{name: case.inputs[name].unsqueeze(-1)})


@every_name_in("floating")
def test_integers_are_refused_by_name(case: FunctionCase, name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} must be a floating-point tensor, got torch.int64"):
        call(case, **{name: case.inputs[name].long()})


@every_name_in("inputs")
def test_lists_are_refused_by_name(case: FunctionCase, name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} must be a.* torch tensor, got list|{name} must be a number"):
        call(case, **{name: case.inputs[name].tolist()})


@every_name_in("numbers")
def test_arrays_are_no_numbers(case: FunctionCase, name: str) -> None:
    """[[0.1]] would broadcast the result, and an array of f64 change its type, both in silence."""
    for wrong in (np.array(case.params[name]), np.array([[case.params[name]]]), Fraction(1, 2), Decimal("0.5"), True):
        with pytest.raises(TypeError, match=f"{name}.* must be (a number|an int)"):
            call(case, **{name: wrong})


@every_name_in("same_shape")
def test_other_devices_are_refused_by_name(case: FunctionCase, name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} on meta"):
        call(case, **{name: case.inputs[name].to("meta")})
