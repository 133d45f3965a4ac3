"""Some columns of a file, batch by batch, with their bad rows taken out."""

import difflib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prefcore.cli import _files
from prefcore.cli._files import BadRow, Kind
from prefcore.cli._progress import Progress
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop

#: rows of JSON or CSV that become one batch
ROWS = 1 << 16
Checks = Sequence["Check"]
#: kinds that integers are, too
CODES = {"code", "level", "maybe"}
WORDS = {"number": "a finite number", "text": "text"} | dict.fromkeys(CODES, "text or an integer")


class Check(NamedTuple):
    """What rows of a batch must fulfil beyond the kind of each column."""

    bad: Callable[[Mapping[str, Any]], Any]
    """Columns -> mask of bad rows."""
    reason: Callable[[Mapping[str, Any]], str]
    """A bad row -> why."""


def mapping(pairs: Sequence[str] | None, names: Sequence[str]) -> dict[str, str]:
    """Read NAME=COLUMN options; a name that is not given stands in the column of that name."""
    found = {name: name for name in names}
    for pair in pairs or ():
        name, equals, column = pair.partition("=")
        if not (name and equals and column):
            raise Stop(Code.USAGE, f"--columns must be NAME=COLUMN, got {pair!r}")
        if name not in found:
            raise Stop(Code.USAGE, f"--columns {pair}: there is no {name!r} here; {near(name, names)}")
        found[name] = column
    return found


def near(name: str, names: Sequence[str]) -> str:
    """Say what was meant, perhaps."""
    close = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
    return f"nearest: {' and '.join(close)}" if close else f"there are {', '.join(names) or 'none'}"


def batches(
    path: Path, kinds: Mapping[str, str], columns: Mapping[str, str], rejects: Rejects, checks: Checks = ()
) -> Iterator[dict[str, Any]]:
    """Yield the named columns: `number` as float64, all others as Arrow dictionaries of text.

    Args:
        path: of the file.
        kinds: name -> number; text; code: text or integers; level: that, and the empty text; maybe: that, and nothing.
        columns: name -> column of the file.
        rejects: takes the rows with a missing or wrong value, and those that a check refuses.
        checks: of rows whose columns are of their kinds.
    """
    kind = _files.kind_of(path)
    found = _text_batches if kind.format in {"jsonl", "csv"} else _arrow_batches
    with Progress(path.name) as progress:
        for batch, numbers in found(path, kind, kinds, columns, rejects):
            yield _checked(batch, numbers, checks, rejects)
            progress.at(rejects.read)


