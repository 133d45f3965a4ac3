"""The preference game: its figures can be recomputed from the data, and bad input is told by line."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefcore import games, ratings

pytest.importorskip("matplotlib", reason="requirements/demo.txt is not installed")
pytest.importorskip("torch", reason="requirements/demo.txt is not installed")

EXAMPLES = Path(__file__).parents[1] / "examples"
DATA = EXAMPLES / "data" / "win_probabilities.csv"


def play(data: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, str(EXAMPLES / "preference_game.py"), "--data", str(data), "--out", str(out), *options]
    return subprocess.run(program, check=False, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("game") / "out"
    done = play(DATA, out, "--resamples", "50")
    assert done.returncode == 0, done.stderr
    assert (out / "standings.png").stat().st_size > 10_000
    return dict(json.loads((out / "standings.json").read_text()))


@pytest.fixture(scope="module")
def wins() -> Any:
    """[n, n] prompts on which the row beats the column, a tie as half, by hand."""
    with DATA.open(newline="") as file:
        body = np.array([row[1:] for row in list(csv.reader(file))[1:]], dtype=np.float64)
    ahead = np.sign(body[:, :, None] - body[:, None, :]).sum(0)
    return np.where(np.eye(body.shape[1], dtype=bool), 0.0, (len(body) + ahead) / 2)


def column(written: dict[str, Any], name: str) -> Any:
    """Of all models, in the order of the file."""
    rows = {row["model"]: row[name] for row in written["models"]}
    return np.array([rows[model] for model in sorted(rows)])


def test_figures_are_those_of_the_majorities(written: dict[str, Any], wins: Any) -> None:
    """The models are in alphabetical order."""
    share = wins / 90
    np.fill_diagonal(share, 0.5)
    nash = column(written, "nash")
    reply = np.exp((share - 0.5) @ nash / written["beta"])
    np.testing.assert_allclose(nash, reply / reply.sum(), atol=1e-9)
    lottery = column(written, "maximal_lottery")
    assert (lottery @ (wins - wins.T)).min() > -1e-9
    board = ratings.bradley_terry(ratings.Comparisons.from_matrix(wins))
    np.testing.assert_allclose(column(written, "points"), ratings.elo_scale(board.theta), atol=1e-6)
    np.testing.assert_array_equal(column(written, "schulze_rank"), games.schulze(wins).ranks)


def test_intervals_hold_the_ratings_and_are_in_order(written: dict[str, Any]) -> None:
    points, low, high = (column(written, name) for name in ("points", "low", "high"))
    assert ((low < points) & (points < high)).all()
    assert (column(written, "best_rank") <= column(written, "worst_rank")).all()
    assert [row["points"] for row in written["models"]] == sorted(points, reverse=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prompt_id,a,b\n0,0.5,0.25\n1,0.5\n", "line 3: expected 3 fields, got 2"),
        ("prompt_id,a,b\n0,0.5,0.25\n1,0.5,much\n", "line 3, b: expected a number in [0, 1], got 'much'"),
        ("prompt_id,a,b\n0,0.5,1.25\n1,0.5,0.5\n", "line 2, b: expected a number in [0, 1], got '1.25'"),
        ("", "is empty: expected a header"),
        ("prompt_id,a,a\n0,0.5,0.5\n1,0.5,0.5\n", "must have two or more prompts and models with different names"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "data.csv").write_text(text)
    done = play(tmp_path / "data.csv", tmp_path / "out")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
