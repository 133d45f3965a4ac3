"""Pairs of scored rows."""

from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore._arrays import Array
from prefcore.errors import DomainError, ShapeError

__all__ = ["Pairs", "adjacent", "all_pairs", "best_vs_rest", "best_worst"]

IndexDtype = Literal["int32", "int64"]
Ties = Literal["drop", "keep"]


class Pairs(NamedTuple):
    """Columns of pairs, one entry per pair."""

    chosen: Array
    """[P] row of the higher score."""
    rejected: Array
    """[P] row of the lower score."""
    margin: Array
    """[P] higher score minus lower score, in the dtype of the scores."""
    group: Array
    """[P] group of both rows."""

    def take(self, rows_or_mask: Any) -> "Pairs":
        """Return some of the pairs.

        Args:
            rows_or_mask: bool [P], True where a pair is kept, or integers [N] in 0..P in any order.
        Returns: Pairs [N].
        Raises: DomainError, ShapeError, TypeError.

        >>> all_pairs([3.0, 1.0, 2.0]).take([2, 0]).margin
        array([1., 2.])
        """
        selection = _arrays.to_numpy("rows_or_mask", rows_or_mask)
        if selection.dtype == np.bool_:
            selection = self._mask("rows_or_mask", selection)
        else:
            selection = _arrays.integers("rows_or_mask", rows_or_mask)
            outside = (selection < 0) | (selection >= len(self.chosen))
            if outside.any():
                first = int(np.argmax(outside))
                expected = f"a row of 0..{len(self.chosen)}"
                raise DomainError(f"rows_or_mask[{first}] must be {expected}, got {selection[first]}")
        return Pairs(*(column[selection] for column in self))

    def swap(self, mask: Any) -> "Pairs":
        """Exchange the sides of some pairs and negate their margins.

        Args:
            mask: bool [P], True where the sides are exchanged.
        Returns: Pairs [P].
        Raises: ShapeError, TypeError.

        >>> all_pairs([3.0, 1.0, 2.0]).swap([True, False, False]).margin
        array([-2.,  1.,  1.])
        """
        mask = self._mask("mask", mask)
        chosen = np.where(mask, self.rejected, self.chosen)
        rejected = np.where(mask, self.chosen, self.rejected)
        return Pairs(chosen, rejected, np.where(mask, -self.margin, self.margin), self.group)

    def _mask(self, name: str, values: Any) -> NDArray[np.bool_]:
        mask = _arrays.mask(name, values)
        if mask.shape != self.chosen.shape:
            raise ShapeError(f"{name} must have shape {list(self.chosen.shape)} like chosen, got {list(mask.shape)}")
        return mask


class Options(NamedTuple):
    """What Rust reads by attribute."""

    min_gap: float
    max_gap: float | None
    inclusive: bool
    by: NDArray[np.int64] | None
    max_pairs_per_group: int | None
    seed: int
    nan: str


