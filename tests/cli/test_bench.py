"""`prefcore bench`: contenders agree before they are timed, and ratios are those of the times."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from prefcore.cli import _cases


def tiny(**contenders: float) -> _cases.Case:
    return _cases.Case("tiny", "3 numbers", lambda: {name: lambda v=v: np.full(3, v) for name, v in contenders.items()})


def test_every_case_has_a_name_an_input_and_rivals(run: Any) -> None:
    found = run("bench", "--list", "--json").json["table"]
    assert found["case"] == [case.name for case in _cases.CASES]
    assert len(set(found["case"])) == len(found["case"])
    assert all(found["input"])


def test_ratios_are_those_of_the_medians(run: Any, tmp_path: Path) -> None:
    out = tmp_path / "t.jsonl"
    ran = run("bench", "--case", "metrics.pairwise_accuracy", "--repeat", 3, "--out", out, "--json")
    table = ran.json["table"]
    assert table["contender"] == ["prefcore", "numpy, counts", "numpy, mean of credits"]
    assert table["ratio"] == pytest.approx([one / table["median_ms"][0] for one in table["median_ms"]], rel=1e-12)
    assert all(low <= middle for low, middle in zip(table["fastest_ms"], table["median_ms"], strict=True))
    assert [json.loads(line)["ratio"] for line in out.read_text().splitlines()] == table["ratio"]


def test_a_part_of_the_input_is_scaled(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that moves one second per call of a contender: 1000 ms, and 5 times that for a fifth of the input."""
    clock = iter(range(100))
    monkeypatch.setattr(_cases, "CASES", (tiny(prefcore=1.0, **{"loop/5": 1.0}),))
    monkeypatch.setattr("prefcore.cli.bench.time.perf_counter", lambda: float(next(clock)))
    table = run("bench", "--repeat", 3, "--json").json["table"]
    assert (table["median_ms"], table["ratio"]) == ([1000.0, 5000.0], [1.0, 5.0])


def test_nothing_is_timed_where_results_differ(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cases, "CASES", (tiny(prefcore=1.0, rival=1.001),))
    ran = run("bench")
    assert (ran.code, ran.err) == (1, "prefcore: tiny: rival gives another result than prefcore; nothing is timed\n")


def test_what_is_not_installed_is_told(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise ModuleNotFoundError("no", name="nolib")

    def make() -> Any:
        return {"prefcore": lambda: 1.0, "lib": missing, "numpy": lambda: 1.0}

    monkeypatch.setattr(_cases, "CASES", (_cases.Case("rare", "-", make),))
    ran = run("bench", "--json")
    assert (ran.code, ran.json["notes"]) == (0, ["rare: lib is not timed, it needs nolib"])
    assert ran.json["table"]["contender"] == ["prefcore", "numpy"]


def test_an_unknown_case(run: Any) -> None:
    ran = run("bench", "--case", "metrics.kendall")
    assert (ran.code, "there is no 'metrics.kendall'; nearest: metrics.kendall_tau" in ran.err) == (2, True)
