"""When an iteration stops, which iterations are kept, and how strong the pull to a reference is."""

from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore._arrays import Ints
from prefcore.errors import DomainError

#: tol, max_iter, record_at
Limits = tuple[float | None, int, Ints]


def limits(tol: Any, max_iter: Any, record_at: Any) -> Limits:
    """Check the numbers that end an iteration, and those of the iterations to keep."""
    if tol is not None:
        tol = _arrays.number("tol", tol)
        _arrays.refuse("tol", tol, not tol >= 0, "a number >= 0, or None")
    max_iter = _arrays.whole_number("max_iter", max_iter, 0, 1 << 62)
    at = _arrays.integers("record_at", list(record_at) if isinstance(record_at, range | tuple) else record_at)
    _arrays.refuse("record_at", at, (at < 0) | (at > max_iter), f"0 to max_iter = {max_iter}")
    if (np.diff(at) <= 0).any():
        place = int(np.argmax(np.diff(at) <= 0)) + 1
        raise DomainError(f"record_at[{place}] must be above record_at[{place - 1}] = {at[place - 1]}, got {at[place]}")
    return tol, max_iter, at


def pull(name: str, value: Any, *, positive: bool = False) -> float:
    """Check the strength of a pull to a reference."""
    beta = _arrays.number(name, value)
    bad = not (0 <= beta < np.inf) or (positive and beta == 0)
    _arrays.refuse(name, beta, bad, f"a finite number {'>' if positive else '>='} 0")
    return beta
