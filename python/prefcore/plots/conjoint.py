"""Pictures of conjoint surveys: effects of levels, and what policies put on them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Array
from prefcore._bootstrap import probability
from prefcore.conjoint import Design, EffectTable
from prefcore.errors import DomainError, ShapeError
from prefcore.plots._canvas import (
    COLORS,
    GRAY,
    INK,
    canvas,
    forest,
    legend,
    mapping,
    name_rows,
    numbers,
    percent,
    shown,
    tall,
)
from prefcore.plots._matplotlib import Axes, ScaledTranslation

__all__ = ["effect_forest", "policy_bars"]

#: rounding of probabilities, which may be float32
ROOM = 1e-6


class _Rows(NamedTuple):
    """Lines of a picture: one for each level, and above those of a factor one for its name."""

    headings: dict[str, float]
    """Place of the name of each factor."""
    places: Array
    """Of the levels."""
    names: list[str]

    @classmethod
    def of(cls, levels: Mapping[str, Sequence[str]], height: float = 1.0) -> "_Rows":
        headings: dict[str, float] = {}
        places: list[float] = []
        place = 0.0
        for factor, names in levels.items():
            headings[factor] = place
            places += [place + 0.5 + height * (row + 0.5) for row in range(len(names))]
            place = places[-1] + height / 2 + 1.0
        return cls(headings, np.array(places), [name for names in levels.values() for name in names])

    def draw(self, ax: Axes, below: float = 0.0) -> None:
        """Name the lines; bars may reach `below` the last of them."""
        name_rows(ax, self.places.tolist(), self.names, (0.0, self.places[-1] + below))
        ax.tick_params(axis="y", length=0)
        beside: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "ha": "right", "va": "center", "fontsize": 8}
        for factor, place in self.headings.items():
            ax.text(-0.01, place, shown(factor), fontweight="bold", **beside)


def effect_forest(table: EffectTable, *, confidence_level: float = 0.95, ax: Axes | None = None) -> Axes:
    """Effects of the levels of a conjoint survey with their intervals, factor by factor (or marginal means).

    The reference level of a factor stands first, as a hollow dot at 0. Ends that are not finite are left out. All
    names have room where the figure is new (to 1000 lines); on given Axes some may be left out.

    Args:
        table: of `amce` or `marginal_means`.
        confidence_level: of the intervals, in (0, 1).
        ax: Axes to draw on; None: of a new figure.
    Returns: Axes.
    Raises: DomainError, ShapeError, TypeError.
    Source: the figures of Hainmueller, Hopkins and Yamamoto (2014); intervals of `EffectTable.interval`.

    >>> from prefcore import conjoint as cj
    >>> shown = {"respondents": ["a", "b", "c"], "design": cj.Design({"tax": ["5%", "15%"]})}
    >>> data = cj.ConjointData.from_pairs([[0], [1], [1]], [[1], [0], [0]], [0, 1, 0], **shown)
    >>> [label.get_text() for label in effect_forest(cj.amce(data)).get_yticklabels()]
    ['5%', '15%']
    """
    if not isinstance(table, EffectTable):
        raise TypeError(f"table must be an EffectTable, got a {type(table).__name__}; see conjoint.amce")
    if len(table.estimate) == 0:
        raise ShapeError("table must hold at least one effect, got none")
    _arrays.finite("table.estimate", table.estimate)
    low, high = table.interval(confidence_level=confidence_level)
    rows, at_reference = _rows(table)
    ax = canvas(ax, height=tall(rows.places[-1] + 1))
    forest(ax, rows.places[~at_reference], table.estimate, (low, high))
    if table.reference is None:
        ax.set_xlabel(f"mean outcome ({percent(confidence_level)} intervals)")
    else:
        hollow: dict[str, Any] = {"color": GRAY, "markersize": 4, "fillstyle": "none"}
        ax.plot(np.zeros(at_reference.sum()), rows.places[at_reference], "o", gid="references", **hollow)
        ax.axvline(0.0, color=GRAY, linewidth=0.8)
        ax.set_xlabel(f"effect on the outcome\n(hollow: reference; {percent(confidence_level)} intervals)")
    rows.draw(ax)
    return ax


def policy_bars(
    policies: Mapping[str, Any], *, design: Design, confidence_level: float = 0.95, ax: Axes | None = None
) -> Axes:
    """Probability of each level under one or several policies, factor by factor, side by side.

    Intervals are p -+ z std_error, cut to [0, 1], where a policy comes with its errors.

    Args:
        policies: mapping from a name to a policy, [L] probabilities per factor that add up to 1, or to a result with
            the fields `policy` and `policy_std_error`, such as that of `optimal_policy`.
        design: names of the factors and levels.
        confidence_level: of the intervals, in (0, 1).
        ax: Axes to draw on; None: of a new figure.
    Returns: Axes, with one container of bars for each policy, in the order of the mapping.
    Raises: DomainError, ShapeError, TypeError.
    Source: normal intervals of the errors by the delta method.

    >>> from prefcore.conjoint import Design
    >>> design = Design({"tax": ["5%", "15%"], "revenue": ["low", "high"]})
    >>> axes = policy_bars({"left": ([0.3, 0.7], [0.4, 0.6])}, design=design)
    >>> [float(bar.get_width()) for bar in axes.containers[0]]
    [0.3, 0.7, 0.4, 0.6]
    """
    if not isinstance(design, Design):
        raise TypeError(f"design must be a Design, got a {type(design).__name__}")
    reach = -_rust.normal_quantile((1 - probability("confidence_level", confidence_level)) / 2)
    found = {name: _policy(name, one, design) for name, one in mapping("policies", policies, "policies").items()}
    spread = max(1.0, 0.45 * len(found))
    rows = _Rows.of(dict(zip(design.factors, design.levels, strict=True)), spread)
    thick = 0.85 * spread / len(found)
    ax = canvas(ax, height=tall(rows.places[-1] + spread) + 0.2 * len(found))
    places = rows.places - thick * (len(found) - 1) / 2
    bars = []
    for number, ((chance, error), color) in enumerate(zip(found.values(), cycle(COLORS), strict=False)):
        at = places + number * thick
        hatch = "////" if number >= len(COLORS) else ""
        bars.append(ax.barh(at, chance, 0.9 * thick, color=color, hatch=hatch, edgecolor="white", linewidth=0))
        if error is not None:
            ends = np.clip(chance - reach * error, 0, 1), np.clip(chance + reach * error, 0, 1)
            ax.hlines(at, *ends, color=INK, linewidth=1, gid=f"intervals-{number}")
    ax.set(xlim=(0, 1), xlabel="probability of the level")
    ax.grid(axis="x", linewidth=0.3)
    ax.set_axisbelow(True)
    rows.draw(ax, spread / 2)
    below = ax.transAxes + ScaledTranslation(0, -0.45, ax.figure.dpi_scale_trans)  # inches: under the label of the axis
    where = {"loc": "upper left", "bbox_to_anchor": (0, 0), "bbox_transform": below, "ncols": 2}
    legend(ax, bars, [shown(name) for name in found], **where)
    return ax


def _rows(table: EffectTable) -> tuple[_Rows, Any]:
    """Return the lines of a table, and which levels are the references that it has no row for."""
    levels: dict[str, list[str]] = {}
    at_reference: list[bool] = []
    for k, (factor, level) in enumerate(zip(table.factor, table.level, strict=True)):
        if factor not in levels:
            levels[factor] = [] if table.reference is None else [table.reference[k]]
            at_reference += [True] * len(levels[factor])
        levels[factor].append(level)
        at_reference.append(False)
    return _Rows.of(levels), np.array(at_reference)


def _policy(name: str, policy: Any, design: Design) -> tuple[Array, Array | None]:
    """Return the probabilities of all levels in a row, and their errors where they are known."""
    errors = getattr(policy, "policy_std_error", None)
    parts = getattr(policy, "policy", policy)
    chances = list(_parts(f"policies[{name!r}]", parts, design))
    for d, part in enumerate(chances):
        _arrays.refuse(f"policies[{name!r}][{d}]", part, (part < -ROOM) | (part > 1 + ROOM), "a probability in [0, 1]")
        if abs(part.sum() - 1) > ROOM:
            raise DomainError(f"policies[{name!r}][{d}] must add up to 1, got {part.sum():.6g}")
    chance = np.clip(np.concatenate(chances), 0, 1)
    if errors is None:
        return chance, None
    return chance, np.concatenate(list(_parts(f"policies[{name!r}].policy_std_error", errors, design)))


def _parts(name: str, parts: Any, design: Design) -> Iterator[Array]:
    """Yield the numbers of each factor."""
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        raise TypeError(f"{name} must hold one array for each factor, got a {type(parts).__name__}")
    if len(parts) != len(design.factors):
        raise ShapeError(f"{name} must hold one array for each of {len(design.factors)} factors, got {len(parts)}")
    for d, (part, names) in enumerate(zip(parts, design.levels, strict=True)):
        values = numbers(f"{name}[{d}]", part)
        if len(values) != len(names):
            raise ShapeError(f"{name}[{d}] must have length {len(names)} like the levels, got {len(values)}")
        yield values
