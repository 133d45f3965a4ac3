"""Runs of the command, and files for it."""

import gzip
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
#: without the extra `cli` there is nothing to test here
collect_ignore_glob = (
    [] if all(map(importlib.util.find_spec, ("typer", "pyarrow", "polars", "rich"))) else ["test_*.py"]
)


class Ran:
    """Exit code and what was printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the command in this process."""
    from prefcore.cli._app import app

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            app(args=list(map(str, arguments)), prog_name="prefcore")
        out, err = capsys.readouterr()
        return Ran(int(str(end.value.code or 0)), out, err)

    return run


@pytest.fixture
def spawn() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in a process of its own."""

    def spawn(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "prefcore", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), **options.pop("env", {})}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, **options)

    return spawn


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as JSON lines."""

    def lines(name: str, *rows: Any) -> Path:
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return path

    return lines


@pytest.fixture
def data() -> Path:
    """Folder of the real data; skips where there is none."""
    folder = Path(os.environ.get("PREFCORE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    return folder


@pytest.fixture
def on_terminal() -> Callable[[list[str], int], str]:
    """Run the command on a terminal of a width, and return what it shows, without colors."""
    return _on_terminal


def _on_terminal(arguments: list[str], width: int) -> str:
    import pty

    parent, child = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(width), "TERM": "xterm", "NO_COLOR": "1"}
    run = subprocess.Popen(
        [sys.executable, "-m", "prefcore", *arguments], stdout=child, stderr=subprocess.DEVNULL, env=environment
    )
    os.close(child)
    parts = []
    while True:
        try:
            part = os.read(parent, 1 << 16)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.close(parent)
    assert run.wait() == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", b"".join(parts).decode().replace("\r\n", "\n"))
