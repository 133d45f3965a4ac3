"""Checks of what a survey holds: codes of levels, boundaries of tasks, weights."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays
from prefcore._arrays import Ints
from prefcore._estimates import Floats
from prefcore.conjoint.design import Design
from prefcore.errors import DomainError, ShapeError

#: outcomes and weights beyond it, and weights below its inverse, are refused: their squares are numbers no more
LARGEST = 1e100


def weights_of(name: str, values: Any) -> Floats:
    """Return weights of tasks; squares of their sums neither over- nor underflow."""
    weights = _arrays.finite(name, _arrays.floats(name, values), 0.0)
    extreme = (weights != 0) & ((weights < 1 / LARGEST) | (weights > LARGEST))
    _arrays.refuse(name, weights, extreme, f"0, or a number from {1 / LARGEST:g} to {LARGEST:g}")
    return weights


def codes_of(name: str, values: Any, design: Design) -> NDArray[Any]:
    """Return codes of levels in one byte each, or two; refuse what the design does not show."""
    if not isinstance(design, Design):
        raise TypeError(f"design must be a Design, got a {type(design).__name__}")
    given = _arrays.to_numpy(name, values)
    if given.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integer codes of levels, got dtype {given.dtype}; see from_frame for names")
    n_levels = design.n_levels
    if given.ndim != 2 or given.shape[1] != len(n_levels):
        raise ShapeError(f"{name} must be [N, {len(n_levels)}] like the design, got shape {list(given.shape)}")
    beyond = (given < 0) | (given >= n_levels)
    if beyond.any():
        row, d = (int(place) for place in np.argwhere(beyond)[0])
        raise DomainError(f"{name}[{row}, {d}] must be a level 0 to {n_levels[d] - 1}, got {given[row, d]}")
    codes = np.ascontiguousarray(given, dtype=np.uint8 if n_levels.max() <= 256 else np.uint16)
    _refuse_unlikely(name, codes, design)
    return codes


def _refuse_unlikely(name: str, codes: NDArray[Any], design: Design) -> None:
    for d, probs in enumerate(design.probs):
        if (probs == 0).any() and (never := probs[codes[:, d]] == 0).any():
            row = int(np.argmax(never))
            level = design.levels[d][codes[row, d]]
            raise DomainError(f"{name}[{row}, {d}] must be a level of positive probability, got {level!r}")
    for one, level, other, with_level in design.restrictions:
        if (never := (codes[:, one] == level) & (codes[:, other] == with_level)).any():
            pair = f"{design.levels[one][level]!r} with {design.levels[other][with_level]!r}"
            raise DomainError(f"{name}[{int(np.argmax(never))}] must keep to the restrictions, got {pair}")


def boundaries(offsets: Any, n_rows: int) -> Ints:
    if offsets is None:
        return np.arange(n_rows + 1)
    bounds = _arrays.integers("offsets", offsets)
    if len(bounds) == 0 or bounds[0] != 0 or bounds[-1] != n_rows:
        ends = f"{bounds[0]} to {bounds[-1]}" if len(bounds) else "none"
        raise DomainError(f"offsets must go from 0 to {n_rows}, the number of profiles, got {ends}")
    _arrays.refuse("offsets", bounds[1:], np.diff(bounds) < 1, "above the one before: no task is empty")
    return bounds
