"""Files that are whole or absent: written under another name, then renamed."""

import io
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from prefcore.cli._files import Kind, kind_of
from prefcore.cli._run import Code, Stop
from prefcore.cli._tables import plain


def refuse_output(path: Path, *inputs: Path | None, overwrite: bool) -> None:
    """Refuse a name that says no format, and a place where nothing may be written."""
    kind_of(path)
    refuse_place(path, *inputs, overwrite=overwrite)


def refuse_place(path: Path, *inputs: Path | None, overwrite: bool) -> None:
    """Refuse to write over an input, over a file that exists, or into a folder that does not."""
    for given in inputs:
        if given is not None and _same(path, given):
            raise Stop(Code.OUTPUT, f"{path}: is a file of this run already; name another")
    if path.is_dir():
        raise Stop(Code.OUTPUT, f"{path}: is a folder; name a file")
    if path.exists() and not overwrite:
        raise Stop(Code.OUTPUT, f"{path}: exists; --overwrite replaces it")
    if not path.parent.is_dir():
        raise Stop(Code.OUTPUT, f"{path}: there is no folder {path.parent}")


def _same(path: Path, given: Path) -> bool:
    """Whether both names are of one file, also of one that is not there yet."""
    return path.samefile(given) if path.exists() and given.exists() else path.resolve() == given.resolve()


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its name in the end, or goes."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise Stop(Code.OUTPUT, f"{path}: {error.strerror}") from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise Stop(Code.OUTPUT, f"{path}: {error.strerror or error}; nothing was written") from None
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


#: as polars writes it
_compact = partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str)


def _json(row: dict[str, Any]) -> str:
    """A row as JSON: dates and the like as text, NaN and infinities as null."""
    try:
        return _compact(row)
    except ValueError:
        return _compact(plain(row))


class Writer:
    """Writes lists of rows in the format that a file's name says."""

    def __init__(self, file: Any, kind: Kind) -> None:
        self.kind, self.file = kind, file
        self.names: list[str] = []
        self.tables: Any = None

    def encoded(self, columns: dict[str, Any]) -> list[dict[str, Any]] | memoryview:
        """Arrow columns as `write` takes them; may run in any thread."""
        import polars as pl
        import pyarrow as pa

        table = pa.table(columns)
        if self.kind.format != "jsonl":
            return list(table.to_pylist())
        pl.DataFrame(table).write_ndjson(text := io.BytesIO())
        return text.getbuffer()

    def write(self, rows: list[dict[str, Any]] | memoryview) -> None:
        """Append rows; the first ones say which columns a table has."""
        if isinstance(rows, memoryview):
            self.file.write(rows)
        elif self.kind.format == "jsonl":
            self.file.write("".join(_json(row) + "\n" for row in rows).encode())
        elif self.kind.format == "csv":
            self._write_csv(rows)
        elif rows:
            self._write_arrow(rows)

    def _write_csv(self, rows: list[dict[str, Any]]) -> None:
        import csv

        text = io.StringIO()
        if not self.names and rows:
            self.names = list(rows[0])
            csv.writer(text, lineterminator="\n").writerow(self.names)
        out = csv.DictWriter(text, self.names, restval="", lineterminator="\n")
        for row in rows:
            self._refuse_new(row)
            nested = {
                key: json.dumps(plain(value), ensure_ascii=False, default=str)
                if isinstance(value, (list, dict))
                else value
                for key, value in row.items()
            }
            out.writerow(nested)
        self.file.write(text.getvalue().encode())

    def _write_arrow(self, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa

        for row in rows if self.tables else ():
            self._refuse_new(row)
        try:
            table = pa.Table.from_pylist(rows, schema=self.tables.schema if self.tables else None)
        except pa.ArrowException as error:
            raise Stop(Code.OUTPUT, f"a column holds more than one type ({error}); write .jsonl instead") from None
        if self.tables is None:
            self.names = table.column_names
            self.tables = self._opened(table.schema)
        self.tables.write_table(table)

    def _opened(self, schema: Any) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self.kind.format == "parquet":
            return pq.ParquetWriter(self.file, schema, compression="zstd")
        return pa.ipc.new_file(self.file, schema)

    def _refuse_new(self, row: dict[str, Any]) -> None:
        if new := row.keys() - set(self.names):
            raise Stop(
                Code.OUTPUT, f"column {min(new)!r} is missing in the first rows; write .jsonl, or drop the column"
            )

    def close(self) -> None:
        """Write what a table ends with."""
        if self.tables is not None:
            self.tables.close()
        elif self.kind.format in {"parquet", "arrow"}:
            import pyarrow as pa

            self._opened(pa.schema([])).close()


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Open a file of rows by its name; it is there when the block ends, whole, or not at all."""
    import pyarrow as pa

    kind = kind_of(path)
    with replacing(path) as file:
        if kind.compression is None:
            writer = Writer(file, kind)
            yield writer
            writer.close()
            return
        with pa.CompressedOutputStream(pa.PythonFile(file, "w"), kind.compression) as stream:
            writer = Writer(stream, kind)
            yield writer
            writer.close()


def write_table(path: Path, table: dict[str, Any]) -> None:
    """Write columns of equal length."""
    columns = [column.tolist() if hasattr(column, "tolist") else list(column) for column in table.values()]
    with writing(path) as writer:
        writer.write([dict(zip(table, row, strict=True)) for row in zip(*columns, strict=True)])
