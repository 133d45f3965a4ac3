"""`prefcore rate`: the figures are those of `ratings`, whatever file holds the votes."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from prefcore import ratings

FIRST = ["x", "x", "y", "z", "y", "x", "z"] * 3
SECOND = ["y", "z", "x", "y", "z", "z", "x"] * 3
WINNER = ["model_a", "model_a", "model_a", "tie", "model_b", "tie (bothbad)", "model_b"] * 3


@pytest.fixture(
    params=["jsonl", "jsonl.gz", "jsonl.zst", "csv", "csv.gz", "parquet", "parquet.gz", "arrow", "arrow.zst"]
)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    from prefcore.cli._write import write_table

    path = tmp_path / f"votes.{request.param}"
    write_table(path, {"model_a": FIRST, "model_b": SECOND, "winner": WINNER})
    return path


@pytest.fixture
def votes(lines: Callable[..., Path]) -> Path:
    rows = zip(FIRST, SECOND, WINNER, strict=True)
    return lines("votes.jsonl", *({"model_a": a, "model_b": b, "winner": w} for a, b, w in rows))


def expected() -> ratings.RatingResult:
    return ratings.bradley_terry(ratings.Comparisons.from_votes(FIRST, SECOND, WINNER))


def test_every_format_gives_the_ratings(run: Any, file: Path) -> None:
    found = run("rate", file, "--json").json
    result = expected()
    order = np.argsort(-result.theta)
    assert found["table"]["model"] == [result.names[i] for i in order]
    assert found["table"]["rating"] == ratings.elo_scale(result.theta)[order].tolist()
    low, high = result.interval()
    assert found["table"]["lower"] == ratings.elo_scale(low)[order].tolist()
    assert found["table"]["upper"] == ratings.elo_scale(high)[order].tolist()
    assert found["rows"] == {"read": 21, "kept": 21, "rejected": 0}
    assert found["exists"] is True


@pytest.mark.parametrize(("name", "fit"), [("davidson", ratings.davidson), ("rao-kupper", ratings.rao_kupper)])
def test_models_with_ties(run: Any, votes: Path, name: str, fit: Any) -> None:
    found = run("rate", votes, "--json", "--model", name, "--scale", "log").json
    theta = fit(ratings.Comparisons.from_votes(FIRST, SECOND, WINNER)).theta
    assert found["table"]["rating"] == sorted(theta.tolist(), reverse=True)


def test_elo_keeps_the_order_of_the_file(run: Any, votes: Path) -> None:
    found = run("rate", votes, "--json", "--model", "elo", "--k", 16).json
    items = ratings.factorize(FIRST, SECOND)
    points = ratings.elo(items.first, items.second, ratings.parse_winners(WINNER), k=16)
    assert found["table"]["rating"] == sorted(points.tolist(), reverse=True)
    assert "lower" not in found["table"]


def test_compare_and_anchor(run: Any, votes: Path) -> None:
    result = expected()
    gap = result.difference(0, 2)
    found = run("rate", votes, "--json", "--scale", "log", "--compare", "x", "z", "--anchor", "z=2").json
    comparison = found["comparison"]
    assert (comparison["difference"], comparison["std_error"]) == (gap.estimate, gap.std_error)
    assert comparison["probability"] == result.probabilities()[0, 2]
    ratings_of = dict(zip(found["table"]["model"], found["table"]["rating"], strict=True))
    assert ratings_of["z"] == 2.0
    assert ratings_of["x"] == pytest.approx(2.0 + gap.estimate, abs=1e-15)
    width = dict(
        zip(found["table"]["model"], np.subtract(found["table"]["upper"], found["table"]["lower"]), strict=True)
    )
    assert width["z"] == 0.0
    assert width["x"] == pytest.approx(2 * 1.959963984540054 * gap.std_error, rel=1e-12)


def test_bootstrap_is_that_of_ratings(run: Any, votes: Path) -> None:
    found = run("rate", votes, "--json", "--bootstrap", 200, "--seed", 3, "--scale", "log").json
    votes_ = ratings.Comparisons.from_votes(FIRST, SECOND, WINNER)
    low, _ = ratings.bootstrap(votes_, ratings.bradley_terry, n_resamples=200, seed=3).interval()
    assert sorted(found["table"]["lower"]) == sorted(low.tolist())


def test_controls_and_clusters(run: Any, lines: Callable[..., Path]) -> None:
    length = np.linspace(-1, 1, 21) ** 2
    who = [f"u{i % 6}" for i in range(21)]
    rows = zip(FIRST, SECOND, WINNER, length, who, strict=True)
    path = lines("v.jsonl", *({"model_a": a, "model_b": b, "winner": w, "long": n, "who": u} for a, b, w, n, u in rows))
    found = run("rate", path, "--json", "--controls", "long", "--cluster", "who", "--scale", "log").json
    items = ratings.factorize(FIRST, SECOND)
    result = ratings.contextual_bradley_terry(
        items.first, items.second, ratings.parse_winners(WINNER), length, clusters=who
    )
    assert found["controls"] == {"long": pytest.approx(result.feature_coef[0], rel=1e-12)}
    low, high = result.interval(robust=True)
    assert sorted(found["table"]["upper"]) == pytest.approx(sorted(high), rel=1e-12)
    order = np.argsort(-result.theta)
    assert found["table"]["best_rank"] == ratings.rank_intervals(low, high).best[order].tolist()


def test_no_rating_is_the_verdict_no(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    path = lines("v.jsonl", {"model_a": "a", "model_b": "b", "winner": "model_a"})
    ran = run("rate", path)
    assert ran.code == 1
    assert "not connected: 2 groups" in ran.out
    assert "undefeated: a; winless: b" in ran.out
    assert "1 rows read = 1 kept + 0 rejected" in ran.out
    assert run("rate", path, "--ridge", 1).code == 0
    assert run("rate", path, "--json").json["table"] is None
    out = tmp_path / "board.csv"
    assert run("rate", path, "--out", out).err == f"prefcore: no rating, so nothing was written to {out}\n"
    assert not out.exists()


def test_matrix_of_wins(run: Any, tmp_path: Path) -> None:
    (tmp_path / "wins.csv").write_text("model,a,b,c\na,0,3,4\nb,1,0,2\nc,2,2,0\n")
    found = run("rate", tmp_path / "wins.csv", "--from", "matrix", "--scale", "log", "--json").json
    assert found["table"]["model"] == ["a", "c", "b"]
    assert found["table"]["rating"] == pytest.approx([0.5743, -0.2205, -0.3539], abs=5e-5)


def test_out_is_the_table(run: Any, votes: Path, tmp_path: Path) -> None:
    out = tmp_path / "board.csv"
    assert run("rate", votes, "--out", out).code == 0
    assert out.read_text().splitlines()[0] == "rank,model,rating,lower,upper,best_rank,worst_rank,games,win_rate"
    assert "exists; --overwrite replaces it" in run("rate", votes, "--out", out).err
    assert run("rate", votes, "--out", out).code == 4
    assert run("rate", votes, "--out", out, "--overwrite").code == 0
    assert run("rate", votes, "--out", votes, "--overwrite").code == 4
    assert votes.read_text().count("\n") == 21


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--k", 3], "--k is for --model elo only"),
        (["--model", "elo", "--ridge", 1], "--ridge is not for --model elo"),
        (["--confidence-level", 1], "--confidence-level must be between 0 and 1"),
        (["--anchor", "x"], "--anchor must be NAME=VALUE with a number, got 'x'"),
        (["--anchor", "xx=1"], "there is no model 'xx'; nearest: x"),
        (["--columns", "winer=c"], "--columns winer=c: there is no 'winer' here; nearest: winner"),
    ],
)
def test_wrong_usage(run: Any, votes: Path, options: list[object], message: str) -> None:
    ran = run("rate", votes, *options)
    assert ran.code == 2
    assert message in ran.err


def test_a_million_votes_in_parts_are_those_in_one(run: Any, tmp_path: Path) -> None:
    """Two batches of JSON (65,536 rows each) and a rest: the counts are exact whatever the parts."""
    random = np.random.default_rng(1)
    n = 140_000
    first = random.integers(0, 5, n)
    second = (first + random.integers(1, 5, n)) % 5
    names = np.array(list("abcde"))
    winner = np.array(["model_a", "model_b", "tie"])[random.integers(0, 3, n)]
    path = tmp_path / "v.csv"
    path.write_text(
        "model_a,model_b,winner\n" + "\n".join(map(",".join, zip(names[first], names[second], winner, strict=True)))
    )
    found = run("rate", path, "--json", "--scale", "log").json
    votes = ratings.Comparisons.from_votes(names[first], names[second], winner)
    assert found["table"]["rating"] == sorted(ratings.bradley_terry(votes).theta.tolist(), reverse=True)
    assert found["rows"]["read"] == n


def test_closed_pipe_and_no_terminal(spawn: Any, votes: Path) -> None:
    ran: subprocess.CompletedProcess[str] = spawn("rate", votes)
    assert ran.returncode == 0
    assert "\x1b" not in ran.stdout + ran.stderr
    assert ran.stderr == ""


def test_whatever_wrote_the_table(run: Any, tmp_path: Path) -> None:
    """Streams of Arrow (as `datasets` keeps them), long strings, views and categories of polars, dictionaries."""
    polars = pytest.importorskip("polars")
    table = pa.table({"model_a": FIRST, "model_b": SECOND, "winner": WINNER})
    with pa.ipc.new_stream(tmp_path / "stream.arrow", table.schema) as stream:
        stream.write_table(table, max_chunksize=5)
    for name, kind in (("long", pa.large_string()), ("view", pa.string_view())):
        feather.write_feather(
            table.cast(pa.schema([(c, kind) for c in table.column_names])), tmp_path / f"{name}.feather"
        )
    coded = pa.table({name: table[name].dictionary_encode() for name in table.column_names})
    pq.write_table(coded, tmp_path / "coded.parquet", row_group_size=4)
    frame = polars.from_arrow(table)
    frame.write_ipc(tmp_path / "polars.arrow")
    frame.with_columns(polars.col("model_a").cast(polars.Categorical)).write_parquet(tmp_path / "category.parquet")
    frame.with_columns(polars.col("model_a").cast(polars.Categorical)).write_ipc(tmp_path / "category.arrow")
    points = sorted(ratings.elo_scale(expected().theta).tolist(), reverse=True)
    for path in tmp_path.iterdir():
        ran = run("rate", path, "--json")
        assert ran.code == 0, (path, ran.err)
        assert ran.json["table"]["rating"] == points, path
