"""Rated completions: read them from JSONL, or say which line is wrong and why, and choose those that take part."""

import gzip
import json
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prefcore import groups, pairs


class InputError(Exception):
    """What is wrong with what the user gave, in one sentence."""


@dataclass(frozen=True)
class Rated:
    """A prompt and its completions, each with a score: higher is better."""

    prompt: str
    responses: list[str]
    scores: list[float]


def read_rated(path: Path) -> tuple[list[Rated], dict[str, int]]:
    """Return the prompts of a file in order of appearance, and how much was read.

    A line is `{"prompt": "...", "completions": [{"response": "...", "score": 1.5}]}`; further keys are ignored. Lines
    of the same prompt are joined, and of equal responses to one prompt the first counts: what is split by prompt later
    must not have the same text on both sides.
    """
    prompts: dict[str, dict[str, float]] = {}
    lines = repeated = 0
    for number, line in _lines(path):
        try:
            prompt, completions = _parse(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        scores = prompts.setdefault(prompt, {})
        for response, score in completions:
            repeated += response in scores
            scores.setdefault(response, score)
        lines += 1
    if not prompts:
        raise InputError(f"{path} holds no prompts")
    rated = [Rated(prompt, list(scores), list(scores.values())) for prompt, scores in prompts.items()]
    completions_kept = sum(len(one.responses) for one in rated)
    counts = {"lines": lines, "prompts": len(rated), "completions": completions_kept, "repeated_completions": repeated}
    return rated, counts


def flat(rated: Sequence[Rated]) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of all completions in one row, and the offsets at which each prompt begins and ends."""
    scores = np.concatenate([np.array(one.scores) for one in rated])
    return scores, groups.offsets_from_lengths([len(one.scores) for one in rated])


def select(rated: list[Rated], min_gap: float, max_completions: int, seed: int) -> tuple[list[Rated], dict[str, int]]:
    """Leave out prompts without a pair and those beyond `max_completions` in random order; count them by reason."""
    scores, offsets = flat(rated)
    numbers = np.arange(len(rated))
    sizes = np.diff(offsets)
    single = sizes == 1
    differ = np.isin(numbers, pairs.all_pairs(scores, offsets=offsets).group)
    paired = np.isin(numbers, pairs.all_pairs(scores, offsets=offsets, min_gap=min_gap).group)
    usable = np.random.default_rng(seed).permutation(numbers[paired])
    drawn = np.sort(usable[np.cumsum(sizes[usable]) <= max_completions])
    dropped = {
        "single_completion": int(single.sum()),
        "all_scores_equal": int((~single & ~differ).sum()),
        "all_gaps_too_small": int((differ & ~paired).sum()),
        "beyond_max_completions": len(usable) - len(drawn),
    }
    return [rated[number] for number in drawn], dropped


def count_pairs(rated: Sequence[Rated], min_gap: float) -> dict[str, int]:
    """Count the pairs of completions of one prompt: those that are kept, and those left out and why."""
    scores, offsets = flat(rated)
    sizes = np.diff(offsets)
    possible = int((sizes * (sizes - 1) // 2).sum())
    differ = len(pairs.all_pairs(scores, offsets=offsets).chosen)
    kept = len(pairs.all_pairs(scores, offsets=offsets, min_gap=min_gap).chosen)
    return {"possible": possible, "ties": possible - differ, "gap_too_small": differ - kept, "kept": kept}


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of every line that is not blank."""
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}, line {number + 1}: not a complete gzip file ({error})") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def _parse(line: bytes) -> tuple[str, list[tuple[str, float]]]:
    try:
        row = json.loads(line.decode("utf-8").strip())
    except UnicodeDecodeError as error:
        raise ValueError(f"invalid UTF-8 at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"invalid JSON at column {error.pos + 1}: {error.msg}") from None
    prompt = _text(_get(row, "prompt", "the line"), "prompt")
    if not prompt.strip():
        raise ValueError("prompt is empty")
    completions = _get(row, "completions", "the line")
    if not isinstance(completions, list) or not completions:
        raise ValueError(f"completions must be a list of at least one object, got {_short(completions)}")
    return prompt, [_completion(item, f"completions[{index}]") for index, item in enumerate(completions)]


def _completion(item: Any, where: str) -> tuple[str, float]:
    response = _text(_get(item, "response", where), f"{where}.response")
    score = _get(item, "score", where)
    if isinstance(score, bool) or not isinstance(score, int | float) or not _finite(score):
        raise ValueError(f"{where}.score must be a finite number, got {_short(score)}")
    return response, float(score)


def _finite(score: float) -> bool:
    try:
        return math.isfinite(score)
    except OverflowError:  # an integer beyond the largest float
        return False


def _get(row: Any, key: str, where: str) -> Any:
    if not isinstance(row, dict):
        raise ValueError(f"{where} must be a JSON object, got {_short(row)}")
    if key not in row:
        raise ValueError(f"{where} has no key {key!r}")
    return row[key]


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where} must be a string, got {_short(value)}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{where} holds half of a surrogate pair") from None
    return value


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
