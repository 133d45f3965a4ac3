"""Files by their names: .jsonl, .csv, .parquet and .arrow, each also with .gz or .zst."""

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn, Protocol

from prefcore.cli._run import Code, Stop

FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
#: escapes that only make a letter in pairs
HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
#: bytes of one line; what is longer is no row
LONGEST = 1 << 26


class Kind(NamedTuple):
    """What a file's name says."""

    format: str
    compression: str | None


class Lines(Protocol):
    """What is read line by line."""

    def readline(self, size: int, /) -> bytes:
        """Return the bytes to the end of the line, `size` at most."""


class Rest:
    """Bytes that were read already, and the file that goes on behind them."""

    def __init__(self, head: bytes, file: Lines) -> None:
        self.head, self.file = io.BytesIO(head), file

    def readline(self, size: int, /) -> bytes:
        """Return a line, which may begin in the one and end in the other."""
        line = self.head.readline(size)
        return line if line.endswith(b"\n") or len(line) == size else line + self.file.readline(size - len(line))


class BadRow(NamedTuple):
    """A row that cannot be read, and why."""

    reason: str
    text: str


def kind_of(path: Path) -> Kind:
    """Format and compression by the name."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    last = suffixes[-2:-1] if compression else suffixes[-1:]
    form = FORMATS.get(last[0]) if last else None
    if form is None:
        known = ", ".join(FORMATS)
        raise Stop(Code.USAGE, f"{path}: unknown kind of file; names end in one of {known}, then .gz or .zst")
    return Kind(form, compression)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say of which file an error of the system, of a stream or of a format is."""
    import pyarrow as pa

    try:
        yield
    except (BrokenPipeError, Stop):
        raise
    except FileNotFoundError:
        raise Stop(Code.INPUT, f"{path}: no such file") from None
    except IsADirectoryError:
        raise Stop(Code.INPUT, f"{path}: is a folder; name the files in it") from None
    except (OSError, EOFError, pa.ArrowException) as error:
        text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "runcated" in text:
            text = "the compressed stream ends too early: the file is cut off; fetch it again"
        raise Stop(Code.INPUT, f"{path}: {text}") from None


@contextmanager
def opened(path: Path, compression: str | None) -> Iterator[BinaryIO]:
    """Open the bytes of a file, decompressed."""
    import pyarrow as pa

    with path.open("rb") as file:
        if compression is None:
            yield file
            return
        with pa.CompressedInputStream(pa.PythonFile(file), compression) as stream:
            yield io.BufferedReader(stream, 1 << 20)


def text_rows(path: Path, kind: Kind) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    """Yield the number of the line and the row of each line of JSON or CSV; empty lines are none."""
    with reading(path), opened(path, kind.compression) as file:
        if kind.format == "jsonl":
            yield from json_rows(file)
        else:
            yield from csv_rows(csv_header(path, file), file, 1)


def rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    """Yield the number and the row of each row of any file, with all its columns."""
    kind = kind_of(path)
    if kind.format in {"jsonl", "csv"}:
        yield from text_rows(path, kind)
        return
    with arrow_batches(path, kind) as (_, batches):
        number = 0
        for batch in batches:
            for row in batch.to_pylist():
                number += 1
                yield number, row


def lines(file: Lines, most: int = -1) -> Iterator[bytes | BadRow]:
    """Yield lines, `most` at most; of one that is too long only the beginning is kept."""
    first = True
    while most != 0 and (line := file.readline(LONGEST)):
        most -= 1
        if first:
            line, first = line.removeprefix(b"\xef\xbb\xbf"), False
        if len(line) < LONGEST or line.endswith(b"\n"):
            yield line
            continue
        line = line[:200]
        while (more := file.readline(1 << 20)) and not more.endswith(b"\n"):
            pass
        yield BadRow(f"longer than {LONGEST >> 20} MiB", line.decode("utf-8", "replace"))


def json_rows(file: Lines) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    """Read a JSON object per line."""
    for number, line in enumerate(lines(file), 1):
        if isinstance(line, BadRow):
            yield number, line
        elif line.strip():
            yield number, _json_row(line)


