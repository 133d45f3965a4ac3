"""Reads the records of tests/vectors and compares results with them. The schema stands in tests/vectors/README.md."""

import importlib
import json
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prefcore.errors

Record = dict[str, Any]
TORCH_WORLD = {"logps", "losses", "ops", "scores", "weights"}


def holds_tensors(record: Record) -> bool:
    """Whether inputs become tensors: by the module, and for `papers`, which has both, as the record says."""
    return bool(record.get("tensors", record["function"].split(".")[0] in TORCH_WORLD))


def load(folder: Path) -> list[Record]:
    return [record for file in sorted(folder.glob("*.json")) for record in json.loads(file.read_text())]


def resolve(function: str) -> Any:
    """`metrics.kendall_tau` -> the function; `recipes.uniform` of the tests; `ratings.RatingResult.difference`."""
    module, *names = function.split(".")
    found = importlib.import_module(module if module == "recipes" else f"prefcore.{module}")
    for name in names:
        if not hasattr(found, name):
            importlib.import_module(f"{found.__name__}.{name}")
        found = getattr(found, name)
    return found


#: Inputs that may not ask for a gradient.
CONSTANT = ("labels", "position_weights", "skip_weights")


def call(record: Record, *, grad: bool = False) -> tuple[Any, dict[str, Any]]:
    """Calls the record's function; returns its result and the inputs by name (float tensors track gradients).

    The inputs of an input that is a call come as `input.inner`.
    """
    tensors = holds_tensors(record)
    inputs, params = record["inputs"], {k: plain(v) for k, v in record.get("params", {}).items()}
    if isinstance(inputs, list):
        return resolve(record["function"])(*(build(value, tensors) for value in inputs), **params), {}
    built, leaves = {}, {}
    for name, value in inputs.items():
        if isinstance(value, dict) and "call" in value:
            built[name], nested = called(value, grad=grad)
            if tensors and isinstance(built[name], np.ndarray):
                built[name] = build({"data": built[name].tolist(), "dtype": str(built[name].dtype)}, tensors)
            leaves |= {f"{name}.{inner}": leaf for inner, leaf in nested.items()}
        else:
            built[name] = leaves[name] = build(value, tensors)
            if grad and name not in CONSTANT and built[name].is_floating_point():
                built[name].requires_grad_()
    return resolve(record["function"])(**built, **params), leaves


def called(value: dict[str, Any], *, grad: bool = False) -> tuple[Any, dict[str, Any]]:
    """The result of an input that is a call, or the field of it that is named, and the inputs of that call."""
    result, leaves = call({**value, "function": value["call"]}, grad=grad)
    return attrgetter(value["field"])(result) if "field" in value else result, leaves


def build(value: Any, tensors: bool) -> Any:
    """An input of a record as array, tensor, number or result of another call."""
    if isinstance(value, dict) and "call" in value:
        return called(value)[0]
    if not isinstance(value, dict | list):
        return plain(value)
    array = to_array(value)
    if not tensors:
        return array
    import torch

    return torch.from_numpy(array)


def to_array(value: Any) -> np.ndarray[Any, Any]:
    if isinstance(value, list):
        return np.array(plain(value), dtype=np.float64)
    if "arange" in value:
        return np.arange(*value["arange"], dtype=np.int64)
    if "fill" in value:
        array = np.full(value["shape"], plain(value["fill"]), dtype=value["dtype"])
        for index, number in value["set"].items():
            array[int(index)] = number
        return array
    return np.array(plain(value["data"]), dtype=value["dtype"])


def plain(value: Any) -> Any:
    """Numbers instead of the strings that JSON needs for non-finite ones."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return float(value) if value in ("nan", "inf", "-inf") else value


def assert_close(got: Any, want: Any, tol: float | dict[str, float], what: str) -> None:
    """|got - want| <= abs + rel |want|; exact for integers, booleans and strings; equal non-finite numbers match."""
    got = np.asarray(got.detach() if hasattr(got, "detach") else got)
    if isinstance(want, dict):  # a sample
        got, want = got[..., want["at"]], want["value"]
    want = np.asarray(plain(want))
    assert got.shape == want.shape, f"{what}: expected shape {want.shape}, got {got.shape}"
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, want, err_msg=what)
        return
    rel, absolute = (tol["rel"], tol["abs"]) if isinstance(tol, dict) else (tol, tol)
    np.testing.assert_allclose(got, want.astype(np.float64), rtol=rel, atol=absolute, err_msg=what)


def assert_holds(record: Record) -> None:
    """The record's function gives what the record expects, gradients too."""
    expected = record["expected"]
    if "raises" in expected:
        with pytest.raises(getattr(prefcore.errors, expected["raises"]), match=expected.get("match", "")):
            call(record)
        return
    grads = {key.removeprefix("grad_"): want for key, want in expected.items() if key.startswith("grad_")}
    result, inputs = call(record, grad=bool(grads))
    for key, want in expected.items():
        if not key.startswith("grad_"):
            assert_close(pick(result, key), want, record["tol"], f"{record['id']} {key}")
    if grads:
        total(result).backward()
    for name, want in grads.items():
        assert_close(inputs[name].grad, want, record["tol"], f"{record['id']} grad_{name}")


def pick(result: Any, key: str) -> Any:
    if key == "value" and not hasattr(result, "value"):
        return result
    if key == "sum":
        return total(result)
    if key == "mean" and callable(result.mean):
        return result.mean()
    return attrgetter(key)(result)


def total(result: Any) -> Any:
    """The sum of a tensor, or of those fields of a tuple that have a gradient."""
    fields = result if isinstance(result, tuple) else (result,)
    return sum(field.sum() for field in fields if getattr(field, "requires_grad", False))
