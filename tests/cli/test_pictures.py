"""Pictures and pages say the numbers of the table, are whole or absent, and name what is missing."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the extra plot is not installed")

from matplotlib import pyplot as plt

from prefcore.cli import _pictures
from report_pages import Page

FIRST = ["x", "x", "y", "z", "y", "x", "z"] * 3
SECOND = ["y", "z", "x", "y", "z", "z", "x"] * 3
WINNER = ["model_a", "model_a", "model_a", "tie", "model_b", "tie", "model_b"] * 3
MATRIX = "item,a,b,c\na,0.5,0.6,0.2\nb,0.4,0.5,0.7\nc,0.8,0.3,0.5\n"


@pytest.fixture
def votes(lines: Callable[..., Path]) -> Path:
    rows = zip(FIRST, SECOND, WINNER, range(21), strict=True)
    return lines(
        "votes.jsonl",
        *({"model_a": a, "model_b": b, "winner": w, "length_a": n % 5, "length_b": n % 4} for a, b, w, n in rows),
    )


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Axes of every picture that is saved."""
    axes: list[Any] = []
    save = _pictures.save

    def seen(path: Path, ax: Any) -> None:
        axes.append(ax)
        save(path, ax)

    monkeypatch.setattr(_pictures, "save", seen)
    yield axes
    assert plt.get_fignums() == []


def rows_of(ax: Any) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


@pytest.mark.parametrize(
    "options", [[], ["--scale", "log", "--anchor", "y=2", "--confidence-level", 0.8], ["--bootstrap", 50]]
)
def test_ratings_are_drawn_as_in_the_table(
    run: Any, votes: Path, tmp_path: Path, drawn: list[Any], options: list[object]
) -> None:
    table = run("rate", votes, "--json", "--plot", tmp_path / "r.svg", *options).json["table"]
    assert rows_of(drawn[0]) == table["model"]
    dots = next(line for line in drawn[0].lines if line.get_gid() == "estimates")
    assert dots.get_xdata().tolist() == table["rating"]
    ends = [segment[:, 0].tolist() for segment in drawn[0].collections[0].get_segments()]
    assert ends == [list(pair) for pair in zip(table["lower"], table["upper"], strict=True)]
    level = "80%" if "--anchor" in options else "95%"
    assert f"({level} intervals)" in (tmp_path / "r.svg").read_text()


