"""What a long run has done so far, in a file beside its output: a line for each window of rows."""

import json
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self

from prefcore.cli import _files
from prefcore.cli._run import Code, Stop


class Window(NamedTuple):
    """Rows that were scored together."""

    scores: dict[int, dict[str, Any]]
    """Number of the row -> its new columns."""
    bad: dict[int, str]
    """Number of the row -> why it has none."""


class Parts:
    """Windows that are ready; another run with the same inputs goes on behind them."""

    def __init__(self, out: Path, *, resume: bool, overwrite: bool) -> None:
        self.path = out.with_name(f"{out.name}.part")
        self.resume = resume
        self.ready = 0
        self.stream: Any = None
        if self.path.exists() and not resume and not overwrite:
            raise Stop(
                Code.OUTPUT, f"{self.path}: of a run that was cut off; --resume goes on, --overwrite begins anew"
            )

    def __enter__(self) -> Self:
        """Return the parts; `begin` opens them."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file, which stays until `finish`."""
        if self.stream is not None:
            self.stream.close()

    def begin(self, inputs: dict[str, Any]) -> None:
        """Count the windows that are ready, or begin anew; a run with other inputs is refused."""
        try:
            if self.resume and self.path.exists():
                self.stream = self.path.open("r+b")
                self._go_on(inputs)
            else:
                self.stream = self.path.open("wb")
                self._write(inputs)
        except OSError as error:
            raise Stop(Code.OUTPUT, f"{self.path}: {error.strerror}") from None

    def _go_on(self, inputs: dict[str, Any]) -> None:
        """Stand behind the last whole line."""
        end = 0
        for number, line in enumerate(self.stream):
            if not line.endswith(b"\n"):
                break
            end += len(line)
            self.ready = number
            if number == 0:
                self._refuse_other(line, inputs)
        self.stream.seek(end)
        self.stream.truncate()
        if end == 0:
            self._write(inputs)

    def _refuse_other(self, line: bytes, inputs: dict[str, Any]) -> None:
        try:
            first = dict(json.loads(line))
        except (ValueError, TypeError):
            raise Stop(Code.INPUT, f"{self.path}: is of no run that was cut off; delete it") from None
        for name, value in inputs.items():
            if first.get(name) != value:
                text = f"the run that was cut off had another {name}; give it again, or begin anew with --overwrite"
                raise Stop(Code.USAGE, f"{self.path}: {text}")

    def windows(self) -> Iterator[Window]:
        """Read what is ready."""
        with self.path.open("rb") as file:
            for line in islice(file, 1, None):
                found = json.loads(line)
                yield Window(
                    *({int(number): value for number, value in found[name].items()} for name in Window._fields)
                )

    def add(self, window: Window) -> None:
        """Keep a window, also where the run is cut off after this."""
        try:
            self._write(window._asdict())
        except OSError as error:
            raise Stop(Code.OUTPUT, f"{self.path}: {error.strerror}; --resume goes on from here") from None

    def _write(self, value: Any) -> None:
        self.stream.write(json.dumps(value).encode() + b"\n")
        self.stream.flush()

    def finish(self) -> None:
        """Delete the file: the output has it all."""
        self.path.unlink()


def digest(path: Path) -> str:
    """Hash of a file's bytes."""
    found = blake2b(digest_size=16)
    with _files.reading(path), path.open("rb") as file:
        while block := file.read(1 << 22):
            found.update(block)
    return found.hexdigest()
