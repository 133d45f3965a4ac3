"""Bad files: each row that cannot be used has its number and a reason, and kept + rejected = read."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

GOOD = [
    '{"model_a": "x", "model_b": "y", "winner": "model_a"}',
    '{"model_a": "x", "model_b": "y", "winner": "model_b"}',
]


def bytes_file(folder: Path, *rows: bytes | str, name: str = "v.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"\n".join(row.encode() if isinstance(row, str) else row for row in rows))
    return path


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'{"model_a": "caf\xe9"}', "not UTF-8: byte 0xe9 at 16"),
        ('{"model_a": NaN}', "not JSON: NaN is no JSON number"),
        ('{"a": -Infinity}', "not JSON: -Infinity is no JSON number"),
        ('{"a": 1e999}', "not JSON: 1e999 is beyond the range of numbers"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "not JSON: key 'c' comes twice"),
        ('{"a": ', "not JSON: Expecting value at column 7"),
        ("[" * 100_000, "not JSON: "),
        ('{"model_a": "\\ud83d"}', "holds half of a surrogate pair, which is no text"),
        ("[1]", "must be a JSON object, got list"),
        ('{"model_a": "x", "model_b": "y", "winnr": "tie"}', "no column 'winner' (nearest: winnr); --columns"),
        ('{"model_a": "x", "model_b": "y", "winner": 1}', "column 'winner' must be text, got 1"),
        ('{"model_a": null, "model_b": "y", "winner": "tie"}', "column 'model_a' must be text, got None"),
        ('{"model_a": "x", "model_b": "y", "winner": "Tie"}', "winner must be one of 'model_a', 'a'"),
        (
            '{"model_a": "x", "model_b": "x", "winner": "tie"}',
            "model_a and model_b must be two models, got 'x' in both",
        ),
    ],
)
def test_a_bad_line_stops_or_is_set_aside(run: Any, tmp_path: Path, row: bytes | str, reason: str) -> None:
    path, aside = bytes_file(tmp_path, GOOD[0], row, GOOD[1]), tmp_path / "bad.jsonl"
    ran = run("rate", path)
    assert ran.code == 3
    assert f"prefcore: {path}: line 2: {reason}" in ran.err
    assert ran.out == ""
    ran = run("rate", path, "--rejects", aside)
    assert ran.code == 0
    assert "3 rows read = 2 kept + 1 rejected" in ran.out
    rejected = [json.loads(line) for line in aside.read_text().splitlines()]
    assert [entry["line"] for entry in rejected] == [2]
    assert reason in rejected[0]["reason"]
    assert run("rate", path, "--rejects", aside).code == 4
    assert run("rate", path, "--rejects", aside, "--overwrite", "--max-rejects", 0).code == 3
    assert run("rate", path, "--rejects", aside, "--overwrite", "--max-rejects", 1).code == 0


def test_bom_crlf_and_empty_lines(run: Any, tmp_path: Path) -> None:
    path = bytes_file(tmp_path, b"\xef\xbb\xbf" + GOOD[0].encode() + b"\r", "", GOOD[1] + "\r", "\r", "")
    assert run("rate", path, "--json").json["rows"] == {"read": 2, "kept": 2, "rejected": 0}
    path = bytes_file(tmp_path, b"\xef\xbb\xbfmodel_a,model_b,winner\r\nx,y,a\r\nx,y,b\r\n\r\n", name="v.csv")
    assert run("rate", path, "--json").json["rows"] == {"read": 2, "kept": 2, "rejected": 0}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x,y", "has 2 fields, the first line has 3"),
        (b"caf\xe9,y,tie", "not UTF-8"),
        ("x,y,", "column 'winner' must be text, got ''"),
        ('x,y,"tie" or so', "not CSV: ',' expected after '\"'"),
    ],
)
def test_bad_lines_of_csv(run: Any, tmp_path: Path, row: bytes | str, reason: str) -> None:
    path, aside = bytes_file(tmp_path, "model_a,model_b,winner", "x,y,a", row, "x,y,b", name="v.csv"), tmp_path / "bad"
    assert f"line 3: {reason}" in run("rate", path).err
    ran = run("rate", path, "--rejects", aside, "--json")
    assert ran.json["rows"] == {"read": 3, "kept": 2, "rejected": 1}


def test_a_quoted_line_end_is_part_of_a_field(run: Any, tmp_path: Path) -> None:
    path = bytes_file(tmp_path, "model_a,model_b,winner", '"x\n1",y,a', '"x\n1",y,b', "x,x,a", name="v.csv")
    assert "line 6: model_a and model_b must be two models" in run("rate", path).err


@pytest.mark.parametrize("stray", ['x,"y,a', '"x,y,a'])
def test_rows_that_a_stray_quote_swallows_are_told(run: Any, tmp_path: Path, stray: str) -> None:
    """They are one row to CSV; the lines say how many are lost."""
    path = bytes_file(tmp_path, "model_a,model_b,winner", "x,y,a", stray, *["x,y,b"] * 4, name="v.csv")
    reason = "not CSV: unexpected end of data; a quote goes on through lines 3 to 7"
    assert f"line 7: {reason}" in run("rate", path).err
    ran = run("rate", path, "--ridge", 1, "--rejects", tmp_path / "bad", "--json")
    assert ran.json["rows"] == {"read": 2, "kept": 1, "rejected": 1}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("odd", ["", '"x",y,tie', '"x\n",y,tie', '"x""",y,tie', "x,y", "x,y,maybe", "x,,a", "x,x,a"])
