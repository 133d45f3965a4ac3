"""Ranks, exact and smooth."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore.errors import DomainError
from prefcore.ranking._lists import one_list, real, scored

__all__ = ["approx_rank", "neural_sort", "rank", "soft_rank", "soft_rank_vjp"]

Ranks = NDArray[np.float64]


def rank(
    x: Any,
    *,
    method: Literal["average", "min", "max", "dense", "ordinal"] = "average",
    descending: bool = False,
    offsets: Any = None,
    nan: Literal["raise", "omit", "propagate"] = "raise",
) -> Ranks:
    """Rank the rows of each group, from 1.

    rank_i = 1 + #{j: x_j < x_i} + (#{j: x_j = x_i} - 1) / 2  with method="average"

    It takes O(n log n) time. Numbers are compared in their own dtype, int64 exactly; -0.0 equals 0.0.

    Args:
        x: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group. float32, float64, int32 or
            int64.
        method: what tied rows get: "average", "min" or "max" of their places; "dense": 1 more than the next different
            value; "ordinal": each its own place, in the order of the input.
        descending: rank 1 goes to the largest number; False: to the smallest. Ties keep the order of the input in both.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
        nan: "raise"; "omit": a row of NaN has rank NaN, the others are ranked without it; "propagate": all ranks of its
            group are NaN.
    Returns: float64 of the shape of `x`.
    Raises: DomainError, ShapeError, TypeError.
    Source: scipy.stats.rankdata, which knows no ragged groups; the methods are also those of pandas and polars.

    >>> rank([0.3, 0.1, 0.3, 0.7])
    array([2.5, 1. , 2.5, 4. ])
    >>> rank([3, 1, 2, 5, 8], method="ordinal", descending=True, offsets=[0, 3, 5])
    array([1., 3., 2., 2., 1.])
    """
    data = _arrays.grouped(offsets, x=x)
    _arrays.word("method", method)
    return _rust.rank(data.columns[0], data.offsets, method, _arrays.flag("descending", descending), nan).reshape(
        data.shape
    )


def approx_rank(scores: Any, *, temperature: float = 1.0, offsets: Any = None) -> Ranks:
    """Ranks that are sums of sigmoids, those of ApproxNDCG; 1 for the largest score.

    rank_i = 1 + sum_{j != i} sigmoid((s_j - s_i) / temperature)

    They tend to the exact ranks as the temperature falls, equal scores share their mean rank. A score of +inf has rank
    NaN. O(n^2) time, O(n) memory.

    Args:
        scores: [n] with `offsets`, [G, L] with a list in each row, or [n] alone, one list; -inf is below all others.
        temperature: divides the score gap, > 0; 1 / alpha of the paper.
        offsets: int [G + 1] boundaries of the lists of 1-D scores.
    Returns: float64 of the shape of `scores`.
    Raises: DomainError, ShapeError, TypeError.
    Source: Qin et al. 2010, eq. 9.

    >>> approx_rank([2.0, 0.0, 0.0], temperature=0.1)
    array([1. , 2.5, 2.5])
    """
    data = scored(offsets, scores)
    flat = _arrays.floats("scores", data.columns[0])
    return _rust.approx_rank(flat, data.offsets, _arrays.number("temperature", temperature)).reshape(data.shape)


def soft_rank(scores: Any, *, strength: float = 1.0, descending: bool = True, offsets: Any = None) -> Ranks:
    """Soft ranks: the point of the permutahedron of (1, …, n) that is nearest to the scores / strength.

    ranks = argmin |ranks - z|^2 over the convex hull of all orders of (1, …, n),  z = -scores / strength if descending

    The exact ranks once neighboring scores lie further apart than `strength`; all (n + 1) / 2 as it grows. Equal scores
    share their mean rank at any strength. O(n log n) time.

    Args:
        scores: [n] with `offsets`, [G, L] with a list in each row, or [n] alone, one list.
        strength: of the quadratic regularization, > 0, in the unit of the scores.
        descending: rank 1 goes to the largest score; False: to the smallest.
        offsets: int [G + 1] boundaries of the lists of 1-D scores.
    Returns: float64 of the shape of `scores`; NaN for a list with an infinite score.
    Raises: DomainError, ShapeError, TypeError.
    Source: Blondel et al. 2020 (arXiv 2002.08871), eq. 6; google-research/fast-soft-sort `soft_rank`, L2.

    >>> soft_rank([2.0, 0.0, 0.5], strength=0.1)
    array([1., 3., 2.])
    """
    data = scored(offsets, scores)
    flat = _arrays.floats("scores", data.columns[0])
    return _rust.soft_rank(
        flat, data.offsets, _arrays.number("strength", strength), _arrays.flag("descending", descending)
    ).reshape(data.shape)


def soft_rank_vjp(
    scores: Any, upstream: Any, *, strength: float = 1.0, descending: bool = True, offsets: Any = None
) -> Ranks:
    """Vector-Jacobian product of `soft_rank`: the gradient of a loss by the scores, given that by the ranks.

    vjp_i = ∓(upstream_i - mean of upstream over the block of i) / strength

    A block is a run of scores that share a constraint; alone in its block, a row has its exact rank and gradient 0.

    Args:
        scores: as in `soft_rank`.
        upstream: derivatives of the loss by the ranks, of the shape of `scores`.
        strength: as in `soft_rank`.
        descending: as in `soft_rank`.
        offsets: int [G + 1] boundaries of the lists of 1-D scores.
    Returns: float64 of the shape of `scores`; NaN for a list with an infinite score.
    Raises: DomainError, ShapeError, TypeError.
    Source: Blondel et al. 2020, prop. 4.

    >>> soft_rank_vjp([1.0, 0.5], [1.0, 0.0], strength=1.0)
    array([-0.5,  0.5])
    """
    data = _arrays.grouped(offsets, scores=scores, upstream=upstream)
    flat, ahead = (
        _arrays.floats(name, real(name, x)) for name, x in zip(("scores", "upstream"), data.columns, strict=True)
    )
    return _rust.soft_rank_vjp(
        flat, ahead, data.offsets, _arrays.number("strength", strength), _arrays.flag("descending", descending)
    ).reshape(data.shape)


def neural_sort(scores: Any, *, temperature: float = 1.0) -> Ranks:
    """NeuralSort: a relaxed permutation matrix that sorts the scores of one list, the largest first.

    P_i = softmax(((n + 1 - 2 i) s - A) / temperature),  A_j = sum_l |s_j - s_l|,  i = 1..n

    Row i says which score comes i-th. Rows sum to 1, columns need not. Soft sorted scores: `neural_sort(s) @ s`.

    Args:
        scores: [n], finite.
        temperature: divides, > 0; towards 0 the rows become one-hot.
    Returns: float64 [n, n].
    Raises: DomainError, ShapeError, TypeError.
    Source: Grover et al. 2019 (arXiv 1903.08850), eq. 5; allRank `deterministic_neural_sort`.

    >>> neural_sort([0.0, 2.0]).round(4)
    array([[0.1192, 0.8808],
           [0.8808, 0.1192]])
    """
    s = one_list("scores", scores)
    if (infinite := np.isinf(s)).any():
        first = int(np.argmax(infinite))
        raise DomainError(f"scores[{first}] must be finite, got {s[first]}")
    if not 0 < temperature < np.inf:
        raise DomainError(f"temperature must be finite and > 0, got {temperature}")
    if len(s) == 0:
        return np.empty((0, 0))
    exponent = np.frexp(np.abs(s).max())[1]
    s = np.ldexp(s, -exponent)  # no difference overflows
    s = s - s.max()  # terms are n times as large as the scores, and cancel
    spread = np.abs(s[:, None] - s).sum(axis=1)
    factors = len(s) - 1 - 2 * np.arange(len(s))
    x = factors[:, None] * s - spread
    with np.errstate(over="ignore"):  # -inf: a probability of 0
        exps = np.exp(np.ldexp((x - x.max(axis=1, keepdims=True)) / temperature, exponent))
    return np.asarray(exps / exps.sum(axis=1, keepdims=True))
