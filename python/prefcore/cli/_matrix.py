"""A square table of items against items: CSV with a line of names, JSON, or .npy."""

from pathlib import Path
from typing import Any, NamedTuple

from prefcore.cli import _files
from prefcore.cli._columns import as_number
from prefcore.cli._files import BadRow
from prefcore.cli._run import Code, Stop


class Matrix(NamedTuple):
    """Entries, and the names of the items."""

    names: tuple[str, ...]
    values: Any
    """[n, n] float64."""


def read_matrix(path: Path) -> Matrix:
    """Read a matrix by the file's name.

    CSV: a line of names, then a line per item, which may begin with its name. JSON: [[...], ...], or an object with
    `names` and `matrix`. .npy: a 2-D array.
    """
    name = path.name.removesuffix(".gz").removesuffix(".zst")
    if name.endswith(".npy"):
        names, values = _npy(path)
    elif name.endswith(".json"):
        names, values = _json(path)
    elif name.endswith(".csv"):
        names, values = _csv(path)
    else:
        raise Stop(Code.USAGE, f"{path}: a matrix must be a .csv, .json or .npy")
    return _square(path, names, values)


def _square(path: Path, names: list[str] | None, values: Any) -> Matrix:
    import numpy as np

    if values.ndim != 2 or values.shape[0] != values.shape[1] or not len(values):
        text = f"must be square with at least one row, got shape {list(values.shape)}"
        raise Stop(Code.INPUT, f"{path}: {text}; entry (row, column) is how often the row's item beats the column's")
    if names is not None and len(set(names)) < len(names):
        again = next(name for place, name in enumerate(names) if name in names[:place])
        raise Stop(Code.INPUT, f"{path}: name {again!r} comes twice")
    if names is not None and len(names) != len(values):
        raise Stop(Code.INPUT, f"{path}: has {len(names)} names for {len(values)} rows")
    if (bad := ~np.isfinite(values)).any():
        row, column = np.argwhere(bad)[0]
        raise Stop(Code.INPUT, f"{path}: row {row + 1}, column {column + 1} must be a finite number")
    return Matrix(tuple(names or map(str, range(len(values)))), values)


def _npy(path: Path) -> tuple[None, Any]:
    import numpy as np

    with _files.reading(path):
        try:
            return None, np.load(path, allow_pickle=False).astype(np.float64)
        except ValueError as error:
            raise Stop(Code.INPUT, f"{path}: {error}") from None


def _json(path: Path) -> tuple[list[str] | None, Any]:
    found = _files.whole_json(path, _files.COMPRESSIONS.get(path.suffix))
    names, rows = (found.get("names"), found.get("matrix")) if isinstance(found, dict) else (None, found)
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Stop(Code.INPUT, f"{path}: must be [[...], ...], or an object with names and matrix")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise Stop(Code.INPUT, f"{path}: names must be a list of text, got {names!r:.60}")
    return names, _numbers(path, rows, from_text=False)


def _csv(path: Path) -> tuple[list[str], Any]:
    rows: list[list[Any]] = []
    header: list[str] = []
    for number, row in _files.text_rows(path, _files.kind_of(path)):
        if isinstance(row, BadRow):
            raise Stop(Code.INPUT, f"{path}: line {number}: {row.reason}")
        header = list(row)
        rows.append(list(row.values()))
    own = [row[0] for row in rows]
    if len(header) == len(rows) + 1 and not any(map(_is_number, own)):  # lines begin with names
        if own != header[1:]:
            raise Stop(Code.INPUT, f"{path}: rows must be named like columns, in their order: {', '.join(header[1:])}")
        header, rows = header[1:], [row[1:] for row in rows]
    return header, _numbers(path, rows, from_text=True)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(path: Path, rows: list[list[Any]], *, from_text: bool) -> Any:
    """Rows of one length with a finite number in each place; the first place without one is named."""
    import numpy as np

    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise Stop(Code.INPUT, f"{path}: row {number} has {len(row)} entries, the first has {len(rows[0])}")
        for place, value in enumerate(row, 1):
            if as_number(value, from_text) is None:
                text = f"row {number}, column {place} must be a finite number, got {value!r:.60}"
                raise Stop(Code.INPUT, f"{path}: {text}")
    return np.array(rows, dtype=np.float64)
