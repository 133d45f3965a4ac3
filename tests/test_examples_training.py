"""Each training example on the tiny model: it runs offline, and its figures move where they should."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

for package in ("torch", "transformers", "accelerate"):
    pytest.importorskip(package, reason="requirements/demo.txt is not installed")

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, *options: str) -> str:
    program = [sys.executable, str(EXAMPLES / f"{name}.py"), *options]
    settings = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(program, check=False, capture_output=True, text=True, timeout=240, env=settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


def figures(text: str, pattern: str) -> list[float]:
    return [float(found) for found in re.findall(pattern, text)]


def test_trainer(tmp_path: Path) -> None:
    out = run("hf_trainer", "--steps", "20", "--out", str(tmp_path / "model"))
    trained = figures(out, r"step \d+: loss (\S+),")
    assert len(trained) == 2
    assert trained[1] < trained[0] < 0.6931
    assert figures(out, r"held out: loss \S+, accuracy (\S+)")[0] > 0.5
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_tdpo() -> None:
    out = run("tdpo_two_models", "--steps", "11")
    first, last = figures(out, r"loss (\S+),")
    divergences = figures(out, r"KL per token (\S+)")
    assert first == 0.6931, "the policy is the reference"
    assert last < 0.65
    assert divergences[0] == 0.0 < divergences[1]


def test_selfplay() -> None:
    out = run("egpo_selfplay", "--steps", "25", "--prompts", "6")
    assert figures(out, r"wins against the first model: (\S+)")[0] > 0.6


def test_groups() -> None:
    letters = figures(run("pref_grpo_groups", "--steps", "21"), r"small letters (\S+)")
    assert letters[-1] > letters[0] + 0.1


def test_curriculum() -> None:
    """Each stage begins at log 2: its reference is the model of the stage before, not the first one."""
    out = run("curriculum_dpo", "--steps", "12", "--stages", "2")
    assert figures(out, r"stage \d: (\d+) pairs") == [81.0, 81.0]
    assert figures(out, r"loss from (\S+)") == [0.6931, 0.6931]
    assert max(figures(out, r" to (\S+),")) < 0.6931


def test_reward_ensemble() -> None:
    out = run("reward_ensemble", "--members", "4", "--steps", "40")
    flipped, labels = map(int, re.findall(r"flipped (\d+) of (\d+) labels", out)[0])
    assert flipped <= round(0.1 * labels)
    assert figures(out, r"without noise: held-out accuracy (\S+)")[0] > 0.6


@pytest.mark.parametrize("name", ["hf_trainer", "egpo_selfplay"])
def test_input_errors_are_one_sentence(name: str, tmp_path: Path) -> None:
    program = [sys.executable, str(EXAMPLES / f"{name}.py"), "--data", str(tmp_path / "none.jsonl")]
    done = subprocess.run(program, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot read ")
    assert done.stderr.count("\n") == 1
