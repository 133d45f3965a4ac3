"""From scored completions to pairs, some prompts at a time."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from prefcore import pairs
from prefcore.cli._layouts import Item, Layout, text_of

#: prompts whose completions are in memory at a time
PROMPTS = 1024


class Limits(NamedTuple):
    """Lengths in letters that both sides of a pair must have."""

    shortest: int
    longest: int | None
    ratio: float | None
    """Longer side / shorter side."""


class Pair(NamedTuple):
    """Two sides, and where they come from."""

    item: Item
    chosen: int
    rejected: int
    margin: float


class Paired(NamedTuple):
    """Pairs of some prompts, ready to be written."""

    pairs: int
    rows: int
    lines: Any
    """What a writer takes."""
    dropped: Counter[str]
    """Reason -> how many are left out."""


def paired(
    items: Iterable[Item],
    layout: Layout,
    builder: Callable[..., pairs.Pairs],
    seed: int | None,
    limits: Limits,
    to: str,
) -> Iterator[Paired]:
    """Yield the pairs of some prompts at a time as rows of a layout of TRL."""
    unpaired = layout.name == "trl-unpaired" or "kto_tag" in layout.columns
    dropped = Counter[str]()
    for batch in pair_up(by_prompt(items) if unpaired else items, builder, seed, limits, dropped):
        lines = rows_of(batch, to, scored=layout.scored)
        yield Paired(len(batch), len(lines), lines, dropped.copy())
        dropped.clear()


def pair_up(
    items: Iterable[Item], builder: Callable[..., pairs.Pairs], seed: int | None, limits: Limits, dropped: Counter[str]
) -> Iterator[list[Pair]]:
    """Yield the pairs of some prompts at a time; `dropped` counts those that are left out, by reason.

    Draws depend on the seed and on the place of the prompt among those that were read.
    """
    stream, start = iter(items), 0
    while batch := list(islice(stream, PROMPTS)):
        scores = np.array([score for item in batch for score in item.scores])
        offsets = np.cumsum([0, *(len(item.scores) for item in batch)])
        build = builder if seed is None else partial(builder, seed=(seed + start) % 2**64)
        found = build(scores, offsets=offsets)
        dropped["prompts without a pair: ties or gaps"] += len(batch) - len(np.unique(found.group))
        columns = [column.tolist() for column in found]
        pairs_ = (
            Pair(batch[group], chosen - int(offsets[group]), rejected - int(offsets[group]), margin)
            for chosen, rejected, margin, group in zip(*columns, strict=True)
        )
        yield list(_within(pairs_, limits, dropped))
        start += len(batch)


def _within(found: Iterable[Pair], limits: Limits, dropped: Counter[str]) -> Iterator[Pair]:
    for pair in found:
        reason = _reason(pair, limits)
        if reason is None:
            yield pair
        else:
            dropped[reason] += 1


def _reason(pair: Pair, limits: Limits) -> str | None:
    chosen, rejected = (pair.item.completions[place] for place in (pair.chosen, pair.rejected))
    shorter, longer = sorted((len(text_of(chosen)), len(text_of(rejected))))
    found = reasons(shorter, longer, chosen == rejected, limits)
    return next((reason for reason, holds in found.items() if holds), None)


def reasons(shorter: Any, longer: Any, identical: Any, limits: Limits) -> dict[str, Any]:
    """Reason against a pair -> whether it holds, for lengths of one or of many."""
    return {
        "pairs with an empty side": shorter == 0,
        "pairs with identical sides": identical,
        "pairs with a side that is too short": shorter < limits.shortest,
        "pairs with a side that is too long": longer > (np.inf if limits.longest is None else limits.longest),
        "pairs of too unequal lengths": longer < 0 if limits.ratio is None else longer > limits.ratio * shorter,
    }


def by_prompt(items: Iterable[Item]) -> Iterator[Item]:
    """Gather single completions by prompt, in order of first appearance; all rows are in memory."""
    import json

    gathered: dict[str, Item] = {}
    for item in items:
        key = json.dumps(item.prompt, sort_keys=True)
        if key in gathered:
            gathered[key].completions.extend(item.completions)
            gathered[key].scores.extend(item.scores)
        else:
            gathered[key] = item
    yield from gathered.values()


def rows_of(found: list[Pair], to: str, *, scored: bool) -> list[dict[str, Any]]:
    """Rows of a layout of TRL; columns that the input's layout does not use are kept."""
    rows: list[dict[str, Any]] = []
    last: tuple[Any, int] | None = None
    for pair in found:
        item, (chosen, rejected) = pair.item, (pair.item.completions[n] for n in (pair.chosen, pair.rejected))
        extra = {name: value for name, value in item.extra.items() if name not in RESERVED}
        if to == "preference":
            margin = {"margin": pair.margin} if scored else {}
            rows.append({"prompt": item.prompt, "chosen": chosen, "rejected": rejected, **margin, **extra})
        elif to == "unpaired":
            rows += [
                {"prompt": item.prompt, "completion": side, "label": label, **extra}
                for side, label in ((chosen, True), (rejected, False))
            ]
        elif last != (id(item), pair.chosen):  # a completion that is chosen more than once is one row
            rows.append({"prompt": item.prompt, "completion": chosen, **extra})
        last = id(item), pair.chosen
    return rows


RESERVED = {"prompt", "chosen", "rejected", "completion", "label", "margin"}
