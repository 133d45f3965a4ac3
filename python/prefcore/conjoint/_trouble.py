"""Why a model of the outcome has no estimate, in the names of factors and levels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from prefcore._estimates import Floats
from prefcore.conjoint.data import ConjointData
from prefcore.conjoint.design import Design
from prefcore.errors import RankDeficientError, SeparationError

Pair = tuple[int, int]
#: names of a list in a message
SHOWN = 5


def separated(data: ConjointData, pairs: Sequence[Pair], direction: Floats) -> SeparationError:
    """The error of coefficients that would be infinite; `direction` [P] is scaled to 1."""
    direction = direction / np.abs(direction).max()
    direction[np.abs(direction) < 1e-6] = 0.0
    names = coefficients(data.design, pairs, len(direction))
    moved = [names[place] for place in np.flatnonzero(np.abs(direction) > 1e-3)]
    text = f"outcomes must not be told by levels alone, got {listed(moved)} with an infinite score"
    return SeparationError(f"{text}; give ridge > 0, or firth=True", direction=direction, names=names)


def dependent(data: ConjointData, pairs: Sequence[Pair], columns: Sequence[int], intercept: bool) -> RankDeficientError:
    """The error of coefficients of which the answers say nothing."""
    design = data.design
    asked = sum((design.n_levels - 1).tolist())
    asked += sum(int((design.n_levels[d] - 1) * (design.n_levels[e] - 1)) for d, e in pairs)
    size = asked + int(intercept and np.diff(data.offsets).max() <= 2)
    names = coefficients(design, pairs, size)
    found = _missing(data, pairs)
    if found:
        text = f"profiles must show every level and pair of levels with a score, got none with {listed(found)}"
    elif _alike(data):
        text = "tasks must compare profiles that differ, got 0 that do"
    else:
        text = (
            f"answers must tell the scores of all levels apart, got {listed([names[j] for j in columns])} that depend"
        )
        text += " on others"
    return RankDeficientError(f"{text}; drop, or give a ridge > 0", columns=list(columns))


def coefficients(design: Design, pairs: Sequence[Pair], size: int) -> tuple[str, ...]:
    """Names of `coef`: "factor: level", "factor: level x factor: level", and "intercept" where the size has room."""

    def level(d: int, at: int) -> str:
        return f"{design.factors[d]}: {design.levels[d][at]}"

    n = design.n_levels.tolist()
    names = [level(d, at) for d in range(len(n)) for at in range(1, n[d])]
    names += [f"{level(d, a)} x {level(e, b)}" for d, e in pairs for a in range(1, n[d]) for b in range(1, n[e])]
    return ("intercept", *names) if size > len(names) else tuple(names)


def listed(names: Sequence[str]) -> str:
    """The first names in quotation marks."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more


def _rows(data: ConjointData) -> Any:
    """Profiles of the tasks that count."""
    if data.weights is None:
        return data.profiles
    return data.profiles[np.repeat(data.weights > 0, np.diff(data.offsets))]


def _missing(data: ConjointData, pairs: Sequence[Pair]) -> list[str]:
    """Levels that never occur, then pairs of levels of which each does."""
    design, rows = data.design, _rows(data)
    counts = [np.bincount(rows[:, d], minlength=n) for d, n in enumerate(design.n_levels.tolist())]
    names = [
        [f"{factor}: {level}" for level in levels] for factor, levels in zip(design.factors, design.levels, strict=True)
    ]
    found = [names[d][at] for d, count in enumerate(counts) for at in np.flatnonzero(count == 0)]
    for d, e in pairs:
        width = int(design.n_levels[e])
        cells = rows[:, d].astype(np.int64) * width + rows[:, e]
        table = np.bincount(cells, minlength=int(design.n_levels[d]) * width).reshape(-1, width)
        lonely = (table == 0) & (counts[d] > 0)[:, None] & (counts[e] > 0)
        found += [f"{names[d][a]} x {names[e][b]}" for a, b in np.argwhere(lonely)]
    return found


def _alike(data: ConjointData) -> bool:
    """Whether all profiles of each task are the same."""
    first = np.repeat(data.offsets[:-1], np.diff(data.offsets))
    return bool(len(first) > data.n_tasks and (data.profiles == data.profiles[first]).all())
