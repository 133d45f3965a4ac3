"""The report of a rating."""

from pathlib import Path
from typing import Any

import numpy as np

from prefcore._arrays import Array
from prefcore.errors import DomainError, ShapeError
from prefcore.metrics import wilson_interval
from prefcore.plots import rating_forest, win_rate_matrix
from prefcore.plots.ratings import refuse_other_intervals
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
        comparisons: what was rated: adds games, win rates and the matrix of the 50 strongest. Items go by their names,
            and where one side has none by their numbers.
        intervals: `bootstrap` of the same rating: its intervals and ranks take the place of the result's.
    Returns: Path.
    Raises: DomainError, ShapeError, TypeError, OSError.
    Source: the columns of the leaderboard of Chiang et al., Chatbot Arena (2024).

    >>> import tempfile
    >>> from prefcore import ratings
    >>> votes = ratings.Comparisons.from_matrix([[0, 3, 4], [1, 0, 2], [2, 2, 0]], names=["a", "b", "c"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     leaderboard(ratings.bradley_terry(votes), f"{folder}/board.html", comparisons=votes).name
    'board.html'
    """
    if not isinstance(result, RatingResult):
        raise TypeError(f"result must be a RatingResult, got a {type(result).__name__}")
    refuse_other_intervals(result, intervals)
    comparisons = None if comparisons is None else _in_order(comparisons, result)
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
    parts = [page.facts(_facts(result, comparisons, intervals)), page.section("Items", page.table(columns.items()))]
    parts.append(page.section("Ratings", _forest(result, intervals, names, points, (low, high))))
    if comparisons is not None:
        parts.append(page.section("Who beats whom", *_matrix(comparisons, order[:MOST_CELLS], names)))
    return page.written(path, "Leaderboard", parts)


def _in_order(comparisons: Any, result: RatingResult) -> Comparisons:
    """Return the comparisons with the items numbered as in the result."""
    if not isinstance(comparisons, Comparisons):
        raise TypeError(f"comparisons must be Comparisons, got a {type(comparisons).__name__}")
    n = len(result.theta)
    if comparisons.n_items != n:
        raise ShapeError(f"comparisons must be of {n} items like result, got {comparisons.n_items}")
    if comparisons.names is None or result.names is None:
        return comparisons
    places = {name: place for place, name in enumerate(comparisons.names)}
    for item, name in enumerate(result.names):
        if name not in places:
            raise DomainError(f"comparisons must hold the names of result, got none that is names[{item}] = {name!r}")
    return comparisons.select([places[name] for name in result.names])


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
    ax = rating_forest(result, intervals=intervals)
    order = np.argsort(-result.theta, kind="stable")
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
