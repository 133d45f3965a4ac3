"""Gaps on a log axis, ranks on a slope chart."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from prefcore import games, plots
from prefcore.errors import DomainError, ShapeError


def texts(axis: Any) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def test_gaps_of_a_method_are_its_curve() -> None:
    payoff = [[0.5, 0.9, 0.2], [0.1, 0.5, 0.8], [0.8, 0.2, 0.5]]
    gaps = {}
    for name, solver in (("extragradient", games.extragradient), ("omwu", games.omwu)):
        path = solver(payoff, beta=0.1, tol=None, max_iter=20, record_at=range(0, 21, 5)).path
        gaps[name] = [games.duality_gap(payoff, log_policy, beta=0.1) for log_policy in path.log_policy]
    ax = plots.gap_curves(path.iteration, gaps)
    for line, gap in zip(ax.lines, gaps.values(), strict=True):
        assert_array_equal(line.get_xydata(), np.stack([path.iteration, gap], 1))
    assert ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(gaps)
    assert ax.get_ylabel() == "duality gap (units of the payoff)"


def test_gaps_of_0_leave_holes_and_alone_a_linear_axis() -> None:
    ax = plots.gap_curves([0, 1, 2], {"a": [1.0, 0.0, -1e-17]})
    assert_array_equal(ax.lines[0].get_ydata(), [1.0, np.nan, np.nan])
    flat = plots.gap_curves([0], {"a": [0.0]})
    assert flat.get_yscale() == "linear"
    flat.figure.canvas.draw()


@pytest.mark.parametrize("n", [1, 2, 50, 500])
def test_lines_go_through_the_ranks(n: int) -> None:
    rng = np.random.default_rng(n)
    scores = {"one": rng.permutation(n), "two": rng.permutation(n), "three": rng.permutation(n)}
    ax = plots.score_comparison(scores, names=[f"item {i}" for i in range(n)])
    ax.figure.canvas.draw()
    drawn = np.array([line.get_ydata() for line in ax.lines])
    assert_array_equal(drawn, np.stack([n - one for one in scores.values()], 1))
    order = np.argsort(-scores["one"])
    assert texts(ax.yaxis) == [f"{k + 1}  item {i}" for k, i in enumerate(order)]
    (right,) = ax.child_axes
    assert texts(right.yaxis)[0] == f"1  item {np.argmax(scores['three'])}"
    assert texts(ax.xaxis) == ["one", "two", "three"]
    low, high = ax.get_ylim()
    assert low > high, "rank 1 is on top"


def test_tied_items_share_place_and_label() -> None:
    ax = plots.score_comparison({"a rule": [1, 0, 0, 0, 0]}, names=["top", *"abcd"])
    assert texts(ax.yaxis) == ["1  top", "3.5  a, b, c and 1 more"]
    assert ax.child_axes == []


def test_many_items_all_tied_first_have_colors_of_their_own() -> None:
    ax = plots.score_comparison({"Borda": [1] * 12, "Copeland": range(12)})
    colors = [tuple(line.get_color()) for line in ax.lines]
    assert len(set(colors)) == 12
    rising = plots.score_comparison({"Borda": range(12), "Copeland": [1] * 12})
    assert [tuple(line.get_color()) for line in rising.lines] == colors, "the best is the first of the map"


def test_long_names_of_items_leave_room_for_those_of_the_rules() -> None:
    scores = {f"rule {k} of many words and letters": np.arange(8.0) for k in range(4)}
    ax = plots.score_comparison(scores, names=[f"model-{i}-" + "x" * 40 for i in range(8)])
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert all(one.x1 < two.x0 for one, two in pairwise(boxes))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: plots.gap_curves([0, 1], {"a": [1.0, np.nan]}),
            DomainError,
            "gaps['a'][1] must be a finite number of a",
        ),
        (
            lambda: plots.gap_curves([0, 1], {"a": [1.0, -0.5]}),
            DomainError,
            "gaps['a'][1] must be a number >= 0, got -0.5",
        ),
        (
            lambda: plots.gap_curves([0], {"a": [1, 2]}),
            ShapeError,
            "gaps['a'] must have shape [1] like iterations, got [2]",
        ),
        (lambda: plots.gap_curves([0], [1.0]), TypeError, "gaps must be a mapping from names to gaps, got a list"),
        (lambda: plots.gap_curves([0], {}), DomainError, "gaps must hold at least one of gaps, got an empty mapping"),
        (
            lambda: plots.score_comparison({"a": [1, 2], "b": [1]}),
            ShapeError,
            "scores['b'] must have shape [2] like scores['a'], got [1]",
        ),
        (lambda: plots.score_comparison({"a": [np.inf]}), DomainError, "scores['a'][0] must be a finite number"),
        (
            lambda: plots.score_comparison({"a": [1, 2]}, names=["x"]),
            ShapeError,
            "names must have length 2 like the scores, got 1",
        ),
        (
            lambda: plots.score_comparison({"a": [1]}, names="x"),
            TypeError,
            "names must be a sequence of strings, got 'x'",
        ),
    ],
)
def test_errors_name_argument_and_position(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)