def all_pairs(
    scores: Any,
    *,
    min_gap: float = 0,
    max_gap: float | None = None,
    inclusive: bool = False,
    by: Any = None,
    max_pairs_per_group: int | None = None,
    seed: int = 0,
    offsets: Any = None,
    nan: Literal["raise", "omit"] = "raise",
    index_dtype: IndexDtype = "int64",
    out: Pairs | None = None,
) -> Pairs:
    """Pair every two rows of a group that have different scores and a gap in the window.

    {(i, j): i < j in one group, s_i != s_j, min_gap < |s_i - s_j| < max_gap}; the higher score is chosen.

    The order is group, i, j. Equal scores never form a pair, infinite ones are scores like any other (inf against a
    number has margin inf, inf against inf is a tie), -0.0 equals 0.0.

    Args:
        scores: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; larger is better. float32,
            float64, int32 and int64 are compared as they are. Rows of a 2-D array are numbered g * L + l.
        min_gap: lower end of the window, >= 0. For float scores it becomes a number of their dtype; integer gaps are
            compared with it exactly, whatever number it is.
        max_gap: upper end of the window, >= min_gap; None: no limit.
        inclusive: whether gaps equal to an end are kept.
        by: integers or strings, shape of `scores`; only rows of the same group and value form pairs, values in
            order of first appearance. `group` stays the group of the row.
        max_pairs_per_group: number of pairs drawn from each group, >= 1; None: all. A pair of rows i < j, counted from
            the start of the group, has the random key (seed, group, i, j), and the smallest keys are kept. Every pair
            gets its key, O(n^2) time for a group of n rows however few are drawn.
        seed: of the draw, in 0..2^64.
        offsets: int [G + 1] boundaries of the groups of 1-D scores.
        nan: "raise", or "omit": rows without a number take no part.
        index_dtype: dtype of `chosen`, `rejected` and `group`.
        out: writable columns to write to, which the result then views; margin of the scores' dtype, the others of
            `index_dtype`.
    Returns: Pairs [P], the margin in the dtype of the scores.
    Raises: DomainError (NaN, a window that is none, an integer margin beyond its dtype, rows beyond int32), ShapeError
        (also: `out` is too small, by how much, and nothing was written), TypeError.
    Source: ranking pairs of RankNet (Burges et al. 2005); Rust counts, then fills without a temporary.

    >>> all_pairs([3.0, 1.0, 3.0, 0.0, 2.0], offsets=[0, 3, 5])
    Pairs(chosen=array([0, 2, 4]), rejected=array([1, 1, 3]), margin=array([2., 2., 2.]), group=array([0, 0, 1]))
    """
    data = _arrays.grouped(offsets, scores=scores)
    options = options_of(data, min_gap, max_gap, inclusive, by, max_pairs_per_group, seed, nan=nan)
    flat, narrow = data.columns[0], narrow_of(index_dtype)
    if out is None:
        return Pairs(*_rust.all_pairs(flat, data.offsets, options, narrow)[0])
    _check_out(out, np.dtype(index_dtype), flat)
    columns, total = _rust.all_pairs(flat, data.offsets, options, narrow, tuple(out))
    return Pairs(*(column[:total] for column in columns))


def best_vs_rest(
    scores: Any,
    *,
    min_gap: float = 0,
    max_gap: float | None = None,
    inclusive: bool = False,
    by: Any = None,
    max_pairs_per_group: int | None = None,
    seed: int = 0,
    offsets: Any = None,
    nan: Literal["raise", "omit"] = "raise",
    index_dtype: IndexDtype = "int64",
) -> Pairs:
    """Pair the best row of every group with each lower one whose gap lies in the window.

    {(b, j): b = first arg max of the group, s_j < s_b, min_gap < s_b - s_j < max_gap}

    The order is group, j (with `by`: group, value, j). Rows equal to the best are never rejected.

    Args:
        scores: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; larger is better.
        min_gap: lower end of the window, >= 0; see `all_pairs`.
        max_gap: upper end of the window, >= min_gap; None: no limit.
        inclusive: whether gaps equal to an end are kept.
        by: integers or strings, shape of `scores`; the best of each (group, value) against the others there.
        max_pairs_per_group: number of pairs drawn from each group, >= 1, as in `all_pairs`; 1 is best against random.
        seed: of the draw, in 0..2^64.
        offsets: int [G + 1] boundaries of the groups of 1-D scores.
        nan: "raise", or "omit": rows without a number take no part.
        index_dtype: dtype of `chosen`, `rejected` and `group`.
    Returns: Pairs [P], the margin in the dtype of the scores.
    Raises: DomainError, ShapeError, TypeError.
    Source: one preferred answer against all others, as in Curry-DPO (Pattnaik et al. 2024).

    >>> best_vs_rest([[1.0, 3.0, 2.0], [5.0, 5.0, 4.0]])
    Pairs(chosen=array([1, 1, 3]), rejected=array([0, 2, 5]), margin=array([2., 1., 1.]), group=array([0, 0, 1]))
    """
    data = _arrays.grouped(offsets, scores=scores)
    options = options_of(data, min_gap, max_gap, inclusive, by, max_pairs_per_group, seed, nan=nan)
    return Pairs(*_rust.best_vs_rest(data.columns[0], data.offsets, options, narrow_of(index_dtype))[0])


