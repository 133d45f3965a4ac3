"""The main job: its figures can be recomputed from what it writes, and bad input is told by line."""

import gzip
import json
import math
import os
import subprocess
import sys
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="requirements/demo.txt is not installed")
pytest.importorskip("matplotlib", reason="requirements/demo.txt is not installed")
torch = pytest.importorskip("torch", reason="requirements/demo.txt is not installed")

EXAMPLES = Path(__file__).parents[1] / "examples"
GOOD = '{"prompt": "p", "completions": [{"response": "a", "score": 1}, {"response": "b", "score": 2}]}'


@pytest.fixture(autouse=True)
def _examples_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))


def line(prompt: str, *rated: tuple[str, float]) -> str:
    return json.dumps({"prompt": prompt, "completions": [{"response": text, "score": score} for text, score in rated]})


# Every way to be left out occurs once; twelve prompts stay, so that the held-out side holds three.
LINES = [
    *(line(f"Say {n}.", (f"{n}", 5), (f"{n} and {n}", 3), ("no", 3), ("x" * 50, 1)) for n in range(12)),
    "",
    line("Say 0.", ("0", 1), ("zero", 4)),  # joins the first line; its "0" is a repetition
    line("Lonely?", ("yes", 1)),
    line("All alike?", ("yes", 2), ("no", 2)),
    line("Hardly apart?", ("yes", 2), ("no", 2.25)),
    line("Long? " + 100 * "long ", ("yes", 2), ("no", 1)),
]
SETTINGS = ("--model", "tiny", "--min-gap", "0.5", "--max-tokens", "32", "--max-prompt-tokens", "100", "--lr", "0.003")


def dpo(data: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, str(EXAMPLES / "dpo.py"), "--data", str(data), "--out", str(out), *options]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # the tiny model gains nothing from more
    return subprocess.run(program, check=False, capture_output=True, text=True, timeout=120, env=one_thread)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dpo")
    (folder / "rated.jsonl").write_text("\n".join(LINES))
    done = dpo(folder / "rated.jsonl", folder / "out", *SETTINGS)
    assert done.returncode == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "out" / "report.json").read_text())


@pytest.fixture(scope="module")
def held_out(folder: Path) -> list[list[dict[str, Any]]]:
    """The completions of each held-out prompt."""
    prompts = defaultdict(list)
    for row in (folder / "out" / "held_out.jsonl").read_text().splitlines():
        record = json.loads(row)
        prompts[record["prompt"]].append(record)
    return list(prompts.values())


def test_counts_of_what_was_read_kept_and_dropped(report: dict[str, Any]) -> None:
    data = report["data"]
    assert data["read"] == {"lines": 17, "prompts": 16, "completions": 56, "repeated_completions": 1}
    assert data["dropped_prompts"] == {
        "single_completion": 1,
        "all_scores_equal": 1,
        "all_gaps_too_small": 1,
        "beyond_max_completions": 0,
        "prompt_too_long": 1,
    }
    assert data["prompts"] == {"training": 9, "held_out": 3}
    assert data["completions"] == {"kept": 49, "cut": 12}
    totals = {key: data["pairs"]["training"][key] + data["pairs"]["held_out"][key] for key in data["pairs"]["training"]}
    assert totals == {"possible": 11 * 6 + 10, "ties": 12, "gap_too_small": 0, "kept": 11 * 5 + 9}


def test_figures_follow_from_the_records(report: dict[str, Any], held_out: list[list[dict[str, Any]]]) -> None:
    after = report["held_out"]["after"]
    beta = report["settings"]["beta"]
    values = {
        "implicit_reward": lambda row: beta * (row["logp"] - row["reference_logp"]),
        "logp": lambda row: row["logp"],
        "logp_per_token": lambda row: row["logp"] / row["tokens"],
    }
    for name, value in values.items():
        assert_figures(after[name], [[(row["score"], value(row)) for row in rows] for rows in held_out])
    assert all(row["implicit_reward"] == values["implicit_reward"](row) for rows in held_out for row in rows)


def assert_figures(figures: dict[str, float], prompts: list[list[tuple[float, float]]]) -> None:
    """Compare with plain loops over (score, value)."""
    margins, taus = [], []
    for rows in prompts:
        pairs = [sorted(pair) for pair in combinations(rows, 2) if abs(pair[0][0] - pair[1][0]) > 0.5]
        margins += [better[1] - worse[1] for worse, better in pairs]
        taus.append(tau_b(rows))
    assert figures["accuracy"] == pytest.approx(np.mean([(m > 0) + (m == 0) / 2 for m in margins]), rel=1e-12)
    assert figures["mean_margin"] == pytest.approx(np.mean(margins), rel=1e-9)
    assert figures["kendall_tau"] == pytest.approx(np.mean(taus), rel=1e-12)
    assert figures["prompts_with_tau"] == len(taus)


