"""What may be wrong with a file, a disk or a terminal, against each command that meets it."""

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PAIR = {"prompt": "Name a color.", "chosen": "Red.", "rejected": "No."}
VOTES = [{"model_a": a, "model_b": b, "winner": w, "p": n} for n, (a, b, w) in enumerate(["xya", "xyb", "yxa"])]
SURVEY = [
    {"f": f, "y": y, "who": n // 4, "t": n // 2}
    for n, (f, y) in enumerate(zip("azzaazazzaazazaz", [1, 0] * 8, strict=True))
]


class Command(NamedTuple):
    """A command that reads rows."""

    rows: list[dict[str, Any]]
    after: tuple[str, ...] = ()
    """Arguments behind the file; one in braces is a file of the test's folder."""
    numbers: tuple[str, ...] = ()
    """Columns of numbers."""


COMMANDS = {
    "pairs": Command([PAIR | {"n": n} for n in range(3)], after=("{out.jsonl}",)),
    "inspect": Command([PAIR | {"n": n} for n in range(3)]),
    "rate": Command(VOTES),
    "winrate": Command([{"outcome": n / 2} for n in range(3)], numbers=("outcome",)),
    "rank": Command(
        [{"q": "one", "s": n, "g": n} for n in range(3)], after=("--score", "s", "--label", "g", "--group", "q"),
        numbers=("s", "g"),
    ),
    "conjoint": Command(SURVEY, after=("--config", "{c.toml}"), numbers=("y",)),
}  # fmt: skip
CONFIG = 'factors = ["f"]\noutcome = "y"\nrespondent = "who"\ntask = "t"\n'
every = pytest.mark.parametrize("name", COMMANDS)


class Meeting:
    """Runs a command on bytes."""

    def __init__(self, run: Any, folder: Path, name: str) -> None:
        self.run, self.folder, self.name, self.command = run, folder, name, COMMANDS[name]
        (folder / "c.toml").write_text(CONFIG)

    def on(self, content: bytes, *options: Any, end: str = ".jsonl") -> Any:
        path = self.folder / f"in{end}"
        path.write_bytes(content)
        after = (self.folder / text[1:-1] if text.startswith("{") else text for text in self.command.after)
        return self.run(self.name, path, *after, *options)

    def lines(self) -> list[bytes]:
        return [json.dumps(row).encode() for row in self.command.rows]

    def csv(self) -> list[bytes]:
        rows = self.command.rows
        return [",".join(map(str, row)).encode() for row in [list(rows[0]), *(row.values() for row in rows)]]

    def set_aside(self, content: bytes, number: int, reason: str, end: str = ".jsonl") -> None:
        """One bad line: it stops the run with its number, or goes aside, and the sum is printed in both forms."""
        ran = self.on(content, end=end)
        assert (ran.code, ran.out) == (3, "")
        assert f"in{end}: line {number}: {reason}" in ran.err
        aside, n = self.folder / "bad", len(self.command.rows)
        sums = []
        for form in ([], ["--json"]):
            ran = self.on(content, "--rejects", aside, "--overwrite", *form, end=end)
            assert ran.code == 0, ran.err
            sums.append(ran.json["rows"] if form else ran.out)
            assert [json.loads(line)["line"] for line in aside.read_text().splitlines()] == [number]
        assert f"{n + 1} rows read = {n} kept + 1 rejected" in sums[0]
        assert sums[1] == {"read": n + 1, "kept": n, "rejected": 1}


@pytest.fixture
def meet(run: Any, tmp_path: Path) -> Callable[[str], Meeting]:
    return lambda name: Meeting(run, tmp_path, name)


@every
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"x": "caf\xe9"}', "not UTF-8: byte 0xe9"),
        ('{"x": "caf\u00e9"}'.encode("utf-16"), "not UTF-8: byte 0xff at 0"),
        (b'{"x": NaN}', "not JSON: NaN is no JSON number"),
        (b'{"x": -Infinity}', "not JSON: -Infinity is no JSON number"),
        (b'{"x": 1e999}', "not JSON: 1e999 is beyond the range of numbers"),
        (b'{"x": 1, "x": 2}', "not JSON: key 'x' comes twice"),
        (b'{"x": ', "not JSON: Expecting value"),
        (b"[1]", "must be a JSON object, got list"),
        (b"null", "must be a JSON object, got NoneType"),
        (b"{}", ""),
        (b'"' + b"x" * 3000 + b'"', "longer than "),
    ],
)
def test_a_bad_line_of_json(
    meet: Callable[[str], Meeting], name: str, bad: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefcore.cli._files.LONGEST", 1 << 10)
    met = meet(name)
    first, *others = met.lines()
    met.set_aside(b"\n".join([first, bad, *others]), 2, reason)


@every
def test_an_error_does_not_hide_the_counts(meet: Callable[[str], Meeting], name: str) -> None:
    """Too many rejects, and nothing but rejects."""
    met = meet(name)
    lines, aside = met.lines(), met.folder / "bad"
    ran = met.on(b"\n".join([b"{", *lines[:1], b"[]", *lines[1:]]), "--rejects", aside, "--max-rejects", "1")
    assert ran.code == 3
    assert "line 3: must be a JSON object, got list; more than --max-rejects 1 bad lines in 3\n" in ran.err
    assert ran.err.endswith("prefcore: 3 rows read = 1 kept + 2 rejected\n")
    ran = met.on(b"{\n[]", "--rejects", aside, "--overwrite")
    if name in {"pairs", "inspect"}:  # no row says which layout it is
        assert "no row that can be read" in ran.err
    assert ran.err.endswith("prefcore: 2 rows read = 0 kept + 2 rejected\n")
    assert (ran.code, ran.out) == (3, "")


@every
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (lambda good: b",".join([b"caf\xe9"] * len(good.split(b","))), "not UTF-8"),
        (lambda _: b"1,2,3,4,5,6", "has 6 fields, the first line has"),
        (lambda _: b'"a" or so', "not CSV: "),
        (lambda _: b"x" * 3000, "longer than "),
        (lambda good: good + b" " * 3000, "longer than "),
        (lambda _: b'"' + b"x" * 3000, "longer than "),
    ],
)
def test_a_bad_line_of_csv(
    meet: Callable[[str], Meeting], name: str, bad: Any, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a line that is too long nothing is kept, not even a beginning that would do; an empty line is no row."""
    monkeypatch.setattr("prefcore.cli._files.LONGEST", 1 << 10)
    met = meet(name)
    header, first, *others = met.csv()
    met.set_aside(b"\n".join([header, first, b"", bad(first), *others]), 4, reason, ".csv")


@every
@pytest.mark.parametrize("end", [".jsonl", ".csv", ".jsonl.gz", ".csv.gz"])
def test_bom_and_crlf_and_empty_lines_change_nothing(meet: Callable[[str], Meeting], name: str, end: str) -> None:
    met = meet(name)
    rows = met.csv() if ".csv" in end else met.lines()
    plain, odd = b"\n".join(rows), b"\xef\xbb\xbf" + b"\r\n".join([*rows, b"", b""])
    if end.endswith("gz"):
        plain, odd = gzip.compress(plain), gzip.compress(odd)
    want = met.on(plain, "--json", "--overwrite", end=end)
    assert want.code == 0, want.err
    assert want.json["rows"]["kept"] == len(met.command.rows)
    assert met.on(odd, "--json", "--overwrite", end=end).json == want.json


@every
@pytest.mark.parametrize("end", [".jsonl.gz", ".csv.gz", ".jsonl.zst"])
def test_a_stream_that_is_cut_off(meet: Callable[[str], Meeting], name: str, end: str) -> None:
    import pyarrow as pa

    met = meet(name)
    rows = met.csv() if ".csv" in end else met.lines()
    whole = b"\n".join([rows[0], *rows[1:] * 3000])
    packed = pa.compress(whole, codec="zstd", asbytes=True) if end.endswith("zst") else gzip.compress(whole)
    ran = met.on(packed[: len(packed) // 2], end=end)
    assert (ran.code, ran.out) == (3, "")
    assert f"in{end}: the compressed stream ends too early" in ran.err


@every
@pytest.mark.parametrize("end", [".jsonl", ".csv", ".jsonl.gz", ".parquet", ".arrow"])
def test_an_empty_file(meet: Callable[[str], Meeting], name: str, end: str) -> None:
    ran = meet(name).on(gzip.compress(b"") if end.endswith("gz") else b"", end=end)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("prefcore: ")
    assert f"in{end}: " in ran.err


@every
def test_a_header_that_is_not_utf_8(meet: Callable[[str], Meeting], name: str) -> None:
    met = meet(name)
    ran = met.on(b"\n".join(met.csv()).decode().encode("utf-16"), end=".csv")
    assert ran.code == 3
    assert "in.csv: line 1: not UTF-8" in ran.err


@pytest.mark.parametrize(
    ("name", "column"), [(name, column) for name, command in COMMANDS.items() for column in command.numbers]
)
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "much", ""])
def test_text_and_infinities_are_no_numbers(meet: Callable[[str], Meeting], name: str, column: str, value: str) -> None:
    met = meet(name)
    row, reason = met.command.rows[1] | {column: value}, f"column {column!r} must be a finite number, got "
    line = ",".join(map(str, row.values())) or '""'  # an empty line is no row
    for lines, bad, number, end in ((met.csv(), line, 3, ".csv"), (met.lines(), json.dumps(row), 2, ".jsonl")):
        place = number - 1
        met.set_aside(b"\n".join([*lines[:place], bad.encode(), *lines[place:]]), number, reason, end)


WITH_NUMBERS = [(name, column) for name, command in COMMANDS.items() for column in command.numbers]


@pytest.mark.parametrize(("name", "column"), WITH_NUMBERS)
@pytest.mark.parametrize("end", [".parquet", ".arrow"])
def test_a_table_with_text_or_nothing_where_numbers_should_be(
    meet: Callable[[str], Meeting], name: str, column: str, end: str, tmp_path: Path
) -> None:
    met = meet(name)
    rows = met.command.rows
    ran = met.on(table([row | {column: str(row[column])} for row in rows], tmp_path / end), end=end)
    assert (ran.code, ran.out) == (3, "")
    assert f"in{end}: column {column!r} must hold numbers, got string" in ran.err
    for odd in (float("nan"), float("inf"), None):
        numbers = [row | {column: float(row[column])} for row in rows]
        content = table([numbers[0], rows[1] | {column: odd}, *numbers[1:]], tmp_path / end)
        met.set_aside(content, 2, f"column {column!r} must be a finite number, got ", end)


def table(rows: list[dict[str, Any]], path: Path) -> bytes:
    """Rows as Parquet or Arrow."""
    import pyarrow as pa
    import pyarrow.feather
    import pyarrow.parquet as pq

    made = pa.Table.from_pylist(rows)
    if path.name == ".parquet":
        pq.write_table(made, path)
    else:
        pyarrow.feather.write_feather(made, str(path))
    return path.read_bytes()


@pytest.mark.parametrize("name", ["rate", "winrate", "rank", "conjoint"])
@pytest.mark.parametrize("end", [".jsonl", ".csv", ".parquet"])
def test_a_column_that_is_missing_and_the_option_that_names_it(
    meet: Callable[[str], Meeting], name: str, end: str, tmp_path: Path
) -> None:
    """Only commands that have --columns speak of it."""
    met = meet(name)
    first, *others = met.command.rows[0]
    rows = [{f"{first}x": row[first]} | {other: row[other] for other in others} for row in met.command.rows]
    options = ["--columns", f"outcome={first}"] if name == "winrate" else []
    content = b"\n".join(json.dumps(row).encode() for row in rows)
    if end == ".csv":
        content = b"\n".join(",".join(map(str, row)).encode() for row in [list(rows[0]), *(r.values() for r in rows)])
    ran = met.on(table(rows, tmp_path / end) if end == ".parquet" else content, *options, end=end)
    assert (ran.code, ran.out) == (3, "")
    assert f"no column {first!r} (" in ran.err
    assert (f"; --columns {first}=COLUMN names it" in ran.err) == (name in {"rate", "winrate"})


@pytest.mark.parametrize("name", ["pairs", "inspect"])
@pytest.mark.parametrize("end", [".jsonl", ".csv"])
def test_columns_of_no_layout(meet: Callable[[str], Meeting], name: str, end: str) -> None:
    met = meet(name)
    content = (
        b'{"question": "q", "chosen": "a", "answer": "b"}' if end == ".jsonl" else b"question,chosen,answer\nq,a,b"
    )
    ran = met.on(content, end=end)
    assert (ran.code, ran.out) == (3, "")
    assert "columns question, chosen, answer are no layout that is known. Nearest: axolotl lacks rejected; " in ran.err
    assert ran.err.count(" lacks ") == 2


@every
def test_a_terminal_of_40_columns_shows_every_word(
    meet: Callable[[str], Meeting], on_terminal: Any, name: str, tmp_path: Path
) -> None:
    """Long ones are folded, none is cut, and no line of a table is broken by the terminal."""
    met = meet(name)
    plain = met.on(b"\n".join(met.lines()), "--overwrite").out
    after = (str(tmp_path / text[1:-1]) if text.startswith("{") else text for text in met.command.after)
    shown = on_terminal([name, str(tmp_path / "in.jsonl"), *after, *(["--overwrite"] if name == "pairs" else [])], 40)
    together = re.sub(r"\s", "", shown)
    assert [word for word in plain.split() if word not in together and not set(word) <= {"#"}] == []


@every
def test_rejects_on_a_full_disk(meet: Callable[[str], Meeting], name: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    met = meet(name)
    first, *others = met.lines()
    ran = met.on(b"\n".join([first, b"{", *others]), "--rejects", "/dev/full", "--overwrite")
    assert (ran.code, ran.err) == (4, "prefcore: /dev/full: No space left on device\n")


OUTPUTS = [
    ("pairs", ()), ("rate", ("--out", "{o.csv}")), ("rate", ("--plot", "{o.png}")), ("rate", ("--html", "{o.html}")),
    ("winrate", ("--plot", "{o.png}")), ("rank", ("--per-group", "{o.csv}")), ("inspect", ("--html", "{o.html}")),
    ("conjoint", ("--html", "{o.html}")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "option"), OUTPUTS)
@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_an_output_that_is_the_input(
    meet: Callable[[str], Meeting], name: str, option: tuple[str, ...], link: str, tmp_path: Path
) -> None:
    """Also under another name; the input is as it was."""
    met = meet(name)
    content = b"\n".join(met.lines())
    (tmp_path / "in.jsonl").write_bytes(content)
    out = tmp_path / (option[1][1:-1] if option else "out.jsonl")
    getattr(out, link)(tmp_path / "in.jsonl")
    ran = met.on(content, *((option[0], out) if option else ()), "--overwrite")
    assert ran.code == 4
    assert ran.err == f"prefcore: {out}: is a file of this run already; name another\n"
    assert (tmp_path / "in.jsonl").read_bytes() == content


@pytest.mark.parametrize(("name", "option"), OUTPUTS)
def test_an_output_that_is_the_file_of_rejects(
    meet: Callable[[str], Meeting], name: str, option: tuple[str, ...], tmp_path: Path
) -> None:
    met = meet(name)
    out = tmp_path / (option[1][1:-1] if option else "out.jsonl")
    ran = met.on(b"\n".join(met.lines()), *((option[0], out) if option else ()), "--rejects", out)
    assert (ran.code, ran.err) == (4, f"prefcore: {out}: is a file of this run already; name another\n")
    assert not out.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("end", [".jsonl", ".csv.gz"])
def test_a_line_of_a_gigabyte_takes_no_gigabyte(tmp_path: Path, end: str) -> None:
    """Zeros between two votes, in a hole of the file or packed; a line may have 64 MiB."""
    import pyarrow as pa

    path = tmp_path / f"in{end}"
    head, tail = (b"model_a,model_b,winner\nx,y,a\n", b"\ny,x,a") if ".csv" in end else (
        json.dumps(VOTES[0]).encode() + b"\n", b"\n" + json.dumps(VOTES[2]).encode()
    )  # fmt: skip
    with path.open("wb") as file:
        if end.count(".") == 1:
            file.write(head)
            file.seek(1 << 30, 1)
            file.write(tail)
        else:
            with pa.CompressedOutputStream(file, "gzip") as packed:
                for part in (head, *[bytes(1 << 24)] * 64, tail):
                    packed.write(part)
    text = (
        "import sys\nfrom prefcore.cli._app import app\ntry: app()\nexcept SystemExit: pass\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')), file=sys.stderr)"
    )
    given = ["rate", path, "--ridge", "1", "--rejects", tmp_path / "bad"]
    ran = subprocess.run([sys.executable, "-c", text, *given], capture_output=True, text=True, check=True)
    assert "3 rows read = 2 kept + 1 rejected" in ran.stdout
    assert "longer than 64 MiB" in (tmp_path / "bad").read_text()
    assert int(ran.stderr.split()[1]) < 400 << 10, "KiB"
