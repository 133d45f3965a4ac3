"""Every vector that docs/papers.md names can be found: a record of tests/vectors, or a test that names its id."""

import json
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TABLE = TESTS.parent / "docs" / "papers.md"
RECORDS = {record["id"] for file in TESTS.glob("vectors/*.json") for record in json.loads(file.read_text())}
SOURCES = "\n".join(file.read_text() for file in TESTS.rglob("*") if file.suffix in (".py", ".rs", ".json"))
CELLS = [line.split(" | ")[2] for line in TABLE.read_text().splitlines() if line.count(" | ") == 3]
IDS = sorted({name for cell in CELLS for name in re.findall(r"`([^`]+)`", cell)})


@pytest.mark.parametrize("name", IDS)
def test_vector_is_found(name: str) -> None:
    pattern = re.escape(name).replace(r"\*", r"\w*")
    found = any(re.fullmatch(rf"{pattern}([./].*)?", record) for record in RECORDS)
    assert found or re.search(rf"{pattern}(?!\w)", SOURCES)
