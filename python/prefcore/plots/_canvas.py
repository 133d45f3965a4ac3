"""What all pictures share: Axes of a fitting size, colors, names of rows, legends, and checks of what is drawn."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore._arrays import Array
from prefcore.errors import DomainError, ShapeError
from prefcore.plots._matplotlib import Axes, FuncFormatter, Locator, plt

BLUE, ORANGE, GRAY, INK = "#0072B2", "#D55E00", "#7F7F7F", "#000000"
#: Okabe and Ito, without their yellow, which is too light for a line on white
COLORS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
#: with the colors: curves stay apart in gray too
STYLES = ("-", "--", "-.", ":")
#: larger numbers overflow in the transforms of matplotlib
MOST = 1e100
#: rows of a figure that grows: above, matplotlib's limit of 2^16 pixels comes near
MOST_ROWS = 1000
#: inches of a row that has its figure to itself, and of a line of the names
PITCH, LINE = 0.2, 0.14
#: points of a curve that still have markers
MOST_MARKERS = 40
#: characters of a name
MOST_LETTERS = 48


def canvas(ax: Axes | None, width: float = 6.4, height: float = 4.4) -> Axes:
    """Return the Axes given, or those of a new figure of a size in inches; without a frame at the top and right."""
    if ax is None:
        ax = plt.subplots(figsize=(width, height), layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be matplotlib Axes, got a {type(ax).__name__}")
    if ax.name != "rectilinear":
        raise TypeError(f"ax must be rectilinear Axes, got {ax.name} ones")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def tall(rows: float) -> float:
    """Inches of a figure with so many rows."""
    return 1.2 + PITCH * min(rows, MOST_ROWS)


def shown(name: Any) -> str:
    """Return a name on one line, its middle left out where it is long; a dollar does not begin mathematics."""
    text = " ".join(str(name).split()) or "(empty)"
    half = MOST_LETTERS // 2
    text = text if len(text) <= MOST_LETTERS else f"{text[:half]}…{text[1 - half :]}"
    return text.replace("$", r"\$")


class _Thinned(Locator):
    """Places of the ticks: every one that there is room for, so that the lines of the names do not overlap."""

    def __init__(self, places: list[float]) -> None:
        self.places = places

    def __call__(self) -> list[float]:
        """Places at the present size of the Axes, which the layout and the user may change."""
        axis: Any = self.axis
        box = axis.axes.get_window_extent()
        inches = (box.height if axis.axis_name == "y" else box.width) / axis.axes.figure.dpi
        step = math.ceil(LINE * len(self.places) / max(inches, LINE))
        return self.places[:: max(1, step)]


def name_ticks(axis: Any, places: Any, names: Sequence[str]) -> None:
    """Name places of an axis, as far as there is room."""
    known = dict(zip(map(float, places), names, strict=True))
    axis.set_major_locator(_Thinned(list(known)))
    axis.set_major_formatter(FuncFormatter(lambda place, _: known.get(float(place), "")))
    axis.set_tick_params(labelsize=8)


def name_rows(ax: Axes, places: Any, names: Sequence[Any], ends: tuple[float, float] | None = None) -> None:
    """Name the rows on the left, the first on top, and leave a margin; `ends` are those of what is drawn."""
    low, high = ends or (min(places), max(places))
    ax.set_ylim(high + 0.7, low - 0.7)
    name_ticks(ax.yaxis, places, [shown(name) for name in names])


def legend(ax: Axes, handles: Sequence[Any], names: Sequence[str], **where: Any) -> None:
    """Show a legend with names as they are."""
    ax.legend(handles, names, frameon=False, fontsize=8, **where)


def percent(level: float) -> str:
    """Return a confidence level as people say it."""
    return f"{100 * level:.4g}%"


def share(part: Any) -> str:
    """Return a share in percent; 0% and 100% are none and all."""
    if 0 < part < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= part < 1 else f"{part:.0%}"


def digits(value: Any, significant: int = 4) -> str:
    """Return a number with some digits; counts up to ten million have all of theirs."""
    text = f"{value:.0f}" if 10**significant <= abs(value) < 1e7 else f"{value:.{significant}g}"
    return text.replace("-", "−")


def numbers(name: str, values: Any, ndim: int = 1) -> Array:
    """Return a column (or matrix) of numbers, at least one; refuse what is not finite, or too large to draw."""
    array = _arrays.floats(name, values)
    if array.ndim != ndim:
        raise ShapeError(f"{name} must be {ndim}-D, got {array.ndim}-D")
    if array.size == 0:
        raise ShapeError(f"{name} must hold at least one number, got none")
    _arrays.refuse(name, array, ~(np.abs(array) <= MOST), f"a finite number of a size up to {MOST:g}")
    return array


def columns(**values: Any) -> tuple[Array, ...]:
    """Return columns of equal length."""
    arrays = {name: numbers(name, column) for name, column in values.items()}
    _arrays.same_shape(**arrays)
    return tuple(arrays.values())


def mapping(name: str, values: Any, of: str) -> Mapping[Any, Any]:
    """Return a mapping from names, which must hold something."""
    if not isinstance(values, Mapping):
        raise TypeError(f"{name} must be a mapping from names to {of}, got a {type(values).__name__}")
    if not values:
        raise DomainError(f"{name} must hold at least one of {of}, got an empty mapping")
    return values


def forest(ax: Axes, places: Any, estimate: Array, ends: tuple[Array, Array]) -> None:
    """Draw estimates as dots and their intervals as lines; an end that is not finite is left out."""
    ends = tuple(np.where(np.isfinite(end), end, estimate) for end in ends)  # type: ignore[assignment]
    ax.hlines(places, *ends, color=BLUE, linewidth=1.4, gid="intervals")
    ax.plot(estimate, places, "o", color=BLUE, markersize=4, gid="estimates")
    ax.grid(axis="x", linewidth=0.3)
    ax.set_axisbelow(True)
