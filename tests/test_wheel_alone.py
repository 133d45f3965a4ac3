"""The wheel in an empty environment, with the extras cli and plot and without torch: every data command on real files.

Slow, and it needs a package index: `make test-slow`. PREFCORE_WHEEL may name a wheel that is built already.
"""

import csv
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "examples" / "data"
REAL = Path(os.environ.get("PREFCORE_DATA", ROOT.parent / "shared" / "data"))
pytestmark = pytest.mark.slow
#: a file's first bytes
PICTURES = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".html": b"<!doctype html>"}
TAXES = {"factors": [*(f"taxrate{n}" for n in range(1, 7)), "taxrev"], "outcome": "chose_plan",
         "respondent": "respondent", "rows_per_task": 2, "group": "partyid"}  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if built := os.environ.get("PREFCORE_WHEEL"):
        return Path(built)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "maturin", "build", "--release", "--locked", "--out", str(out)]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target")})
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a fresh environment."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", f"{wheel}[cli,plot]"], check=True)
    assert not list(folder.glob("lib/*/site-packages/torch"))
    return folder / "bin" / "prefcore"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A matrix of wins, a run and its judgements from the samples, and what the columns of the survey are."""
    folder = tmp_path_factory.mktemp("files")
    with (SAMPLES / "win_probabilities.csv").open(newline="") as file:
        (_, *names), *rows = csv.reader(file)
    scores = [[float(cell) for cell in row[1:]] for row in rows]
    wins = [[sum((row[a] > row[b]) + (row[a] == row[b]) / 2 for row in scores) / len(rows) for b in range(len(names))]
            for a in range(len(names))]  # fmt: skip
    with (folder / "wins.csv").open("w", newline="") as file:
        csv.writer(file).writerows([names, *wins])
    for name, line in (("run", "{0} Q0 {1} 1 {2} t\n"), ("qrels", "{0} 0 {1} {3}\n")):
        parts = [
            line.format(n, model, score, int(score > 0.5))
            for n, row in enumerate(scores) for model, score in zip(names, row, strict=True)
        ]  # fmt: skip
        (folder / name).write_text("".join(parts))
    (folder / "taxes.json").write_text(json.dumps(TAXES))
    return folder


COMMANDS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "pairs": (["{REAL}/alpaca_rated.jsonl.gz", "{out}/pairs.parquet", "--overwrite"], [], ["pairs.parquet"]),
    "inspect": (["{REAL}/alpaca_rated.jsonl.gz"], ["--html", "{out}/inspect.html"], ["inspect.html"]),
    "rate": (
        ["{SAMPLES}/votes.csv", "--ridge", "1", "--bootstrap", "50"],
        ["--plot", "{out}/rate.svg", "--html", "{out}/rate.html", "--out", "{out}/rate.arrow"],
        ["rate.svg", "rate.html", "rate.arrow"],
    ),
    "winrate": (
        ["{REAL}/alpaca_win_probabilities.csv.gz", "--columns", "outcome=NullModel"],
        ["--plot", "{out}/rate.pdf"], ["rate.pdf"],
    ),
    "rank": (["{files}/run", "{files}/qrels"], ["--per-group", "{out}/rank.csv"], ["rank.csv"]),
    "game": (["{files}/wins.csv"], ["--plot", "{out}/game.png", "--out", "{out}/game.jsonl"], ["game.png"]),
    "conjoint": (
        ["{REAL}/taxes.csv.gz", "--config", "{files}/taxes.json"],
        ["--out", "{out}/taxes", "--html", "{out}/taxes.html"],
        ["taxes/effects.csv", "taxes/policy.csv", "taxes/effects.png", "taxes/policy.png", "taxes.html"],
    ),
    "bench": (["--case", "metrics.pairwise_accuracy", "--repeat", "2"], ["--out", "{out}/bench.csv"], ["bench.csv"]),
    "doctor": ([], [], []),
}  # fmt: skip
#: what is known of the answers: of the data's README, or by hand
KNOWN: dict[str, Any] = {
    "pairs": lambda found: found["rows"] == {"read": 797, "kept": 797, "rejected": 0},
    "inspect": lambda found: found["counts"]["completions"] == 8 * 797,
    "rate": lambda found: len(found["table"]["model"]) == 9,
    "winrate": lambda found: abs(found["table"]["win_rate"][0] - 0.769) < 0.01,
    "rank": lambda found: found["groups"] == 90,
    "game": lambda found: found["gap"] < 1e-9 and len(found["table"]["item"]) == 12,
    "conjoint": lambda found: abs(dict(zip(found["effects"]["level"], found["effects"]["estimate"], strict=True))[
        "<10k: 25%"] - -0.2215066470) < 1e-9,
    "bench": lambda found: found["table"]["ratio"][0] == 1.0,
    "doctor": lambda found: found["packages"]["torch"] is None and all(found["checks"].values()),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_without_torch(name: str, program: Path, files: Path, tmp_path: Path) -> None:
    given, more, written = COMMANDS[name]
    if any("{REAL}" in text for text in given) and not REAL.is_dir():
        pytest.skip(f"no real data at {REAL}")
    places = {"REAL": REAL, "SAMPLES": SAMPLES, "files": files, "out": tmp_path}
    arguments = [text.format(**places) for text in given]
    shown = run(program, name, *arguments, *(text.format(**places) for text in more))
    assert shown
    for file in written:
        content = (tmp_path / file).read_bytes()
        assert content.startswith(PICTURES.get(Path(file).suffix, b"")), file
        assert len(content) > 100
    found = json.loads(run(program, name, *arguments, "--json"))
    assert KNOWN[name](found)


def run(program: Path, *arguments: str) -> str:
    """Run it away from the checkout."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "MPLBACKEND"}}
    done = subprocess.run([program, *arguments], cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_score_says_what_to_install(program: Path, tmp_path: Path) -> None:
    command = [program, "score", SAMPLES / "rated.jsonl", "--model", tmp_path, "--out", tmp_path / "o.jsonl"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "prefcore: score needs torch: pip install 'prefcore[torch]' transformers\n",
    )


def test_help_takes_a_fifth_of_a_second(program: Path) -> None:
    """Time of the processor, of the best of ten: other programs do not count."""
    times = []
    for _ in range(10):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "Exit codes" in run(program, "--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) <= 0.2, times
