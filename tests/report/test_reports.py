"""A report holds the numbers of its results, escapes their names, and asks nothing of the network."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose

from prefcore import conjoint as cj
from prefcore import ratings, report
from prefcore.errors import DomainError, ShapeError
from report_pages import Page

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
EVIL = "<script>alert(1)</script> & \"x\" $y$ id='z'"


@pytest.fixture(scope="module")
def votes() -> ratings.Comparisons:
    wins = np.array([[0, 8, 9, 7], [2, 0, 6, 5], [1, 4, 0, 0], [3, 2, 0, 0.0]])
    return ratings.Comparisons.from_matrix(wins, names=["second", EVIL, "c", "d"])


@pytest.fixture(scope="module")
def board(votes: ratings.Comparisons, tmp_path_factory: pytest.TempPathFactory) -> Page:
    path = tmp_path_factory.mktemp("board") / "board.html"
    assert report.leaderboard(ratings.bradley_terry(votes), path, comparisons=votes) == path
    return Page(path)


def test_leaderboard_lists_points_ranks_and_win_rates(votes: ratings.Comparisons, board: Page) -> None:
    result = ratings.bradley_terry(votes)
    order = np.argsort(-result.theta)
    head, *rows = board.tables[0]
    assert head == ["rank", "item", "points", "low", "high", "best rank", "worst rank", "games", "win rate"]
    assert [row[1] for row in rows] == [votes.names[item] for item in order]  # type: ignore[index]
    columns = np.array([[float(field.replace("−", "-")) for field in row[:1] + row[2:]] for row in rows]).T
    ranks = result.rank_intervals()
    assert_allclose(columns[1], ratings.elo_scale(result.theta)[order], atol=0.5)
    assert all("." not in field for row in rows for field in row[2:5]), "points are whole, whatever their middle"
    assert_allclose(columns[2:4], ratings.elo_scale(result.interval())[:, order], atol=0.5)
    assert_allclose(columns[4:6], np.array(ranks)[:, order])
    assert_allclose(columns[6], votes.n_games[order])
    assert_allclose(columns[7], ratings.win_rate(votes)[order], atol=5e-5)
    assert board.facts["cyclic triples"] == "0 of 2"


def test_marks_tell_their_numbers(votes: ratings.Comparisons, board: Page) -> None:
    titles = board.titles(0)
    best = ratings.elo_scale(ratings.bradley_terry(votes).theta[0])
    assert titles[0].startswith(f"second: {best:.0f} points, ")
    assert len(titles) == 4
    assert titles[1].startswith(EVIL)
    cells = board.titles(1)
    assert len(cells) == 10, "pairs that met, in both directions"
    assert cells[0] == f"second against {EVIL}: 80.0% of 10 games, 49.0% to 94.3%"


def test_the_rectangles_cover_the_heat_map(board: Page) -> None:
    picture = board.pictures[1]
    boxes = [
        element.attrib
        for element in picture.iter()
        if element.tag.endswith("rect") and "fill-opacity" in element.attrib
    ]
    left, top = (min(float(box[key]) for box in boxes) for key in ("x", "y"))
    right = max(float(box["x"]) + float(box["width"]) for box in boxes)
    (image, *_) = (element.attrib for element in picture.iter() if element.tag.endswith("image"))
    assert_allclose([left, right], [float(image["x"]), float(image["x"]) + float(image["width"])], atol=1.5)
    assert top > 0


def test_letters_of_the_cells_stay_dark_on_dark_pages_and_the_names_turn_light(board: Page) -> None:
    """The cells keep their light colors, so what stands in them may not follow the page."""
    texts = [element for element in board.pictures[1].iter() if element.tag.endswith("text")]
    style = {"".join(text.itertext()): text.attrib["style"] for text in texts}
    assert "fill: #1a1a1a" in style["20%"]
    assert "var(--ink)" in style["c"] or "fill" not in style["c"]


def test_names_may_be_of_any_script(tmp_path: Path) -> None:
    wins = ratings.Comparisons.from_matrix([[0, 3], [1, 0]], names=["模型", "نموذج 😀"])
    page = Page(report.leaderboard(ratings.bradley_terry(wins), tmp_path / "b.html", comparisons=wins))
    assert ">模型</text>" in page.text
    assert [row[1] for row in page.tables[0][1:]] == ["模型", "نموذج 😀"]


def test_intervals_of_a_bootstrap_take_the_place_of_the_normal_ones(votes: ratings.Comparisons, tmp_path: Path) -> None:
    result = ratings.bradley_terry(votes)
    spread = ratings.bootstrap(votes, ratings.bradley_terry, n_resamples=50, seed=1)
    page = Page(report.leaderboard(result, tmp_path / "b.html", intervals=spread))
    lows = [float(row[3].replace("−", "-")) for row in page.tables[0][1:]]
    assert_allclose(lows, ratings.elo_scale(spread.interval()[0])[np.argsort(-result.theta)], atol=0.5)
    assert page.facts["intervals"] == "bootstrap of 50"
    assert len(page.pictures) == 1
    assert "95% percentile intervals" in page.text
    assert ">second</text>" in page.text


@pytest.fixture(scope="module")
def survey() -> Any:
    rng = np.random.default_rng(1)
    levels = {"tax": ["5%", "<15%"], EVIL: ["none", "some", "all"]}
    first, second = (np.stack([rng.integers(0, 2, 300), rng.integers(0, 3, 300)], 1) for _ in range(2))
    chosen = rng.random(300) < 1 / (1 + np.exp((first - second) @ [0.8, -0.3]))
    return cj.ConjointData.from_pairs(first, second, chosen, np.arange(300) // 3, design=cj.Design(levels))


def test_survey_lists_effects_policies_and_equilibrium(survey: cj.ConjointData, tmp_path: Path) -> None:
    effects = cj.amce(survey)
    model = cj.fit_outcome_logit(survey, intercept=False)
    best = cj.optimal_policy(model, beta=0.1)
    both = cj.equilibrium(cj.Game({"all": model}), beta=0.1)
    policies = {"best": best, "design": survey.design.probs}
    page = Page(report.conjoint(effects, tmp_path / "s.html", policies=policies, equilibrium=both))
    shown, offers, parties = page.tables
    assert [row[1] for row in shown[1:]] == list(effects.level)
    estimates = [float(row[3].replace("−", "-")) for row in shown[1:]]
    assert_allclose(estimates, effects.estimate, atol=5e-5)
    assert offers[0] == ["factor", "level", "best", "design"]
    assert_allclose([float(row[2]) for row in offers[1:]], np.concatenate(best.policy), atol=5e-5)
    assert_allclose([float(row[3]) for row in parties[1:]], np.concatenate(both.policy_b), atol=5e-5)
    assert page.titles(0)[0] == f"tax, <15%: {effects.estimate[0]:.4f}, " + "{:.4f} to {:.4f}".format(
        *(end[0] for end in effects.interval())
    )
    assert page.titles(1)[:2] == [
        f"best: tax, {name}: {p:.4f}" for name, p in zip(["5%", "<15%"], best.policy[0], strict=True)
    ]
    assert len(page.titles(1)) == 10
    assert float(page.facts["vote share of A"]) == pytest.approx(both.value, abs=1e-4)
    rough = report.conjoint(effects, tmp_path / "r.html", equilibrium=replace(both, gap=0.01234))
    assert Page(rough).facts["gap"] == "0.01234"
    quiet(page)


def test_policies_may_be_called_like_the_other_columns(survey: cj.ConjointData, tmp_path: Path) -> None:
    best = cj.optimal_policy(cj.fit_outcome_logit(survey, intercept=False), beta=0.1)
    policies = {"factor": best, "level": survey.design.probs}
    page = Page(report.conjoint(cj.amce(survey), tmp_path / "s.html", policies=policies))
    head, *rows = page.tables[1]
    assert head == ["factor", "level", "factor", "level"]
    assert [row[:2] for row in rows[:2]] == [["tax", "5%"], ["tax", "<15%"]]
    assert_allclose([float(row[2]) for row in rows], np.concatenate(best.policy), atol=5e-5)


LOG = [
    {"step": 10, "loss": 0.69, "logps/chosen": -50.0, "logps/rejected": -60.0, "epoch": 0.5, "note": EVIL},
    {"step": 20, "loss": float("nan"), "logps/chosen": -52.0, "logps/rejected": -70.0, EVIL: 1e-7},
    {"step": 20, "eval_loss": 0.5, "total_flos": 1e15},
]


def test_training_draws_each_column_and_says_what_is_missing(tmp_path: Path) -> None:
    page = Page(report.training(LOG, tmp_path / "t.html"))
    assert page.titles(0) == ["step 10: -50", "step 20: -52", "step 10: -60", "step 20: -70"]
    assert [page.titles(k) for k in (1, 2, 3)] == [["step 10: 0.69"], ["step 20: 1e-07"], ["step 20: 0.5"]]
    assert len(page.pictures) == 4
    assert page.facts == {"rows": "3", "last step": "20", "entries left out": "1"}
    head, *rows = page.tables[0]
    assert head[:5] == ["step", "loss", "logps/chosen", "logps/rejected", "epoch"]
    assert [row[1] for row in rows] == ["0.6900", "–", "–"]
    assert [row[head.index(EVIL)] for row in rows] == ["–", "1e−07", "–"]
    assert [row[head.index("total_flos")] for row in rows] == ["–", "–", "1e+15"]
    quiet(page)


def test_pictures_take_the_colors_of_the_page(board: Page, tmp_path: Path) -> None:
    run = Page(report.training(LOG, tmp_path / "t.html"))
    drawn = "".join(ET.tostring(picture, "unicode") for page in (board, run) for picture in page.pictures)
    for name in ("ink", "blue", "orange", "gray", "line"):
        assert f"var(--{name})" in drawn
    for color in ("#000000", "#0072b2", "#d55e00", "#7f7f7f", "#b0b0b0"):
        assert color not in drawn.lower(), "would not follow the page into the dark"


def test_names_that_differ_in_signs_only_have_pictures_of_their_own(tmp_path: Path) -> None:
    quiet(Page(report.training([{"step": 1, "a/b": 1.0, "ab": 2.0, "a_b": 3.0}], tmp_path / "t.html")))
    bins = {"edges": [0, 1], "counts": [1]}
    page = Page(report.inspect({"!!": bins, "??": bins, "g a": bins, "ga": bins}, tmp_path / "i.html"))
    assert len(page.pictures) == 4
    quiet(page)


def test_inspect_shows_odd_numbers(tmp_path: Path) -> None:
    found = {"array": np.array(3.25), "huge": 10**400, "bytes": b"ab", "half": "\ud800"}
    assert Page(report.inspect(found, tmp_path / "i.html")).facts == {
        "array": "3.25",
        "huge": "inf",
        "bytes": "b'ab'",
        "half": "?",
    }


def test_inspect_draws_histograms_and_tables(tmp_path: Path) -> None:
    found = {
        "rows": 12,
        EVIL: EVIL,
        "gap": {"edges": [0, 0.5, 1.5], "counts": [3, 9]},
        "length bias": {"rate": 0.612345, "n": None},
        "worst": [{"line": 2, "reason": EVIL}, {"line": 11}],
        "groups": {"name": ["a", "b"], "rows": [5, 7]},
    }
    page = Page(report.inspect(found, tmp_path / "i.html"))
    assert page.facts == {"rows": "12", EVIL: EVIL, "rate": "0.6123", "n": "–"}
    assert page.titles(0) == ["0 to 0.5: 3", "0.5 to 1.5: 9"]
    assert page.tables == [
        [["line", "reason"], ["2", EVIL], ["11", "–"]],
        [["name", "rows"], ["a", "5"], ["b", "7"]],
    ]
    quiet(page)


def quiet(page: Page) -> None:
    """One script, no element of a name, and no link that leaves the file."""
    assert page.tags.count("script") == 1
    assert len(set(page.ids)) == len(page.ids), "an id is of one element"
    assert [link for link in page.links if not link.startswith(("#", "data:"))] == []
    assert "url(http" not in page.text
    assert "default-src 'none'" in page.text
    assert plt.get_fignums() == []


def test_leaderboard_is_quiet_and_the_same_again(votes: ratings.Comparisons, board: Page, tmp_path: Path) -> None:
    quiet(board)
    again = Page(report.leaderboard(ratings.bradley_terry(votes), str(tmp_path / "b.html"), comparisons=votes))
    assert again.text == board.text


def test_numbers_carry_what_a_browser_sorts_by(tmp_path: Path) -> None:
    rows = {"x": [1.5, float("inf"), None, -2e-9], "y": ["b", "a", "c", None]}
    text = report.inspect({"t": rows}, tmp_path / "i.html").read_text()
    assert [part.split('"')[0] for part in text.split('data-value="')[1:]] == [
        "1.5",
        "Infinity",
        "nan",
        "-2.0000000000000001e-09",
    ]
    assert 'data-value="-2.0000000000000001e-09">−2e−09<' in text


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda out: report.leaderboard([1], out), TypeError, "result must be a RatingResult, got a list"),
        (lambda out: report.conjoint([1], out), TypeError, "effects must be an EffectTable, got a list"),
        (lambda out: report.training([], out), DomainError, "history must hold at least one row, got none"),
        (
            lambda out: report.training([{"loss": 1}], out),
            DomainError,
            "history[0] must have a finite number as 'step', got",
        ),
        (
            lambda out: report.training([{"step": 1}, 2], out),
            TypeError,
            "history[1] must be a mapping from names to numbers",
        ),
        (
            lambda out: report.inspect([], out),
            TypeError,
            "summary must be a mapping from names to findings, got a list",
        ),
        (lambda out: report.inspect({"a": [1]}, out), TypeError, "summary['a'][0] must be a mapping, got a int"),
        (
            lambda out: report.inspect({"a": {"b": {"c": 1}}}, out),
            TypeError,
            "summary['a']['b'] must be a list like the others, got a dict",
        ),
        (
            lambda out: report.inspect({"a": {"b": [1], "c": 2}}, out),
            TypeError,
            "summary['a']['c'] must be a list like the others, got a int",
        ),
        (
            lambda out: report.inspect({"a": {"edges": [0, 1, 2], "counts": [1, -1]}}, out),
            DomainError,
            "summary['a']['counts'][1] must be a number >= 0, got -1",
        ),
        (lambda out: report.inspect({"a": {"b": [1], "c": []}}, out), ShapeError, "must hold lists of one length, got"),
        (
            lambda out: report.inspect({"a": {"edges": [0, 1], "counts": [1, 2]}}, out),
            ShapeError,
            "summary['a']['edges'] must have length 3, got 2",
        ),
        (lambda _: report.inspect({}, 3), TypeError, "path must be a string or a Path, got a int"),
    ],
)
def test_errors_name_the_argument(call: Any, error: type[Exception], message: str, tmp_path: Path) -> None:
    with pytest.raises(error) as caught:
        call(tmp_path / "x.html")
    assert message in str(caught.value)
    assert not (tmp_path / "x.html").exists()


def test_what_does_not_belong_together_is_refused(votes: ratings.Comparisons, tmp_path: Path, survey: Any) -> None:
    result = ratings.bradley_terry(votes)
    with pytest.raises(ShapeError, match="comparisons must be of 4 items like result, got 2"):
        report.leaderboard(result, tmp_path / "x", comparisons=votes.select([0, 1]))
    with pytest.raises(
        DomainError, match=r"comparisons must hold the names of result, got none that is names\[2\] = 'c'"
    ):
        report.leaderboard(result, tmp_path / "x", comparisons=replace(votes, names=("second", EVIL, "x", "d")))
    wins = ratings.bootstrap(votes, ratings.win_rate, n_resamples=3)
    with pytest.raises(DomainError, match=r"intervals must be of the same rating .* got estimate\[0\] = "):
        report.leaderboard(result, tmp_path / "x", intervals=wins)
    spread = ratings.BootstrapResult(np.zeros(3), np.zeros((2, 3)), 0)
    with pytest.raises(ShapeError, match=r"intervals must be of 4 items like result, got shape \[3\]"):
        report.leaderboard(result, tmp_path / "x", intervals=spread)
    with pytest.raises(DomainError, match="policies must hold a result of optimal_policy"):
        report.conjoint(cj.amce(survey), tmp_path / "x", policies={"design": survey.design.probs})
    with pytest.raises(TypeError, match="policies must be a mapping from names to policies, got a ndarray"):
        report.conjoint(cj.amce(survey), tmp_path / "x", policies=np.zeros(2))  # type: ignore[arg-type]


def one_factor(levels: dict[str, list[str]]) -> tuple[cj.EffectTable, Any, Any]:
    """Effects, best policy and equilibrium of a small survey."""
    first = np.random.default_rng(0).integers(0, 2, (200, 1))
    chosen = np.random.default_rng(1).random(200) < 0.3 + 0.4 * first[:, 0]
    data = cj.ConjointData.from_pairs(first, 1 - first, chosen, np.arange(200) // 4, design=cj.Design(levels))
    model = cj.fit_outcome_logit(data, intercept=False)
    return cj.amce(data), cj.optimal_policy(model, beta=0.1), cj.equilibrium(cj.Game({"all": model}), beta=0.1)


def test_a_survey_of_another_design_is_refused(tmp_path: Path) -> None:
    effects, best, _ = one_factor({"tax": ["a", "b"]})
    _, age, both = one_factor({"age": ["x", "y"]})
    _, turned, _ = one_factor({"tax": ["b", "a"]})
    message = r"must be of the design of effects, got none with level 'b' of 'tax'"
    with pytest.raises(DomainError, match=r"policies\['p'\] " + message):
        report.conjoint(effects, tmp_path / "x", policies={"p": age, "q": best})
    with pytest.raises(DomainError, match="equilibrium " + message):
        report.conjoint(effects, tmp_path / "x", equilibrium=both)
    with pytest.raises(DomainError, match=r"policies\['q'\] must have the levels of policies\['p'\], got others"):
        report.conjoint(effects, tmp_path / "x", policies={"p": best, "q": turned})
    with pytest.raises(DomainError, match=r"policies\['q'\]\[0\] must add up to 1, got 1.8"):
        report.conjoint(effects, tmp_path / "x", policies={"p": best, "q": [[0.9, 0.9]]})
    assert not (tmp_path / "x").exists()


def test_comparisons_in_another_order_go_by_their_names(
    votes: ratings.Comparisons, board: Page, tmp_path: Path
) -> None:
    result = ratings.bradley_terry(votes)
    page = Page(report.leaderboard(result, tmp_path / "b.html", comparisons=votes.select([3, 1, 0, 2])))
    assert page.tables == board.tables
    assert page.titles(1) == board.titles(1)


def test_the_ridge_is_a_fact(votes: ratings.Comparisons, tmp_path: Path) -> None:
    page = Page(report.leaderboard(ratings.bradley_terry(votes, ridge=0.25), tmp_path / "b.html"))
    assert page.facts["ridge"] == "0.25"


CLICKS = """<script>
document.title = [0, 0, 1, 1].map(column => {
  document.querySelectorAll("th button")[column].click();
  return [...document.querySelectorAll("tbody tr")].map(row => row.cells[column].textContent).join(" ");
}).join(";");
</script></html>"""


@pytest.mark.skipif(BROWSER is None, reason="no chromium")
def test_a_click_sorts_numbers_and_texts_both_ways(tmp_path: Path) -> None:
    rows = {"x": [1.5, float("inf"), None, -2.0, float("-inf"), 10.0], "y": ["b", "a", "d", "c", "f", "e"]}
    path = report.inspect({"t": rows}, tmp_path / "i.html")
    path.write_text(path.read_text().replace("</html>", CLICKS))
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"--user-data-dir={tmp_path}"]
    done = subprocess.run([*command, path.as_uri()], check=True, capture_output=True, text=True, timeout=120)
    (title,) = re.findall(r"<title>([^<]*;[^<]*)</title>", done.stdout)
    falling, rising, texts, turned = title.split(";")
    assert falling == "inf 10.00 1.50 −2.00 −inf –"
    assert rising == "−inf −2.00 1.50 10.00 inf –"
    assert texts == "a b c d e f"
    assert turned == "f e d c b a"
