"""The return rule of the metrics: one number per group."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays
from prefcore._arrays import Array, Grouped
from prefcore.errors import DomainError, ShapeError

Values = NDArray[np.float64] | Any
"""[G], or one number where the input is one group: the shape of the input decides, which no annotation can say."""
Counts = NDArray[np.int64] | Any

#: The sum of the squares of so large weights does not overflow.
MAX_WEIGHT = 1e100


def per_group(data: Grouped, values: Array) -> Any:
    """Return what was computed for each group; for one group without offsets its number."""
    return values[0] if data.single else values


def in_precision(column: Array, name: str, value: Any) -> float:
    """Return a plain number; beside a float32 column the float32 next to it."""
    number = _arrays.number(name, value)
    return float(np.float32(number)) if column.dtype == np.float32 else number


def bounded_weights(name: str, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights; refuse finite ones above `MAX_WEIGHT`."""
    large = (weights > MAX_WEIGHT) & (weights < np.inf)
    if large.any():
        place = np.unravel_index(int(np.argmax(large)), weights.shape)
        raise DomainError(f"{name}{[int(axis) for axis in place]} must be at most {MAX_WEIGHT:g}, got {weights[place]}")
    return weights


def row_weights(data: Grouped, like: str, weights: Any) -> NDArray[np.float64] | None:
    """Return the weights of the rows of a column, flat; whether they are numbers >= 0 is checked by Rust."""
    if weights is None:
        return None
    column = _arrays.floats("weights", weights)
    if column.shape != data.shape:
        raise ShapeError(f"weights must have shape {list(data.shape)} like {like}, got {list(column.shape)}")
    return bounded_weights("weights", column).reshape(-1)
