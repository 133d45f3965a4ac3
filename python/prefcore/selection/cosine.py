"""Nearest neighbors by cosine."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore._arrays import Array, Ints
from prefcore.errors import ShapeError

__all__ = ["Neighbors", "top_k_cosine"]


class Neighbors(NamedTuple):
    """The nearest rows of each query, nearest first."""

    rows: Ints
    """[Q, k] rows of the pool."""
    similarity: NDArray[np.float64]
    """[Q, k] their cosines."""


def top_k_cosine(pool: Any, queries: Any, *, k: int) -> Neighbors:
    """Find the k rows of a pool that have the highest cosine with each query.

    cos(p, q) = p . q / (|p| |q|)

    Cosines are those of float64 arithmetic, also for float32 input; the earlier row comes first among equals. The
    search itself multiplies in float32 and looks again at every row whose product lies within the rounding error of
    the k-th: the same bits as sorting all float64 cosines, for any number of threads and any place of a query among
    others.

    Args:
        pool: [P, D] vectors, float32 or float64, finite, none of them zeros. Integers become float64.
        queries: [Q, D] vectors.
        k: number of rows per query, >= 0; a pool with fewer rows gives all of them.
    Returns: Neighbors of [Q, min(k, P)].
    Raises: DomainError (naming a row of zeros, whose cosine is undefined), ShapeError, TypeError.
    Source: retrieval of similar pairs in Skywork-Reward-V2 (arXiv 2507.01352), section 3.2.

    >>> top_k_cosine([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0]], [[6.0, 8.0], [2.0, 0.0]], k=2)
    Neighbors(rows=array([[2, 1],
           [0, 2]]), similarity=array([[1. , 0.8],
           [1. , 0.6]]))
    """
    pool, queries = _vectors("pool", pool), _vectors("queries", queries)
    columns = pool.shape[1]
    if queries.shape[1] != columns:
        raise ShapeError(f"queries must have {columns} columns like pool, got {queries.shape[1]}")
    k = min(_arrays.whole_number("k", k, 0, 2**63), len(pool))
    if pool.dtype != queries.dtype:
        pool, queries = pool.astype(np.float64, copy=False), queries.astype(np.float64, copy=False)
    rows, similarity = _rust.top_k_cosine(pool.reshape(-1), queries.reshape(-1), columns, k)
    shape = (len(queries), k)
    return Neighbors(rows.reshape(shape), similarity.reshape(shape))


def _vectors(name: str, values: Any) -> Array:
    array = _arrays.column(name, values)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ShapeError(f"{name} must be [rows, columns] with at least one column, got shape {list(array.shape)}")
    return array if array.dtype.kind == "f" else array.astype(np.float64)
