"""`prefcore inspect`: each count is one that can be counted by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefcore import metrics

RATED = [
    {"prompt": "p", "completions": [{"response": text, "score": s, "model": m} for text, s, m in rows]}
    for rows in (
        [("long one", 3, "a"), ("short", 1, "b"), ("", 0, "c")],
        [("same", 2, "a"), ("same", 1, "b"), ("longest", 0, "c")],
        [("x", 1, "c"), ("y", 1, "a")],
    )
]


def test_counts_and_length_bias(run: Any, lines: Callable[..., Path]) -> None:
    """6 pairs: longer wins 3 times, shorter twice, once they are equal; a > b twice, a > c twice, b > c twice."""
    found = run("inspect", lines("in.jsonl", *RATED, RATED[2], "no JSON"), "--json")
    assert found.code == 3
    found = run("inspect", lines("in.jsonl", *RATED, RATED[2]), "--json", "--bins", 3, "--confidence-level", 0.9).json
    assert found["counts"] == {
        "prompts": 1,
        "completions": 10,
        "pairs": 6,
        "rows that come again": 1,
        "pairs with identical sides": 1,
        "pairs with an empty side": 2,
        "prompts whose scores are all equal": 2,
    }
    assert found["length_bias"]["win_rate"] == 3.5 / 6
    low, high = metrics.wilson_interval(3.5, 6, confidence_level=0.9)
    assert (found["length_bias"]["lower"], found["length_bias"]["upper"]) == (low, high)
    assert found["score_histogram"] == {"edges": [0.0, 1.0, 2.0, 3.0], "count": [2, 6, 2]}
    assert found["gap_histogram"]["count"] == [3, 2, 1]
    assert found["cyclic_triples"] == {"cyclic": 0, "total": 1}
    assert found["rows"] == {"read": 4, "kept": 4, "rejected": 0}


def test_a_circle_of_models(run: Any, lines: Callable[..., Path]) -> None:
    names = [("a", "b"), ("b", "c"), ("c", "a")]
    rows = [
        {"model_a": a, "model_b": b, "winner": "a", "prompt": "p", "response_a": "x", "response_b": "yy"}
        for a, b in names
    ]
    ran = run("inspect", lines("v.jsonl", *rows))
    assert "1 of 1 triples of models are circles" in ran.out
    assert "the longer side is chosen in 0.0000 of the pairs" in ran.out
    assert "#" not in ran.out
    assert "3 rows read = 3 kept + 0 rejected" in ran.out


def test_prompts_that_end_inside_a_token(run: Any, lines: Callable[..., Path], tmp_path: Path) -> None:
    """ "new" + "er" is one token where "new" alone is another; "new" + " er" is not."""
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.models.WordLevel({"new": 0, "newer": 1, "er": 2, "?": 3}, "?")
    own = tokenizers.Tokenizer(model)
    own.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    own.save(str(tmp_path / "tokenizer.json"))
    rows = [{"prompt": "new", "chosen": text, "rejected": " "} for text in ("er", " er")]
    found = run("inspect", lines("in.jsonl", *rows), "--tokenizer", tmp_path, "--json").json
    assert found["counts"]["prompts that end inside a token"] == 1
    ran = run("inspect", lines("in.jsonl", *rows), "--tokenizer", tmp_path / "none")
    assert (ran.code, "--tokenizer takes a folder with tokenizer.json" in ran.err) == (3, True)


def test_real_ratings(run: Any, data: Path) -> None:
    """797 prompts of 8 answers, as the data's README says."""
    found = run("inspect", data / "alpaca_rated.jsonl.gz", "--json").json
    assert (found["counts"]["prompts"], found["counts"]["completions"]) == (797, 6376)
    assert sum(found["score_histogram"]["count"]) == 6376
    assert sum(found["gap_histogram"]["count"]) == found["counts"]["pairs"]
    assert found["length_bias"]["lower"] > 0.5
