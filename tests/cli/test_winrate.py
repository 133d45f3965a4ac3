"""`prefcore winrate`: rates, intervals, length control and position bias are those of `metrics`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefcore import metrics

OUTCOMES = [1.0, 0.0, 0.5, 1.0, 1.0, 0.5, 0.0, 1.0, 0.75]


@pytest.fixture
def outcomes(lines: Callable[..., Path]) -> Path:
    length = [10, 30, 20, 40, 15, 22, 17, 31, 12]
    rows = zip(OUTCOMES, length, length[::-1], "abcabcabc", strict=True)
    return lines("o.jsonl", *({"outcome": y, "length": n, "baseline_length": m, "who": u} for y, n, m, u in rows))


@pytest.fixture
def votes(lines: Callable[..., Path]) -> Path:
    rows = [("x", "base", "a"), ("base", "x", "tie"), ("base", "x", "b"), ("y", "base", "b"), ("x", "y", "a")]
    return lines("v.jsonl", *({"model_a": a, "model_b": b, "winner": w} for a, b, w in rows))


def test_votes_are_seen_from_the_model(run: Any, votes: Path) -> None:
    """x won twice and tied once whatever its place; x against y is no row of the table."""
    found = run("winrate", votes, "--baseline", "base", "--json").json
    assert found["table"]["model"] == ["x", "y"]
    assert found["table"]["n"] == [3, 1]
    assert found["table"]["win_rate"] == [pytest.approx(2.5 / 3, abs=1e-15), 0.0]
    low, high = metrics.wilson_interval(2.5, 3)
    assert (found["table"]["lower"][0], found["table"]["upper"][0]) == (pytest.approx(low), pytest.approx(high))
    assert found["first_place"]["win_rate"] == 0.5
    assert found["rows"] == {"read": 5, "kept": 5, "rejected": 0}


def test_ties(run: Any, outcomes: Path) -> None:
    for ties, value in (("drop", "drop"), ("1", 1.0), ("0.25", 0.25)):
        found = run("winrate", outcomes, "--ties", ties, "--json").json
        assert found["table"]["win_rate"] == [float(metrics.win_rate(OUTCOMES, ties=value))]
    low, high = metrics.wilson_interval(np.sum([y for y in OUTCOMES if y != 0.5]), 7)
    found = run("winrate", outcomes, "--ties", "drop", "--json").json
    assert found["table"]["lower"] == [pytest.approx(low)]
    assert found["table"]["upper"] == [pytest.approx(high)]


def test_intervals(run: Any, outcomes: Path) -> None:
    level = ["--confidence-level", 0.9, "--json"]
    found = run("winrate", outcomes, "--interval", "clopper-pearson", *level).json["table"]
    assert found["lower"] == [pytest.approx(metrics.clopper_pearson_interval(5.75, 9, confidence_level=0.9)[0])]
    found = run("winrate", outcomes, "--cluster", "who", "--seed", 5, *level).json["table"]
    mean = metrics.bootstrap_mean(OUTCOMES, clusters=list("abcabcabc"), seed=5, confidence_level=0.9)
    assert (found["lower"], found["upper"]) == ([mean.lower], [mean.upper])


def test_clusters_of_votes(run: Any, lines: Callable[..., Path]) -> None:
    """Votes of a prompt are drawn together, for the model and for the first place."""
    random = np.random.default_rng(3)
    winner, who = random.choice(["a", "b", "tie"], 60), [f"u{n // 6}" for n in range(60)]
    rows = zip(winner, who, strict=True)
    path = lines("v.jsonl", *({"model_a": "x", "model_b": "base", "winner": w, "who": u} for w, u in rows))
    found = run("winrate", path, "--baseline", "base", "--cluster", "who", "--json").json
    outcomes = [{"a": 1.0, "b": 0.0, "tie": 0.5}[label] for label in winner]
    mean = metrics.bootstrap_mean(outcomes, clusters=who)
    assert (found["first_place"]["lower"], found["first_place"]["upper"]) == (mean.lower, mean.upper)
    assert found["table"]["lower"] == [mean.lower]


def test_length_control(run: Any, outcomes: Path) -> None:
    length = [10, 30, 20, 40, 15, 22, 17, 31, 12]
    found = run("winrate", outcomes, "--length-controlled", "--json").json["table"]
    fit = metrics.length_controlled_win_rate(OUTCOMES, length, length[::-1])
    assert (found["length_controlled"], found["std_error"]) == ([fit.rate], [fit.std_error])


def test_length_that_separates_is_the_verdict_no(run: Any, lines: Callable[..., Path]) -> None:
    rows = [{"outcome": float(n > 5), "length": n, "baseline_length": 5} for n in (1, 2, 8, 9)]
    ran = run("winrate", lines("o.jsonl", *rows), "--length-controlled")
    assert ran.code == 1
    assert "all: there is no rate at equal length: outcomes" in ran.out
    assert "4 rows read = 4 kept + 0 rejected" in ran.out


def test_a_model_without_a_rate_at_equal_length_leaves_the_others_theirs(run: Any, lines: Callable[..., Path]) -> None:
    """y has never won, which is told; the numbers of x are those of x alone."""
    length = [10, 30, 20, 40, 15, 22, 17, 31, 12]
    winners = ["a", "b", "tie", "a", "a", "b", "b", "a", "tie"]
    x = [
        {"model_a": "x", "model_b": "base", "winner": w, "length_a": n, "length_b": m}
        for w, n, m in zip(winners, length, length[::-1], strict=True)
    ]
    y = [row | {"model_a": "y", "winner": "b"} for row in x]
    options = ("--baseline", "base", "--length-controlled")
    alone = run("winrate", lines("x.jsonl", *x), *options, "--json").json
    ran = run("winrate", lines("v.jsonl", *x, *y), *options, "--json")
    assert ran.code == 1
    assert alone["notes"] == []
    assert ran.json["notes"] == [
        "y: there is no rate at equal length: outcomes must not all be 0: the intercept would be infinite"
    ]
    table = ran.json["table"]
    assert table["model"] == ["x", "y"]
    assert table["length_controlled"] == [*alone["table"]["length_controlled"], None]
    assert table["win_rate"][1] == 0.0


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--ties", "2"], 2, "--ties must be a number from 0 to 1, or drop, got '2'"),
        (["--baseline", "x"], 2, "--baseline is for votes"),
        (["--cluster", "who", "--interval", "wilson"], 2, "--cluster goes with --interval bootstrap, not wilson"),
        (["--confidence-level", "0"], 2, "--confidence-level must be between 0 and 1"),
        (["--columns", "outcome=length"], 3, "line 1: outcome must be in [0, 1], got 10.0"),
    ],
)
def test_errors(run: Any, outcomes: Path, options: list[str], code: int, message: str) -> None:
    ran = run("winrate", outcomes, *options)
    assert (ran.code, message in ran.err) == (code, True), ran.err


def test_a_baseline_that_is_not_there(run: Any, votes: Path) -> None:
    assert "votes need --baseline NAME, one of: base, x, y" in run("winrate", votes).err
    assert "there is no model 'bas'; nearest: base" in run("winrate", votes, "--baseline", "bas").err


def test_alpaca(run: Any, data: Path) -> None:
    """The baseline of AlpacaEval against itself wins half by construction; here its file of probabilities."""
    path = data / "alpaca_win_probabilities.csv.gz"
    ran = run("winrate", path, "--columns", "outcome=gpt4_1106_preview", "--json")
    assert ran.json["table"]["win_rate"][0] == pytest.approx(0.5, abs=0.01)
    assert ran.json["rows"]["read"] == 797
