"""The cases as pytest-benchmark benches, to follow one over commits: `pytest benches --benchmark-only`."""

from typing import Any

import pytest

from cases import CASES, BenchCase


@pytest.mark.parametrize("case", [case for case in CASES if "cpu" in case.devices], ids=lambda case: case.name)
def test_prefcore(case: BenchCase, benchmark: Any) -> None:
    benchmark.extra_info["shape"] = case.shape["cpu"]
    benchmark(case.make("cpu")["prefcore"])
