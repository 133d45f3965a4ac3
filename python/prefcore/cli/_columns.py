"""Some columns of a file, batch by batch, with their bad rows taken out."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from prefcore.cli import _files
from prefcore.cli._files import BadRow, Kind
from prefcore.cli._progress import Progress
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop, near

#: rows of JSON or CSV that become one batch
ROWS = 1 << 16
#: a quote that neither begins nor ends a field
ODD_QUOTE = re.compile(rb'(?<![,\n])(?!\A)"(?![,\r\n]|\Z)')
#: bytes of CSV that are read at once
BLOCK = 1 << 23
#: columns by name, and the numbers of their rows
Numbered = tuple[dict[str, Any], Any]
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


class Mapped(dict[str, str]):
    """Name -> column, of a command that has --columns."""


def mapping(pairs: Sequence[str] | None, names: Sequence[str]) -> dict[str, str]:
    """Read NAME=COLUMN options; a name that is not given stands in the column of that name."""
    found = Mapped({name: name for name in names})
    for pair in pairs or ():
        name, equals, column = pair.partition("=")
        if not (name and equals and column):
            raise Stop(Code.USAGE, f"--columns must be NAME=COLUMN, got {pair!r}")
        if name not in found:
            raise Stop(Code.USAGE, f"--columns {pair}: there is no {name!r} here; {near(name, names)}")
        found[name] = column
    return found


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
    found = {"jsonl": _json_batches, "csv": _csv_batches}.get(kind.format, _arrow_batches)
    with Progress(path.name) as progress:
        for batch, numbers in found(path, kind, kinds, columns, rejects):
            yield _checked(batch, numbers, checks, rejects)
            progress.at(rejects.read)


def joined(found: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """All batches as one; nothing where no row is good."""
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
    good = np.ones(len(numbers), dtype=np.bool_)
    for check in checks:
        bad = np.asarray(check.bad(batch)) & good
        for place in np.flatnonzero(bad):
            row = {name: _plain(column[int(place)]) for name, column in batch.items()}
            rejects.add(int(numbers[place]), check.reason(row), row)
        good &= ~bad
    return batch if good.all() else {name: _taken(column, good) for name, column in batch.items()}


def _taken(column: Any, good: Any) -> Any:
    return column[good] if isinstance(column, np.ndarray) else column.filter(pa.array(good))


def _plain(value: Any) -> Any:
    return value.as_py() if hasattr(value, "as_py") else value.item()


def _json_batches(
    path: Path, kind: Kind, kinds: Mapping[str, str], columns: Mapping[str, str], rejects: Rejects
) -> Iterator[Numbered]:
    return _row_batches(_files.text_rows(path, kind), kinds, columns, rejects, from_text=False)


def _csv_batches(
    path: Path, kind: Kind, kinds: Mapping[str, str], columns: Mapping[str, str], rejects: Rejects
) -> Iterator[Numbered]:
    """Blocks of plain lines at once; from the first block that is not plain, row by row."""
    with _files.reading(path), _files.opened(path, kind.compression) as file:
        header, above = _files.csv_header(path, file), 1
        while block := file.read(BLOCK):
            block += file.readline(_files.LONGEST)
            batch = _quick(header, block, kinds, columns)
            if batch is None:
                rows = _files.csv_rows(header, _files.Rest(block, file), above)
                yield from _row_batches(rows, kinds, columns, rejects, from_text=True)
                return
            n = len(next(iter(batch.values())))
            rejects.read += n
            yield batch, range(above + 1, above + n + 1)
            above += n


def _quick(
    header: list[str], block: bytes, kinds: Mapping[str, str], columns: Mapping[str, str]
) -> dict[str, Any] | None:
    """Plain lines: fields in quotes as a whole or not at all, no empty lines; None where any line is not plain."""
    wanted = list(dict.fromkeys(columns[name] for name in kinds))
    numbers = {columns[name] for name, kind in kinds.items() if kind == "number"}
    if not set(wanted) <= set(header) or b"\r" in block.replace(b"\r\n", b"") or ODD_QUOTE.search(block):
        return None
    types = {name: pa.float64() if name in numbers else pa.string() for name in wanted}
    try:
        table = pa.csv.read_csv(
            pa.py_buffer(block),
            pa.csv.ReadOptions(column_names=header),
            pa.csv.ParseOptions(ignore_empty_lines=False),
            pa.csv.ConvertOptions(
                column_types=types, include_columns=wanted, null_values=[], strings_can_be_null=False
            ),
        ).combine_chunks()
    except pa.ArrowException:
        return None
    if table.num_rows != block.count(b"\n") + (not block.endswith(b"\n")):
        return None
    found = {name: table.column(columns[name]).combine_chunks() for name in kinds}
    good = np.ones(table.num_rows, dtype=np.bool_)
    if not all(_fits(found[name], "code" if kind == "maybe" else kind).all() for name, kind in kinds.items()):
        return None
    return {name: _converted(found[name], kind, good) for name, kind in kinds.items()}


def _row_batches(
    rows: Iterator[tuple[int, dict[str, Any] | BadRow]],
    kinds: Mapping[str, str],
    columns: Mapping[str, str],
    rejects: Rejects,
    *,
    from_text: bool,
) -> Iterator[Numbered]:
    kept: list[tuple[int, list[Any]]] = []
    for number, row in rows:
        rejects.read += 1
        if isinstance(row, BadRow):
            rejects.add(number, row.reason, row.text)
            continue
        values = [_value(row, columns, name, wanted, from_text) for name, wanted in kinds.items()]
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


def _hint(columns: Mapping[str, str], name: str) -> str:
    return f"; --columns {name}=COLUMN names it" if isinstance(columns, Mapped) else ""


def _value(row: dict[str, Any], columns: Mapping[str, str], name: str, kind: str, from_text: bool) -> Any:
    """Return the value, or why it is none of the kind."""
    column = columns[name]
    if kind == "maybe" and row.get(column) in {None, ""}:
        return None
    if column not in row:
        return BadRow(f"no column {column!r} ({near(column, list(row))}){_hint(columns, name)}", "")
    value = row[column]
    found = as_number(value, from_text) if kind == "number" else _as_text(value, kind)
    return BadRow(f"column {column!r} must be {WORDS[kind]}, got {value!r:.60}", "") if found is None else found


def as_number(value: Any, from_text: bool) -> float | None:
    """Return a finite number, or None."""
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
    numbers = np.array([number for number, _ in kept])
    batch: dict[str, Any] = {}
    for place, (name, kind) in enumerate(kinds.items()):
        values = [row[place] for _, row in kept]
        batch[name] = np.array(values) if kind == "number" else pa.array(values, pa.large_string()).dictionary_encode()
    return batch, numbers


def _arrow_batches(
    path: Path, kind: Kind, kinds: Mapping[str, str], columns: Mapping[str, str], rejects: Rejects
) -> Iterator[Numbered]:
    with _files.arrow_batches(path, kind, [columns[name] for name in kinds]) as (schema, found):
        for name, wanted in kinds.items():
            _typed(path, schema, columns, name, wanted)
        for table in found:
            numbers = np.arange(rejects.read + 1, rejects.read + 1 + table.num_rows)
            rejects.read += table.num_rows
            raw = {name: _without_views(table.column(columns[name])) for name in kinds}
            good = np.ones(len(numbers), dtype=np.bool_)
            for name, wanted in kinds.items():
                good &= _refused(raw[name], columns[name], wanted, numbers, good, rejects)
            batch = {name: _converted(raw[name], wanted, good) for name, wanted in kinds.items()}
            yield batch, numbers[good]


def _without_views(values: Any) -> Any:
    """Text that Arrow can compare; polars writes views."""
    if pa.types.is_dictionary(values.type):
        return pa.DictionaryArray.from_arrays(values.indices, _without_views(values.dictionary))
    return values.cast(pa.large_string()) if pa.types.is_string_view(values.type) else values


def _typed(path: Path, schema: Any, columns: Mapping[str, str], name: str, kind: str) -> None:
    """Refuse a file without the column, or with another type in it."""
    column = columns[name]
    if column not in schema.names:
        text = f"no column {column!r} ({near(column, schema.names)}){_hint(columns, name)}"
        raise Stop(Code.INPUT, f"{path}: {text}")
    came = schema.field(column).type
    came = came.value_type if pa.types.is_dictionary(came) else came
    is_number = pa.types.is_integer(came) or pa.types.is_floating(came)
    is_text = pa.types.is_string(came) or pa.types.is_large_string(came) or pa.types.is_string_view(came)
    fits = is_number if kind == "number" else is_text or (kind in CODES and pa.types.is_integer(came))
    if not fits:
        wanted = {"number": "numbers", "text": "text"}.get(kind, "text or integers")
        raise Stop(Code.INPUT, f"{path}: column {column!r} must hold {wanted}, got {came}{_hint(columns, name)}")


def _refused(values: Any, column: str, kind: str, numbers: Any, good: Any, rejects: Rejects) -> Any:
    """Mask of the rows that have a value of the kind; the others go to the rejects."""
    mask = _fits(values, kind)
    for place in np.flatnonzero(good & ~mask):
        value = values[int(place)].as_py()
        rejects.add(int(numbers[place]), f"column {column!r} must be {WORDS[kind]}, got {value!r}", {column: value})
    return mask


def _fits(values: Any, kind: str) -> Any:
    """Mask of the values that are of the kind, in a column whose type is."""
    if kind == "maybe":
        return np.ones(len(values), dtype=np.bool_)
    if kind == "number":
        fits = pc.is_finite(values)
    elif pa.types.is_dictionary(values.type) and kind != "level":
        known = pc.fill_null(pc.not_equal(values.dictionary, ""), fill_value=False)
        if values.null_count == 0 and pc.all(known, min_count=0).as_py():
            return np.ones(len(values), dtype=np.bool_)
        fits = pc.take(known, values.indices)
    elif kind == "level" or pa.types.is_integer(values.type):
        fits = values.is_valid()
    else:
        fits = pc.not_equal(values, "")
    return pc.fill_null(fits, fill_value=False).to_numpy(zero_copy_only=False)


def _converted(values: Any, kind: str, good: Any) -> Any:
    values = values if good.all() else values.filter(pa.array(good))
    if kind == "number":
        return values.to_numpy(zero_copy_only=False).astype(np.float64)
    if pa.types.is_integer(values.type):
        values = values.cast(pa.string())
    if kind == "maybe":
        values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)
    return values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
