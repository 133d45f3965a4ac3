"""`prefcore pairs`: which sides become pairs, from every layout to every other, and what is left out is counted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefcore import pairs as build

U, A = {"role": "user", "content": "q"}, [{"role": "assistant", "content": text} for text in ("good", "bad")]
FROM = {"from": "human", "value": "q"}
GPT = [{"from": "gpt", "value": text} for text in ("good", "bad")]
TEXTS = {"prompt": "q", "chosen": "good", "rejected": "bad"}
MESSAGES = {"prompt": [U], "chosen": [A[0]], "rejected": [A[1]]}
RATED = {
    "prompt": "q",
    "completions": [{"response": t, "score": s} for t, s in (("a", 1), ("b", 3), ("c", 2), ("d", 3))],
}


def rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("layout", "row", "expected"),
    [
        ("trl-preference", TEXTS, TEXTS),
        ("trl-preference", MESSAGES, MESSAGES),
        ("trl-preference", {"prompt": "q", "chosen": [U, A[0]], "rejected": [U, A[1]]}, MESSAGES),
        ("trl-preference", {"prompt": "q", "chosen": [A[0]], "rejected": [A[1]]}, MESSAGES),
        ("trl-implicit", {"chosen": [U, A[0]], "rejected": [U, A[1]]}, MESSAGES),
        (
            "trl-implicit",
            {"chosen": "q: good", "rejected": "q: bad"},
            {"prompt": "q: ", "chosen": "good", "rejected": "bad"},
        ),
        ("ultrafeedback", {"instruction": "q", "completions": [{"response": "bad", "overall_score": 1.0},
                           {"response": "good", "overall_score": 4.5}]}, TEXTS | {"margin": 3.5}),
        ("rated", {"prompt": "q", "completions": ["bad", "good"], "scores": [0, 2]}, TEXTS | {"margin": 2.0}),
        ("arena", {"winner": "model_b", "conversation_a": [U, A[1]], "conversation_b": [U, A[0]]}, MESSAGES),
        ("arena", {"winner": "model_a", "prompt": "q", "response_a": "good", "response_b": "bad"}, TEXTS),
        ("llamafactory", {"instruction": "q", "input": "", "chosen": "good", "rejected": "bad"}, TEXTS),
        ("llamafactory", {"instruction": "q", "input": "x", "chosen": "good", "rejected": "bad"},
         TEXTS | {"prompt": "q\nx"}),
        ("llamafactory", {"conversations": [FROM], "chosen": GPT[0], "rejected": GPT[1]}, MESSAGES),
        ("torchtune", {"chosen_conversations": [FROM, GPT[0]], "rejected_conversations": [FROM, GPT[1]]}, MESSAGES),
        ("axolotl", {"question": "q", "chosen": "good", "rejected": "bad"}, TEXTS),
        ("axolotl", {"messages": [U], "chosen": A[0], "rejected": A[1]}, MESSAGES),
        ("axolotl", {"system": "s", "instruction": "q", "chosen_response": "good", "rejected_response": "bad"},
         MESSAGES | {"prompt": [{"role": "system", "content": "s"}, U]}),
    ],
)  # fmt: skip
def test_every_layout_is_found_and_read(
    run: Any, lines: Callable[..., Path], tmp_path: Path, layout: str, row: Any, expected: Any
) -> None:
    out = tmp_path / "out.jsonl"
    found = run("pairs", lines("in.jsonl", row | {"id": 7}), out, "--json").json
    assert (found["layout"], found["pairs"], found["rows"]["kept"]) == (layout, 1, 1)
    assert rows(out) == [expected | {"id": 7}]


def test_openrlhf_is_three_columns_that_are_named(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    path = lines("in.jsonl", {"input": "q", "good": "good", "bad": "bad"})
    names = ["--columns", "prompt=input", "--columns", "chosen=good", "--columns", "rejected=bad"]
    assert run("pairs", path, tmp_path / "o.jsonl", "--from", "openrlhf", *names).code == 0
    assert rows(tmp_path / "o.jsonl") == [TEXTS]


def test_unpaired_there_and_back(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    """Two rows per pair; back again every good completion meets every bad one of its prompt."""
    path = lines("in.jsonl", TEXTS, TEXTS | {"prompt": "other"}, TEXTS | {"chosen": "better"})
    assert run("pairs", path, tmp_path / "u.jsonl", "--to", "unpaired").code == 0
    assert rows(tmp_path / "u.jsonl")[:2] == [
        {"prompt": "q", "completion": "good", "label": True},
        {"prompt": "q", "completion": "bad", "label": False},
    ]
    found = run("pairs", tmp_path / "u.jsonl", tmp_path / "p.jsonl", "--json").json
    assert (found["layout"], found["rows"]["read"]) == ("trl-unpaired", 6)
    assert rows(tmp_path / "p.jsonl") == [TEXTS, TEXTS, TEXTS | {"chosen": "better"}, TEXTS | {"chosen": "better"},
                                          TEXTS | {"prompt": "other"}]  # fmt: skip
    kto = [{"instruction": "q", "output": text, "kto_tag": text == "good"} for text in ("good", "bad")]
    assert run("pairs", lines("kto.jsonl", *kto), tmp_path / "k.jsonl").code == 0
    assert rows(tmp_path / "k.jsonl") == [TEXTS]


def test_chosen_sides_once_as_prompt_completion(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    path = lines("in.jsonl", RATED, RATED | {"prompt": "r"})
    run("pairs", path, tmp_path / "o.jsonl", "--to", "prompt-completion", "--strategy", "best-vs-rest")
    assert rows(tmp_path / "o.jsonl") == [{"prompt": prompt, "completion": "b"} for prompt in ("q", "r")]


@pytest.mark.parametrize(
    ("options", "call"),
    [
        ([], {"f": build.best_worst}),
        (["--strategy", "best-worst", "--k", 2], {"f": build.best_worst, "k": 2}),
        (["--strategy", "best-vs-rest", "--min-gap", 1], {"f": build.best_vs_rest, "min_gap": 1}),
        (
            ["--strategy", "all-pairs", "--min-gap", 1, "--inclusive"],
            {"f": build.all_pairs, "min_gap": 1, "inclusive": True},
        ),
        (["--strategy", "all-pairs", "--max-gap", 1.5], {"f": build.all_pairs, "max_gap": 1.5}),
        (["--strategy", "adjacent", "--ties", "keep"], {"f": build.adjacent, "ties": "keep"}),
        (
            ["--strategy", "all-pairs", "--max-pairs-per-group", 2, "--seed", 9],
            {"f": build.all_pairs, "max_pairs_per_group": 2, "seed": 9},
        ),
    ],
)
def test_strategies_are_the_builders(
    run: Any, lines: Callable[..., Path], tmp_path: Path, options: list[Any], call: dict[str, Any]
) -> None:
    call, random = dict(call), np.random.default_rng(2)
    scores = random.integers(0, 4, (9, 5)).astype(float)
    path = lines(
        "in.jsonl",
        *({"prompt": str(n), "completions": list("vwxyz"), "scores": s.tolist()} for n, s in enumerate(scores)),
    )
    assert run("pairs", path, tmp_path / "o.jsonl", *options).code == 0
    expected = call.pop("f")(scores, **call)
    assert [(row["prompt"], row["chosen"], row["rejected"], row["margin"]) for row in rows(tmp_path / "o.jsonl")] == [
        (str(group), "vwxyz"[chosen % 5], "vwxyz"[rejected % 5], margin)
        for chosen, rejected, margin, group in zip(*map(np.ndarray.tolist, expected), strict=True)
    ]


def test_what_is_dropped_is_counted(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    sides = [("good", "bad"), ("good", ""), ("same", "same"), ("a", "bbb"), ("a" * 50, "b" * 50), ("ccc", "d" * 30)]
    path = lines("in.jsonl", *(TEXTS | {"chosen": a, "rejected": b} for a, b in sides))
    limits = ["--min-length", 3, "--max-length", 40, "--max-length-ratio", 2]
    found = run("pairs", path, tmp_path / "o.jsonl", *limits, "--json").json
    assert found["dropped"] == {
        "pairs with an empty side": 1,
        "pairs with identical sides": 1,
        "pairs with a side that is too short": 1,
        "pairs with a side that is too long": 1,
        "pairs of too unequal lengths": 1,
    }
    assert found["pairs"] == found["rows"]["kept"] - 5 == 1
    votes = lines("v.jsonl", {"winner": "tie", "prompt": "q", "response_a": "x", "response_b": "y"})
    assert run("pairs", votes, tmp_path / "t.jsonl", "--json").json["dropped"] == {
        "prompts without a pair: ties or gaps": 1
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "q", "completions": "text"}, "column 'completions' must be a list, got 'text'"),
        (
            {"prompt": "q", "completions": ["a"], "scores": [1, 2]},
            "column 'scores' must be a list of 1 numbers like completions",
        ),
        (
            {"prompt": "q", "completions": ["a", "b"], "scores": [1, None]},
            "score of completions[1] must be a finite number, got None",
        ),
        ({"prompt": "q", "completions": [{"response": "a"}]}, "completions[0] must have 'score' or 'overall_score'"),
        (
            {"prompt": "q", "completions": [{"score": 1}]},
            "completions[0] must have 'response' or 'completion' or 'text'",
        ),
        ({"prompt": ["q"], "completions": []}, "column 'prompt' must hold messages with role and content, got 'q'"),
        ({"prompt": 3, "completions": []}, "column 'prompt' must be text or messages, got 3"),
        ({"promt": "q", "completions": []}, "rated needs column 'prompt'; nearest: promt"),
    ],
)
def test_bad_rows(run: Any, lines: Callable[..., Path], tmp_path: Path, row: Any, reason: str) -> None:
    path, out = lines("in.jsonl", RATED, row), tmp_path / "o.jsonl"
    ran = run("pairs", path, out)
    assert (ran.code, ran.err) == (3, f"prefcore: {path}: line 2: {reason}; --rejects FILE sets such lines aside\n")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["in.jsonl"]
    found = run("pairs", path, out, "--rejects", tmp_path / "bad.jsonl", "--json").json
    assert found["rows"] == {"read": 2, "kept": 1, "rejected": 1}
    assert rows(tmp_path / "bad.jsonl")[0]["reason"] == reason


def test_unknown_layout_names_the_two_nearest(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    path = lines("in.jsonl", {"question": "q", "chosen": "a", "reject": "b"})
    ran = run("pairs", path, tmp_path / "o.jsonl")
    assert ran.code == 3
    nearest = "axolotl lacks rejected; trl-implicit lacks rejected"
    text = f"{path}: columns question, chosen, reject are no layout that is known. Nearest: {nearest}"
    assert ran.err == f"prefcore: {text}. --columns NAME=COLUMN maps, --from names one\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategy", "all-pairs", "--ties", "keep"], "--ties is not for --strategy all-pairs"),
        (["--strategy", "adjacent", "--k", 2], "--k is not for --strategy adjacent"),
        (["--max-pairs-per-group", 2], "--max-pairs-per-group is not for --strategy best-worst"),
        (["--columns", "prompts=q"], "--columns prompts=q: there is no 'prompts' in any layout; nearest: prompt"),
    ],
)
def test_wrong_usage(run: Any, lines: Callable[..., Path], tmp_path: Path, options: list[Any], message: str) -> None:
    ran = run("pairs", lines("in.jsonl", RATED), tmp_path / "o.jsonl", *options)
    assert (ran.code, message in ran.err) == (2, True), ran.err
    assert not (tmp_path / "o.jsonl").exists()
    ran = run("pairs", lines("in2.jsonl", TEXTS), tmp_path / "o.jsonl", "--min-gap", 1)
    assert "trl-preference has no scores, which --min-gap needs" in ran.err


def test_dry_run_writes_nothing_and_output_is_not_input(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    path = lines("in.jsonl", RATED)
    assert "1 pairs (dry run)" in run("pairs", path, tmp_path / "o.jsonl", "--dry-run").out
    assert [entry.name for entry in tmp_path.iterdir()] == ["in.jsonl"]
    assert run("pairs", path, path, "--overwrite").code == 4
    (tmp_path / "link.jsonl").symlink_to(path)
    assert "is a file of this run already" in run("pairs", path, tmp_path / "link.jsonl", "--overwrite").err
    assert rows(path) == [RATED]


@pytest.mark.parametrize("end", ["csv.gz", "parquet", "arrow", "parquet.zst"])
def test_real_ratings_through_every_format(run: Any, data: Path, tmp_path: Path, end: str) -> None:
    """797 prompts of 8 answers: best against worst and back from the table gives the same pairs."""
    first, second = tmp_path / f"p.{end}", tmp_path / "again.jsonl"
    found = run("pairs", data / "alpaca_rated.jsonl.gz", first, "--json").json
    assert found["rows"] == {"read": 797, "kept": 797, "rejected": 0}
    again = run("pairs", first, second, "--json").json
    assert again["pairs"] == found["pairs"] > 700
    best = rows(second)[0]
    assert best["chosen"] != best["rejected"]


def test_a_column_of_two_types(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    path = lines("in.jsonl", TEXTS | {"id": 1}, TEXTS | {"id": "x"})
    ran = run("pairs", path, tmp_path / "o.parquet")
    assert (ran.code, "write .jsonl instead" in ran.err) == (4, True)
    assert not (tmp_path / "o.parquet").exists()


def test_the_parts_that_are_in_memory_do_not_matter(
    run: Any, lines: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7 prompts in parts of 3; only draws depend on the part, and each prompt still has as many as asked for."""
    random = np.random.default_rng(5)
    path = lines(
        "in.jsonl",
        *({"prompt": str(n), "completions": list("vwxyz"), "scores": random.permutation(5).tolist()} for n in range(7)),
    )
    run("pairs", path, tmp_path / "one.jsonl", "--strategy", "all-pairs")
    monkeypatch.setattr("prefcore.cli._pairing.PROMPTS", 3)
    run("pairs", path, tmp_path / "parts.jsonl", "--strategy", "all-pairs")
    assert rows(tmp_path / "one.jsonl") == rows(tmp_path / "parts.jsonl")
    run("pairs", path, tmp_path / "drawn.jsonl", "--strategy", "all-pairs", "--max-pairs-per-group", 2)
    drawn = [row["prompt"] for row in rows(tmp_path / "drawn.jsonl")]
    assert drawn == [str(n) for n in range(7) for _ in range(2)]


