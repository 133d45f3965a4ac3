"""Batches of preference pairs from text."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from prefcore.errors import DomainError
from prefcore.integrations.transformers.reference import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["preference_collator"]

SIDES = ("chosen", "rejected")
Row = tuple[list[int], list[int]]


def preference_collator(
    tokenizer: Any, *, max_length: int | None = None
) -> Callable[[Sequence[Mapping[str, Any]]], dict[str, Tensor]]:
    """Collator of preference pairs: prompt, chosen and rejected as text or as messages, to one batch of both sides.

    rows 0..B are prompt + chosen, rows B..2B are prompt + rejected;  labels = ids of the completion, -100 elsewhere

    The labels come from lengths, never from the values of tokens, so an end-of-text token counts also where padding has
    the same id (huggingface/trl#4970). Where a token would merge the end of the prompt with the beginning of the
    completion, the two are tokenized apart: the model is trained on the very prompt that it gets when it generates.
    Text is closed with the tokenizer's end-of-text token; messages go through its chat template, which brings its own
    and gets the row's `tools` (a list, or JSON of one) and `chat_template_kwargs` where there are such columns.
    Truncation takes from the end of a completion and never empties one.

    Args:
        tokenizer: of transformers, with a pad or end-of-text token.
        max_length: tokens of prompt and completion that are kept, >= 2; None = all.
    Returns: function of a list of rows that gives input_ids, attention_mask, labels, int64 [2B, T], padded on the
        right; and [B] for each further column of the rows that holds numbers (of Python, NumPy, or 0-d tensors), such
        as weights and reference log-probs. It raises DomainError where a row lacks a side, a number that other rows
        have, or is left without a token that counts, TypeError for other types; both name row and column. It pickles.
    Raises: TypeError; DomainError.
    Source: masks from lengths: huggingface/trl#4970; empty completions: huggingface/trl#3339; `tools` and
        `chat_template_kwargs` as TRL 1.16 reads them.

    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> from transformers import PreTrainedTokenizerFast
    >>> words = Tokenizer(models.WordLevel({"<end>": 0, "a": 1, "b": 2, "c": 3}, unk_token="<end>"))
    >>> words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    >>> collate = preference_collator(PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>"))
    >>> collate([{"prompt": "a", "chosen": " b c", "rejected": " c"}])["labels"]
    tensor([[-100,    2,    3,    0],
            [-100,    3,    0, -100]])
    """
    if not (callable(tokenizer) and hasattr(tokenizer, "eos_token_id")):
        raise TypeError(f"tokenizer must be a tokenizer of transformers, got {type(tokenizer).__name__}")
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    if pad is None:
        raise DomainError("tokenizer must have a pad_token or an eos_token, got neither")
    if max_length is not None and (type(max_length) is not int or max_length < 2):
        raise DomainError(f"max_length must be an integer >= 2 or None, got {max_length!r}")

    return partial(_collate, tokenizer, pad, max_length)  # no closure: worker processes unpickle it


def _collate(tokenizer: Any, pad: int, max_length: int | None, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    if len(rows) == 0:
        raise DomainError("rows must hold at least one pair, got none")
    both = [encoded(tokenizer, row, n, side, max_length) for side in SIDES for n, row in enumerate(rows)]
    batch, numbers = padded(both, pad), _numbers(rows)
    taken = [name for name in numbers if name in batch]
    if taken:
        raise DomainError(f"column {taken[0]!r} of the rows has the name of what the collator makes: rename it")
    return {**batch, **numbers}


def encoded(tokenizer: Any, row: Mapping[str, Any], number: int, side: str, max_length: int | None) -> Row:
    """Ids of prompt and completion, cut at max_length."""
    text, completion, plain = _texts(tokenizer, row, number, side)
    prompt_ids, ids = _ids(tokenizer, text, special=plain), _ids(tokenizer, text + completion, special=plain)
    rest = (
        ids[len(prompt_ids) :] if ids[: len(prompt_ids)] == prompt_ids else _ids(tokenizer, completion, special=False)
    )
    end = tokenizer.eos_token_id
    if plain and end is not None and rest[-1:] != [end]:
        rest = [*rest, end]
    if not prompt_ids:
        prompt_ids = _beginning(tokenizer, number)
    kept = rest[: max(max_length - len(prompt_ids), 0)] if max_length is not None else rest
    if not kept:
        why = "is empty" if not rest else f"does not fit: the prompt alone has {len(prompt_ids)} tokens"
        limit = "" if max_length is None else f" (max_length = {max_length})"
        raise DomainError(f"row {number} of the batch: {side} {why}{limit}, expected at least 1 token that counts")
    return prompt_ids, kept


def _texts(tokenizer: Any, row: Mapping[str, Any], number: int, side: str) -> tuple[str, str, bool]:
    """Text of the prompt, text that follows, and whether the row was text."""
    for name in ("prompt", side):
        if name not in row:
            hint = ""
            if name == "prompt" and "chosen" in row and "rejected" in row:
                hint = "; prefcore.pairs.split_common_prefix finds the prompt that both sides begin with"
            raise DomainError(
                f"row {number} of the batch has no column {name!r}, got {', '.join(map(repr, row))}{hint}"
            )
        if not isinstance(row[name], str | list):
            got = type(row[name]).__name__
            raise TypeError(f"row {number} of the batch: {name} must be text or a list of messages, got {got}")
    prompt, completion = row["prompt"], row[side]
    if isinstance(prompt, str) and isinstance(completion, str):
        return prompt, completion, True
    if isinstance(prompt, str) or isinstance(completion, str):
        raise TypeError(f"row {number} of the batch: prompt and {side} must both be text or both be lists of messages")
    options = _template_options(row, number)
    before = tokenizer.apply_chat_template(prompt, **{"add_generation_prompt": True, **options}, tokenize=False)
    whole = tokenizer.apply_chat_template([*prompt, *completion], **options, tokenize=False)
    if not whole.startswith(before):
        raise DomainError(
            f"row {number} of the batch: the chat template writes the prompt differently when {side} follows, "
            "so where the completion begins is not known; expected a template that only adds to the prompt"
        )
    return before, whole[len(before) :], False


def _template_options(row: Mapping[str, Any], number: int) -> dict[str, Any]:
    """What the row says to the chat template besides its messages."""
    tools, more = row.get("tools"), row.get("chat_template_kwargs")
    try:
        tools = json.loads(tools) if isinstance(tools, str) else tools
    except ValueError as error:
        raise DomainError(f"row {number} of the batch: tools must be a list, or JSON of one, got {tools!r}") from error
    if not isinstance(more, dict | None):
        got = type(more).__name__
        raise TypeError(f"row {number} of the batch: chat_template_kwargs must be a dict, got {got}")
    return {"tools": tools or None, **(more or {})}  # templates announce tools also where the list is empty


def _ids(tokenizer: Any, text: str, *, special: bool) -> list[int]:
    ids = list(tokenizer(text, add_special_tokens=special)["input_ids"])
    closed = special and ids and ids[-1] == tokenizer.eos_token_id and not text.endswith(tokenizer.eos_token)
    return ids[:-1] if closed else ids  # some tokenizers close every text, also a prompt


def _beginning(tokenizer: Any, number: int) -> list[int]:
    """What stands before the first token of a completion without a prompt: something has to predict it."""
    if tokenizer.bos_token_id is None:
        raise DomainError(
            f"row {number} of the batch: the prompt is empty and the tokenizer has no bos_token, "
            "so nothing would predict the first token of the completion"
        )
    return [tokenizer.bos_token_id]


def padded(sequences: Sequence[Row], pad: int) -> dict[str, Tensor]:
    """Sequences as one batch, padded on the right."""
    width = max(len(prompt) + len(rest) for prompt, rest in sequences)

    def column(values: Callable[[list[int], list[int]], list[int]], fill: int) -> Tensor:
        rows = [values(*row) for row in sequences]
        return torch.tensor([row + [fill] * (width - len(row)) for row in rows])

    return {
        "input_ids": column(lambda prompt, rest: prompt + rest, pad),
        "attention_mask": column(lambda prompt, rest: [1] * (len(prompt) + len(rest)), 0),
        "labels": column(lambda prompt, rest: [-100] * len(prompt) + rest, -100),
    }


def _numbers(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    values = [{name: _number(value) for name, value in row.items()} for row in rows]
    names = {name: None for row in values for name, value in row.items() if value is not None or name in COLUMNS}
    return {name: _column(name, rows, [row.get(name) for row in values]) for name in names}


def _column(name: str, rows: Sequence[Mapping[str, Any]], values: list[Any]) -> Tensor:
    if None in values:
        row = values.index(None)
        raise DomainError(f"row {row} of the batch: {name} must be a number, got {rows[row].get(name)!r}")
    for row, value in enumerate(values):
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise DomainError(f"row {row} of the batch: {name} must fit into int64, got {value}")
    return torch.tensor(values)


def _number(value: Any) -> int | float | None:
    """The value as a number of Python, where it is one."""
    if isinstance(value, np.generic) or (isinstance(value, Tensor | np.ndarray) and value.ndim == 0):
        value = value.item()
    return value if isinstance(value, int | float) else None
