"""A leaderboard's marks are the fields of its result, and a matrix holds the rates of its comparisons."""

from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from numpy.testing import assert_allclose, assert_array_equal

from prefcore import metrics, plots, ratings
from prefcore.errors import DomainError, ShapeError

SIZES = [1, 2, 50, 500]
TWO = ratings.Comparisons.from_matrix([[0, 1], [3, 0]])
WINS = ratings.bootstrap(TWO, ratings.win_rate, n_resamples=3)


def games(n: int, *, names: bool = True) -> ratings.Comparisons:
    wins = np.random.default_rng(n).integers(1, 9, (n, n)).astype(float)
    np.fill_diagonal(wins, 0)
    return ratings.Comparisons.from_matrix(wins, names=[f"model {i}" for i in range(n)] if names else None)


def drawn(ax: Any) -> tuple[Any, Any]:
    (dots,) = (line for line in ax.lines if line.get_gid() == "estimates")
    (spans,) = (one for one in ax.collections if one.get_gid() == "intervals")
    return dots.get_xydata(), np.array(spans.get_segments())


def labels(axis: Any) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


@pytest.mark.parametrize("n", SIZES[1:])
def test_forest_draws_theta_and_its_intervals_best_on_top(n: int) -> None:
    board = ratings.bradley_terry(games(n))
    ax = plots.rating_forest(board, confidence_level=0.8)
    order = np.argsort(-board.theta, kind="stable")
    dots, spans = drawn(ax)
    assert_array_equal(dots[:, 0], board.theta[order])
    assert_array_equal(dots[:, 1], np.arange(n))
    assert_array_equal(spans[:, :, 0].T, np.array(board.interval(confidence_level=0.8))[:, order])
    assert labels(ax.yaxis) == [f"model {i}" for i in order], "a figure of its own has room for all names"
    low, high = ax.get_ylim()
    assert low > high, "the first row is on top"
    assert ax.get_xlabel() == "log-strength (nats, 80% intervals)"


def test_upper_axis_is_in_elo_points() -> None:
    ax = plots.rating_forest(ratings.bradley_terry(games(3)))
    ax.set_xlim(-1.0, 2.0)
    ax.figure.canvas.draw()
    (upper,) = ax.child_axes
    assert_allclose(upper.get_xlim(), ratings.elo_scale([-1.0, 2.0]))
    assert upper.get_xlabel() == "Elo points (400: odds of ten to one)"


def test_one_item_alone_and_items_without_names() -> None:
    alone = ratings.Comparisons.from_outcomes([], [], [], n_items=1)
    assert labels(plots.rating_forest(ratings.bradley_terry(alone)).yaxis) == ["item 0"]
    two = plots.rating_forest(ratings.bradley_terry(games(2, names=False)))
    assert set(labels(two.yaxis)) == {"item 0", "item 1"}


def test_forest_of_a_bootstrap_draws_its_percentiles() -> None:
    spread = ratings.bootstrap(games(4), ratings.bradley_terry, n_resamples=30)
    ax = plots.rating_forest(spread)
    order = np.argsort(-spread.estimate)
    assert_array_equal(drawn(ax)[1][:, :, 0].T, np.array(spread.interval())[:, order])
    assert labels(ax.yaxis) == [f"item {i}" for i in order]
    assert ax.get_xlabel() == "estimate (95% percentile intervals)"


def test_intervals_of_a_bootstrap_keep_names_and_elo_points() -> None:
    votes = games(4)
    board = ratings.bradley_terry(votes)
    spread = ratings.bootstrap(votes, ratings.bradley_terry, n_resamples=30)
    ax = plots.rating_forest(board, intervals=spread, confidence_level=0.9)
    order = np.argsort(-board.theta)
    dots, spans = drawn(ax)
    assert_array_equal(dots[:, 0], board.theta[order])
    assert_array_equal(spans[:, :, 0].T, np.array(spread.interval(confidence_level=0.9))[:, order])
    assert labels(ax.yaxis) == [f"model {i}" for i in order]
    assert ax.get_xlabel() == "log-strength (nats, 90% percentile intervals)"
    assert len(ax.child_axes) == 1


def test_names_on_small_axes_are_thinned_and_come_back_with_room() -> None:
    figure, ax = plt.subplots(figsize=(4, 3))
    plots.rating_forest(ratings.bradley_terry(games(50)), ax=ax)
    few = labels(ax.yaxis)
    assert 5 < len(few) < 25
    figure.set_size_inches(4, 14)
    assert len(labels(ax.yaxis)) == 50


def test_names_are_no_mathematics_and_long_ones_keep_both_ends() -> None:
    names = ["a$b$c", "_x", " ", "first" + "y" * 100 + "last"]
    wins = np.arange(16.0).reshape(4, 4) + 1
    np.fill_diagonal(wins, 0)
    board = ratings.bradley_terry(ratings.Comparisons.from_matrix(wins, names=names))
    ax = plots.rating_forest(board)
    ax.figure.canvas.draw()
    texts = labels(ax.yaxis)
    assert {r"a\$b\$c", "_x", "(empty)"} < set(texts)
    (long,) = (text for text in texts if len(text) > 20)
    assert len(long) == 48
    assert long.startswith("firsty")
    assert long.endswith("ylast")


