"""Negotiative alignment: embracing disagreement to achieve fairer outcomes (arXiv 2503.12613)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from prefcore import _arrays, metrics
from prefcore.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Welfare", "summary"]


class Welfare(NamedTuple):
    """What a plan gives to all and to the one worst off."""

    total: float
    worst: float
    satisfaction: NDArray[np.float64]
    """[n] utilities on a scale from 0 at `low` to 1 at `high`."""
    p20: float
    """Percentile of the satisfaction, the 20th by default."""
    gini: float
    """Inequality of the utilities: 0 where all are equal."""


def summary(utilities: Any, *, low: float, high: float, percentile: float = 20.0) -> Welfare:
    """Welfare of parties under a plan.

    Args:
        utilities: [n] of each party, >= 0.
        low: utility that satisfies no one, in this scenario.
        high: utility that satisfies fully, >= low; where equal, all are satisfied.
        percentile: in [0, 100], with linear interpolation, which the paper does not state.
    Returns: Welfare(total, worst, satisfaction, p20, gini).
    Raises: ShapeError, DomainError, TypeError.
    Source: names from Negotiative Alignment, formulas from textbooks (see `metrics.gini`).

    >>> summary([3.0, 3.5, 4.0], low=3.0, high=4.0).satisfaction
    array([0. , 0.5, 1. ])
    """
    u = _arrays.finite("utilities", _arrays.floats("utilities", utilities), 0.0)
    _arrays.one_dimensional("utilities", u)
    if len(u) == 0:
        raise ShapeError("utilities must have at least one party, got none")
    low, high = _arrays.number("low", low), _arrays.number("high", high)
    percentile = _arrays.number("percentile", percentile)
    if not -np.inf < low <= high < np.inf:
        raise DomainError(f"low and high must be finite, low <= high, got {low} and {high}")
    _arrays.refuse("percentile", percentile, not 0 <= percentile <= 100, "in [0, 100]")
    satisfaction = (u - low) / (high - low) if high > low else np.ones_like(u)
    share = float(np.percentile(satisfaction, percentile))
    return Welfare(float(u.sum()), float(u.min()), satisfaction, share, float(metrics.gini(u)))
