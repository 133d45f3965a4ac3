"""Numbers of twice the precision as float64 [2, N]: a number, and what its rounding left out.

Infinite sums stay infinite: what is left out of them counts as 0. Dekker 1971, Shewchuk 1997.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_SPLIT = 2.0**27 + 1.0


def add(a: Floats, b: Floats) -> Floats:
    """Return a + b, with an error of about 2^-104 of |a| + |b|."""
    with np.errstate(over="ignore", invalid="ignore"):
        high, low = _sum(a[0], b[0])
        return np.stack(_sum(high, low + (a[1] + b[1])))


def multiply(a: Floats, b: Floats) -> Floats:
    """Return a · b, with a relative error of about 2^-102 where no product over- or underflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        high, low = _product(a[0], b[0])
        return np.stack(_sum(high, low + (a[0] * b[1] + a[1] * b[0])))


def of(x: Any) -> Floats:
    """Return floats as such numbers."""
    high = np.asarray(x, dtype=np.float64)
    return np.stack([high, np.zeros_like(high)])


def _sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    total = a + b
    of_b = total - a
    return total, _finite((a - (total - of_b)) + (b - of_b))


def _product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    product = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    rest = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, _finite(rest)


def _halves(x: Floats) -> tuple[Floats, Floats]:
    shifted = x * _SPLIT
    high = shifted - (shifted - x)
    return high, x - high


def _finite(x: Floats) -> Floats:
    return np.where(np.isfinite(x), x, 0.0)
