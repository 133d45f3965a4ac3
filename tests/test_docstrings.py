"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import importlib.util
import pkgutil
import sys
from typing import Any

import numpy as np
import pytest

import prefcore
from vector_records import TORCH_WORLD

MODULES = ["prefcore"] + [
    module.name
    for module in pkgutil.walk_packages(prefcore.__path__, "prefcore.", onerror=lambda _: None)
    if module.name.split(".")[1] not in {"_rust", "triton_kernels"}
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    names: dict[str, Any] = {"np": np}  # what an example may use without importing it
    if importlib.util.find_spec("torch"):
        names["torch"] = importlib.import_module("torch")
    elif name.partition(".")[2].split(".")[0] in TORCH_WORLD | {"_checks", "papers", "integrations"}:
        pytest.skip("torch is not installed")
    _needed(name)
    threads = prefcore.get_num_threads()
    try:
        assert doctest.testmod(importlib.import_module(name), extraglobs=names).failed == 0
    finally:
        prefcore.set_num_threads(threads)
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_has_an_example(name: str) -> None:
    _needed(name)
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", []):
        member = getattr(module, public)
        if callable(member) and not isinstance(member, type):
            assert ">>>" in (member.__doc__ or ""), f"{name}.{public}"


def _needed(name: str) -> None:
    if name.split(".")[1:2] in (["plots"], ["report"]):
        pytest.importorskip("matplotlib", reason="the extra plot is not installed")
