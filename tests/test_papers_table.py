"""The tables of docs/papers.md: the 49 papers run from their modules, and every vector that is named can be found."""

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from vector_records import assert_holds

TESTS = Path(__file__).parent
TABLE = (TESTS.parent / "docs" / "papers.md").read_text().splitlines()
RECORDS = {record["id"]: record for file in TESTS.glob("vectors/*.json") for record in json.loads(file.read_text())}
SOURCES = {file: file.read_text() for file in TESTS.rglob("*") if file.suffix in (".py", ".rs", ".json")}
PAPERS = [f"A{number:02}" for number in range(1, 25)] + [f"B{number:02}" for number in range(1, 26)]


class Row(NamedTuple):
    """A row of the table of papers."""

    paper: str
    module: str
    functions: set[str]
    vectors: list[str]
    number: str


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def row(line: str) -> Row:
    paper, module, functions, vectors, number, _ = (cell.strip() for cell in line.strip().strip("|").split(" | "))
    return Row(paper, code(module)[0].removeprefix("papers."), set(code(functions)), code(vectors), number)


ROWS = [row(line) for line in TABLE if re.match(r"\| [AB]\d\d \|", line)]
EACH = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.paper)
OTHERS = [line.split(" | ")[2] for line in TABLE if line.count(" | ") == 3]
NAMED = sorted({name for cell in OTHERS for name in code(cell)} | {name for row in ROWS for name in row.vectors})


def found(name: str) -> list[str]:
    """Records of an id, with their parts."""
    return [record for record in RECORDS if re.fullmatch(rf"{pattern(name)}([./].*)?", record)]


def pattern(name: str) -> str:
    return re.escape(name).replace(r"\*", r"\w*")


@pytest.mark.parametrize("name", NAMED)
def test_vector_is_found(name: str) -> None:
    assert found(name) or any(re.search(rf"{pattern(name)}(?!\w)", source) for source in SOURCES.values())


def test_every_paper_has_a_row() -> None:
    assert [row.paper for row in ROWS] == PAPERS


@EACH
def test_row_names_the_functions_of_its_module(row: Row) -> None:
    module = importlib.import_module(f"prefcore.papers.{row.module}")
    assert row.functions == {name for name in module.__all__ if inspect.isfunction(getattr(module, name))}
    assert "published" in row.number or "vector" in row.number


@EACH
def test_row_reproduces_its_number(row: Row) -> None:
    """Its records that call the module run here; a number that has none stands in a test that imports the module."""
    ours = [RECORDS[name] for vector in row.vectors for name in found(vector)]
    ours = [record for record in ours if f"papers.{row.module}." in json.dumps(record)]
    for record in ours:
        assert_holds(record)
    if not ours:
        tests = [source for file, source in SOURCES.items() if row.module in source and file.name.startswith("test_")]
        assert any(vector in source for vector in row.vectors for source in tests)
