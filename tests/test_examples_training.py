"""Each training example on the tiny model: it runs offline, and its figures move where they should."""

import json
import math
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
    accuracy = figures(out, r"held out: loss \S+, accuracy (\S+)")[0]
    assert accuracy > 0.5
    lines = (EXAMPLES / "data" / "rated.jsonl").read_text().splitlines()
    scores = {line["prompt"]: [one["score"] for one in line["completions"]] for line in map(json.loads, lines)}
    held_out = math.ceil(sum(len(set(each)) > 1 for each in scores.values()) / 5)
    assert accuracy in {round(right / held_out, 3) for right in range(held_out + 1)}
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


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("hf_trainer --batch 0", "--batch must be >= 1, got 0"),
        ("hf_trainer --beta 0", "--beta must be > 0 and finite, got 0.0"),
        ("hf_trainer --max-length 3", "row 0 of the batch: chosen does not fit: the prompt alone has "),
        ("curriculum_dpo --stages 0", "--stages must be >= 1, got 0"),
        ("curriculum_dpo --stages 500", "--stages 500 leaves a stage without a pair: expected fewer"),
        ("reward_ensemble --min-gap 100", "no two completions of a prompt have scores that are --min-gap 100.0 apart"),
        ("reward_ensemble --members 0", "--members must be >= 1, got 0"),
        ("pref_grpo_groups --group 1", "--group must be >= 2, got 1"),
        ("pref_grpo_groups --prompts 100000", "--prompts must be at most "),
        ("egpo_selfplay --prompts 100000", "--prompts must be at most "),
        ("tdpo_two_models --alpha -1", "--alpha must be >= 0, got -1.0"),
    ],
)
def test_bad_numbers_are_one_sentence(command: str, sentence: str) -> None:
    name, *given = command.split()
    program = [sys.executable, str(EXAMPLES / f"{name}.py"), *given]
    done = subprocess.run(program, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {sentence}"), done.stderr
    assert done.stderr.count("\n") == 1


def test_help_says_what_each_option_is() -> None:
    text = run("reward_ensemble", "--help")
    assert "--members MEMBERS" in text
    assert re.search(r"--members MEMBERS\s+reward models in the ensemble \(default: 20\)", text)
