"""What `test_arrays.py` knows of a public function of the data world."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class ArrayCase:
    """A function, an ordinary input, and which of the common promises hold for it."""

    function: Callable[..., Any]
    #: arrays of one entry per row, which go with `offsets`; small, in groups that differ in length
    columns: dict[str, Array] = field(default_factory=dict)
    #: boundaries of the groups of `columns`; None where the function takes no groups
    offsets: Array | None = None
    #: arrays that have shapes of their own
    others: dict[str, Array] = field(default_factory=dict)
    #: keywords that are no arrays
    params: dict[str, Any] = field(default_factory=dict)
    #: one result per group, so that a group alone gives the same; one per row; or something else
    result: Literal["group", "row", "other"] = "group"
    #: float columns in which a NaN is an error by default
    no_nan: tuple[str, ...] = ()
    #: NaN policies that the function takes besides "raise"
    policies: tuple[str, ...] = ()
    #: columns that must be as long as the first
    same_length: tuple[str, ...] = ()
    #: whether a column without a row is allowed
    may_be_empty: bool = True


def ragged(seed: int = 0, lengths: tuple[int, ...] = (5, 0, 1, 7, 3)) -> tuple[Array, np.random.Generator]:
    """Boundaries with an empty group and a group of one, and a generator for the columns."""
    return np.concatenate([[0], np.cumsum(lengths)]), np.random.default_rng(seed)
