"""Elo: ratings from comparisons in the order in which they came."""

from typing import Any, NamedTuple

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Array
from prefcore._estimates import Floats

__all__ = ["EloSpread", "elo", "elo_permuted", "elo_scale"]


class EloSpread(NamedTuple):
    """Elo ratings over random orders of the same comparisons."""

    mean: Floats
    """[n]"""
    std: Floats
    """[n] sample standard deviation over the orders (n - 1 below the root)."""


def elo(
    first: Any,
    second: Any,
    outcomes: Any,
    *,
    n_items: int | None = None,
    k: float = 32.0,
    initial: float = 1000.0,
    scale: float = 400.0,
    base: float = 10.0,
    weights: Any = None,
) -> Floats:
    """Elo ratings after one pass over comparisons, in the given order.

    r_i += k weight (outcome - p),  r_j -= the same,   p = 1 / (1 + base^((r_j - r_i) / scale))

    The result depends on the order: `bradley_terry` does not, and `elo_permuted` says by how much. What one side gains
    the other loses, so the mean stays `initial`. Names to numbers: `factorize`; labels to outcomes: `parse_winners`.

    Args:
        first: [M] items, 0 to n_items - 1.
        second: [M] their opponents.
        outcomes: [M] scores of `first`: 1 win, 0 loss, 0.5 tie, or anything between.
        n_items: number of items; default the largest number + 1.
        k: most points that one comparison of weight 1 moves, >= 0.
        initial: rating before the first comparison.
        scale: difference of ratings at which the odds are `base`, > 0.
        base: of the odds, > 1.
        weights: [M] factors of the update, 0 or from 1e-100 to 1e100; default all 1. (evalica multiplies the score
            alone, so that ratings drift with weights other than 1.)
    Returns: [n_items] ratings.
    Raises: DomainError, ShapeError, TypeError.
    Source: Elo, The Rating of Chessplayers (1978).

    >>> elo([0, 0], [1, 2], [1.0, 0.5]).round(2)
    array([1015.26,  984.  , 1000.74])
    """
    rows, n = _rows(first, second, outcomes, weights), _items(n_items)
    return _rust.elo(rows, n, _scale(k, initial, scale, base))


def elo_permuted(
    first: Any,
    second: Any,
    outcomes: Any,
    *,
    n_permutations: int,
    seed: int = 0,
    n_items: int | None = None,
    k: float = 32.0,
    initial: float = 1000.0,
    scale: float = 400.0,
    base: float = 10.0,
    weights: Any = None,
) -> EloSpread:
    """Elo ratings over random orders of the comparisons: what the order alone does to them.

    Args:
        first: [M] items, 0 to n_items - 1.
        second: [M] their opponents.
        outcomes: [M] scores of `first`, in [0, 1].
        n_permutations: number of orders, at least 2.
        seed: of the orders; the bits depend on it, not on the number of threads.
        n_items: number of items; default the largest number + 1.
        k: see `elo`, as all others.
        initial: rating before the first comparison.
        scale: difference of ratings at which the odds are `base`, > 0.
        base: of the odds, > 1.
        weights: [M] factors of the update, 0 or from 1e-100 to 1e100; default all 1.
    Returns: EloSpread(mean [n_items], std [n_items]).
    Raises: DomainError, ShapeError, TypeError.
    Source: the bootstrapped Elo of lmsys/FastChat, fastchat/serve/monitor/elo_analysis.py, without its resampling.

    >>> elo_permuted([0, 0], [1, 1], [1.0, 0.0], n_permutations=100).std.round(2)
    array([1.47, 1.47])
    """
    rows, n = _rows(first, second, outcomes, weights), _items(n_items)
    orders = _arrays.whole_number("n_permutations", n_permutations, 2, 1 << 31)
    seed = _arrays.whole_number("seed", seed, 0, 1 << 64)
    return EloSpread(*_rust.elo_permuted(rows, n, _scale(k, initial, scale, base), orders, seed))


def elo_scale(theta: Any, *, initial: float = 1000.0, scale: float = 400.0, base: float = 10.0) -> Any:
    """Log-strengths on the scale of Elo: 400 points are odds of ten to one.

    points = initial + scale / ln(base) theta

    Args:
        theta: log-strengths in nats, of any shape: ratings, or ends of intervals.
        initial: points at 0.
        scale: points for odds of `base`, > 0.
        base: of the odds, > 1.
    Returns: array like `theta`, float64.
    Raises: DomainError, TypeError.
    Source: logistic form of the Elo scale.

    >>> elo_scale([0.0, 1.0]).round(2)
    array([1000.  , 1173.72])
    """
    _, initial, scale, base = _scale(0.0, initial, scale, base)
    return initial + scale / np.log(base) * _arrays.floats("theta", theta)


def _rows(first: Any, second: Any, outcomes: Any, weights: Any) -> tuple[Array, Array, Floats, Floats | None]:
    y = _arrays.floats("outcomes", outcomes)
    _arrays.one_dimensional("outcomes", y)
    w = None if weights is None else _arrays.floats("weights", weights)
    if w is not None:
        _arrays.one_dimensional("weights", w)
    return _arrays.integers("first", first), _arrays.integers("second", second), y, w


def _items(n_items: int | None) -> int | None:
    return None if n_items is None else _arrays.whole_number("n_items", n_items, 0, 1 << 31)


def _scale(k: float, initial: float, scale: float, base: float) -> tuple[float, float, float, float]:
    k, initial, scale, base = (
        _arrays.number(name, value)
        for name, value in (("k", k), ("initial", initial), ("scale", scale), ("base", base))
    )
    _arrays.refuse("k", k, not 0 <= k < np.inf, "a finite number >= 0")
    _arrays.refuse("initial", initial, not np.isfinite(initial), "a finite number")
    _arrays.refuse("scale", scale, not 0 < scale < np.inf, "a finite number > 0")
    _arrays.refuse("base", base, not 1 < base < np.inf, "a finite number > 1")
    return k, initial, scale, base