def best_worst(
    scores: Any,
    *,
    k: int = 1,
    correct: Any = None,
    ties: Ties = "drop",
    min_gap: float = 0,
    max_gap: float | None = None,
    inclusive: bool = False,
    by: Any = None,
    offsets: Any = None,
    nan: Literal["raise", "omit"] = "raise",
    index_dtype: IndexDtype = "int64",
) -> Pairs:
    """Pair each of the k best rows of every group with each lower one of the k worst.

    {(b, w): b among the k best, w among the k worst, s_w < s_b, min_gap < s_b - s_w < max_gap}

    Rows of equal scores come onto either side in input order. The order is group, best first, worst first. Where 2 k
    exceeds the size of the group, rows stand on both sides: no row is paired with itself, and no two rows twice.

    Args:
        scores: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; larger is better.
        k: number of rows on each side, >= 1.
        correct: bool, shape of `scores`; only rows that are True are chosen, only rows that are False rejected, and a
            group without either has no pair. A wrong row that scores above the best correct one gives no pair either.
        ties: "drop", or "keep": rows of equal scores form pairs of margin 0 where `min_gap` is 0, each row with the k
            worst of the others, and without `correct` the earlier of the two is chosen. A group of equal scores then
            gives its first and its second row.
        min_gap: lower end of the window, >= 0; see `all_pairs`.
        max_gap: upper end of the window, >= min_gap; None: no limit. A pair outside is dropped, not replaced.
        inclusive: whether gaps equal to an end are kept.
        by: integers or strings, shape of `scores`; best and worst of each (group, value).
        offsets: int [G + 1] boundaries of the groups of 1-D scores.
        nan: "raise", or "omit": rows without a number take no part.
        index_dtype: dtype of `chosen`, `rejected` and `group`.
    Returns: Pairs [P], the margin in the dtype of the scores.
    Raises: DomainError, ShapeError, TypeError.
    Source: binarized ratings as in UltraFeedback; same-source pairs and `correct` as in README.md of
        SLIT-AI/FuseChat-3.0.

    >>> best_worst([[1.0, 3.0, 2.0], [5.0, 5.0, 5.0]])
    Pairs(chosen=array([1]), rejected=array([0]), margin=array([2.]), group=array([0]))
    """
    data = _arrays.grouped(offsets, scores=scores)
    options = options_of(data, min_gap, max_gap, inclusive, by, nan=nan)
    k = _arrays.whole_number("k", k, 1, 2**63)
    if correct is not None:
        correct = _arrays.mask("correct", correct)
        if correct.shape != data.shape:
            raise ShapeError(f"correct must have shape {list(data.shape)} like scores, got {list(correct.shape)}")
        correct = correct.reshape(-1)
    narrow, keep = narrow_of(index_dtype), _keeps(ties)
    return Pairs(*_rust.best_worst(data.columns[0], data.offsets, options, narrow, k, correct, keep)[0])


