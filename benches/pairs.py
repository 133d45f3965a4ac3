"""Pairs of scored rows: contenders."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

Contenders = dict[str, Callable[[], Any]]
GROUPS = "1e5 groups of 4-16 f64"
#: number of groups that slow contenders get
TENTH = 10_000


def ragged_scores() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    lengths = rng.integers(4, 17, size=100_000)
    return rng.normal(size=int(lengths.sum())), np.concatenate([[0], np.cumsum(lengths)])


def all_pairs(_device: str) -> Contenders:
    from prefcore import pairs

    scores, offsets = ragged_scores()
    return {
        "prefcore": lambda: pairs.all_pairs(scores, offsets=offsets, min_gap=0.5),
        "numpy, ragged repeat": lambda: all_pairs_ragged(scores, offsets, 0.5),
        "numpy, by group size": lambda: all_pairs_by_size(scores, offsets, 0.5),
        "polars, lazy self-join": lambda: all_pairs_polars(scores, offsets, 0.5),
        "Python loops/10": lambda: all_pairs_loops(scores, offsets[: TENTH + 1], 0.5),
    }


def all_pairs_ragged(scores: Any, offsets: Any, min_gap: float) -> Any:
    """Every row repeated once per later row of its group: the numpy formulation without a Python loop."""
    ends = np.repeat(offsets[1:], np.diff(offsets))
    rows = np.arange(len(scores))
    later = ends - rows - 1
    i = np.repeat(rows, later)
    first = np.cumsum(later) - later
    j = np.arange(len(i)) - np.repeat(first, later) + i + 1
    gap = scores[i] - scores[j]
    keep = np.abs(gap) > min_gap
    i, j, gap = i[keep], j[keep], gap[keep]
    swap = gap < 0
    group = np.searchsorted(offsets, i, side="right") - 1
    return np.where(swap, j, i), np.where(swap, i, j), np.abs(gap), group


def all_pairs_by_size(scores: Any, offsets: Any, min_gap: float) -> Any:
    """Groups of one size at a time over `triu_indices`; the order of the pairs is restored at the end."""
    lengths = np.diff(offsets)
    parts = []
    for size in np.unique(lengths):
        groups = np.flatnonzero(lengths == size)
        rows = offsets[groups, None] + np.arange(size)
        i, j = np.triu_indices(size, 1)
        gap = scores[rows[:, i]] - scores[rows[:, j]]
        g, pair = np.nonzero(np.abs(gap) > min_gap)
        a, b, kept = rows[g, i[pair]], rows[g, j[pair]], gap[g, pair]
        parts.append((np.where(kept < 0, b, a), np.where(kept < 0, a, b), np.abs(kept), groups[g]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[3], kind="stable")
    return tuple(column[order] for column in columns)


def all_pairs_loops(scores: Any, offsets: Any, min_gap: float) -> Any:
    values, bounds, pairs = scores.tolist(), offsets.tolist(), []
    for group, (start, end) in enumerate(itertools.pairwise(bounds)):
        for i in range(start, end):
            for j in range(i + 1, end):
                gap = values[i] - values[j]
                if gap > min_gap:
                    pairs.append((i, j, gap, group))
                elif -gap > min_gap:
                    pairs.append((j, i, -gap, group))
    return tuple(zip(*pairs, strict=True))


def all_pairs_polars(scores: Any, offsets: Any, min_gap: float) -> Any:
    import polars as pl

    group = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    rows = pl.LazyFrame({"group": group, "score": scores}).with_row_index("row")
    i, j, gap = pl.col("row"), pl.col("row_right"), pl.col("score") - pl.col("score_right")
    found = (
        rows.join(rows, on="group", maintain_order="left_right")
        .filter((i < j) & (gap.abs() > min_gap))
        .select(
            pl.when(gap > 0).then(i).otherwise(j).alias("chosen"),
            pl.when(gap > 0).then(j).otherwise(i).alias("rejected"),
            gap.abs().alias("margin"),
            "group",
        )
        .collect()
    )
    return tuple(found[name].to_numpy() for name in found.columns)


def best_worst(_device: str) -> Contenders:
    from prefcore import pairs

    scores, offsets = ragged_scores()
    return {
        "prefcore": lambda: pairs.best_worst(scores, offsets=offsets),
        "numpy, reduceat": lambda: best_worst_reduceat(scores, offsets),
        "numpy, reduceat, right with ties and empty groups": lambda: best_worst_right(scores, offsets),
        "polars, group_by": lambda: best_worst_polars(scores, offsets),
        "Python loops/10": lambda: best_worst_loops(scores, offsets[: TENTH + 1]),
    }


def best_worst_reduceat(scores: Any, offsets: Any) -> Any:
    """What one writes first: wrong where a group is empty, has one row, or ties for best or worst."""
    sizes = np.diff(offsets)
    high, low = (extreme.reduceat(scores, offsets[:-1]) for extreme in (np.maximum, np.minimum))
    best, worst = (np.flatnonzero(scores == np.repeat(extreme, sizes)) for extreme in (high, low))
    return best, worst, high - low, np.arange(len(sizes))


def best_worst_right(scores: Any, offsets: Any) -> Any:
    """The first of ties, no group that is empty, and no pair of equal scores."""
    groups = np.flatnonzero(np.diff(offsets))
    starts, sizes, rows = offsets[groups], np.diff(offsets)[groups], np.arange(len(scores))
    found = []
    for extreme in (np.maximum, np.minimum):
        value = extreme.reduceat(scores, starts)
        hits = np.where(scores == np.repeat(value, sizes), rows, len(rows))
        found.append((np.minimum.reduceat(hits, starts), value))
    (best, high), (worst, low) = found
    keep = high > low
    return best[keep], worst[keep], (high - low)[keep], groups[keep]


def best_worst_polars(scores: Any, offsets: Any) -> Any:
    import polars as pl

    group = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    score, row = pl.col("score"), pl.col("row")
    found = (
        pl.LazyFrame({"group": group, "score": scores})
        .with_row_index("row")
        .group_by("group", maintain_order=True)
        .agg(
            row.get(score.arg_max()).alias("chosen"),
            row.get(score.arg_min()).alias("rejected"),
            (score.max() - score.min()).alias("margin"),
        )
        .filter(pl.col("margin") > 0)
        .collect()
    )
    return tuple(found[name].to_numpy() for name in ("chosen", "rejected", "margin", "group"))


def best_worst_loops(scores: Any, offsets: Any) -> Any:
    values, found = scores.tolist(), []
    for group, (start, end) in enumerate(itertools.pairwise(offsets.tolist())):
        if end > start:
            best, worst = max(range(start, end), key=values.__getitem__), min(range(start, end), key=values.__getitem__)
            if values[best] > values[worst]:
                found.append((best, worst, values[best] - values[worst], group))
    return tuple(zip(*found, strict=True))