def test_elo_has_dots_without_intervals(run: Any, votes: Path, tmp_path: Path, drawn: list[Any]) -> None:
    table = run("rate", votes, "--model", "elo", "--json", "--plot", tmp_path / "r.png").json["table"]
    assert drawn[0].lines[0].get_xdata().tolist() == table["rating"]
    assert drawn[0].get_xlabel() == "rating, points"
    assert (tmp_path / "r.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("end", ["png", "svg", "pdf"])
def test_the_same_votes_give_the_same_bytes(run: Any, votes: Path, tmp_path: Path, end: str) -> None:
    for name in ("one", "two"):
        assert run("rate", votes, "--plot", tmp_path / f"{name}.{end}").code == 0
    assert (tmp_path / f"one.{end}").read_bytes() == (tmp_path / f"two.{end}").read_bytes()


def test_win_rates_and_those_at_equal_length(run: Any, votes: Path, tmp_path: Path, drawn: list[Any]) -> None:
    ran = run("winrate", votes, "--baseline", "z", "--length-controlled", "--json", "--plot", tmp_path / "w.svg")
    table = ran.json["table"]
    assert rows_of(drawn[0]) == ["x", "y"]
    dots, diamonds, half = drawn[0].lines
    assert (dots.get_xdata().tolist(), list(diamonds.get_xdata())) == (table["win_rate"], table["length_controlled"])
    assert list(half.get_xdata()) == [0.5, 0.5]


def test_a_game_draws_the_ranks(run: Any, tmp_path: Path, drawn: list[Any]) -> None:
    (tmp_path / "m.csv").write_text(MATRIX)
    found = run("game", tmp_path / "m.csv", "--json", "--rules", "borda,schulze", "--plot", tmp_path / "g.svg").json
    rules = [label.get_text() for label in drawn[0].get_xticklabels()]
    assert rules == ["borda", "schulze", "policy", "lottery"]
    places = np.array([line.get_ydata() for line in drawn[0].lines])
    assert places[:, 1].tolist() == found["table"]["schulze"]
    assert places[:, 2].tolist() == (np.argsort(np.argsort(-np.array(found["table"]["policy"]))) + 1).tolist()


def test_the_page_of_votes(run: Any, votes: Path, tmp_path: Path) -> None:
    table = run("rate", votes, "--json", "--html", tmp_path / "r.html").json["table"]
    page = Page(tmp_path / "r.html")
    assert [row[1] for row in page.tables[0][1:]] == table["model"]
    assert [float(row[2]) for row in page.tables[0][1:]] == pytest.approx(table["rating"], abs=0.51)
    assert page.facts["intervals"] == "normal"
    run("rate", votes, "--bootstrap", 20, "--html", tmp_path / "b.html")
    assert Page(tmp_path / "b.html").facts["intervals"] == "bootstrap of 20"


def test_the_page_with_controls_knows_the_names(run: Any, votes: Path, tmp_path: Path) -> None:
    assert run("rate", votes, "--controls", "length_a", "--html", tmp_path / "r.html").code == 0
    assert sorted(row[1] for row in Page(tmp_path / "r.html").tables[0][1:]) == ["x", "y", "z"]


def test_the_page_of_a_file(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    rated = {"prompt": "p", "completions": ["long", "b"], "scores": [3, 1]}
    found = run("inspect", lines("in.jsonl", rated, rated), "--html", tmp_path / "i.html", "--json").json
    page = Page(tmp_path / "i.html")
    assert (page.facts["layout"], page.facts["read"], page.facts["pairs"]) == ("rated", "2", "2")
    assert page.facts["rows that come again"] == "1"
    counts = [title.split(": ")[1] for title in page.titles(0)]
    assert counts == [str(count) for count in found["score_histogram"]["count"]]


@pytest.fixture
def survey(lines: Callable[..., Path], tmp_path: Path) -> tuple[Path, Path]:
    random = np.random.default_rng(8)
    rows = []
    for task in range(120):
        price = random.integers(0, 2, 2)
        first = random.random() < 1 / (1 + np.exp(price[0] - price[1]))
        rows += [
            {"price": str(9 + price[side]), "won": int(won), "who": f"r{task // 6}", "task": task,
             "party": "ab"[task % 2]}
            for side, won in ((0, first), (1, not first))
        ]  # fmt: skip
    config = {"factors": ["price"], "outcome": "won", "respondent": "who", "task": "task", "group": "party"}
    (tmp_path / "c.json").write_text(json.dumps(config))
    return lines("s.jsonl", *rows), tmp_path / "c.json"


def test_a_survey_is_drawn_beside_its_tables(
    run: Any, survey: tuple[Path, Path], tmp_path: Path, drawn: list[Any]
) -> None:
    out, page = tmp_path / "out", tmp_path / "c.html"
    ran = run("conjoint", survey[0], "--config", survey[1], "--out", out, "--html", page, "--json")
    assert sorted(file.name for file in out.iterdir()) == ["effects.csv", "effects.png", "policy.csv", "policy.png"]
    assert drawn[0].lines[0].get_xdata().tolist() == ran.json["effects"]["estimate"]
    widths = {bars.get_label(): [bar.get_width() for bar in bars] for bars in drawn[1].containers}
    assert list(widths.values()) == [ran.json["policy"][name] for name in ("shown", "optimal", "party_a", "party_b")]
    assert Page(page).facts["respondents"] == "20"
    assert "Equilibrium" in page.read_text()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--plot", "r.jpg"], 2, "--plot r.jpg: must end in .png, .svg, .pdf"),
        (["--html", "r.txt"], 2, "--html r.txt: must end in .html"),
        (["--html", "r.html", "--confidence-level", 0.9], 2, "--html has intervals of 95 percent"),
        (["--html", "r.html", "--anchor", "x=1"], 2, "--html does not go with --anchor: a page shows points"),
        (["--html", "r.html", "--model", "elo"], 2, "--html does not go with --model elo"),
        (["--html", "no/r.html"], 4, "no/r.html: there is no folder no"),
        (["--plot", "old.png"], 4, "old.png: exists; --overwrite replaces it"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_reading(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[object], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.png").touch()
    ran = run("rate", "no-such-file.jsonl", *options)
    assert (ran.code, message in ran.err) == (code, True), ran.err


def test_without_matplotlib(
    run: Any, votes: Path, survey: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked for by name is refused; tables of a survey are written without their pictures, and that is said."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for option, name in (("--plot", "r.png"), ("--html", "r.html")):
        ran = run("rate", votes, option, tmp_path / name)
        assert (ran.code, ran.err) == (2, f"prefcore: {option} needs matplotlib: pip install 'prefcore[plot]'\n")
        assert not (tmp_path / name).exists()
    ran = run("conjoint", survey[0], "--config", survey[1], "--out", tmp_path / "out")
    assert (ran.code, ran.err) == (0, "prefcore: no pictures: they need matplotlib: pip install 'prefcore[plot]'\n")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["effects.csv", "policy.csv"]


def test_no_rating_no_picture(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    path = lines("v.jsonl", {"model_a": "a", "model_b": "b", "winner": "model_a"})
    assert run("rate", path, "--plot", tmp_path / "r.png", "--html", tmp_path / "r.html").code == 1
    assert not list(tmp_path.glob("r.*"))


def test_letters_that_the_font_lacks(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    rows = [{"model_a": "通义", "model_b": "b", "winner": winner} for winner in ("model_a", "model_b")]
    ran = run("rate", lines("v.jsonl", *rows), "--plot", tmp_path / "r.png")
    assert (ran.code, "the font lacks some letters of the names; .svg shows them" in ran.err) == (0, True)
    ran = run("rate", lines("v.jsonl", *rows), "--plot", tmp_path / "r.svg")
    assert (ran.err, "通义" in (tmp_path / "r.svg").read_text()) == ("", True)