def adjacent(
    scores: Any,
    *,
    min_skip: int = 1,
    max_skip: int | None = 1,
    ties: Ties = "drop",
    min_gap: float = 0,
    max_gap: float | None = None,
    inclusive: bool = False,
    by: Any = None,
    offsets: Any = None,
    nan: Literal["raise", "omit"] = "raise",
    index_dtype: IndexDtype = "int64",
) -> Pairs:
    """Pair the rows of every group that stand a few places apart when it is sorted.

    {(r_p, r_{p + d}): r the rows in descending order, min_skip <= d <= max_skip, min_gap < gap < max_gap}

    Rows of equal scores stay in input order. The order of the pairs is group, place p, distance d.

    Args:
        scores: [n] with `offsets`, [G, L] with a group in each row, or [n] alone, one group; larger is better.
        min_skip: smallest distance in places, >= 1; 1 is next to each other.
        max_skip: largest distance, >= min_skip; None: no limit, every two rows from `min_skip` on.
        ties: "drop", or "keep": equal scores form pairs of margin 0 where `min_gap` is 0, the earlier row chosen.
        min_gap: lower end of the window, >= 0; see `all_pairs`.
        max_gap: upper end of the window, >= min_gap; None: no limit.
        inclusive: whether gaps equal to an end are kept.
        by: integers or strings, shape of `scores`; each (group, value) is sorted for itself.
        offsets: int [G + 1] boundaries of the groups of 1-D scores.
        nan: "raise", or "omit": rows without a number take no part, and no place.
        index_dtype: dtype of `chosen`, `rejected` and `group`.
    Returns: Pairs [P], the margin in the dtype of the scores.
    Raises: DomainError, ShapeError, TypeError.
    Source: the ranked lists of OSP (arXiv 2405.14103) and the skips of RankList (arXiv 2508.09826).

    >>> adjacent([3.0, 1.0, 2.0, 2.0])
    Pairs(chosen=array([0, 3]), rejected=array([2, 1]), margin=array([1., 1.]), group=array([0, 0]))
    """
    data = _arrays.grouped(offsets, scores=scores)
    options = options_of(data, min_gap, max_gap, inclusive, by, nan=nan)
    first = _arrays.whole_number("min_skip", min_skip, 1, 2**63)
    last = None if max_skip is None else _arrays.whole_number("max_skip", max_skip, 1, 2**63)
    narrow, keep = narrow_of(index_dtype), _keeps(ties)
    return Pairs(*_rust.adjacent(data.columns[0], data.offsets, options, narrow, (first, last), keep)[0])


def options_of(
    data: _arrays.Grouped,
    min_gap: Any,
    max_gap: Any,
    inclusive: bool,
    by: Any,
    max_pairs_per_group: Any = None,
    seed: Any = 0,
    *,
    nan: str,
) -> Options:
    _arrays.one_of("nan", nan, "raise", "omit")
    for name, bound in {"min_gap": min_gap, "max_gap": 0 if max_gap is None else max_gap}.items():
        _arrays.number(name, bound)
    if max_pairs_per_group is not None:
        max_pairs_per_group = _arrays.whole_number("max_pairs_per_group", max_pairs_per_group, 1, 2**63)
    seed = _arrays.whole_number("seed", seed, 0, 2**64)
    if by is not None:
        by = _arrays.codes("by", by)
        if by.shape != data.shape:
            raise ShapeError(f"by must have shape {list(data.shape)} like scores, got {list(by.shape)}")
        by = by.reshape(-1)
    return Options(min_gap, max_gap, _arrays.flag("inclusive", inclusive), by, max_pairs_per_group, seed, nan)


def narrow_of(index_dtype: str) -> bool:
    _arrays.one_of("index_dtype", index_dtype, "int64", "int32")
    return index_dtype == "int32"


def _keeps(ties: str) -> bool:
    _arrays.one_of("ties", ties, "drop", "keep")
    return ties == "keep"


def _check_out(out: Any, index_dtype: np.dtype[Any], scores: Array) -> None:
    if not isinstance(out, Pairs):
        raise TypeError(f"out must be Pairs, got a {type(out).__name__}")
    dtypes = [index_dtype, index_dtype, scores.dtype, index_dtype]
    for name, column, expected in zip(Pairs._fields, out, dtypes, strict=True):
        came: Any = getattr(column, "dtype", type(column).__name__)
        if came != expected or column.ndim != 1:
            raise TypeError(f"out.{name} must be a 1-D array of {expected}, got {came}")
        if not (column.flags.c_contiguous and column.flags.writeable and column.flags.aligned):
            raise TypeError(f"out.{name} must be writable, aligned and contiguous")
    for (name, column), (other, array) in combinations([("scores", scores), *out._asdict().items()], 2):
        if np.may_share_memory(column, array):
            raise DomainError(f"out.{other} must have memory of its own, got that of {name}")
