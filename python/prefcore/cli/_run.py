"""How a command ends: exit codes, and errors as one line instead of a traceback."""

import difflib
import functools
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ParamSpec

import typer

from prefcore.errors import ConvergenceError, PrefcoreError, SeparationError

P = ParamSpec("P")


class Code(IntEnum):
    """Exit codes."""

    DONE = 0
    VERDICT = 1
    USAGE = 2
    INPUT = 3
    OUTPUT = 4
    INTERRUPTED = 130


class Stop(Exception):  # noqa: N818 -- not always an error: a verdict may be no
    """The end of a command: its exit code, and what to tell the user."""

    def __init__(self, code: Code, message: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Settings:
    """What stands before the command, and what an error must not hide."""

    quiet: bool = False
    counts: str = ""
    """Rows read, kept and rejected; empty without a rejected one."""


settings = Settings()


def guarded(command: Callable[P, Code | None]) -> Callable[P, None]:
    """Turn what a command returns or raises into an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        raise typer.Exit(_code(functools.partial(command, *args, **kwargs)))

    del run.__annotations__["return"]  # typer reads the rest
    return run


def _code(command: Callable[[], Code | None]) -> int:
    settings.counts = ""
    try:
        code = command() or Code.DONE
        sys.stdout.flush()
    except BrokenPipeError:
        return _unprinted()
    except OSError as error:
        sys.stderr.write(f"prefcore: {error.filename or 'standard output'}: {error.strerror or error}\n")
        return _unprinted()
    except (Stop, PrefcoreError, KeyboardInterrupt, ModuleNotFoundError, MemoryError) as end:
        stop = _stop(end)
        if str(stop):
            sys.stderr.write(f"prefcore: {stop}\n")
        if settings.counts and stop.code in {Code.INPUT, Code.VERDICT}:
            sys.stderr.write(f"prefcore: {settings.counts}\n")
        return stop.code
    return code


def _unprinted() -> Code:
    """Let the flush at exit find a place for what could not be printed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return Code.OUTPUT


def _stop(end: BaseException) -> Stop:
    match end:
        case Stop():
            return end
        case KeyboardInterrupt():
            return Stop(Code.INTERRUPTED, "interrupted")
        case ModuleNotFoundError():
            source = "'prefcore[cli]'" if end.name in {"polars", "pyarrow", "rich"} else end.name
            return Stop(Code.USAGE, f"this needs {end.name}: pip install {source}")
        case SeparationError() | ConvergenceError():
            return Stop(Code.VERDICT, str(end))
        case MemoryError():
            return Stop(Code.INPUT, "not enough memory")
        case _:
            return Stop(Code.INPUT, str(end))


def near(name: str, names: Sequence[str]) -> str:
    """Say what was meant, perhaps."""
    close = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
    return f"nearest: {' and '.join(close)}" if close else f"there are {', '.join(names) or 'none'}"
