"""The report of a file of preferences."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore.errors import DomainError, ShapeError
from prefcore.plots._canvas import BLUE, canvas, numbers
from prefcore.report import page

__all__ = ["inspect"]


def inspect(summary: Mapping[str, Any], path: str | Path) -> Path:
    """Write what was found in a file of preferences as an HTML file.

    Args:
        summary: by name: a number or text is a fact; a mapping with "edges" [B + 1] and "counts" [B] a histogram;
            another mapping of numbers and texts a section of facts; a list of mappings, or a mapping of lists of equal
            length, a table.
        path: of the file, which is replaced.
    Returns: Path.
    Raises: DomainError, ShapeError, TypeError, OSError.

    >>> import tempfile
    >>> found = {"rows": 3, "gap": {"edges": [0, 1, 2], "counts": [2, 1]}, "worst": [{"line": 2, "reason": "tie"}]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     inspect(found, f"{folder}/file.html").name
    'file.html'
    """
    if not isinstance(summary, Mapping):
        raise TypeError(f"summary must be a mapping from names to findings, got a {type(summary).__name__}")
    summary = {name: page.plain(value) for name, value in summary.items()}
    plain = {name: value for name, value in summary.items() if _is_plain(value)}
    parts = [page.facts(plain)] if plain else []
    parts += [page.section(str(n), _part(str(n), value)) for n, value in summary.items() if not _is_plain(value)]
    return page.written(path, "Preference data", parts)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | bytes) or not isinstance(value, Mapping | Sequence | np.ndarray)


def _part(name: str, value: Any) -> str:
    if isinstance(value, Mapping) and {"edges", "counts"} <= set(value):
        return _histogram(name, value)
    if isinstance(value, Mapping) and all(map(_is_plain, value.values())):
        return page.facts(value)
    if isinstance(value, Mapping):
        return page.table(_equal(name, value).items())
    for place, row in enumerate(value):
        if not isinstance(row, Mapping):
            raise TypeError(f"summary[{name!r}][{place}] must be a mapping, got a {type(row).__name__}")
    columns = dict.fromkeys(key for row in value for key in row)
    return page.table((key, [row.get(key) for row in value]) for key in columns)


def _equal(name: str, columns: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the columns; refuse what is no list, and different lengths."""
    for key, column in columns.items():
        if _is_plain(column) or isinstance(column, Mapping):
            raise TypeError(f"summary[{name!r}][{key!r}] must be a list like the others, got a {type(column).__name__}")
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ShapeError(f"summary[{name!r}] must hold lists of one length, got {lengths}")
    return columns


def _histogram(name: str, value: Mapping[str, Any]) -> str:
    edges, counts = (numbers(f"summary[{name!r}][{key!r}]", value[key]) for key in ("edges", "counts"))
    if len(edges) != len(counts) + 1:
        raise ShapeError(f"summary[{name!r}]['edges'] must have length {len(counts) + 1}, got {len(edges)}")
    if not (np.diff(edges) > 0).all():
        raise DomainError(f"summary[{name!r}]['edges'] must rise")
    _arrays.refuse(f"summary[{name!r}]['counts']", counts, counts < 0, "a number >= 0")
    ax = canvas(None, 6.4, 2.6)
    titles = {}
    for place, bar in enumerate(ax.bar(edges[:-1], counts, np.diff(edges), align="edge", color=BLUE, alpha=0.7)):
        bar.set_gid(f"bar-{place}")
        titles[f"bar-{place}"] = [f"{edges[place]:.4g} to {edges[place + 1]:.4g}: {counts[place]:g}"]
    ax.set(xlabel=name.replace("$", r"\$"), ylabel="rows")
    return page.picture(ax, name, titles)
