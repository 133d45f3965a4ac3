"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import importlib.util
import pkgutil
import sys
import warnings
from types import ModuleType
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
#: modules -> what their examples import, with warnings of its own
NEEDS = {
    "prefcore.integrations._fused_head": "transformers",
    "prefcore.integrations.lightning": "transformers",
    "prefcore.integrations.transformers.reference": "datasets",
    "prefcore.integrations.trl.kernel": "trl.trainer.utils",
}


def load(name: str) -> ModuleType:
    """An integration loads only beside what it is for, and pictures beside matplotlib."""
    if name.split(".")[1:2] in (["plots"], ["report"]):
        pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    if name in NEEDS:
        with warnings.catch_warnings(action="ignore"):
            pytest.importorskip(NEEDS[name])
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not name.startswith("prefcore.integrations."):
            raise
        pytest.skip(f"{error.name} is not installed")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    names: dict[str, Any] = {"np": np}  # what an example may use without importing it
    if importlib.util.find_spec("torch"):
        names["torch"] = importlib.import_module("torch")
    elif name.partition(".")[2].split(".")[0] in TORCH_WORLD | {"_checks", "papers", "integrations"}:
        pytest.skip("torch is not installed")
    threads = prefcore.get_num_threads()
    try:
        assert doctest.testmod(load(name), extraglobs=names).failed == 0
    finally:
        prefcore.set_num_threads(threads)
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_has_an_example(name: str) -> None:
    module = load(name)
    for public in getattr(module, "__all__", []):
        member = getattr(module, public)
        if callable(member) and not isinstance(member, type):
            assert ">>>" in (member.__doc__ or ""), f"{name}.{public}"
