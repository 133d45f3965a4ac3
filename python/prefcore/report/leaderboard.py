"""The report of a rating."""

from pathlib import Path
from typing import Any

import numpy as np

from prefcore._arrays import Array
from prefcore.errors import ShapeError
from prefcore.metrics import wilson_interval
from prefcore.plots import rating_forest, win_rate_matrix
from prefcore.plots._canvas import name_rows
from prefcore.ratings import BootstrapResult, Comparisons, RatingResult, cyclic_triples, elo_scale, win_rate
from prefcore.report import page

__all__ = ["leaderboard"]

#: items of the matrix: a cell each for so many squared
MOST_CELLS = 50


def leaderboard(
    result: RatingResult,
    path: str | Path,
    *,
    comparisons: Comparisons | None = None,
    intervals: BootstrapResult | None = None,
) -> Path:
    """Write a leaderboard as an HTML file: ratings with intervals and possible ranks, and who beats whom.

    Points are Elo's, 1000 for the mean of all; intervals and ranks are of 95 percent.

    Args:
        result: of a rating such as `bradley_terry`.
        path: of the file, which is replaced.
        comparisons: what was rated: adds games, win rates and the matrix of the 50 strongest.
        intervals: `bootstrap` of the same rating: its intervals and ranks take the place of the result's.
    Returns: Path.
    Raises: ShapeError, TypeError, OSError.
    Source: the columns of the leaderboard of Chiang et al., Chatbot Arena (2024).

    >>> import tempfile
    >>> from prefcore import ratings
    >>> votes = ratings.Comparisons.from_matrix([[0, 3, 4], [1, 0, 2], [2, 2, 0]], names=["a", "b", "c"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     leaderboard(ratings.bradley_terry(votes), f"{folder}/board.html", comparisons=votes).name
    'board.html'
    """
    _check(result, comparisons, intervals)
    names = [f"item {i}" for i in range(len(result.theta))] if result.names is None else list(result.names)
    order = np.argsort(-result.theta, kind="stable")
    source = result if intervals is None else intervals
    low, high = (elo_scale(end) for end in source.interval())
    ranks = source.rank_intervals()
    points = elo_scale(result.theta)
    columns: dict[str, Any] = {
        "rank": np.arange(1, len(order) + 1),
        "item": [names[item] for item in order],
        "points": points[order],
        "low": low[order],
        "high": high[order],
        "best rank": ranks.best[order],
        "worst rank": ranks.worst[order],
    }
    if comparisons is not None:
        columns["games"] = comparisons.n_games[order]
        columns["win rate"] = win_rate(comparisons)[order]
    parts = [page.facts(_facts(result, comparisons, intervals)), page.section("Items", page.table(columns))]
    parts.append(page.section("Ratings", _forest(result, intervals, names, points, (low, high))))
    if comparisons is not None:
        parts.append(page.section("Who beats whom", *_matrix(comparisons, order[:MOST_CELLS], names)))
    return page.written(path, "Leaderboard", parts)


def _check(result: Any, comparisons: Any, intervals: Any) -> None:
    if not isinstance(result, RatingResult):
        raise TypeError(f"result must be a RatingResult, got a {type(result).__name__}")
    n = len(result.theta)
    if comparisons is not None and not isinstance(comparisons, Comparisons):
        raise TypeError(f"comparisons must be Comparisons, got a {type(comparisons).__name__}")
    if comparisons is not None and comparisons.n_items != n:
        raise ShapeError(f"comparisons must be of {n} items like result, got {comparisons.n_items}")
    if intervals is not None and not isinstance(intervals, BootstrapResult):
        raise TypeError(f"intervals must be a BootstrapResult, got a {type(intervals).__name__}")
    if intervals is not None and intervals.estimate.shape != (n,):
        raise ShapeError(f"intervals must be of {n} items like result, got shape {list(intervals.estimate.shape)}")


def _facts(result: RatingResult, comparisons: Any, intervals: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "items": len(result.theta),
        "comparisons": result.n_comparisons,
        "log-likelihood": result.loglik,
    }
    found["fit"] = f"{result.status} after {result.iterations} iterations"
    found["intervals"] = "normal" if intervals is None else f"bootstrap of {len(intervals.samples)}"
    if intervals is not None:
        found["failed resamples"] = intervals.n_failed
    if result.ridge > 0:
        found["ridge"] = result.ridge
    if comparisons is not None:
        triples = cyclic_triples(comparisons)
        found["cyclic triples"] = f"{triples.cyclic} of {triples.total}"
    return found


def _forest(
    result: RatingResult, intervals: BootstrapResult | None, names: list[str], points: Array, ends: tuple[Array, Array]
) -> str:
    """The picture of the ratings; of a bootstrap, with the names that it does not know."""
    ax = rating_forest(result if intervals is None else intervals)
    order = np.argsort(-(result.theta if intervals is None else intervals.estimate), kind="stable")
    if intervals is not None:
        name_rows(ax, range(len(order)), [names[item] for item in order])
        ax.set_xlabel("log-strength (nats, 95% percentile intervals)")
    low, high = ends
    titles = [f"{names[item]}: {points[item]:.0f} points, {low[item]:.0f} to {high[item]:.0f}" for item in order]
    return page.picture(ax, "ratings", {"estimates": titles})


def _matrix(comparisons: Comparisons, items: Array, names: list[str]) -> list[str]:
    ax = win_rate_matrix(comparisons, order=items)
    votes = comparisons.votes()[np.ix_(items, items)]
    games = votes + votes.T
    low, high = wilson_interval(votes, games)
    titles = {}
    for i, j in zip(*np.nonzero(games), strict=True):
        rate = f"{votes[i, j] / games[i, j]:.1%} of {games[i, j]:g} games, {low[i, j]:.1%} to {high[i, j]:.1%}"
        titles[int(i), int(j)] = f"{names[items[i]]} against {names[items[j]]}: {rate}"
    cells = page.over_cells(ax, titles) or "<g/>"
    parts = [page.picture(ax, "win rates", {}, cells=cells)]
    if len(items) < comparisons.n_items:
        parts.insert(0, page.note(f"The {len(items)} strongest of {comparisons.n_items}."))
    return parts
