"""Reads a survey in long form."""

import csv
import gzip
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rated import InputError


def read_columns(
    path: Path, columns: Sequence[str], *, numbers: Sequence[str], may_be_empty: Sequence[str]
) -> dict[str, list[Any]]:
    """Return some columns of a CSV file; a field of `may_be_empty` that is empty becomes None."""
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    if missing := [name for name in columns if name not in header]:
        raise InputError(f"{path} must have the column {missing[0]!r}, got {', '.join(header)}")
    if not rows:
        raise InputError(f"{path} has no row below its header")
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(f"{path}, line {line}: expected {len(header)} fields, got {len(row)}")
    frame: dict[str, list[Any]] = {}
    for name in columns:
        place = header.index(name)
        fields = [(line, row[place]) for line, row in rows]
        if name in numbers:
            frame[name] = [_number(path, line, name, text) for line, text in fields]
        else:
            frame[name] = [text or (None if name in may_be_empty else text) for _, text in fields]
    return frame


def _number(path: Path, line: int, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{path}, line {line}, {name}: expected a number, got {text!r}") from None


def sorted_levels(names: Iterable[str]) -> list[str]:
    """Names by the numbers in them ("5%" before "15%"), then by their letters."""
    return sorted(set(names), key=lambda name: ([int(digits) for digits in re.findall(r"\d+", name)], name))
