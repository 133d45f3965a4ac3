"""Every record of tests/vectors (or of another folder: `--vectors DIR`) against the function that it names."""

import importlib.util
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

import prefcore.errors
from vector_records import Record, assert_close, call, holds_tensors, load


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    records = load(Path(metafunc.config.getoption("--vectors")))
    metafunc.parametrize("record", [pytest.param(record, id=record["id"]) for record in records])


def test_vector(record: Record) -> None:
    if holds_tensors(record) and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
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
