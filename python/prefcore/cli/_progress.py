"""How far a file is read: one line on standard error, on a terminal only."""

import sys
import time
from typing import Self

from prefcore.cli._run import settings


class Progress:
    """Rows so far and rows per second, at most five times a second."""

    def __init__(self, name: str) -> None:
        self.name, self.start = name, time.monotonic()
        self.last = self.start
        self.shown = sys.stderr.isatty() and not settings.quiet

    def __enter__(self) -> Self:
        """Start the clock."""
        return self

    def __exit__(self, *_: object) -> None:
        """Clear the line."""
        if self.shown:
            sys.stderr.write("\r\033[K")

    def at(self, rows: int) -> None:
        """Say that so many rows are read."""
        now = time.monotonic()
        if self.shown and now - self.last > 0.2:
            self.last = now
            sys.stderr.write(f"\r\033[K{self.name}: {rows} rows, {rows / (now - self.start):.0f}/s")
            sys.stderr.flush()
