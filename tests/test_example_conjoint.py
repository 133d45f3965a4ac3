"""The survey: what the example writes can be recomputed from its input, and bad input is told by line."""

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefcore import conjoint as cj

pytest.importorskip("matplotlib", reason="requirements/demo.txt is not installed")
pytest.importorskip("torch", reason="requirements/demo.txt is not installed")

EXAMPLES = Path(__file__).parents[1] / "examples"
TAXES = Path(__file__).parents[2] / "shared" / "data" / "taxes.csv.gz"
HEADER = ["who", "party", "chosen", "tax", "revenue"]
LEVELS = {"tax": ["5%", "15%", "25%"], "revenue": ["<75%", "75-95%", ">95%"]}
#: what the voters of each party like: scores of the levels
LIKES = {"left": ([0.0, -0.6, -1.2], [0.0, 0.1, 0.3]), "right": ([0.0, 0.3, 0.8], [0.0, -0.2, -0.1])}
OPTIONS = ["--factors", "tax,revenue", "--outcome", "chosen", "--respondent", "who", "--group", "party"]


def analyze(data: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, str(EXAMPLES / "conjoint_taxes.py"), "--data", str(data), "--out", str(out), *options]
    return subprocess.run(program, check=False, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 respondents with 8 pairs each; one in six says no party."""
    rng = np.random.default_rng(5)
    path = tmp_path_factory.mktemp("survey") / "survey.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for who in range(300):
            party = ["left", "right", "left", "right", "", "left"][who % 6]
            tax, revenue = LIKES[party or "left"]
            for _ in range(8):
                pair = rng.integers(0, 3, size=(2, 2))
                gap = tax[pair[0, 0]] + revenue[pair[0, 1]] - tax[pair[1, 0]] - revenue[pair[1, 1]]
                first = int(rng.random() < 1 / (1 + np.exp(-gap)))
                for chosen, (one, other) in zip((first, 1 - first), pair, strict=True):
                    writer.writerow([who, party, chosen, LEVELS["tax"][one], LEVELS["revenue"][other]])
    return path


@pytest.fixture(scope="module")
def written(survey: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("example") / "out"
    done = analyze(survey, out, *OPTIONS, "--parties", "left,right", "--beta", "0.1")
    assert done.returncode == 0, done.stderr
    for name in ("effects.png", "optimal.png", "equilibrium.png"):
        assert (out / name).stat().st_size > 10_000, name
    return dict(json.loads((out / "survey.json").read_text()))


@pytest.fixture(scope="module")
def answers(survey: Path) -> cj.ConjointData:
    with survey.open(newline="") as file:
        rows = list(csv.DictReader(file))
    frame: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in HEADER}
    frame["chosen"] = [float(text) for text in frame["chosen"]]
    frame["party"] = [text or None for text in frame["party"]]
    columns = {"factors": ["tax", "revenue"], "outcome": "chosen", "respondent": "who", "group": "party"}
    return cj.ConjointData.from_frame(frame, **columns, rows_per_task=2, design=cj.Design(LEVELS))


def test_levels_stand_in_the_order_of_their_numbers(written: dict[str, Any]) -> None:
    assert {factor: list(part) for factor, part in written["optimal"].items()} == LEVELS


def test_effects_are_differences_of_means_within_their_intervals(written: dict[str, Any], answers: Any) -> None:
    """With two independent factors the regression is close to differences of plain means."""
    effects = written["amce"]
    for factor, level, estimate, low, high in zip(*(effects[k] for k in effects), strict=True):
        d = list(LEVELS).index(factor)
        shown = answers.profiles[:, d] == LEVELS[factor].index(level)
        plain = answers.outcomes[shown].mean() - answers.outcomes[answers.profiles[:, d] == 0].mean()
        assert estimate == pytest.approx(plain, abs=0.02)
        assert low < plain < high


def test_the_offers_are_best_replies(written: dict[str, Any], answers: Any) -> None:
    """Each factor of the left party: base times exp(slope / beta), the slopes by all pairs of profiles."""
    scores = {name: cj.fit_outcome_logit(part, intercept=False).main for name, part in answers.by_group().items()}
    offers = {
        name: [np.array(list(part.values())) for part in written["equilibrium"][name].values()] for name in scores
    }
    bases = {name: [np.array(list(part.values())) for part in written["bases"][name].values()] for name in scores}
    share = {"left": 3 / 5, "right": 2 / 5}
    win = sum(
        share[name] / (1 + np.exp(-(np.add.outer(*main).ravel()[:, None] - np.add.outer(*main).ravel())))
        for name, main in scores.items()
    )
    reply = (win @ np.outer(*offers["right"]).ravel()).reshape(3, 3)
    tax, revenue = offers["left"]
    for offer, base, slope in ((tax, bases["left"][0], reply @ revenue), (revenue, bases["left"][1], tax @ reply)):
        best = base * np.exp(slope / 0.1)
        np.testing.assert_allclose(offer, best / best.sum(), atol=1e-8)
    value = np.outer(*offers["left"]).ravel() @ win @ np.outer(*offers["right"]).ravel()
    assert written["vote_share"] == pytest.approx(value, abs=1e-12)
    assert written["gap"] <= 1e-10


def test_bad_input_is_told_in_one_sentence(survey: Path, tmp_path: Path) -> None:
    lines = survey.read_text().splitlines()
    broken = tmp_path / "broken.csv"
    broken.write_text("\n".join([*lines[:3], lines[3].replace(",0,", ",maybe,").replace(",1,", ",maybe,"), *lines[4:]]))
    cases = [
        (
            analyze(broken, tmp_path / "o", *OPTIONS, "--parties", "left,right"),
            "line 4, chosen: expected a number, got",
        ),
        (
            analyze(survey, tmp_path / "o", *OPTIONS, "--parties", "left,center"),
            "--parties must name two of the groups",
        ),
        (analyze(survey, tmp_path / "o"), "must have the column 'taxrate1'"),
        (analyze(tmp_path / "none.csv", tmp_path / "o", *OPTIONS), "cannot read"),
    ]
    for done, text in cases:
        assert done.returncode == 1
        assert text in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "o").exists()


@pytest.mark.skipif(not TAXES.exists(), reason="the tax data lie in ../shared/data")
def test_the_tax_survey_runs_with_the_defaults(tmp_path: Path) -> None:
    done = analyze(TAXES, tmp_path / "taxes")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "taxes" / "survey.json").read_text())
    with gzip.open(TAXES, "rt") as file:
        assert found["tasks"] == (sum(1 for _ in file) - 1) // 2
    amce = dict(
        zip(zip(found["amce"]["factor"], found["amce"]["level"], strict=True), found["amce"]["estimate"], strict=True)
    )
    assert amce["taxrate1", "<10k: 25%"] == pytest.approx(-0.2215066470, abs=1e-9), "as cregg prints it"
    assert found["gap"] <= 1e-10