def tau_b(rows: list[tuple[float, float]]) -> float:
    signs = [(np.sign(a[0] - b[0]), np.sign(a[1] - b[1])) for a, b in combinations(rows, 2)]
    untied = [sum(sign[side] != 0 for sign in signs) for side in (0, 1)]
    return float(sum(x * y for x, y in signs) / math.sqrt(untied[0] * untied[1]))


def test_before_training_every_implicit_reward_is_zero(report: dict[str, Any], held_out: list[list[Any]]) -> None:
    before = report["held_out"]["before"]
    assert before["implicit_reward"] == {"accuracy": 0.5, "mean_margin": 0, "kendall_tau": None, "prompts_with_tau": 0}
    assert_figures(before["logp"], [[(row["score"], row["reference_logp"]) for row in rows] for rows in held_out])


def test_history_begins_at_the_reference_and_ends_at_the_figures(report: dict[str, Any]) -> None:
    training, checks = report["history"]["training"], report["history"]["held_out"]
    steps = len(training["step"])
    assert steps == report["settings"]["epochs"] * math.ceil(9 / report["settings"]["batch"])
    assert (checks["step"][0], checks["step"][-1]) == (0, steps)
    assert training["loss"][0] == pytest.approx(math.log(2), abs=1e-5)  # log-ratios of 0
    assert checks["reward_accuracy"][-1] == report["held_out"]["after"]["implicit_reward"]["accuracy"]
    margins = np.subtract(checks["chosen_logp"], checks["rejected_logp"])[[0, -1]]
    assert margins == pytest.approx([report["held_out"][when]["logp"]["mean_margin"] for when in ("before", "after")])


def test_pictures_show_something(folder: Path) -> None:
    from matplotlib.image import imread

    for name in ("margins.png", "logps.png"):
        picture = imread(folder / "out" / name)
        colors = (picture[..., :3] * 255).astype(np.int64) @ [65536, 256, 1]
        assert len(np.unique(colors)) > 20, name


def test_same_seed_gives_the_same_bits_from_gzip_too(folder: Path, report: dict[str, Any]) -> None:
    with gzip.open(folder / "rated.jsonl.gz", "wt") as file:
        file.write("\n".join(LINES))
    done = dpo(folder / "rated.jsonl.gz", folder / "again", *SETTINGS)
    assert done.returncode == 0, done.stderr
    again = json.loads((folder / "again" / "report.json").read_text())
    assert [again[key] for key in ("data", "held_out", "history")] == [
        report[key] for key in ("data", "held_out", "history")
    ]
    assert (folder / "again" / "held_out.jsonl").read_text() == (folder / "out" / "held_out.jsonl").read_text()


def test_log_probs_are_those_of_each_completion_alone() -> None:
    """No padding, no shared batch, no cut model: the plain definition, token by token, in float64."""
    import models
    from rated import Rated
    from scoring import encode, keep_last_layers, policy_logps, reference_pass

    model, tokenizer = models.load("tiny", seed=3)
    rated = Rated("Which?", ["This one.", "", "That: é, 長"], [1.0, 2.0, 3.0])
    example = reference_pass(model, encode(tokenizer, rated, max_tokens=12), layers=1)
    expected = []
    for text in ("This one.", "", "That: é, 長"):
        prompt = list(b"Which?\n")
        ids = tokenizer("Which?\n").input_ids + tokenizer(text).input_ids
        assert len(ids) == len(prompt) + len(text.encode())  # a token per byte
        ids = [*ids, tokenizer.eos_token_id][: len(prompt) + 12]
        with torch.no_grad():
            logp = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        expected.append(sum(logp[at - 1, ids[at]].item() for at in range(len(prompt), len(ids))))
    assert example.reference.tolist() == pytest.approx(expected, abs=1e-4)
    keep_last_layers(model, 1, example)
    assert policy_logps(model, example).tolist() == pytest.approx(expected, abs=1e-4)