def _json_row(line: bytes) -> dict[str, Any] | BadRow:
    try:
        row = decoded(line.rstrip(b"\r\n").decode("utf-8"))
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: byte {line[error.start]:#04x} at {error.start}"
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at column {error.colno}"
    except (ValueError, RecursionError) as error:
        reason = f"not JSON: {error}"
    else:
        reason = f"must be a JSON object, got {type(row).__name__}"
        if isinstance(row, dict):
            if not HALF_PAIR.search(line) or _is_text(row):
                return row
            reason = "holds half of a surrogate pair, which is no text"
    return BadRow(reason, line.decode("utf-8", "replace").rstrip("\r\n"))


def whole_json(path: Path, compression: str | None = None) -> Any:
    """Read a file that is one JSON value."""
    with reading(path), opened(path, compression) as file:
        text = file.read()
    try:
        return decoded(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Stop(Code.INPUT, f"{path}: not UTF-8: byte {text[error.start]:#04x} at {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise Stop(Code.INPUT, f"{path}: not JSON: {error}") from None


def _is_text(row: dict[str, Any]) -> bool:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [key for key, _ in pairs]
        again = next(key for place, key in enumerate(names) if key in names[:place])
        raise ValueError(f"key {again!r} comes twice")
    return row


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    if (number := float(text)) in {float("inf"), -float("inf")}:
        raise ValueError(f"{text} is beyond the range of numbers")
    return number


#: a JSON value: keys come once, numbers are finite
decoded: Callable[[str], Any] = json.JSONDecoder(
    object_pairs_hook=_each_once, parse_constant=_no_constant, parse_float=_finite
).decode


def csv_header(path: Path, file: Lines) -> list[str]:
    """Read the line of column names; nothing in an empty file."""
    import csv

    line = next(lines(file, 1), b"")
    try:
        if isinstance(line, BadRow):
            raise Stop(Code.INPUT, f"{path}: line 1: {line.reason}")
        header = next(csv.reader([line.decode("utf-8")]), [])
    except UnicodeDecodeError as error:
        raise Stop(Code.INPUT, f"{path}: line 1: not UTF-8: byte {line[error.start]:#04x} at {error.start}") from None
    if len(set(header)) < len(header):
        again = next(name for place, name in enumerate(header) if name in header[:place])
        raise Stop(Code.INPUT, f"{path}: line 1: column {again!r} comes twice")
    return header


def csv_rows(header: list[str], file: Lines, above: int) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    """Read lines of CSV below so many others; a field in quotes may hold line ends."""
    import csv

    cut: list[BadRow] = []
    rows = csv.reader(_csv_text(file, cut), strict=True)
    while True:
        start = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            found: dict[str, Any] | BadRow = BadRow(f"not CSV: {error}", "")
        else:
            if not row:
                continue
            found = _csv_row(header, row)
        found = cut.pop() if cut else found
        if isinstance(found, BadRow) and rows.line_num > start:
            text = f"; a quote goes on through lines {above + start} to {above + rows.line_num}"
            found = found._replace(reason=found.reason + text)
        yield above + rows.line_num, found


def _csv_text(file: Lines, cut: list[BadRow]) -> Iterator[str]:
    """Yield lines; for one that is too long, which is told, a field without a quote that would go on in the next."""
    for line in lines(file):
        if isinstance(line, BadRow):
            cut[:] = [line]
            yield "...\n"
        else:
            yield line.decode("utf-8", "surrogateescape")


def _csv_row(header: list[str], row: list[str]) -> dict[str, Any] | BadRow:
    if len(row) != len(header):
        return BadRow(f"has {len(row)} fields, the first line has {len(header)}", ",".join(row))
    if any(not cell.isascii() and any("\udc80" <= letter <= "\udcff" for letter in cell) for cell in row):
        return BadRow("not UTF-8", ",".join(row).encode("utf-8", "replace").decode())
    return dict(zip(header, row, strict=True))


@contextmanager
def arrow_batches(path: Path, kind: Kind, columns: list[str] | None = None) -> Iterator[tuple[Any, Iterator[Any]]]:
    """Open Parquet or Arrow: the schema, and batches of some of the columns; a compressed file is unpacked first."""
    import tempfile

    with reading(path), tempfile.TemporaryFile() as unpacked, opened(path, kind.compression) as file:
        source: Any = file
        if kind.compression is not None:
            while block := file.read(1 << 22):
                unpacked.write(block)
            unpacked.seek(0)
            source = unpacked
        yield (_parquet if kind.format == "parquet" else _ipc)(source, columns)


def _parquet(source: Any, columns: list[str] | None) -> tuple[Any, Iterator[Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(source)
    source.seek(0)
    coded = [field.name for field in schema if field.name in (columns or ()) and pa.types.is_string(field.type)]
    file = pq.ParquetFile(source, read_dictionary=coded)
    wanted = columns if columns is None else [name for name in columns if name in schema.names]
    rows = 1 << 20 if columns else 1 << 12
    parts = (file.iter_batches(rows, groups, wanted) for groups in _row_groups(file.metadata, rows))
    return schema, chain.from_iterable(parts)


def _row_groups(metadata: Any, most: int) -> Iterator[list[int]]:
    """Group row groups that have so many rows together, or one of more: a batch that ends inside one is cut there."""
    found: list[int] = []
    rows = 0
    for group in range(metadata.num_row_groups):
        more = metadata.row_group(group).num_rows
        if found and rows + more > most:
            yield found
            found, rows = [], 0
        found.append(group)
        rows += more
    if found:
        yield found


def _ipc(source: Any, columns: list[str] | None) -> tuple[Any, Iterator[Any]]:
    import pyarrow as pa

    is_file = source.read(6) == b"ARROW1"
    source.seek(0)
    if is_file:
        file = pa.ipc.open_file(source)
        schema, batches = file.schema, map(file.get_batch, range(file.num_record_batches))
    else:
        stream = pa.ipc.open_stream(source)
        schema, batches = stream.schema, iter(stream)
    if columns is None:
        return schema, batches
    wanted = [name for name in columns if name in schema.names]
    return schema, (batch.select(wanted) for batch in batches)
