"""Fixtures and options that every test file may use."""

import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

# A compiled graph in the cache of an earlier run does not know that the schema of an op has changed.
COMPILED = tempfile.TemporaryDirectory()
os.environ["TORCHINDUCTOR_CACHE_DIR"] = COMPILED.name
os.environ.setdefault("MPLBACKEND", "Agg")  # pictures open no window
TORCH = importlib.util.find_spec("torch") is not None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--vectors", default=str(Path(__file__).parent / "vectors"), help="folder of vector records")
    parser.addoption("--slow", action="store_true", help="also run the tests that take minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="slow: --slow runs it"))
    if TORCH:
        import torch

        if torch.cuda.is_available():
            return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=TORCH)
def _seed_and_poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seed torch, and fill every `torch.empty` with NaN so that an output lane nobody writes fails its test."""
    import torch

    torch.manual_seed(0)
    monkeypatch.setattr(torch, "empty", _poisoned(torch.empty))
    monkeypatch.setattr(torch, "empty_like", _poisoned(torch.empty_like))


def _poisoned(allocate: Any) -> Any:
    def poisoned(*args: Any, **keywords: Any) -> Any:
        tensor = allocate(*args, **keywords)
        if tensor.is_floating_point():
            tensor.detach().fill_(float("nan"))  # detached: inductor allocates leaves that require a gradient
        return tensor

    return poisoned
