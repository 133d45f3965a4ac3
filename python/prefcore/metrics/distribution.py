"""Distributions: divergence, inequality, repetition, and scores over dimensions."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore.errors import DomainError, ShapeError
from prefcore.metrics._results import Values, bounded_weights, per_group

__all__ = ["DimensionScore", "distinct_ngram_ratio", "gini", "kl_divergence", "weighted_dimension_score"]


class DimensionScore(NamedTuple):
    """Scores of M models."""

    normalized: NDArray[np.float64]
    """[M, D] (raw - low) / (high - low), not cut to [0, 1]."""
    groups: NDArray[np.float64]
    """[M, K] weighted means over the dimensions of each group."""
    total: NDArray[np.float64]
    """[M] weighted mean of the groups."""


def kl_divergence(p: Any, q: Any, *, offsets: Any = None) -> Values:
    """Kullback-Leibler divergence of one distribution from another.

    sum_i p_i log(p_i / q_i) in nats, 0 log 0 = 0

    Args:
        p: probabilities that sum to 1 within 1e-9 in every group, over which the mean is taken; [n] with `offsets`,
            [G, L] with a group in each row, or [n] alone, one group.
        q: the other distribution, of the same shape.
        offsets: int [G + 1] boundaries of the groups of 1-D columns.
    Returns: float64 [G], or one number for one group: inf where only q is 0, NaN without a row.
    Raises: DomainError, ShapeError, TypeError.
    Source: Kullback and Leibler (1951); forward (p = data) and reverse (p = policy) of Tajwar et al. (2024).

    >>> kl_divergence([1.0, 0.0], [0.5, 0.5])
    np.float64(0.6931471805599453)
    """
    data = _arrays.grouped(offsets, p=p, q=q)
    p, q = (column.astype(np.float64, copy=False) for column in data.columns)
    return per_group(data, _rust.kl_divergence(p, q, data.offsets))


def gini(values: Any, *, offsets: Any = None, nan: Literal["raise", "omit", "propagate"] = "raise") -> Values:
    """Gini coefficient: how unequal values are.

    sum_ij |v_i - v_j| / (2 n^2 mean), 0 where all values are 0

    Args:
        values: finite, >= 0; [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group.
        offsets: int [G + 1] boundaries of the groups of 1-D values.
        nan: "raise"; "omit": rows with a NaN take no part; "propagate": their group's value is NaN.
    Returns: float64 [G] in [0, 1), or one number for one group: 0 where all are equal, NaN without a row.
    Raises: DomainError, ShapeError, TypeError.
    Source: Gini (1912); fairness of agreements in Negotiative Alignment (arXiv 2503.12613).

    >>> gini([[1.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    array([0.        , 0.66666667])
    """
    data = _arrays.grouped(offsets, values=values)
    return per_group(data, _rust.gini(data.columns[0], data.offsets, nan))


def distinct_ngram_ratio(tokens: Any, *, n: int = 3, offsets: Any = None) -> Values:
    """Share of distinct n-grams among the n-grams of a text: 1 where nothing is repeated.

    Args:
        tokens: integers or strings; [N] with `offsets`, [G, L] with a text in each row, or [N] alone, one text.
        n: length of the n-grams, >= 1.
        offsets: int [G + 1] boundaries of the texts.
    Returns: float64 [G] in (0, 1], or one number for one text; 1 for a text without an n-gram, an empty one too.
    Raises: DomainError, ShapeError, TypeError.
    Source: distinct-n of Li et al. (2016, arXiv 1510.03055); repetition penalty of naver-ai/rethinking-proxy-reward.

    >>> distinct_ngram_ratio("the cat and the cat and the dog".split(), n=3)
    np.float64(0.6666666666666666)
    """
    data = _arrays.grouped(offsets, tokens=_arrays.codes("tokens", tokens))
    n = _arrays.whole_number("n", n, 1, 2**63)
    return per_group(data, _rust.distinct_ngram_ratio(data.columns[0], n, data.offsets))


def weighted_dimension_score(
    raw: Any, low: Any, high: Any, *, weights: Any, offsets: Any, group_weights: Any
) -> DimensionScore:
    """Score models over dimensions in groups, each dimension on a scale of its own.

    normalized = (raw - low) / (high - low),  groups = weighted mean of the dimensions of a group,
    total = weighted mean of the groups

    It nests: `groups` of one call can be `raw` of the next, with low 0 and high 1.

    Args:
        raw: [M, D] finite results of M models on D dimensions.
        low: [D] result that counts 0.
        high: [D] result that counts 1, > low. Results outside are not cut.
        weights: [D] in [0, 1e100], with a positive sum in every group.
        offsets: int [K + 1] boundaries of the groups of dimensions.
        group_weights: [K] in [0, 1e100], with a positive sum.
    Returns: DimensionScore.
    Raises: DomainError, ShapeError, TypeError.
    Source: VBench (Huang et al. 2024, arXiv 2411.13503); Vchitect/VBench scripts/cal_final_score.py.

    >>> score = weighted_dimension_score(
    ...     [[0.5, 3.0, 0.2]], [0, 1, 0], [1, 5, 1], weights=[1, 1, 1], offsets=[0, 2, 3], group_weights=[4, 1]
    ... )
    >>> score.groups, score.total
    (array([[0.5, 0.2]]), array([0.44]))
    """
    raw = _finite("raw", raw)
    if raw.ndim != 2:
        raise ShapeError(f"raw must be [M, D], got {raw.ndim}-D")
    offsets = _arrays.integers("offsets", offsets)
    groups = _rust.validate_offsets(offsets, raw.shape[1])
    low, high = _column("low", low, raw.shape[1]), _column("high", high, raw.shape[1])
    if (high <= low).any():
        place = int(np.argmax(high <= low))
        raise DomainError(f"high[{place}] must be above low[{place}] = {low[place]}, got {high[place]}")
    weights = _weights("weights", weights, raw.shape[1])
    group_weights = _weights("group_weights", group_weights, groups)
    normalized = (raw - low) / (high - low)
    scores = np.empty((len(raw), groups))
    for group in range(groups):
        dimensions = slice(offsets[group], offsets[group + 1])
        scores[:, group] = _mean(normalized[:, dimensions], weights[dimensions], f"weights of group {group}")
    return DimensionScore(normalized, scores, _mean(scores, group_weights, "group_weights"))


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    total = weights.sum()
    if not total > 0:
        raise DomainError(f"{name} must have a positive sum, got {total}")
    mean: NDArray[np.float64] = (values * weights).sum(axis=1) / total
    return mean


def _finite(name: str, values: Any) -> NDArray[np.float64]:
    return _arrays.finite(name, _arrays.floats(name, values))


def _column(name: str, values: Any, length: int) -> NDArray[np.float64]:
    column = _finite(name, values)
    if column.shape != (length,):
        raise ShapeError(f"{name} must have shape [{length}], got {list(column.shape)}")
    return column


def _weights(name: str, values: Any, length: int) -> NDArray[np.float64]:
    return bounded_weights(name, _arrays.finite(name, _column(name, values, length), 0.0))