def test_blocks_of_csv_are_rows_of_csv(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str, end: str
) -> None:
    """200 rows in blocks of 64 bytes: from the block with the odd line on they are read row by row, with its number."""
    rows = [f"{'xy'[n % 2]},{'yx'[n % 2]},{'ab'[n % 3 // 2]}" for n in range(200)]
    rows[101:101] = [odd]
    path = bytes_file(tmp_path, *(f"{row}{end[:-1]}" for row in ["model_a,model_b,winner", *rows, ""]), name="v.csv")
    expected = run("rate", path, "--rejects", tmp_path / "bad", "--json").json
    monkeypatch.setattr("prefcore.cli._columns.BLOCK", 64)
    assert run("rate", path, "--rejects", tmp_path / "bad2", "--json").json == expected
    assert expected["rows"]["kept"] == 200 + odd.startswith('"')
    assert (tmp_path / "bad").read_text() == (tmp_path / "bad2").read_text()
    if odd and not odd.startswith('"'):
        assert json.loads((tmp_path / "bad").read_text())["line"] == 103


def test_a_column_that_comes_twice(run: Any, tmp_path: Path) -> None:
    path = bytes_file(tmp_path, "model_a,model_b,model_a", "x,y,a", name="v.csv")
    assert "line 1: column 'model_a' comes twice" in run("rate", path).err


@pytest.mark.parametrize("name", ["v.jsonl.gz", "v.jsonl.zst", "v.csv.gz", "v.parquet.gz"])
def test_a_stream_that_is_cut_off(run: Any, tmp_path: Path, name: str) -> None:
    """Rows of random names, so that half of the compressed bytes are many rows."""
    from prefcore.cli._write import write_table

    names = np.random.default_rng(0).integers(0, 10**9, (2, 5000)).astype(str)
    path = tmp_path / name
    write_table(path, {"model_a": list(names[0]), "model_b": list(names[1]), "winner": ["tie"] * 5000})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    ran = run("rate", path)
    assert ran.code == 3
    assert ran.err == f"prefcore: {path}: the compressed stream ends too early: the file is cut off; fetch it again\n"


@pytest.mark.parametrize("name", ["v.jsonl", "v.csv", "v.jsonl.gz", "v.jsonl.zst"])
def test_an_empty_file(run: Any, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"") if name.endswith("gz") else b"")
    ran = run("rate", path)
    assert ran.code == 3
    assert str(path) in ran.err


def test_tables_that_are_none(run: Any, tmp_path: Path) -> None:
    for name in ("v.parquet", "v.arrow"):
        path = tmp_path / name
        for content in (b"", b"no table"):
            path.write_bytes(content)
            ran = run("rate", path)
            assert (ran.code, ran.err.startswith(f"prefcore: {path}: ")) == (3, True)


