"""How a command ends where the user, the disk or the terminal says so; help and completion."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefcore.cli import _write
from prefcore.cli._app import COMMANDS
from prefcore.cli._run import Code

VOTES = [{"model_a": "x", "model_b": "y", "winner": winner} for winner in "abb"]
PAIRS = [{"prompt": "q", "chosen": f"good {n}", "rejected": "bad"} for n in range(3)]
LISTS = [{"q": "one", "s": n, "g": n} for n in range(3)]


@pytest.fixture
def files(lines: Callable[..., Path], tmp_path: Path) -> Path:
    lines("votes.jsonl", *VOTES)
    lines("pairs.jsonl", *PAIRS)
    lines("lists.jsonl", *LISTS)
    (tmp_path / "m.csv").write_text("a,b\n0.5,0.6\n0.4,0.5\n")
    return tmp_path


WRITERS = [
    "pairs pairs.jsonl o.jsonl", "pairs pairs.jsonl o.csv.gz", "pairs pairs.jsonl o.parquet.zst",
    "rate votes.jsonl --out o.csv", "rate votes.jsonl --out o.arrow", "game m.csv --out o.jsonl.zst",
    "rank lists.jsonl --score s --label g --group q --per-group o.csv",
]  # fmt: skip
DRAWERS = ["rate votes.jsonl --plot o.png", "game m.csv --plot o.svg"]


def put(command: str, folder: Path) -> list[Any]:
    """Arguments with the files where they are."""
    name, *rest = command.split()
    return [name, *(folder / part if "." in part else part for part in rest)]


@pytest.mark.parametrize("command", WRITERS)
def test_ctrl_c_halfway_leaves_no_half_written_file(
    run: Any, files: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The signal comes when all rows are in the file but not its end."""
    write = _write.Writer.write

    def interrupted(self: Any, rows: Any) -> None:
        write(self, rows)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(_write.Writer, "write", interrupted)
    before = sorted(files.iterdir())
    ran = run(*put(command, files))
    assert (ran.code, ran.out, ran.err) == (130, "", "prefcore: interrupted\n")
    assert sorted(files.iterdir()) == before


@pytest.mark.parametrize("command", DRAWERS)
def test_ctrl_c_leaves_no_half_drawn_picture(
    run: Any, files: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure
    save = figure.savefig

    def interrupted(self: Any, file: Any, **options: Any) -> None:
        save(self, file, **options)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(figure, "savefig", interrupted)
    before = sorted(files.iterdir())
    ran = run(*put(command, files))
    assert (ran.code, ran.err) == (130, "prefcore: interrupted\n")
    assert sorted(files.iterdir()) == before


def test_ctrl_c_keeps_the_file_that_was_there(run: Any, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(_write.Writer, "write", interrupted)
    (files / "o.csv").write_text("of yesterday")
    assert run("rate", files / "votes.jsonl", "--out", files / "o.csv", "--overwrite").code == 130
    assert (files / "o.csv").read_text() == "of yesterday"


def test_ctrl_c_while_the_command_loads() -> None:
    text = (
        "import sys\nclass Finder:\n    def find_spec(self, name, *_):\n"
        "        if name == 'typer': raise KeyboardInterrupt\nsys.meta_path.insert(0, Finder())\n"
        "from prefcore.cli import main\nmain()"
    )
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (130, "prefcore: interrupted\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", [*WRITERS, *DRAWERS, "rate votes.jsonl --html o.html"])
def test_an_output_on_a_full_disk(run: Any, files: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The temporary file is one on a full device, however it is written."""
    given = put(command, files)

    def full(**_: Any) -> tuple[int, str]:
        return os.open("/dev/full", os.O_WRONLY), str(files / "gone")

    monkeypatch.setattr(_write.tempfile, "mkstemp", full)
    before = sorted(files.iterdir())
    ran = run(*given)
    assert (ran.code, ran.err) == (4, f"prefcore: {given[-1]}: No space left on device; nothing was written\n")
    assert sorted(files.iterdir()) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["rate votes.jsonl", "game m.csv --json", "pairs pairs.jsonl o.jsonl --dry-run"])
def test_standard_output_on_a_full_disk(files: Path, command: str) -> None:
    program = [sys.executable, "-m", "prefcore", *map(str, put(command, files))]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (4, "prefcore: standard output: No space left on device\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("command", "closed", "code"),
    [("rate votes.jsonl", ">&-", 0), ("rate none.jsonl", "2>&-", 3), ("--help", ">&-", 0)],
)
def test_streams_that_are_closed(files: Path, command: str, closed: str, code: int) -> None:
    words = [sys.executable, "-m", "prefcore", *map(str, put(command, files))]
    ran = subprocess.run(f"{shlex.join(words)} {closed}", shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    assert (ran.returncode, ran.stdout, ran.stderr) == (code, "", "")


@pytest.mark.skipif(not hasattr(os, "setsid"), reason="needs POSIX")
@pytest.mark.parametrize("command", ["rate votes.jsonl --plot o.png", "inspect pairs.jsonl", "game m.csv"])
def test_no_terminal_and_hardly_an_environment(files: Path, command: str) -> None:
    """As cron runs it: no terminal, no input, neither HOME nor TERM nor COLUMNS."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    ran = subprocess.run(
        [sys.executable, "-m", "prefcore", *map(str, put(command, files))],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, start_new_session=True, cwd=files,
        env=kept | {"MPLCONFIGDIR": str(files / "mpl")},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "\x1b" not in ran.stdout


@pytest.mark.parametrize("name", ["", *COMMANDS])
@pytest.mark.parametrize("width", [40, 80])
def test_help_fits_the_terminal(run: Any, monkeypatch: pytest.MonkeyPatch, name: str, width: int) -> None:
    """All but choices between angle brackets, which are one word."""
    monkeypatch.setenv("COLUMNS", str(width))
    ran = run(*([name] if name else []), "--help")
    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if len(line) > width and not re.match(r" +--\S+ <\S+>$", line)] == []
    if not name:
        assert "Ranking metrics as trec_eval has them." in " ".join(ran.out.split()), "nothing is cut"


def test_help_says_every_exit_code(run: Any) -> None:
    text = " ".join(run("--help").out.split())
    _, _, told = text.partition("Exit codes: ")
    assert [int(number) for number in re.findall(r"(?:^|; )(\d+) ", told)] == sorted(Code)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("prefcore ra", {"rate", "rank"}),
        ("prefcore conj", {"conjoint"}),
        ("prefcore rate --bo", {"--bootstrap"}),
        ("prefcore rate --model da", {"davidson"}),
        ("prefcore pairs --from tr", {"trl-preference", "trl-implicit", "trl-unpaired"}),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(spawn: Any, shell: str, typed: str, offered: set[str]) -> None:
    environment = {"_PREFCORE_COMPLETE": f"complete_{shell}", "COMP_WORDS": typed}
    environment |= {"COMP_CWORD": str(typed.count(" ")), "_TYPER_COMPLETE_ARGS": typed}
    environment |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    out = spawn(env=environment).stdout
    words = re.findall(r'"([-\w]+)"' if shell == "zsh" else r"(?m)^([-\w]+)", out)
    assert offered == {word for word in words if word.startswith(typed.rpartition(" ")[2])}


def test_the_script_for_a_shell(spawn: Any) -> None:
    """`--show-completion` knows the shell that it is started from; here it is told."""
    ran = spawn(env={"_PREFCORE_COMPLETE": "source_bash"})
    assert "complete -o default -F _prefcore_completion prefcore" in ran.stdout
