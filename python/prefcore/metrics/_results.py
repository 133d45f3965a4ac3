"""The return rule of the metrics: one number per group."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays
from prefcore._arrays import Array, Grouped
from prefcore.errors import ShapeError

Values = NDArray[np.float64] | Any
"""[G], or one number where the input is one group: the shape of the input decides, which no annotation can say."""
Counts = NDArray[np.int64] | Any


def per_group(data: Grouped, values: Array) -> Any:
    """Return what was computed for each group; for one group without offsets its number."""
    return values[0] if data.single else values


def row_weights(data: Grouped, like: str, weights: Any) -> NDArray[np.float64] | None:
    """Return the weights of the rows of a column, flat; whether they are numbers >= 0 is checked by Rust."""
    if weights is None:
        return None
    column = _arrays.floats("weights", weights)
    if column.shape != data.shape:
        raise ShapeError(f"weights must have shape {list(data.shape)} like {like}, got {list(column.shape)}")
    return column.reshape(-1)
