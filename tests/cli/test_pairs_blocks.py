"""`prefcore pairs` reads plain blocks of rated completions as columns: the same pairs and counts as row by row."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefcore.cli import _plain

RNG = np.random.default_rng(0)
TEXTS = ["", "a", "ä ö", 'say "x": {1}', "back\\slash\\\\", "line\nbreak", "\u2028 \U0001f600", "2024-01-01", "}\n{"]


def rated(number: int, **more: Any) -> dict[str, Any]:
    completions = [
        {"response": TEXTS[int(place)], "score": float(score), "model": "m"}
        for place, score in zip(RNG.integers(0, len(TEXTS), 4), RNG.integers(0, 4, 4), strict=True)
    ]
    return {"prompt": f"prompt {number}", "completions": completions, **more}


def text(*rows: Any) -> bytes:
    return b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)


def plain(count: int, **more: Any) -> list[dict[str, Any]]:
    return [rated(number, **more) for number in range(count)]


ODD = {
    "nothing odd": text(*plain(300)),
    "one block": text(*plain(3)),
    "more columns": text(*plain(100, id=7, split="train", ok=True, margin=3)),
    "numbers of two kinds": text(*plain(50, id=2**53 + 1), *plain(50, id=0.5), *plain(50, id=1)),
    "floats": text(*plain(50, x=1e-7), *plain(50, x=1e22)),
    "a column without a name": text(*({**row, "": "e", "column_4": "z"} for row in plain(50))),
    "columns that come and go": text(*plain(60), *plain(60, id=7), *plain(60, id=None), *plain(60, id="x")),
    "nested column": text(*plain(50, tags=["a", {"b": 1}])),
    "dates": text(*plain(50, day="2024-01-01", time="2024-01-01T12:00:00Z")),
    "integers beyond 64 bits": text(*plain(50, id=2**70), *plain(50, id=-(2**63) - 1), *plain(50, id=2**63)),
    "a score that is text": text(*plain(60), rated(1) | {"completions": [{"response": "a", "score": "4"}]}, *plain(60)),
    "no score": text(*plain(60), {"prompt": "q", "completions": [{"response": "a"}]}, *plain(60)),
    "null among completions": text(*plain(60), {"prompt": "q", "completions": [None]}, *plain(60)),
    "other names": text(
        *({"prompt": "q", "completions": [{"text": t, "overall_score": s} for t, s in (("a", 1), ("b", 3))]},) * 90
    ),
    "names of two kinds": text(
        *({"prompt": "q", "completions": [{"response": None, "text": "a", "score": 1}, {"response": "b", "score": 2}]},)
        * 90
    ),
    "scores beside": text(*({"prompt": "q", "completions": ["a", "b"], "scores": [1, 2]},) * 90),
    "messages": text(*({**rated(1), "prompt": [{"role": "user", "content": "q"}]},) * 90),
    "no completions": text(*({"prompt": "q", "completions": []},) * 90, *plain(5)),
    "key twice": text(*plain(60), b'{"prompt": "a", "prompt": "b", "completions": []}', *plain(60)),
    "key twice inside": text(
        *plain(60), b'{"prompt": "a", "completions": [{"response": "a", "score": 1, "score": 2}]}', *plain(60)
    ),
    "NaN": text(*plain(60), b'{"prompt": "a", "completions": [{"response": "a", "score": NaN}]}', *plain(60, x=1.5)),
    "NaN beside": text(*plain(60, x=1.5), b'{"prompt": "a", "completions": [], "x": NaN}', *plain(60, x=1.5)),
    "infinite": text(*plain(60), b'{"prompt": "a", "completions": [{"response": "a", "score": 1e999}]}'),
    "half a pair": text(*plain(60), b'{"prompt": "\\ud800", "completions": []}', *plain(60)),
    "not UTF-8": text(*plain(60), b'{"prompt": "\xff", "completions": []}', *plain(60)),
    "empty lines": text(*plain(60), b"", b"   ", *plain(60)),
    "spaces": text(*plain(60), b'  {"prompt": "a", "completions": []}  ', *plain(60)),
    "two in a line": text(*plain(60), b'{"prompt": "a", "completions": []} {"prompt": "b", "completions": []}'),
    "one in two lines": text(*plain(60), b'{"prompt": "a",', b'"completions": []}', *plain(60)),
    "one in two, two in one": text(
        *plain(9), b'{"prompt": "a", "completions":', b"[]}", b'{"prompt": "b", "completions": []}{"x": 1}'
    ),
    "a list": text(*plain(60), b"[1]", *plain(60)),
    "cut off": text(*plain(60))[:-30],
    "no last end": text(*plain(60))[:-1],
    "BOM": b"\xef\xbb\xbf" + text(*plain(300)),
    "CRLF": text(*plain(300)).replace(b"\n", b"\r\n"),
    "a long line": text(*plain(60), {"prompt": "x" * 5000, "completions": []}, *plain(60)),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("options", [[], ["--strategy", "all-pairs", "--max-length-ratio", "3"]], ids=["best", "all"])
def test_blocks_give_what_rows_give(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, options: list[str]
) -> None:
    """A column of its own name makes the command go row by row."""
    monkeypatch.setattr(_plain, "BLOCK", 2_000)
    monkeypatch.setattr("prefcore.cli._files.LONGEST", 4_000)
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress(ODD[name]))
    found = []
    for place, more in enumerate(([], ["--columns", "prompt=prompt"])):
        out, bad = tmp_path / f"{place}.jsonl", tmp_path / f"bad{place}.jsonl"
        ran = run("pairs", path, out, "--rejects", bad, "--json", *options, *more)
        lines = [[repr(json.loads(line)) for line in file.read_bytes().split(b"\n")[:-1]] for file in (out, bad)]
        found.append((ran.code, {**ran.json, "out": ""}, lines))
    assert found[0] == found[1]
    assert found[0][1]["rows"]["read"] > 0


def test_plain_lines_are_read_as_columns(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above would compare rows with rows."""
    seen = []
    work = _plain.paired
    monkeypatch.setattr(_plain, "BLOCK", 2_000)
    monkeypatch.setattr(_plain, "paired", lambda found, **options: seen.append(found) or work(found, **options))
    path = tmp_path / "in.jsonl"
    path.write_bytes(ODD["more columns"])
    assert run("pairs", path, tmp_path / "out.parquet").code == 0
    assert sum(len(found.prompts) for found in seen) == 100
