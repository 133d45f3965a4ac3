"""Every record of tests/vectors (or of another folder: `--vectors DIR`) against the function that it names."""

import importlib.util
from pathlib import Path

import pytest

from vector_records import Record, assert_holds, holds_tensors, load


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    records = load(Path(metafunc.config.getoption("--vectors")))
    metafunc.parametrize("record", [pytest.param(record, id=record["id"]) for record in records])


def test_vector(record: Record) -> None:
    if holds_tensors(record) and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    assert_holds(record)