def test_wrong_types_and_nulls_of_a_table(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "v.parquet"
    good = {"model_a": ["x", "x", None, "x"], "model_b": ["y", "y", "y", ""], "winner": ["a", "b", "tie", "tie"]}
    pq.write_table(pa.table(good | {"n": [1.0, 2.0, 3.0, np.nan]}), path)
    ran = run("rate", path)
    assert "line 3: column 'model_a' must be text, got None" in ran.err
    ran = run("rate", path, "--rejects", tmp_path / "bad", "--json")
    assert ran.json["rows"] == {"read": 4, "kept": 2, "rejected": 2}
    assert "must hold text, got double; --columns winner=COLUMN" in run("rate", path, "--columns", "winner=n").err
    assert "no column 'winer' (nearest: winner)" in run("rate", path, "--columns", "winner=winer").err
    ran = run("rate", path, "--controls", "n", "--rejects", tmp_path / "bad2", "--ridge", 1, "--json")
    assert ran.json["rows"]["rejected"] == 2


def test_a_line_without_end(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is 64 MiB; here 1 KiB, so that three reads go over the line."""
    monkeypatch.setattr("prefcore.cli._files.LONGEST", 1 << 10)
    path = bytes_file(tmp_path, GOOD[0], '{"model_a": "' + "x" * 3000, GOOD[1])
    assert "line 2: longer than 0 MiB" in run("rate", path).err
    ran = run("rate", path, "--rejects", tmp_path / "bad", "--json")
    assert ran.json["rows"] == {"read": 3, "kept": 2, "rejected": 1}


def test_an_interrupted_write_leaves_nothing(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefcore.cli import _pairing

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_pairing, "rows_of", interrupt)
    path = bytes_file(tmp_path, '{"prompt": "q", "chosen": "a", "rejected": "b"}')
    ran = run("pairs", path, tmp_path / "o.parquet")
    assert (ran.code, ran.err) == (130, "prefcore: interrupted\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["v.jsonl"]


def test_values_that_json_lacks_are_null_or_text(run: Any, tmp_path: Path) -> None:
    import datetime

    row = {"prompt": "q", "chosen": "a", "rejected": "b", "x": np.nan, "day": datetime.date(2024, 2, 29)}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "in.parquet")
    assert run("pairs", tmp_path / "in.parquet", tmp_path / "o.jsonl").code == 0
    assert json.loads((tmp_path / "o.jsonl").read_text()) == row | {"x": None, "day": "2024-02-29"}


def test_an_encoding_without_the_letters(spawn: Any, tmp_path: Path) -> None:
    path = bytes_file(tmp_path, *(row.replace('"x"', '"modèle"') for row in GOOD))
    ran = spawn("rate", path, env={"PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, "mod\\xe8le" in ran.stdout) == (0, True)
    ran = spawn("rate", path, "--json", env={"PYTHONIOENCODING": "ascii"})
    assert json.loads(ran.stdout)["table"]["model"] == ["modèle", "y"]


def test_progress_is_for_terminals(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from prefcore.cli import _progress

    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    clock = iter([0.0, 0.1, 2.0, 3.0])
    monkeypatch.setattr(_progress.time, "monotonic", lambda: next(clock))
    with _progress.Progress("votes.csv") as progress:
        progress.at(10)
        progress.at(5000)
    assert capsys.readouterr().err == "\r\033[Kvotes.csv: 5000 rows, 2500/s\r\033[K"
    monkeypatch.setattr(_progress.settings, "quiet", True)
    with _progress.Progress("votes.csv"):
        pass
    assert capsys.readouterr().err == ""


def test_names_that_say_nothing(run: Any, tmp_path: Path) -> None:
    path = bytes_file(tmp_path, *GOOD, name="votes.txt")
    assert (ran := run("rate", path)).code == 2
    assert "unknown kind of file; names end in one of .jsonl" in ran.err
    assert run("rate", tmp_path).code == 2
    (tmp_path / "d.jsonl").mkdir()
    assert "is a folder" in run("rate", tmp_path / "d.jsonl").err


def test_rejects_may_not_be_the_input(run: Any, tmp_path: Path) -> None:
    path = bytes_file(tmp_path, *GOOD)
    assert (ran := run("rate", path, "--rejects", path, "--overwrite")).code == 4
    assert "is the file that is read" in ran.err
    assert path.read_text().splitlines() == GOOD


def test_a_reader_that_goes_away(spawn: Any, tmp_path: Path) -> None:
    """`prefcore rate FILE | true`: no traceback, and code 4."""
    path = bytes_file(tmp_path, *GOOD)
    read, write = os.pipe()
    os.close(read)
    ran = subprocess.run(
        [sys.executable, "-m", "prefcore", "rate", str(path)],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert (ran.returncode, ran.stderr) == (4, "")


def test_interrupted(tmp_path: Path) -> None:
    """A pipe that nobody writes to keeps the command reading until Ctrl-C."""
    path = tmp_path / "v.jsonl"
    os.mkfifo(path)
    run = subprocess.Popen([sys.executable, "-m", "prefcore", "rate", str(path)], stderr=subprocess.PIPE, text=True)
    with path.open("wb"):
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=30)
    assert (run.returncode, err) == (130, "prefcore: interrupted\n")


LONG = "a-model-with-a-rather-long-name-that-goes-on-and-on-to-sixty-letters"


def test_a_terminal_of_40_columns_gets_a_block_for_each_row(on_terminal: Any, tmp_path: Path) -> None:
    rows = [row.replace('"x"', f'"{LONG}"') for row in GOOD]
    shown = on_terminal(["rate", str(bytes_file(tmp_path, *rows))], 40)
    assert shown.startswith(f"rank      1\nmodel     {LONG}\nrating    1000.0\n")


def test_long_names_are_folded_not_cut(on_terminal: Any, tmp_path: Path) -> None:
    rows = [row.replace('"x"', f'"{LONG}"') for row in GOOD]
    table = on_terminal(["rate", str(bytes_file(tmp_path, *rows))], 80).split("connected")[0].splitlines()
    assert max(map(len, table)) <= 80
    start, end = table[1].index("model"), table[1].index("rating") - 2
    assert "".join(line[start:end].strip() for line in table[3:]).startswith(LONG)


def test_help_is_quick_and_loads_nothing() -> None:
    """At most 0.2 s: no NumPy, no Arrow, no torch, no rich."""
    text = "import sys\nfrom prefcore.cli._app import app\ntry: app(args=['--help'])\nexcept SystemExit: pass\n"
    text += "print(sorted({'numpy', 'torch', 'pyarrow', 'rich'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_no_traceback_without_typer(tmp_path: Path) -> None:
    text = "import sys; sys.modules['typer'] = None\nfrom prefcore.cli import main\nmain()"
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr == "prefcore: the command line needs more packages: pip install 'prefcore[cli]'\n"


def test_version(run: Callable[..., Any]) -> None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        wanted = f"prefcore {version('prefcore')}\n"
    except PackageNotFoundError:
        pytest.skip("not installed")
    assert run("--version").out == wanted


def test_no_data_command_loads_torch(tmp_path: Path) -> None:
    """Each runs to its end in one process; then torch is not there."""
    votes = bytes_file(tmp_path, *GOOD)
    (tmp_path / "r").write_text("1 Q0 a 1 2.0 t\n")
    (tmp_path / "q").write_text("1 0 a 1\n")
    (tmp_path / "m.csv").write_text("a,b\n0.5,0.6\n0.4,0.5\n")
    pairs = bytes_file(tmp_path, '{"prompt": "q", "chosen": "a", "rejected": "b"}', name="p.jsonl")
    rows = ["f,y,who,t", "x,1,r,1", "z,0,r,1", "x,0,s,2", "z,1,s,2", "z,0,u,3", "x,1,u,3", "z,0,v,4", "x,1,v,4"]
    survey = bytes_file(tmp_path, *rows, name="s.csv")
    (tmp_path / "c.toml").write_text('factors = ["f"]\noutcome = "y"\nrespondent = "who"\ntask = "t"\n')
    runs = [
        ["rate", votes], ["winrate", votes, "--baseline", "y"], ["rank", tmp_path / "r", tmp_path / "q"],
        ["game", tmp_path / "m.csv"], ["pairs", pairs, tmp_path / "o.parquet"], ["inspect", pairs],
        ["conjoint", survey, "--config", tmp_path / "c.toml"],
        ["bench", "--case", "metrics.pairwise_accuracy", "--repeat", 2],
    ]  # fmt: skip
    text = "import sys\nfrom prefcore.cli._app import app\ncodes = []\n"
    for arguments in runs:
        text += f"try: app(args={list(map(str, arguments))!r})\nexcept SystemExit as end: codes.append(int(end.code))\n"
    text += "print(codes, 'torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == f"{[0] * len(runs)} False", ran.stderr
