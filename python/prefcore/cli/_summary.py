"""Counts of a file of preferences."""

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from prefcore import metrics, pairs, ratings
from prefcore.cli._layouts import Item, text_of

Encode = Callable[[str], list[int]]


class Summary(NamedTuple):
    """What is printed."""

    counts: dict[str, int]
    length_bias: dict[str, float] | None
    """Share of pairs whose longer side is chosen, with its interval; equal lengths count half."""
    cyclic_triples: dict[str, int] | None
    score_histogram: dict[str, Any] | None
    gap_histogram: dict[str, Any] | None


class Totals:
    """What is gathered on one pass; per row some bytes stay."""

    def __init__(self, encode: Encode | None) -> None:
        self.encode = encode
        names = ["prompts", "completions", "pairs", "rows that come again", "pairs with identical sides"]
        names += ["pairs with an empty side", "prompts whose scores are all equal"]
        self.counts = Counter(dict.fromkeys([*names, *(["prompts that end inside a token"] if encode else [])], 0))
        self.prompts: set[bytes] = set()
        self.seen: set[bytes] = set()
        self.scores, self.gaps = array("d"), array("d")
        self.longer = Counter[float]()
        self.votes = Counter[tuple[str, str]]()

    def add(self, item: Item) -> None:
        """Take a row."""
        prompt, row = _digest(item.prompt), _digest([item.prompt, item.completions, item.scores])
        self.counts["rows that come again"] += row in self.seen
        self.seen.add(row)
        self.prompts.add(prompt)
        self.counts["completions"] += len(item.completions)
        self.scores.extend(item.scores)
        if len(item.scores) > 1 and len(set(item.scores)) == 1:
            self.counts["prompts whose scores are all equal"] += 1
        found = pairs.all_pairs(item.scores) if item.scores else None
        for chosen, rejected, gap in zip(*map(np.ndarray.tolist, found[:3]), strict=True) if found else ():
            self._pair(item, chosen, rejected)
            self.gaps.append(gap)
        if self.encode is not None:
            self._boundaries(item, self.encode)

    def _pair(self, item: Item, chosen: int, rejected: int) -> None:
        sides = [item.completions[place] for place in (chosen, rejected)]
        ours, theirs = (len(text_of(side)) for side in sides)
        self.counts["pairs"] += 1
        self.counts["pairs with identical sides"] += sides[0] == sides[1]
        self.counts["pairs with an empty side"] += min(ours, theirs) == 0
        self.longer[0.5 if ours == theirs else float(ours > theirs)] += 1
        if item.models is not None and item.models[chosen] != item.models[rejected]:
            self.votes[item.models[chosen], item.models[rejected]] += 1

    def _boundaries(self, item: Item, encode: Encode) -> None:
        """Count prompts whose tokens are not those that the prompt with a completion begins with."""
        if not isinstance(item.prompt, str):
            return
        own = encode(item.prompt)
        for completion in item.completions:
            whole = encode(item.prompt + text_of(completion))
            if own and int(pairs.split_common_prefix(own, whole or [-1]).length) < len(own):
                self.counts["prompts that end inside a token"] += 1
                return


def summarize(items: Iterable[Item], encode: Encode | None, confidence_level: float, bins: int) -> Summary:
    """Read all rows once."""
    totals = Totals(encode)
    for item in items:
        totals.add(item)
    totals.counts["prompts"] = len(totals.prompts)
    return Summary(
        dict(totals.counts),
        _bias(totals.longer, confidence_level),
        _triples(totals.votes),
        _histogram(totals.scores, bins),
        _histogram(totals.gaps, bins),
    )


def _digest(value: Any) -> bytes:
    return blake2b(json.dumps(value, sort_keys=True).encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _bias(longer: Counter[float], confidence_level: float) -> dict[str, float] | None:
    outcomes, n = list(longer), sum(longer.values())
    if not n:
        return None
    rate = float(metrics.win_rate(outcomes, ties=0.5, weights=[float(longer[outcome]) for outcome in outcomes]))
    lower, upper = metrics.wilson_interval(rate * n, n, confidence_level=confidence_level)
    return {"win_rate": rate, "lower": float(lower), "upper": float(upper)}


def _triples(votes: Counter[tuple[str, str]]) -> dict[str, int] | None:
    if not votes:
        return None
    names = sorted({name for pair in votes for name in pair})
    wins = np.zeros((len(names), len(names)))
    for (winner, loser), count in votes.items():
        wins[names.index(winner), names.index(loser)] = count
    return ratings.cyclic_triples(ratings.Comparisons.from_matrix(wins, names=names))._asdict()


def _histogram(values: Any, bins: int) -> dict[str, Any] | None:
    if not len(values):
        return None
    counts, edges = np.histogram(np.frombuffer(values, dtype=np.float64), bins)
    return {"edges": edges.tolist(), "count": counts.tolist()}
