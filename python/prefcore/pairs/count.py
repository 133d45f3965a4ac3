"""Numbers of pairs, pairs in batches, and weights by their number."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore._arrays import Ints
from prefcore.pairs.score import IndexDtype, Options, Pairs, narrow_of, options_of

__all__ = ["PairCounts", "count_pairs", "iter_pairs", "pair_weights"]


class PairCounts(NamedTuple):
    """What becomes of every two rows of a group: the three add up to k (k - 1) / 2."""

    pairs: Ints
    """[G] number of pairs of `all_pairs`."""
    ties: Ints
    """[G] number of those with equal scores."""
    outside_gap: Ints
    """[G] number of those with a gap outside of the window."""


def count_pairs(
    scores: Any,
    *,
    min_gap: float = 0,
    max_gap: float | None = None,
    inclusive: bool = False,
    by: Any = None,
    offsets: Any = None,
    nan: Literal["raise", "omit"] = "raise",
) -> PairCounts:
    """Count the pairs of `all_pairs` by group, and what is left out and why.

    pairs + ties + outside_gap = k (k - 1) / 2 for a group of k rows; with `by`, the sum of it over the values.

    O(n log n): a group of a million rows is counted at once, and need not be paired.

    Args:
        scores: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; larger is better.
        min_gap: lower end of the window, >= 0; see `all_pairs`.
        max_gap: upper end of the window, >= min_gap; None: no limit.
        inclusive: whether gaps equal to an end are kept.
        by: integers or strings, shape of `scores`; only rows of the same group and value count.
        offsets: int [G + 1] boundaries of the groups of 1-D scores.
        nan: "raise", or "omit": rows without a number count nowhere.
    Returns: PairCounts, int64 [G] each, [1] for one group.
    Raises: DomainError (as `all_pairs`: also a margin beyond its dtype), ShapeError, TypeError.
    Source: the length of `all_pairs`, in Rust, over sorted groups.

    >>> count_pairs([[4, 4, 2], [3, 3, 3]])
    PairCounts(pairs=array([2, 0]), ties=array([1, 3]), outside_gap=array([0, 0]))
    """
    data = _arrays.grouped(offsets, scores=scores)
    options = options_of(data, min_gap, max_gap, inclusive, by, nan=nan)
    return PairCounts(*_rust.count_pairs(data.columns[0], data.offsets, options))


def iter_pairs(
    scores: Any,
    *,
    batch: int = 1_000_000,
    min_gap: float = 0,
    max_gap: float | None = None,
    inclusive: bool = False,
    by: Any = None,
    offsets: Any = None,
    nan: Literal["raise", "omit"] = "raise",
    index_dtype: IndexDtype = "int64",
) -> Iterator[Pairs]:
    """Yield the pairs of `all_pairs` a batch at a time, in memory that their number does not change.

    The batches, one after the other, are `all_pairs` bit for bit; a batch may end within a group. Arguments are checked
    by the call, before the first batch is asked for.

    Args:
        scores: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; larger is better. The
            arrays are read while batches are made, so they must stay as they are.
        batch: number of pairs in each batch but the last, >= 1.
        min_gap: lower end of the window, >= 0; see `all_pairs`.
        max_gap: upper end of the window, >= min_gap; None: no limit.
        inclusive: whether gaps equal to an end are kept.
        by: integers or strings, shape of `scores`; only rows of the same group and value form pairs.
        offsets: int [G + 1] boundaries of the groups of 1-D scores.
        nan: "raise", or "omit": rows without a number take no part.
        index_dtype: dtype of `chosen`, `rejected` and `group`.
    Returns: iterator of Pairs [batch], the last of [1..batch]; no batch where there is no pair.
    Raises: as `all_pairs`.
    Source: `count_pairs` says where a batch begins; Rust resumes there.

    >>> [part.chosen for part in iter_pairs([3.0, 1.0, 2.0], batch=2)]
    [array([0, 0]), array([2])]
    """
    data = _arrays.grouped(offsets, scores=scores)
    options = options_of(data, min_gap, max_gap, inclusive, by, nan=nan)
    batch, narrow = _arrays.whole_number("batch", batch, 1, 2**63), narrow_of(index_dtype)
    _rust.fits_index(max(len(data.columns[0]), len(data.offsets) - 1), narrow)
    pairs, _, _ = _rust.count_pairs(data.columns[0], data.offsets, options)
    return _batches(data, options, narrow, batch, np.cumsum(pairs))


def _batches(data: _arrays.Grouped, options: Options, narrow: bool, batch: int, ends: Ints) -> Iterator[Pairs]:
    """Yield `batch` pairs at a time; `ends` is the number of pairs up to the end of each group."""
    scores, total = data.columns[0], int(ends[-1]) if len(ends) else 0
    group, place = -1, [0, 0, 0]
    for begin in range(0, total, batch):
        end = min(begin + batch, total)
        first, last = (int(g) for g in np.searchsorted(ends, [begin, end - 1], side="right"))
        bounds = data.offsets[first : last + 2]
        rows = slice(bounds[0], bounds[-1])
        own = options if options.by is None else options._replace(by=options.by[rows])
        start = place if first == group else [0, 0, 0]
        columns, place = _rust.next_batch(scores[rows], bounds - bounds[0], own, narrow, start, end - begin)
        found = Pairs(*columns)
        for column, shift in zip(
            (found.chosen, found.rejected, found.group), (bounds[0], bounds[0], first), strict=True
        ):
            np.add(column, shift, out=column, casting="unsafe")  # rows fit, as has been checked
        yield found
        group = last


def pair_weights(pairs: Pairs, values: Any = None) -> NDArray[np.float64]:
    """Weight the pairs so that those of each group sum to 1.

    weight_p = values_p / (sum of the values of the pairs in the group of p)

    Args:
        pairs: [P] pairs in any order.
        values: [P] finite, >= 0, not all 0 in a group; None: 1 for each, so that every group counts the same.
    Returns: float64 [P].
    Raises: DomainError, ShapeError, TypeError.
    Source: the K(K - 1)/2 pairs of a prompt count as one, as in InstructGPT (Ouyang et al. 2022), section 3.5.

    >>> from prefcore.pairs import all_pairs
    >>> pairs = all_pairs([3.0, 1.0, 2.0])
    >>> pair_weights(pairs, pairs.margin)
    array([0.5 , 0.25, 0.25])
    """
    if not hasattr(pairs, "group"):
        raise TypeError(f"pairs must be Pairs, got a {type(pairs).__name__}")
    group = _arrays.integers("pairs.group", pairs.group)
    if values is not None:
        values = _arrays.floats("values", values)
        _arrays.one_dimensional("values", values)
    return _rust.pair_weights(group, values)