def joined(found: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """All batches as one; nothing where no row is good."""
    import numpy as np
    import pyarrow as pa

    parts = [batch for batch in found if len(next(iter(batch.values())))]
    return {
        name: np.concatenate([part[name] for part in parts])
        if isinstance(parts[0][name], np.ndarray)
        else pa.chunked_array([part[name] for part in parts])
        for name in (parts[0] if parts else ())
    }


def names_of(path: Path) -> list[str]:
    """Columns of a file: of the table, or of the first row that can be read."""
    kind = _files.kind_of(path)
    if kind.format in {"jsonl", "csv"}:
        rows = (row for _, row in _files.text_rows(path, kind) if isinstance(row, dict))
        return list(next(rows, {}))
    with _files.arrow_batches(path, kind) as (schema, _):
        return list(schema.names)


def _checked(batch: dict[str, Any], numbers: Any, checks: Checks, rejects: Rejects) -> dict[str, Any]:
    import numpy as np

    good = np.ones(len(numbers), dtype=np.bool_)
    for check in checks:
        bad = np.asarray(check.bad(batch)) & good
        for place in np.flatnonzero(bad):
            row = {name: _plain(column[int(place)]) for name, column in batch.items()}
            rejects.add(int(numbers[place]), check.reason(row), row)
        good &= ~bad
    return batch if good.all() else {name: _taken(column, good) for name, column in batch.items()}


def _taken(column: Any, good: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    return column[good] if isinstance(column, np.ndarray) else column.filter(pa.array(good))


def _plain(value: Any) -> Any:
    return value.as_py() if hasattr(value, "as_py") else value.item()


def _text_batches(
    path: Path, kind: Kind, kinds: Mapping[str, str], columns: Mapping[str, str], rejects: Rejects
) -> Iterator[tuple[dict[str, Any], Any]]:
    kept: list[tuple[int, list[Any]]] = []
    for number, row in _files.text_rows(path, kind):
        rejects.read += 1
        if isinstance(row, BadRow):
            rejects.add(number, row.reason, row.text)
            continue
        values = [_value(row, columns[name], wanted, kind.format == "csv") for name, wanted in kinds.items()]
        wrong = next((value for value in values if isinstance(value, BadRow)), None)
        if wrong is not None:
            rejects.add(number, wrong.reason, row)
            continue
        kept.append((number, values))
        if len(kept) == ROWS:
            yield _gathered(kept, kinds)
            kept = []
    if kept:
        yield _gathered(kept, kinds)


def _value(row: dict[str, Any], column: str, kind: str, from_text: bool) -> Any:
    """Return the value, or why it is none of the kind."""
    if kind == "maybe" and row.get(column) in {None, ""}:
        return None
    if column not in row:
        return BadRow(f"no column {column!r} ({near(column, list(row))}); --columns NAME=COLUMN maps", "")
    value = row[column]
    found = _as_number(value, from_text) if kind == "number" else _as_text(value, kind)
    return BadRow(f"column {column!r} must be {WORDS[kind]}, got {value!r:.60}", "") if found is None else found


def _as_number(value: Any, from_text: bool) -> float | None:
    if from_text:
        try:
            value = float(value)
        except ValueError:
            return None
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if fits else None


def _as_text(value: Any, kind: str) -> str | None:
    if kind in CODES and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and (value or kind == "level") else None


def _gathered(kept: list[tuple[int, list[Any]]], kinds: Mapping[str, str]) -> tuple[dict[str, Any], Any]:
    import numpy as np
    import pyarrow as pa

    numbers = np.array([number for number, _ in kept])
    batch: dict[str, Any] = {}
    for place, (name, kind) in enumerate(kinds.items()):
        values = [row[place] for _, row in kept]
        batch[name] = np.array(values) if kind == "number" else pa.array(values, pa.large_string()).dictionary_encode()
    return batch, numbers


def _arrow_batches(
    path: Path, kind: Kind, kinds: Mapping[str, str], columns: Mapping[str, str], rejects: Rejects
) -> Iterator[tuple[dict[str, Any], Any]]:
    import numpy as np

    with _files.arrow_batches(path, kind, [columns[name] for name in kinds]) as (schema, found):
        for name, wanted in kinds.items():
            _typed(path, schema, name, columns[name], wanted)
        for table in found:
            numbers = np.arange(rejects.read + 1, rejects.read + 1 + table.num_rows)
            rejects.read += table.num_rows
            raw = {name: table.column(columns[name]) for name in kinds}
            good = np.ones(len(numbers), dtype=np.bool_)
            for name, wanted in kinds.items():
                good &= _refused(raw[name], columns[name], wanted, numbers, good, rejects)
            batch = {name: _converted(raw[name], wanted, good) for name, wanted in kinds.items()}
            yield batch, numbers[good]


def _typed(path: Path, schema: Any, name: str, column: str, kind: str) -> None:
    """Refuse a file without the column, or with another type in it."""
    import pyarrow as pa

    if column not in schema.names:
        raise Stop(
            Code.INPUT, f"{path}: no column {column!r} ({near(column, schema.names)}); --columns {name}=COLUMN names it"
        )
    came = schema.field(column).type
    came = came.value_type if pa.types.is_dictionary(came) else came
    is_number = pa.types.is_integer(came) or pa.types.is_floating(came)
    is_text = pa.types.is_string(came) or pa.types.is_large_string(came) or pa.types.is_string_view(came)
    fits = is_number if kind == "number" else is_text or (kind in CODES and pa.types.is_integer(came))
    if not fits:
        wanted = {"number": "numbers", "text": "text"}.get(kind, "text or integers")
        raise Stop(
            Code.INPUT, f"{path}: column {column!r} must hold {wanted}, got {came}; --columns {name}=COLUMN names it"
        )


def _refused(values: Any, column: str, kind: str, numbers: Any, good: Any, rejects: Rejects) -> Any:
    """Mask of the rows that have a value of the kind; the others go to the rejects."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind == "maybe":
        return np.ones(len(values), dtype=np.bool_)
    if kind == "number":
        fits = pc.fill_null(pc.is_finite(values), fill_value=False)
    elif kind == "level":
        fits = values.is_valid()
    elif pa.types.is_dictionary(values.type):
        filled = pc.fill_null(pc.not_equal(values.dictionary, ""), fill_value=False)
        fits = pc.fill_null(pc.take(filled, values.indices), fill_value=False)
    elif pa.types.is_integer(values.type):
        fits = values.is_valid()
    else:
        fits = pc.fill_null(pc.not_equal(values, ""), fill_value=False)
    mask = fits.to_numpy(zero_copy_only=False)
    for place in np.flatnonzero(good & ~mask):
        value = values[int(place)].as_py()
        rejects.add(int(numbers[place]), f"column {column!r} must be {WORDS[kind]}, got {value!r}", {column: value})
    return mask


def _converted(values: Any, kind: str, good: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    values = values if good.all() else values.filter(pa.array(good))
    if kind == "number":
        return values.to_numpy(zero_copy_only=False).astype(np.float64)
    if pa.types.is_integer(values.type):
        values = values.cast(pa.string())
    return values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
