"""Ratings from rankings of several items at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Ints
from prefcore._estimates import Floats, limits, settled, sigmoid
from prefcore.errors import ShapeError
from prefcore.ratings._existence import refuse_separation
from prefcore.ratings._results import RatingResult
from prefcore.ratings.comparisons import Comparisons

__all__ = ["plackett_luce"]


@dataclass(frozen=True)
class _Evidence:
    """Second derivatives and squared scores at the estimate."""

    second: Floats
    """[n, n] minus the second derivatives of the log-likelihood."""
    squares: Floats
    """[n, n] over the rankings."""
    ridge: float

    def information(self) -> Floats:
        return self.second + self.ridge * np.eye(len(self.second))

    def score_products(self) -> Floats:
        return self.squares

    def expected(self, difference: Floats) -> Floats:
        return sigmoid(difference)


def plackett_luce(
    rankings: Any,
    offsets: Any,
    *,
    n_items: int | None = None,
    weights: Any = None,
    ridge: float = 0.0,
    init: Any = None,
    tol: float = 1e-10,
    max_iter: int = 100,
    strict: bool = True,
) -> RatingResult:
    """Plackett-Luce ratings from rankings, full or partial, best first.

    max  sum_r w_r sum_k [theta_(k) - log sum_(l >= k) exp theta_(l)] - ridge/2 sum theta^2

    Items that a ranking does not hold are not compared by it. Of two items it is `bradley_terry`. The maximum exists
    where every item stands above every other through a chain of rankings, and has then mean 0.

    Args:
        rankings: [N] items of all rankings, one after the other; each at most once in a ranking.
        offsets: [R + 1] boundaries of the rankings. Rankings of one item say nothing.
        n_items: number of items; default the largest number + 1.
        weights: [R] weight of each ranking, >= 0; default all 1. Rankings of weight 0 are left out.
        ridge: weight of the penalty, >= 0; above 0 there always is a maximum.
        init: [n_items] where theta starts; default 0.
        tol: bound of `residual`, the largest absolute entry of the gradient / total weight, checked after one more
            step.
        max_iter: most Newton steps, O(sum K^2 + n^3) each.
        strict: whether to raise where the tolerance is not reached; else see `converged`.
    Returns: RatingResult(theta [n_items], ...); `n_comparisons` counts the rankings of two items or more.
    Raises: SeparationError naming the items that are never below or never above another, ConvergenceError, DomainError,
        ShapeError, TypeError.
    Source: Plackett, The analysis of permutations (1975); Luce, Individual choice behavior (1959).

    >>> plackett_luce([0, 1, 2, 1, 0, 2, 2, 0, 0, 1], [0, 3, 6, 8, 10]).theta.round(4)
    array([ 0.4503,  0.3004, -0.7507])
    """
    items, ends = _arrays.integers("rankings", rankings), _arrays.integers("offsets", offsets)
    _rust.validate_offsets(ends, len(items))
    n = _arrays.whole_number("n_items", int(items.max(initial=-1)) + 1 if n_items is None else n_items, 0, 1 << 31)
    w = None if weights is None else _arrays.finite("weights", _arrays.floats("weights", weights), 0.0)
    if w is not None and w.shape != (len(ends) - 1,):
        raise ShapeError(f"weights must have shape [{len(ends) - 1}] like the rankings, got {list(w.shape)}")
    penalty = _arrays.number("ridge", ridge)
    _arrays.refuse("ridge", penalty, not 0 <= penalty < np.inf, "a finite number >= 0")
    start = None if init is None else _arrays.finite("init", _arrays.floats("init", init))
    if start is not None and start.shape != (n,):
        raise ShapeError(f"init must have shape [{n}] like the items, got {list(start.shape)}")
    tol, max_iter = limits(tol, max_iter)
    _rust.check_rankings((items, ends, w), n)
    counted = (np.diff(ends) > 1) & (True if w is None else w > 0)
    if penalty == 0:
        refuse_separation(_neighbours(items, ends, counted, n))
    theta, loglik, converged, iterations, residual, status, second, squares = _rust.plackett_luce_ratings(
        (items, ends, w), (n, penalty, start, tol, max_iter)
    )
    result = RatingResult(
        theta=theta,
        names=None,
        loglik=loglik,
        tie_parameter=None,
        feature_coef=None,
        ridge=penalty,
        n_comparisons=int(counted.sum()),
        converged=converged,
        iterations=iterations,
        residual=residual,
        status=status,
        _evidence=_Evidence(second.reshape(n, n), squares.reshape(n, n), penalty),
    )
    return settled(result, strict=_arrays.flag("strict", strict), tol=tol)


def _neighbours(items: Ints, ends: Ints, counted: Any, n_items: int) -> Comparisons:
    """Each item of a ranking beats the next: chains of these are those of all pairs."""
    ranking = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    next_too = np.flatnonzero((ranking[1:] == ranking[:-1]) & counted[ranking[1:]])
    above, below = items[next_too], items[next_too + 1]
    return Comparisons.from_outcomes(above, below, np.ones(len(above)), n_items=n_items)
