"""`prefcore doctor`: versions are those installed, and a wrong number is a verdict of no."""

import importlib.util
from typing import Any

import numpy as np
import pytest

import prefcore


def test_versions_threads_and_known_numbers(run: Any) -> None:
    ran = run("doctor", "--json")
    assert ran.code == 0
    assert ran.json["packages"]["numpy"] == np.__version__
    assert ran.json["threads"] == prefcore.get_num_threads()
    assert set(ran.json["checks"].values()) == {True}
    assert len(ran.json["checks"]) == 7


def test_a_wrong_number_is_told(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefcore import metrics

    monkeypatch.setattr(metrics, "kendall_tau", lambda *_: 0.5)
    ran = run("doctor", "--json")
    assert ran.code == 1
    assert [name for name, right in ran.json["checks"].items() if not right] == ["metrics.kendall_tau"]


def test_what_is_missing_is_told(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefcore.cli import doctor

    found = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "polars" else found(name))
    assert "polars is missing: pip install 'prefcore[cli]'" in run("doctor").out


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
def test_kernels_and_tensors(run: Any) -> None:
    """gae has a kernel on both devices, weighted_sequence_logps is made of other ops."""
    found = run("doctor", "--full", "--json").json
    kernels = dict(
        zip(found["kernels"]["op"], zip(found["kernels"]["cpu"], found["kernels"]["cuda"], strict=True), strict=True)
    )
    assert kernels["gae"] == ("kernel of its own", "kernel of its own")
    assert kernels["weighted_sequence_logps"] == ("plain torch", "plain torch")
    assert found["checks"]["losses.dpo on cpu"] is True
    assert found["checks"]["logps.weighted_sequence_logps on cpu"] is True