@pytest.mark.parametrize("n", SIZES)
def test_matrix_holds_the_rates_in_the_order_of_strength(n: int) -> None:
    comparisons = games(n)
    ax = plots.win_rate_matrix(comparisons)
    ax.figure.canvas.draw()
    theta = ratings.bradley_terry(comparisons, ridge=1e-3).theta
    order = np.argsort(-theta, kind="stable")
    expected = comparisons.preference_matrix(unmet=np.nan)[np.ix_(order, order)]
    rates = ax.images[0].get_array()
    assert_array_equal(rates.mask, np.eye(n, dtype=bool))
    assert_allclose(rates.filled(0.5), expected, rtol=1e-15)
    names = labels(ax.yaxis)
    assert names == [f"model {i}" for i in order][:: -(-n // len(names))]


def test_cells_say_rate_interval_and_games_and_unmet_pairs_nothing() -> None:
    wins = ratings.Comparisons.from_matrix([[0, 7, 0], [3, 0, 1], [0, 1, 0]], names=["a", "b", "c"])
    ax = plots.win_rate_matrix(wins, order=[1, 0, 2])
    low, high = metrics.wilson_interval(7, 10)
    texts = {(text.get_position()): text.get_text() for text in ax.texts}
    assert texts[0, 1] == f"70%\n{100 * low:.0f}–{100 * high:.0f}\nn 10"
    assert set(texts) == {(0, 1), (1, 0), (0, 2), (2, 0)}
    assert labels(ax.yaxis) == ["b", "a", "c"]


def test_row_wins_are_blue_and_losses_orange() -> None:
    image = plots.win_rate_matrix(ratings.Comparisons.from_matrix([[0, 1], [3, 0]])).images[0]
    assert_allclose(image.cmap(1.0), to_rgba("#0072B2"))
    assert_allclose(image.cmap(0.0), to_rgba("#D55E00"))
    assert image.get_clim() == (0, 1)


def test_cells_are_readable_and_write_large_counts_out() -> None:
    ax = plots.win_rate_matrix(ratings.Comparisons.from_matrix([[0, 1234567], [7654321, 0]]))
    (upper, lower) = (text.get_text() for text in ax.texts)
    assert upper.endswith("\nn 8888888")
    assert upper.startswith("86%\n")
    assert [text.get_color() for text in ax.texts] == ["white", "#1a1a1a"]
    assert lower.startswith("14%\n")
    even = plots.win_rate_matrix(ratings.Comparisons.from_matrix([[0, 3], [1, 0]]))
    assert [text.get_color() for text in even.texts] == ["#1a1a1a", "#1a1a1a"]
    few = plots.win_rate_matrix(ratings.Comparisons.from_matrix([[0, 999], [1, 0]]))
    assert [text.get_text().split("\n")[0] for text in few.texts] == [">99%", "<1%"]


def test_matrix_exists_where_no_rating_does() -> None:
    ax = plots.win_rate_matrix(ratings.Comparisons.from_matrix([[0, 0], [5, 0]]))
    assert labels(ax.yaxis) == ["1", "0"], "1 has never lost: its rating is infinite, and the first in the order"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: plots.rating_forest([1.0]),
            TypeError,
            "result must be a RatingResult or a BootstrapResult, got a list",
        ),
        (
            lambda: plots.rating_forest(ratings.BootstrapResult(np.zeros((2, 2)), np.zeros((3, 2, 2)), 0)),
            ShapeError,
            "result must be of a statistic [n], got shape [2, 2]",
        ),
        (
            lambda: plots.rating_forest(ratings.BootstrapResult(np.array([0.0, np.inf]), np.zeros((3, 2)), 0)),
            DomainError,
            "result.estimate[1] must be a finite number, got inf",
        ),
        (
            lambda: plots.rating_forest(ratings.bradley_terry(games(2)), confidence_level=1.0),
            DomainError,
            "confidence_level must be a number between 0 and 1, got 1.0",
        ),
        (
            lambda: plots.rating_forest(ratings.bradley_terry(games(2)), intervals=(1, 2)),
            TypeError,
            "intervals must be a BootstrapResult, got a tuple",
        ),
        (
            lambda: plots.rating_forest(WINS, intervals=WINS),
            TypeError,
            "result must be a RatingResult where intervals are given, got a BootstrapResult",
        ),
        (
            lambda: plots.rating_forest(ratings.bradley_terry(TWO), intervals=WINS),
            DomainError,
            "same rating of the same comparisons as result, got estimate[0] = 0.25 where theta[0] = -0.549306",
        ),
        (lambda: plots.win_rate_matrix(np.eye(2)), TypeError, "comparisons must be Comparisons, got a ndarray"),
        (lambda: plots.win_rate_matrix(games(3), order=[0, 3]), DomainError, "order[1] must be an item, 0 to 2, got 3"),
        (
            lambda: plots.win_rate_matrix(games(3), order=[0, 1, 0]),
            DomainError,
            "order[2] must be an item that did not come before, got 0 again",
        ),
        (lambda: plots.win_rate_matrix(games(3), order=[]), ShapeError, "order must hold at least one item, got none"),
    ],
)
def test_errors_name_argument_and_position(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)
