"""Bad rows: the first one stops the run, or a file takes them all; kept + rejected = read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from prefcore.cli._run import Code, Stop, settings


class Counts(NamedTuple):
    """Rows of a file: read = kept + rejected."""

    read: int
    kept: int
    rejected: int

    def __str__(self) -> str:
        """Say it as it is always printed."""
        return f"{self.read} rows read = {self.kept} kept + {self.rejected} rejected"


class Rejects:
    """Counts the rows of a file and takes its bad ones."""

    def __init__(
        self, source: Path, *, file: Path | None, limit: int | None, overwrite: bool, offered: bool = True
    ) -> None:
        self.source, self.file, self.limit = source, file, limit
        self.advice = "; --rejects FILE sets such lines aside" if offered else ""
        self.read = self.rejected = 0
        self.stream: IO[str] | None = None
        if file is None:
            return
        if file.exists() and source.exists() and file.samefile(source):
            raise Stop(Code.OUTPUT, f"{file}: is the file that is read")
        if file.exists() and not overwrite:
            raise Stop(Code.OUTPUT, f"{file}: exists; --overwrite replaces it")

    def __enter__(self) -> Self:
        """Open the file for bad rows."""
        if self.file is not None:
            with self._writing():
                self.stream = self.file.open("w", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        """Close it; it stays, whatever happened."""
        settings.counts = str(self.counts) if self.rejected else ""
        if self.stream is not None:
            with self._writing():
                self.stream.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Stop(Code.OUTPUT, f"{self.file}: {error.strerror}") from None

    @property
    def counts(self) -> Counts:
        """Rows so far."""
        return Counts(self.read, self.read - self.rejected, self.rejected)

    def add(self, number: int, reason: str, row: Any, source: Path | None = None) -> None:
        """Take a bad row, which `read` counts already, of the file or of another one."""
        place = f"{source or self.source}: line {number}"
        if self.stream is None:
            raise Stop(Code.INPUT, f"{place}: {reason}{self.advice}")
        self.rejected += 1
        text = row if isinstance(row, str) else json.dumps(row, ensure_ascii=False, default=str)
        with self._writing():
            self.stream.write(json.dumps({"line": number, "reason": reason, "row": text}) + "\n")
        if self.limit is not None and self.rejected > self.limit:
            raise Stop(Code.INPUT, f"{place}: {reason}; more than --max-rejects {self.limit} bad lines in {self.read}")
