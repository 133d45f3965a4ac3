"""Ragged lists of scores, and pairs as rows."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from prefcore.pairs import Pairs

Row = tuple[int, int, Any, int]  # chosen, rejected, margin, group
quick = settings(max_examples=80, deadline=None)

# a coarse grid, so that ties and gaps equal to a bound are common; both zeros and the infinities
grid = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 0.5, 1.0, 1.25, 3.0, np.inf])
bounds = st.sampled_from([0, 0.5, 1, 1.25, 2.5, math.inf])
ragged = st.lists(st.lists(grid, max_size=7), max_size=6)


def rows_of(found: Pairs) -> list[Row]:
    return list(zip(*(column.tolist() for column in found), strict=True))


def flatten(lists: list[list[Any]], dtype: Any = np.float64) -> dict[str, Any]:
    scores = np.array(list(itertools.chain(*lists)), dtype=dtype)
    return {"scores": scores, "offsets": np.cumsum([0, *map(len, lists)])}


def window(min_gap: float, max_gap: float | None, inclusive: bool) -> Callable[[Any], bool]:
    top = math.inf if max_gap is None else max_gap
    if inclusive:
        return lambda gap: min_gap <= gap <= top
    return lambda gap: min_gap < gap and (max_gap is None or gap < top)
