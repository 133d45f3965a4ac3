"""The return rule of the metrics: one number per group."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prefcore._arrays import Array, Grouped

Values = NDArray[np.float64] | Any
"""[G], or one number where the input is one group: the shape of the input decides, which no annotation can say."""
Counts = NDArray[np.int64] | Any


def per_group(data: Grouped, values: Array) -> Any:
    """Return what was computed for each group; for one group without offsets its number."""
    return values[0] if data.single else values
