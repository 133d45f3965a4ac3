"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import importlib.util
import pkgutil
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


def skip_without_its_host(name: str) -> None:
    """An integration loads only beside what it is for."""
    parts = name.split(".")
    host = "".join(parts[2:3]) if parts[1:2] == ["integrations"] else ""
    host = "transformers" if host == "_fused_head" else host  # its example needs a model
    if host and not host.startswith("_") and importlib.util.find_spec(host) is None:
        pytest.skip(f"{host} is not installed")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    skip_without_its_host(name)
    names: dict[str, Any] = {"np": np}  # what an example may use without importing it
    if importlib.util.find_spec("torch"):
        names["torch"] = importlib.import_module("torch")
    elif name.partition(".")[2].split(".")[0] in TORCH_WORLD | {"_checks", "papers", "integrations"}:
        pytest.skip("torch is not installed")
    threads = prefcore.get_num_threads()
    try:
        assert doctest.testmod(importlib.import_module(name), extraglobs=names).failed == 0
    finally:
        prefcore.set_num_threads(threads)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_has_an_example(name: str) -> None:
    skip_without_its_host(name)
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", []):
        member = getattr(module, public)
        if callable(member) and not isinstance(member, type):
            assert ">>>" in (member.__doc__ or ""), f"{name}.{public}"
