"""The parts of a page: facts, tables that sort, pictures, and the file itself."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from io import StringIO
from numbers import Number
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from prefcore.report._style import HEAD, SCRIPT

__all__: list[str] = []

#: colors of the pictures, which follow the page from light to dark
COLORS = {
    "#000000": "var(--ink)",
    "#0072b2": "var(--blue)",
    "#d55e00": "var(--orange)",
    "#7f7f7f": "var(--gray)",
    "#b0b0b0": "var(--line)",
}
#: decimals in a table
MOST_PLACES = 7
#: times the median, from which a number is an outlier
OUTLIER = 100
DRAWING: Any = {"svg.fonttype": "none", "svg.hashsalt": "prefcore"}


def written(path: Any, title: str, parts: Iterable[str]) -> Path:
    """Write the page and return its path."""
    if not isinstance(path, str | Path):
        raise TypeError(f"path must be a string or a Path, got a {type(path).__name__}")
    body = "\n".join(parts)
    text = (
        f"{HEAD}<title>{escape(title)}</title>\n<h1>{escape(title)}</h1>\n{body}\n<script>{SCRIPT}</script>\n</html>\n"
    )
    file = Path(path)
    file.write_text(text, encoding="utf-8", errors="replace")  # half of a surrogate pair has no bytes
    return file


def section(title: str, *parts: str) -> str:
    """A heading and what stands below it."""
    return "\n".join([f"<h2>{escape(title)}</h2>", *parts])


def note(text: str) -> str:
    """A paragraph."""
    return f"<p>{escape(text)}</p>"


def facts(values: Mapping[str, Any]) -> str:
    """Names and what they are, one in a line."""
    rows = "\n".join(f"<div><dt>{escape(str(name))}</dt><dd>{cell(value)}</dd></div>" for name, value in values.items())
    return f"<dl>\n{rows}\n</dl>"


def table(columns: Iterable[tuple[Any, Sequence[Any]]]) -> str:
    """Columns of equal length, each with its name; a click on a heading sorts."""
    parts = [_column(str(name), list(map(plain, values))) for name, values in columns]
    head = "".join(heading for heading, _ in parts)
    rows = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in zip(*(cells for _, cells in parts), strict=True))
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>'


def _column(name: str, values: Sequence[Any]) -> tuple[str, list[str]]:
    """Heading and cells; numbers stand on the right, all with as many decimals as give the largest four digits.

    An outlier is none of them: a spike would take the decimals of all others.
    """
    button = f'<button type="button">{escape(name)}</button>'
    known = [value for value in values if value is not None]
    if not known or not all(map(is_number, known)):
        return f'<th scope="col">{button}</th>', [f"<td>{cell(value)}</td>" for value in values]
    numbers = np.array([np.nan if value is None else real(value) for value in values])
    size = np.abs(numbers[np.isfinite(numbers) & (numbers != 0)])
    whole = (size == np.floor(size)).all()
    usual = size[size <= OUTLIER * np.median(size)] if len(size) else size
    places = 0 if whole else max(0, int(3 - np.floor(np.log10(usual.max()))))
    keys = [f"{value:.17g}".replace("inf", "Infinity") for value in numbers.tolist()]  # as JavaScript reads them
    texts = [_decimal(value, places) for value in numbers.tolist()]
    cells = [f'<td class="number" data-value="{key}">{text}</td>' for key, text in zip(keys, texts, strict=True)]
    return f'<th scope="col" class="number">{button}</th>', cells


def _decimal(value: float, places: int) -> str:
    """A number with some decimals; in powers of ten where it is too small for them, or all are."""
    if np.isnan(value):
        return "–"
    text = f"{value:.{places}f}" if places <= MOST_PLACES and abs(value) < 1e15 else f"{value:.4g}"
    return (f"{value:.2g}" if value != 0 and float(text) == 0 else text).replace("-", "−")


def cell(value: Any) -> str:
    """A number with four digits or a text, escaped; what is missing is a dash."""
    value = plain(value)
    if value is None or (is_number(value) and np.isnan(real(value))):
        return "–"
    if not is_number(value):
        return escape(str(value))
    number = real(value)
    return (f"{number:.0f}" if number.is_integer() and abs(number) < 1e15 else f"{number:.4g}").replace("-", "−")


def picture(ax: Axes, about: str, titles: Mapping[str, Sequence[str]], *, cells: str = "") -> str:
    """Draw Axes as SVG and close their figure; a mark tells its title where the pointer rests on it.

    `titles` are those of the marks of each artist by its gid; `cells` is SVG that is laid over it.
    """
    file = StringIO()
    figure: Any = ax.figure
    with mpl.rc_context(DRAWING), _any_letters():
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    svg = re.sub(r".*?(<svg )", r"\1", file.getvalue(), count=1, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    key = "".join(letter if letter.isalnum() else f"_{ord(letter):x}_" for letter in about)  # of no other name
    svg = re.sub(r"<[^>]+>", lambda tag: _fitted(tag[0], key), svg)
    for gid, texts in titles.items():
        svg = _titled(svg, f"{key}-{gid}", texts)
    svg = re.sub(r' height="[\d.]+pt"', f' role="img" aria-label="{escape(about)}"', svg, count=1)
    svg = re.sub(r' width="([\d.]+)pt"', r' style="min-width: \1px"', svg, count=1)  # letters as large as on paper
    return f'<div class="wide">{svg.strip().removesuffix("</svg>")}{cells}</svg></div>'


def over_cells(ax: Axes, titles: Mapping[tuple[int, int], str]) -> str:
    """Transparent rectangles over the cells (row, column) of a heat map, each with its title."""
    figure: Any = ax.figure
    with _any_letters():
        figure.canvas.draw()
    figure.set_layout_engine("none")  # the file has another resolution: nothing may move any more
    height, points = figure.bbox.height, 72 / figure.dpi
    lines = []
    for (row, column), text in titles.items():
        (left, bottom), (right, top) = ax.transData.transform([(column - 0.5, row + 0.5), (column + 0.5, row - 0.5)])
        x, y, width, tall = (points * v for v in (left, height - top, right - left, top - bottom))
        box = f'x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{tall:.2f}"'
        lines.append(f'<rect {box} fill-opacity="0"><title>{escape(text)}</title></rect>')
    return "\n".join(lines)


@contextmanager
def _any_letters() -> Iterator[None]:
    """Say nothing of letters that matplotlib's font lacks: the text stays text, and the browser has its own fonts."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _fitted(tag: str, key: str) -> str:
    """A tag with the colors of the page, and with names of its own: several pictures share a page."""
    tag = re.sub(r"(?<=: )#[0-9a-f]{6}", lambda color: COLORS.get(color[0], color[0]), tag)
    return re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{key}-", tag)


def _titled(svg: str, gid: str, texts: Sequence[str]) -> str:
    """Give the marks of an artist their titles: the `use` elements of a line, or the group of a bar."""
    start = svg.index(f'<g id="{gid}">')
    if len(texts) == 1 and "<use " not in svg[start : svg.index("</g>", start)]:
        end = start + len(f'<g id="{gid}">')
        return f"{svg[:end]}<title>{escape(texts[0])}</title>{svg[end:]}"
    left = iter(texts)

    def told(mark: re.Match[str]) -> str:
        text = next(left, None)
        return mark[0] if text is None else f"{mark[0][:-2]}><title>{escape(text)}</title></use>"

    return svg[:start] + re.sub(r"<use [^>]*/>", told, svg[start:], count=len(texts))


def plain(value: Any) -> Any:
    """What an array or tensor of one number and no axis holds; all else as it is."""
    alone = getattr(value, "ndim", None) == 0 and not isinstance(value, np.generic)
    return value.item() if alone else value


def real(value: Any) -> float:
    """A number as float; infinite where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def is_number(value: Any) -> bool:
    """Whether it is a plain real number."""
    return isinstance(value, Number | np.number) and not isinstance(value, bool | np.bool_ | complex)
