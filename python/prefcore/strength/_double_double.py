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
        total = a[0] + b[0]
        of_b = total - a[0]
        rest = (a[0] - (total - of_b)) + (b[0] - of_b)
        return _normal(total, _finite(rest) + (a[1] + b[1]))


def multiply(a: Floats, b: Floats) -> Floats:
    """Return a · b, with a relative error of about 2^-102 where no product over- or underflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        high, low = product(a[0], b[0])
        return _normal(high, low + (a[0] * b[1] + a[1] * b[0]))


def product(a: Floats, b: Floats) -> Floats:
    """Return the product of two columns of floats, exact where nothing over- or underflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        high = a * b
        (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
        rest = ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low
        return np.stack([high, _finite(rest)])


def of(x: Any) -> Floats:
    """Return floats as such numbers."""
    high = np.asarray(x, dtype=np.float64)
    return np.stack([high, np.zeros_like(high)])


def _normal(high: Floats, low: Floats) -> Floats:
    total = high + low
    return np.stack([total, _finite(low - (total - high))])


def _halves(x: Floats) -> tuple[Floats, Floats]:
    shifted = x * _SPLIT
    high = shifted - (shifted - x)
    return high, x - high


def _finite(x: Floats) -> Floats:
    return np.where(np.isfinite(x), x, 0.0)
