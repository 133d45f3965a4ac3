"""Pictures of games: how fast an iteration arrives, and how rules of voting differ."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from textwrap import fill
from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore._arrays import Array
from prefcore.errors import ShapeError
from prefcore.plots._canvas import (
    COLORS,
    MOST_MARKERS,
    STYLES,
    canvas,
    legend,
    mapping,
    name_ticks,
    numbers,
    shown,
    tall,
)
from prefcore.plots._matplotlib import Axes, plt
from prefcore.ranking import rank

__all__ = ["gap_curves", "score_comparison"]

#: a gap below 0 by more than this is no rounding
ROUNDING = 1e-9
#: inches of a letter of a name
LETTER = 0.08


def gap_curves(iterations: Any, gaps: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """Duality gap of one or several methods against the iteration, on a log axis: how far from equilibrium.

    A gap of 0, or below it by rounding, has no place on a log axis: the curve has a hole there.

    Args:
        iterations: [K] numbers of iterations.
        gaps: mapping from the name of a method to its gaps [K], in the units of the payoff, >= 0.
        ax: Axes to draw on; None: of a new figure.
    Returns: Axes, a line for each method in the order of the mapping.
    Raises: DomainError (also NaN and infinities), ShapeError, TypeError.
    Source: duality gap (NashConv) as of `games.duality_gap`.

    >>> axes = gap_curves([0, 10, 20], {"self-play": [0.5, 0.4, 0.3], "extragradient": [0.5, 0.05, 0.0]})
    >>> axes.lines[1].get_ydata()
    array([0.5 , 0.05,  nan])
    """
    steps = numbers("iterations", iterations)
    found = {name: numbers(f"gaps[{name!r}]", gap) for name, gap in mapping("gaps", gaps, "gaps").items()}
    for name, gap in found.items():
        _arrays.same_shape(iterations=steps, **{f"gaps[{name!r}]": gap})
        _arrays.refuse(f"gaps[{name!r}]", gap, gap < -ROUNDING, "a number >= 0")
    ax = canvas(ax)
    curves = []
    for gap, color, style in zip(found.values(), cycle(COLORS), cycle(STYLES), strict=False):
        marker = "." if len(steps) <= MOST_MARKERS else ""
        curves += ax.plot(steps, np.where(gap > 0, gap, np.nan), color=color, linestyle=style, marker=marker)
    if any((gap > 0).any() for gap in found.values()):
        ax.set_yscale("log")
    ax.set(xlabel="iteration", ylabel="duality gap (units of the payoff)")
    ax.grid(linewidth=0.3)
    outside = {"loc": "upper left", "bbox_to_anchor": (1, 1)} if len(found) > 8 else {}
    legend(ax, curves, [shown(name) for name in found], **outside)
    return ax


def score_comparison(scores: Mapping[str, Any], *, names: Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
    """Slope chart of ranks: where each item stands by each rule, and which items the choice of the rule moves.

    rank = 1 + number of items with a higher score; tied items share the mean of their places

    Scores of different rules have different units, so only their order is drawn. Items of one place share a label, and
    where the Axes have no room some labels are left out.

    Args:
        scores: mapping from the name of a rule to its scores [n], the highest the best.
        names: [n] of the items; None: their numbers.
        ax: Axes to draw on; None: of a new figure.
    Returns: Axes, a line for each item in their order.
    Raises: DomainError (also NaN and infinities), ShapeError, TypeError.
    Source: `ranking.rank` of each column; slope chart: Tufte (1983).

    >>> axes = score_comparison({"Borda": [3, 2, 1], "Copeland": [1, 2, 2]}, names=["a", "b", "c"])
    >>> [line.get_ydata().tolist() for line in axes.lines]
    [[1.0, 3.0], [2.0, 1.5], [3.0, 1.5]]
    """
    found = {rule: numbers(f"scores[{rule!r}]", one) for rule, one in mapping("scores", scores, "scores").items()}
    first = next(iter(found))
    for rule, one in found.items():
        _arrays.same_shape(**{f"scores[{first!r}]": found[first], f"scores[{rule!r}]": one})
    labels = _names(names, len(found[first]))
    ranks = np.stack([rank(one, descending=True) for one in found.values()])
    n_rules, n = ranks.shape
    letters = max(len(label) for label in labels) * (2 if n_rules > 1 else 1)
    ax = canvas(ax, max(4.0, 1.8 * n_rules + LETTER * letters), tall(n))
    colors = COLORS if n <= len(COLORS) else plt.get_cmap("cividis")(np.linspace(0, 0.9, n))
    place = np.arange(n)  # of each item among the colors; of many, neighbors are alike
    if n > len(COLORS):
        place[np.lexsort((ranks[-1], ranks[0]))] = np.arange(n)
    for item in range(n):
        ax.plot(ranks[:, item], color=colors[place[item]], marker="o", markersize=3, linewidth=1.2)
    ax.set_xticks(range(n_rules), [fill(shown(rule), 24) for rule in found], fontsize=8)
    ax.set_xlim(-0.1, n_rules - 0.9)
    ax.set_ylim(n + 0.7, 0.3)
    ax.set_ylabel("rank (1: the best)")
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    _label(ax.yaxis, ranks[0], labels)
    if n_rules > 1:
        right = ax.secondary_yaxis("right")
        _label(right.yaxis, ranks[-1], labels)
        right.spines["right"].set_visible(False)
        right.tick_params(length=0)
    return ax


def _names(names: Any, n: int) -> list[str]:
    if names is None:
        return [f"item {item}" for item in range(n)]
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise TypeError(f"names must be a sequence of strings, got {names!r:.60}")
    labels = [shown(name) for name in names]
    if len(labels) != n:
        raise ShapeError(f"names must have length {n} like the scores, got {len(labels)}")
    return labels


def _label(axis: Any, ranks: Array, names: list[str]) -> None:
    """Rank and names at the places of one rule."""
    places = np.unique(ranks)
    tied = [[names[item] for item in np.flatnonzero(ranks == place)] for place in places]
    name_ticks(axis, places.tolist(), [f"{place:g}  {_joined(one)}" for place, one in zip(places, tied, strict=True)])


def _joined(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
