"""What a command prints: tables for people, one JSON object for machines."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

Table = Mapping[str, Sequence[Any]]
#: letters that a column of text needs beyond its name
TEXT = 8


def print_json(**fields: Any) -> None:
    """Print one object; numbers that JSON lacks become null."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    say(json.dumps(plain(fields), ensure_ascii=not utf8, allow_nan=False))


def plain(value: Any) -> Any:
    """NumPy and records as what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def say(text: str = "") -> None:
    """Print a line; letters that the terminal's encoding lacks are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def print_table(table: Table) -> None:
    """Print columns of equal length: boxed on a terminal, else aligned by spaces."""
    cells = {name: [_cell(value) for value in column] for name, column in table.items()}
    right = {name: all(_is_number(value) for value in column) for name, column in table.items()}
    if sys.stdout.isatty():
        _print_boxed(cells, right)
        return
    widths = {name: max([len(name), *map(len, column)]) for name, column in cells.items()}
    for row in [tuple(cells), *zip(*cells.values(), strict=True)]:
        parts = (
            cell.rjust(widths[name]) if right[name] else cell.ljust(widths[name])
            for name, cell in zip(cells, row, strict=True)
        )
        say("  ".join(parts).rstrip())


def _print_boxed(cells: Mapping[str, Sequence[str]], right: Mapping[str, bool]) -> None:
    """Fold long text to the terminal's width; where the numbers alone fill it, print each row as lines."""
    import shutil

    from rich import box
    from rich.console import Console
    from rich.table import Table as Boxed
    from rich.text import Text

    width = shutil.get_terminal_size().columns
    longest = {name: max(map(len, [name, *column])) for name, column in cells.items()}
    least = {name: size if right[name] else min(size, len(name) + TEXT) for name, size in longest.items()}
    if sum(least.values()) + 3 * len(least) > width:
        _print_rows(cells)
        return
    boxed = Boxed(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in cells:
        numbers = right[name]
        boxed.add_column(Text(name), justify="right" if numbers else "left", no_wrap=numbers, overflow="fold")
    for row in zip(*cells.values(), strict=True):
        boxed.add_row(*map(Text, row))
    Console(width=width).print(boxed)


def _print_rows(cells: Mapping[str, Sequence[str]]) -> None:
    width = max(map(len, cells))
    for row in zip(*cells.values(), strict=True):
        for name, cell in zip(cells, row, strict=True):
            say(f"{name.ljust(width)}  {cell}")
        say()


def _is_number(value: Any) -> bool:
    return value is None or (hasattr(value, "__float__") and not isinstance(value, bool))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) or (hasattr(value, "dtype") and value.dtype.kind == "f"):
        return "-" if math.isnan(value) else f"{value:.{_places(abs(float(value)))}f}"
    return str(value)


def _places(size: float) -> int:
    """Decimals: points to one, shares to four."""
    return 1 if size >= 100 else 2 if size >= 10 else 4