def test_a_file_of_bad_lines_says_what_they_are(run: Any, tmp_path: Path) -> None:
    path, bad = tmp_path / "in.jsonl", tmp_path / "bad.jsonl"
    path.write_text('{"prompt": "a",}\n[1]\n')
    ran = run("pairs", path, tmp_path / "out.jsonl")
    assert (ran.code, "in.jsonl: line 1: not JSON: " in ran.err) == (3, True)
    ran = run("pairs", path, tmp_path / "out.jsonl", "--rejects", bad)
    assert (ran.code, "no row that can be read" in ran.err) == (3, True)
    assert [row["line"] for row in rows(bad)] == [1, 2]


def test_columns_that_are_not_there_are_named(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    ran = run("pairs", lines("in.jsonl", TEXTS), tmp_path / "out.jsonl", "--columns", "prompt=promt")
    assert ran.code == 3
    assert "--columns prompt=promt: no column 'promt' in the first row; " in ran.err
    assert "prompt" in ran.err.split("first row; ")[1]


def test_lengths_that_no_side_has(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    ran = run("pairs", lines("in.jsonl", TEXTS), tmp_path / "o.jsonl", "--min-length", "9", "--max-length", "4")
    assert (ran.code, "--max-length 4 is below --min-length 9" in ran.err) == (2, True)