MALFORMED = {
    "cut off": (b'{"prompt": "p"', "invalid JSON at column 15"),
    "not an object": (b"[1]", r"the line must be a JSON object, got \[1\]"),
    "no prompt": (b'{"completions": []}', "the line has no key 'prompt'"),
    "number for a prompt": (b'{"prompt": 3, "completions": []}', "prompt must be a string, got 3"),
    "empty prompt": (b'{"prompt": " ", "completions": []}', "prompt is empty"),
    "no completions": (b'{"prompt": "p"}', "the line has no key 'completions'"),
    "empty completions": (b'{"prompt": "p", "completions": []}', r"completions must be a list .*, got \[\]"),
    "completions as a table": (b'{"prompt": "p", "completions": {"response": "a"}}', "completions must be a list"),
    "text for a completion": (b'{"prompt": "p", "completions": ["a"]}', r'completions\[0\] must be .* object, got "a"'),
    "no response": (b'{"prompt": "p", "completions": [{"score": 1}]}', r"completions\[0\] has no key 'response'"),
    "null response": (b'{"prompt": "p", "completions": [{"response": null, "score": 1}]}', r"response must be .* null"),
    "no score": (b'{"prompt": "p", "completions": [{"response": "a"}]}', r"completions\[0\] has no key 'score'"),
    "invalid UTF-8": (b'{"prompt": "\xff", "completions": []}', "invalid UTF-8 at byte 13"),
    "half a surrogate": (b'{"prompt": "\\ud83d", "completions": []}', "prompt holds half of a surrogate pair"),
    "nested too deep": (b"[" * 100_000, "nested|recursion|invalid JSON"),
} | {
    f"score {score[:8]}": (
        b'{"prompt": "p", "completions": [{"response": "a", "score": 1}, {"response": "b", "score": %s}]}'
        % score.encode(),
        r"completions\[1\]\.score must be a finite number, got ",
    )
    for score in ('"5"', "true", "null", "NaN", "-Infinity", "1e999", "1" + "0" * 400)
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_line_is_named_with_the_reason(case: str, tmp_path: Path) -> None:
    from rated import InputError, read_rated

    bad, reason = MALFORMED[case]
    (tmp_path / "rated.jsonl").write_bytes(GOOD.encode() + b"\n\n" + bad + b"\n" + GOOD.encode())
    with pytest.raises(InputError, match=rf"rated\.jsonl, line 3: .*({reason})"):
        read_rated(tmp_path / "rated.jsonl")


def test_broken_files_are_told_in_one_sentence(tmp_path: Path) -> None:
    from rated import InputError, read_rated

    whole = gzip.compress("\n".join([GOOD] * 3).encode())
    files = {"plain.gz": GOOD.encode(), "cut.gz": whole[:-10], "damaged.gz": whole[:20] + b"\0\0\0" + whole[23:]}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}, line \d: not a complete gzip file"):
            read_rated(tmp_path / name)
    (tmp_path / "empty.jsonl").write_text("\n")
    for name, reason in {
        "empty.jsonl": "holds no prompts",
        "absent.jsonl": "No such file",
        ".": "Is a directory",
    }.items():
        with pytest.raises(InputError, match=reason):
            read_rated(tmp_path / name)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with good data, results of an earlier run, and something that is no model; it shall stay as it is."""
    monkeypatch.chdir(tmp_path)
    files = {"rated.jsonl": GOOD, "out/report.json": "of an earlier run", "file": "", "broken/config.json": "{}"}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def test_an_error_is_one_line_with_status_1_and_writes_nothing(place: Path) -> None:
    (place / "rated.jsonl").write_text(f"{GOOD}\n{{")
    before = contents(place)
    done = dpo(place / "rated.jsonl", place / "out", "--model", "tiny")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {place}/rated.jsonl, line 2: invalid JSON at column 2")
    assert done.stderr.count("\n") == 1
    assert contents(place) == before


@pytest.mark.parametrize(
    ("model", "out", "message"),
    [
        ("no/such/model", "out", "unknown model 'no/such/model': expected smollm2, tiny, or a local folder"),
        ("broken", "out", "cannot load a causal language model from broken: "),
        ("tiny", "file", "cannot write to file: it is a file, not a folder"),
        ("tiny", "out", "need 2 prompts with completions of different scores, to train and to judge: 1 left"),
    ],
)
def test_errors_found_later_write_nothing_either(model: str, out: str, message: str, place: Path) -> None:
    from dpo import main

    before = contents(place)
    with pytest.raises(SystemExit, match=f"^error: {message}"):
        main(["--data", "rated.jsonl", "--model", model, "--out", out])
    assert contents(place) == before
