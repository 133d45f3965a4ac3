"""What files of preferences look like: which columns, and how a row of them becomes scored completions."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from prefcore.cli import _files
from prefcore.cli._files import BadRow
from prefcore.cli._progress import Progress
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop, near

Name = Literal[
    "trl-preference", "trl-implicit", "trl-unpaired", "rated", "ultrafeedback", "arena", "llamafactory", "openrlhf",
    "torchtune", "axolotl",
]  # fmt: skip
Row = dict[str, Any]
#: names of a completion's text and of its score
TEXTS, SCORES = ("response", "completion", "text"), ("score", "overall_score")
ROLES = {"human": "user", "gpt": "assistant", "system": "system", "function_call": "assistant", "observation": "tool"}


class Item(NamedTuple):
    """Completions of one prompt and their scores."""

    prompt: Any
    completions: list[Any]
    scores: list[float]
    extra: Row
    """Columns that the layout does not use."""
    models: list[str] | None = None
    """Who wrote the completions, where the file says it."""
    row: Row | None = None
    """As the file has it."""


class Layout(NamedTuple):
    """One form of a layout."""

    name: Name
    columns: tuple[str, ...]
    """Those that it needs."""
    read: Callable[[Row], Item]
    """Takes what it uses out of the row; ValueError says what is wrong."""
    scored: bool = False
    """Whether scores are of the file, not of the layout."""


def items(
    path: Path, name: Name | None, columns: Sequence[str] | None, rejects: Rejects, *, silent: bool = False
) -> tuple[Layout, Iterator[tuple[int, Item]]]:
    """Find the layout by the first row, or by its name, and yield number and item of each good row."""
    renamed = dict(_pair(text) for text in columns or ())
    first = next((row for _, row in _files.rows(path) if not isinstance(row, BadRow)), None)
    if first is None:
        for number, row in _files.rows(path):
            rejects.read += 1
            if isinstance(row, BadRow):
                rejects.add(number, row.reason, row.text)
        raise Stop(Code.INPUT, f"{path}: no row that can be read")
    for wanted, column in renamed.items():
        if column not in first:
            text = f"--columns {wanted}={column}: no column {column!r} in the first row; {near(column, list(first))}"
            raise Stop(Code.INPUT, f"{path}: {text}")
    layout = _layout(path, _rename(dict(first), renamed), name)
    return layout, _items(path, layout, renamed, rejects, Progress(path.name, silent=silent))


def _items(
    path: Path, layout: Layout, renamed: Mapping[str, str], rejects: Rejects, progress: Progress
) -> Iterator[tuple[int, Item]]:
    with progress:
        yield from good(_files.rows(path), layout, renamed, rejects, progress)


def good(
    rows: Iterator[tuple[int, Row | BadRow]],
    layout: Layout,
    renamed: Mapping[str, str],
    rejects: Rejects,
    progress: Progress,
) -> Iterator[tuple[int, Item]]:
    """Yield number and item of each good row; the others go to the rejects."""
    for number, row in rows:
        rejects.read += 1
        if isinstance(row, BadRow):
            rejects.add(number, row.reason, row.text)
            continue
        try:
            item = _item(layout, _rename(dict(row), renamed))
        except ValueError as error:
            rejects.add(number, str(error), row)
            continue
        progress.at(rejects.read)
        yield number, item._replace(row=row)


def _item(layout: Layout, row: Row) -> Item:
    for column in layout.columns:
        if row.get(column) is None:
            raise ValueError(f"{layout.name} needs column {column!r}; {near(column, list(row))}")
    return layout.read(row)


def _pair(text: str) -> tuple[str, str]:
    name, equals, column = text.partition("=")
    if not (name and equals and column):
        raise Stop(Code.USAGE, f"--columns must be NAME=COLUMN, got {text!r}")
    known = sorted({column for layout in LAYOUTS for column in layout.columns})
    if name not in {*known, "input", "system"}:
        raise Stop(Code.USAGE, f"--columns {text}: there is no {name!r} in any layout; {near(name, known)}")
    return name, column


def _rename(row: Row, renamed: Mapping[str, str]) -> Row:
    for name, column in renamed.items():
        if column in row:
            row[name] = row.pop(column)
    return row


def _layout(path: Path, row: Row, name: Name | None) -> Layout:
    fits = [layout for layout in LAYOUTS if name in {None, layout.name}]
    found = [layout for layout in fits if set(layout.columns) <= row.keys() and (name or layout.name != "openrlhf")]
    if found:
        return max(found, key=lambda layout: len(layout.columns))
    best: dict[str, list[str]] = {}
    for layout in sorted(fits, key=lambda layout: len(set(layout.columns) - row.keys()) / len(layout.columns)):
        best.setdefault(layout.name, sorted(set(layout.columns) - row.keys()))
    nearest = "; ".join(f"{own} lacks {', '.join(missing)}" for own, missing in list(best.items())[:2])
    text = f"{path}: columns {', '.join(row)} are no layout that is known. Nearest: {nearest}"
    raise Stop(Code.INPUT, f"{text}. --columns NAME=COLUMN maps, --from names one")


def text_of(value: Any) -> str:
    """Text of a string or of messages."""
    return value if isinstance(value, str) else "".join(message["content"] for message in value)


def _words(row: Row, column: str) -> Any:
    """A string, or messages with role and content."""
    value = row.pop(column)
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        value = [value]
    if isinstance(value, list):
        return [_message(column, message) for message in value]
    raise ValueError(f"column {column!r} must be text or messages, got {value!r:.60}")


def _message(column: str, message: Any) -> dict[str, str]:
    if isinstance(message, dict):
        role = message.get("role") or ROLES.get(str(message.get("from")), message.get("from"))
        content = message.get("content") if "content" in message else message.get("value")
        if isinstance(role, str) and isinstance(content, str):
            return {"role": role, "content": content}
    raise ValueError(f"column {column!r} must hold messages with role and content, got {message!r:.60}")


def _compared(prompt: Any, chosen: Any, rejected: Any, extra: Row) -> Item:
    return Item(prompt, [chosen, rejected], [1.0, 0.0], extra)


def _preference(row: Row) -> Item:
    """Where chosen is a conversation that repeats the prompt, the prompt is what both sides begin with."""
    prompt, chosen, rejected = (_words(row, name) for name in ("prompt", "chosen", "rejected"))
    if isinstance(prompt, str) and isinstance(chosen, list):
        if chosen and chosen[0]["role"] == "assistant":
            prompt = [{"role": "user", "content": prompt}]
        else:
            prompt, chosen, rejected = _split(chosen, rejected)
    return _compared(prompt, chosen, rejected, row)


def _implicit(row: Row, chosen: str = "chosen", rejected: str = "rejected") -> Item:
    return _compared(*_split(_words(row, chosen), _words(row, rejected)), row)


def _split(chosen: Any, rejected: Any) -> tuple[Any, Any, Any]:
    """Prompt and responses: common messages, or common letters."""
    if type(chosen) is not type(rejected):
        raise ValueError("chosen and rejected must both be text, or both messages")
    if isinstance(chosen, str):
        from prefcore.pairs import split_common_prefix

        length = int(split_common_prefix(chosen, rejected).length)
    else:
        shortest = min(len(chosen), len(rejected))
        length = next((n for n in range(shortest) if chosen[n] != rejected[n]), shortest)
    return chosen[:length], chosen[length:], rejected[length:]


def _unpaired(row: Row, completion: str = "completion", label: str = "label") -> Item:
    prompt, words, good = _words(row, "prompt"), _words(row, completion), row.pop(label)
    return Item(prompt, [words], [_truth(label, good)], row)


def _truth(column: str, value: Any) -> float:
    known = {True: 1.0, False: 0.0, "true": 1.0, "false": 0.0, "True": 1.0, "False": 0.0, "1": 1.0, "0": 0.0}
    if isinstance(value, (bool, int, str)) and value in known:
        return known[value]
    raise ValueError(f"column {column!r} must be true or false, got {value!r}")


def _rated(row: Row, prompt: str = "prompt") -> Item:
    """Completions with a score each, or texts beside a list of scores."""
    words, found = _words(row, prompt), row.pop("completions")
    if not isinstance(found, list):
        raise ValueError(f"column 'completions' must be a list, got {found!r:.60}")
    if "scores" in row:
        scores = row.pop("scores")
        if not isinstance(scores, list) or len(scores) != len(found):
            raise ValueError(f"column 'scores' must be a list of {len(found)} numbers like completions")
    else:
        scores = [_first(completion, place, *SCORES) for place, completion in enumerate(found)]
    texts = [
        completion if isinstance(completion, str) else _first(completion, place, *TEXTS)
        for place, completion in enumerate(found)
    ]
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"completions[{place}] must be text, got {text!r:.60}")
    models = _named([completion.get("model") if isinstance(completion, dict) else None for completion in found])
    return Item(words, texts, [_number(place, score) for place, score in enumerate(scores)], row, models)


def _named(models: list[Any]) -> list[str] | None:
    return models if all(isinstance(model, str) for model in models) else None


def _first(completion: Any, place: int, *names: str) -> Any:
    if isinstance(completion, dict):
        for name in names:
            if completion.get(name) is not None:
                return completion[name]
    raise ValueError(f"completions[{place}] must have {' or '.join(map(repr, names))}")


def _number(place: int, score: Any) -> float:
    if isinstance(score, (int, float)) and not isinstance(score, bool) and math.isfinite(score):
        return float(score)
    raise ValueError(f"score of completions[{place}] must be a finite number, got {score!r}")


def _arena(row: Row) -> Item:
    from prefcore.ratings.comparisons import WINNERS

    winner = row.pop("winner")
    if winner not in WINNERS:
        raise ValueError(f"winner must be one of {', '.join(map(repr, WINNERS))}, got {winner!r}")
    score = WINNERS[winner]
    if "conversation_a" in row:
        prompt, *sides = _split(_words(row, "conversation_a"), _words(row, "conversation_b"))
    else:
        prompt, *sides = (_words(row, name) for name in ("prompt", "response_a", "response_b"))
    return Item(prompt, sides, [score, 1.0 - score], row, _named([row.get("model_a"), row.get("model_b")]))


def _alpaca(row: Row) -> Any:
    """Instruction and input of LLaMA-Factory, a line between them."""
    instruction, more = _words(row, "instruction"), row.pop("input", None)
    return f"{instruction}\n{more}" if more else instruction


def _sides(row: Row, prompt: str) -> Item:
    """A prompt beside both sides."""
    return _compared(_words(row, prompt), _words(row, "chosen"), _words(row, "rejected"), row)


def _with_system(row: Row, prompt: str, chosen: str = "chosen", rejected: str = "rejected") -> Item:
    """Columns of axolotl: a system text goes before the prompt as a message."""
    words, system = _words(row, prompt), row.pop("system", None)
    if system:
        words = [{"role": "user", "content": words}] if isinstance(words, str) else words
        words = [{"role": "system", "content": system}, *words]
    ours, theirs = _words(row, chosen), _words(row, rejected)
    if isinstance(words, list):
        ours, theirs = (
            [{"role": "assistant", "content": side}] if isinstance(side, str) else side for side in (ours, theirs)
        )
    return _compared(words, ours, theirs, row)


LAYOUTS = (
    Layout("trl-preference", ("prompt", "chosen", "rejected"), _preference),
    Layout("trl-implicit", ("chosen", "rejected"), _implicit),
    Layout("trl-unpaired", ("prompt", "completion", "label"), _unpaired),
    Layout("rated", ("prompt", "completions"), _rated, scored=True),
    Layout("ultrafeedback", ("instruction", "completions"), lambda row: _rated(row, "instruction"), scored=True),
    Layout("arena", ("winner", "conversation_a", "conversation_b"), _arena),
    Layout("arena", ("winner", "prompt", "response_a", "response_b"), _arena),
    Layout(
        "llamafactory",
        ("instruction", "chosen", "rejected"),
        lambda row: _sides(row | {"prompt": _alpaca(row)}, "prompt"),
    ),
    Layout("llamafactory", ("conversations", "chosen", "rejected"), lambda row: _sides(row, "conversations")),
    Layout(
        "llamafactory",
        ("instruction", "output", "kto_tag"),
        lambda row: _unpaired(row | {"prompt": _alpaca(row)}, "output", "kto_tag"),
    ),
    Layout("openrlhf", ("prompt", "chosen", "rejected"), _preference),
    Layout("openrlhf", ("chosen", "rejected"), _implicit),
    Layout(
        "torchtune",
        ("chosen_conversations", "rejected_conversations"),
        lambda row: _implicit(row, "chosen_conversations", "rejected_conversations"),
    ),
    Layout("axolotl", ("question", "chosen", "rejected"), lambda row: _with_system(row, "question")),
    Layout("axolotl", ("messages", "chosen", "rejected"), lambda row: _with_system(row, "messages")),
    Layout(
        "axolotl",
        ("instruction", "chosen_response", "rejected_response"),
        lambda row: _with_system(row, "instruction", "chosen_response", "rejected_response"),
    ),
)
