"""How far a file is read or scored: one line on standard error, on a terminal only."""

import sys
import time
from datetime import timedelta
from typing import Self

from prefcore.cli._run import settings


class Progress:
    """Rows so far and rows per second, at most five times a second; with their number also the time that is left."""

    def __init__(self, name: str, *, total: int | None = None, done: int = 0, silent: bool = False) -> None:
        self.name, self.total, self.done = name, total, done
        self.start = self.last = time.monotonic()
        self.shown = sys.stderr.isatty() and not settings.quiet and not silent

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
            sys.stderr.write(f"\r\033[K{self.name}: {self._told(rows, now - self.start)}")
            sys.stderr.flush()

    def _told(self, rows: int, seconds: float) -> str:
        rate = (rows - self.done) / seconds
        if self.total is None:
            return f"{rows} rows, {rate:.0f}/s"
        left = f", {timedelta(seconds=round((self.total - rows) / rate))} left" if rate else ""
        return f"{rows} of {self.total}, {rate:.2g}/s{left}"
