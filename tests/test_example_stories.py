"""The three scripts in cells: their figures, recomputed from their data, and their pictures."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="requirements/demo.txt is not installed")

EXAMPLES = Path(__file__).parents[1] / "examples"
DATA = EXAMPLES / "data"
#: of the models in votes.csv, by examples/data/README.md
STRENGTHS = {"aster": 0.9, "basil": 0.6, "clover": 0.4, "dahlia": 0.1, "fennel": -0.1, "ginger": -0.3, "iris": -0.6,
             "lupine": -1.0}  # fmt: skip


def story(name: str, out: Path, *pictures: str) -> str:
    """What a script prints; its pictures are there."""
    program = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), "--out", str(out)]
    settings = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(program, check=False, capture_output=True, text=True, timeout=240, env=settings)
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in out.iterdir()) == sorted(pictures)
    assert all((out / picture).stat().st_size > 10_000 for picture in pictures)
    return done.stdout


def rows_of(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))


def number(text: str, before: str) -> float:
    found = re.search(re.escape(before) + r" *\(?([+-]?[\d.]+(?:e-\d+)?)", text)
    assert found, (before, text)
    return float(found[1])


def test_trainers(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="requirements/demo.txt is not installed")
    text = story("for_trainers", tmp_path, "margins.png", "logps.png")
    rated = [json.loads(line) for line in (DATA / "rated.jsonl").read_text().splitlines()]
    gaps = [
        (prompt, a["score"] - b["score"]) for prompt, row in enumerate(rated) for a in row["completions"]
        for b in row["completions"]
    ]  # fmt: skip
    n = sum(gap >= 2 for _, gap in gaps)
    held_out = sum(gap >= 2 and prompt >= 80 for prompt, gap in gaps)
    assert f"make {n} pairs, {held_out} held out" in text
    assert number(text, "loss of the last batch") < 0.6
    accuracy = number(text, "held-out accuracy")
    assert accuracy > 0.55
    assert accuracy * held_out == pytest.approx(round(accuracy * held_out), abs=0.05), "a share of the held-out pairs"


def test_evaluators(tmp_path: Path) -> None:
    """The true rank of each model lies in its interval; the judge's figures by their definitions."""
    text = story("for_evaluators", tmp_path, "ratings.png", "wins.png", "judge.png")
    assert "a rating of all models exists: False; nobody has beaten juniper" in text
    ranks = re.findall(r"^(\w+) +([\d.]+)  rank (\d) to (\d)$", text, re.MULTILINE)
    assert {name for name, *_ in ranks} == set(STRENGTHS)
    for name, points, best, worst in ranks:
        true = 1 + list(STRENGTHS).index(name)
        assert int(best) <= true <= int(worst)
        centered = STRENGTHS[name] - np.mean(list(STRENGTHS.values()))
        # a tie is half a win, whoever meets: they pull ratings to the middle by a tenth or so
        assert float(points) == pytest.approx(1000 + 400 / np.log(10) * 0.88 * centered, abs=60)
    votes = [row for row in rows_of("votes.csv") if row["winner"] != "tie"]
    people = np.array([row["winner"] == "model_a" for row in votes])
    says = np.array([float(row["judge"]) for row in votes])
    same, chance = np.mean(people == (says > 0.5)), np.mean(people) * np.mean(says > 0.5)
    chance += np.mean(~people) * np.mean(says <= 0.5)
    assert number(text, "agree on") == pytest.approx(same, abs=5e-4)
    assert number(text, "kappa") == pytest.approx((same - chance) / (1 - chance), abs=5e-4)
    above = says[people][:, None] - says[~people]
    assert number(text, "ROC AUC") == pytest.approx(np.mean((above > 0) + 0.5 * (above == 0)), abs=5e-4)
    assert number(text, "first place wins") > 0.55, "the judge leans to it by 0.3 log-odds"


def test_surveys(tmp_path: Path) -> None:
    """Effects next to differences of plain means; each party offers what its voters were made to like."""
    text = story("for_surveys", tmp_path, "effects.png", "groups.png", "offers.png")
    rows = rows_of("survey.csv")
    chosen = np.array([int(row["chosen"]) for row in rows])
    for factor, level, reference in (
        ("fare", "2 euros", "free"),
        ("service", "every 5 min", "every 30 min"),
        ("night_bus", "yes", "no"),
    ):
        shown = np.array([row[factor] for row in rows])
        plain = chosen[shown == level].mean() - chosen[shown == reference].mean()
        assert number(text, f"{factor:<10}{level:<14}") == pytest.approx(plain, abs=0.02)
    assert "paid_by: town 'parking fees', country 'property tax'" in text
    assert number(text, "gap") < 1e-10
    shares = {name: number(text, f"'{name}':") for name in ("town", "country")}
    assert shares["town"] > 0.55
    assert shares["country"] < 0.45
    assert number(text, "the town party has") == pytest.approx(0.6 * shares["town"] + 0.4 * shares["country"], abs=2e-3)


def test_a_notebook_has_no_file_and_other_arguments(tmp_path: Path) -> None:
    """Each cell by itself in one namespace, as Jupyter runs them, beside the folder `data`."""
    (tmp_path / "data").symlink_to(DATA)
    text = (
        "import pathlib, sys\nsys.argv = ['ipykernel', '-f', 'kernel.json']\nspace = {'__name__': '__main__'}\n"
        f"cells = pathlib.Path({str(EXAMPLES / 'for_surveys.py')!r}).read_text().split('# %%')\n"
        "for cell in cells: exec('#' + cell, space) if cell is not cells[0] else exec(cell, space)"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out" / "for_surveys").iterdir())) == 3


@pytest.mark.parametrize("name", ["for_trainers", "for_evaluators", "for_surveys"])
def test_each_is_a_short_story(name: str) -> None:
    lines = (EXAMPLES / f"{name}.py").read_text().splitlines()
    assert len(lines) < 80
    assert sum(line.startswith("# %% ") for line in lines) >= 6
