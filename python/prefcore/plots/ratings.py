"""Pictures of ratings: strengths with their intervals, and who beats whom."""

from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore._arrays import Array, Ints
from prefcore.errors import DomainError, ShapeError
from prefcore.metrics import wilson_interval
from prefcore.plots._canvas import (
    BLUE,
    GRAY,
    MOST_ROWS,
    ORANGE,
    PITCH,
    canvas,
    digits,
    forest,
    name_rows,
    name_ticks,
    percent,
    share,
    shown,
    tall,
)
from prefcore.plots._matplotlib import Axes, LinearSegmentedColormap
from prefcore.ratings import BootstrapResult, Comparisons, RatingResult, bradley_terry, elo_scale

__all__ = ["rating_forest", "win_rate_matrix"]

#: pull that makes a rating of any comparisons finite; it only orders the rows
RIDGE = 1e-3
#: nats between two fits of one rating
SAME = 1e-6
#: items up to which the cells of a matrix hold text
MOST_TEXTS = 14


def rating_forest(
    result: RatingResult | BootstrapResult,
    *,
    intervals: BootstrapResult | None = None,
    confidence_level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Leaderboard as a picture: each item's rating and its interval, the best on top.

    Of a RatingResult the upper axis says the same in Elo points. Its intervals are against the mean of all items; two
    of them may overlap although the difference is sure: see `difference` and `rank_intervals`. An end that is not
    finite is left out. All names have room where the figure is new (to 1000 items); given Axes may show only some.

    Args:
        result: of a rating such as `bradley_terry`, or of `bootstrap` with another statistic [n], whose items are
            numbers.
        intervals: `bootstrap` of the same rating: its intervals take the place of the result's.
        confidence_level: of the intervals, in (0, 1).
        ax: Axes to draw on; None: of a new figure.
    Returns: Axes.
    Raises: DomainError, ShapeError, TypeError.
    Source: intervals of `RatingResult.interval` and `BootstrapResult.interval`.

    >>> wins = Comparisons.from_matrix([[0, 3, 4], [1, 0, 2], [2, 2, 0]], names=["a", "b", "c"])
    >>> [label.get_text() for label in rating_forest(bradley_terry(wins)).get_yticklabels()]
    ['a', 'c', 'b']
    """
    estimate, names = _estimate(result)
    refuse_other_intervals(result, intervals)
    ends = (result if intervals is None else intervals).interval(confidence_level=confidence_level)
    order = np.argsort(-estimate, kind="stable")
    places = np.arange(len(order))
    ax = canvas(ax, height=tall(len(order)) + 0.5)
    forest(ax, places, estimate[order], (ends[0][order], ends[1][order]))
    name_rows(ax, places, [names[item] for item in order])
    if isinstance(result, RatingResult):
        ax.axvline(0.0, color=GRAY, linewidth=0.8)
        kind = "intervals" if intervals is None else "percentile intervals"
        ax.set_xlabel(f"log-strength (nats, {percent(confidence_level)} {kind})")
        points = ax.secondary_xaxis("top", functions=(elo_scale, _log_strength))
        points.set_xlabel("Elo points (400: odds of ten to one)")
    else:
        ax.set_xlabel(f"estimate ({percent(confidence_level)} percentile intervals)")
    return ax


def win_rate_matrix(comparisons: Comparisons, *, order: Any = None, ax: Axes | None = None) -> Axes:
    """Heat map of who beats whom: share of the row's wins over the column, a tie as half.

    rate_ij = (wins_ij + ties_ij / 2) / games_ij

    To 14 items the cells say the rate, its Wilson interval (95%) and the games. Pairs that never met are gray.

    Args:
        comparisons: of n items.
        order: [k] items to show, the first on top, each once; None: all, the strongest first (`bradley_terry` with a
            ridge of 1e-3, so that it exists).
        ax: Axes to draw on; None: of a new figure.
    Returns: Axes; `ax.images[0]` holds the rates.
    Raises: DomainError, ShapeError, TypeError.
    Source: the win-rate matrices of leaderboards, as in Chiang et al., Chatbot Arena (2024), fig. 1.

    >>> wins = Comparisons.from_matrix([[0, 1], [3, 0]], names=["a", "b"])
    >>> win_rate_matrix(wins).images[0].get_array().filled(-1.0)
    array([[-1.  ,  0.75],
           [ 0.25, -1.  ]])
    """
    if not isinstance(comparisons, Comparisons):
        raise TypeError(f"comparisons must be Comparisons, got a {type(comparisons).__name__}")
    if comparisons.n_items == 0:
        raise ShapeError("comparisons must hold at least one item, got none")
    items = _order(comparisons, order)
    votes = comparisons.votes()[np.ix_(items, items)]
    games = votes + votes.T
    rates = np.ma.masked_invalid(np.divide(votes, games, out=np.full_like(votes, np.nan), where=games > 0))
    side = 2.5 + min(len(items), MOST_ROWS // 4) * (0.55 if len(items) <= MOST_TEXTS else PITCH)
    ax = canvas(ax, side + 1.0, side)
    colors = LinearSegmentedColormap.from_list("rates", [ORANGE, "white", BLUE]).with_extremes(bad="#D9D9D9")
    image = ax.imshow(rates, cmap=colors, vmin=0, vmax=1, aspect="equal", interpolation="nearest")
    names = [shown(item if comparisons.names is None else comparisons.names[item]) for item in items.tolist()]
    _name_sides(ax, names)
    if len(items) <= MOST_TEXTS:
        _write(ax, votes, games)
    bar = ax.figure.colorbar(image, ax=ax, shrink=min(1.0, 6 / side))
    bar.set_label("win rate of the row")
    return ax


def refuse_other_intervals(result: Any, intervals: Any) -> None:
    """Refuse what is no bootstrap of the rating of `result`."""
    if intervals is None:
        return
    if not isinstance(intervals, BootstrapResult):
        raise TypeError(f"intervals must be a BootstrapResult, got a {type(intervals).__name__}")
    if not isinstance(result, RatingResult):
        raise TypeError(f"result must be a RatingResult where intervals are given, got a {type(result).__name__}")
    theta, estimate = result.theta, intervals.estimate
    if estimate.shape != theta.shape:
        raise ShapeError(f"intervals must be of {len(theta)} items like result, got shape {list(estimate.shape)}")
    apart = ~np.isclose(estimate, theta, rtol=1e-6, atol=SAME)
    if apart.any():
        item = int(np.argmax(apart))
        came = f"estimate[{item}] = {estimate[item]:.6g} where theta[{item}] = {theta[item]:.6g}"
        raise DomainError(f"intervals must be of the same rating of the same comparisons as result, got {came}")


def _estimate(result: Any) -> tuple[Array, Any]:
    if isinstance(result, RatingResult):
        estimate = result.theta
        names = result.names
    elif isinstance(result, BootstrapResult):
        estimate, names = result.estimate, None
    else:
        raise TypeError(f"result must be a RatingResult or a BootstrapResult, got a {type(result).__name__}")
    if estimate.ndim != 1:
        raise ShapeError(f"result must be of a statistic [n], got shape {list(estimate.shape)}")
    if len(estimate) == 0:
        raise ShapeError("result must hold at least one item, got none")
    _arrays.finite("result.estimate", estimate)
    return estimate, [f"item {item}" for item in range(len(estimate))] if names is None else names


def _log_strength(points: Any) -> Any:
    """Inverse of `elo_scale`."""
    return (np.asarray(points) - 1000.0) * (np.log(10.0) / 400.0)


def _order(comparisons: Comparisons, order: Any) -> Ints:
    n = comparisons.n_items
    if order is None:
        theta = bradley_terry(comparisons, ridge=RIDGE, strict=False).theta
        return np.asarray(np.argsort(-theta, kind="stable"))
    items = _arrays.integers("order", order)
    _arrays.refuse("order", items, (items < 0) | (items >= n), f"an item, 0 to {n - 1}")
    if len(items) == 0:
        raise ShapeError("order must hold at least one item, got none")
    again = np.ones(len(items), dtype=bool)
    again[np.unique(items, return_index=True)[1]] = False
    if again.any():
        place = int(np.argmax(again))
        raise DomainError(f"order[{place}] must be an item that did not come before, got {items[place]} again")
    return items


def _name_sides(ax: Axes, names: list[str]) -> None:
    """Names on the left, and turned at the bottom; only some where there is no room."""
    for axis in (ax.xaxis, ax.yaxis):
        name_ticks(axis, range(len(names)), names)
    ax.tick_params(axis="x", rotation=90)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def _write(ax: Axes, votes: Array, games: Array) -> None:
    """Write rate, interval and games into the cells of pairs that met; white on dark blue."""
    low, high = wilson_interval(votes, games)
    for i, j in zip(*np.nonzero(games), strict=True):
        rate = votes[i, j] / games[i, j]
        text = f"{share(rate)}\n{100 * low[i, j]:.0f}–{100 * high[i, j]:.0f}\nn {digits(games[i, j])}"
        color = "white" if rate > 0.8 else "#1a1a1a"  # not black, which a report turns light on dark pages
        ax.text(j, i, text, ha="center", va="center", fontsize=6, color=color)
