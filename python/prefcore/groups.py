"""Group boundaries (`offsets`) from lengths, ids, masks and list columns.

`offsets` is int64 `[G + 1]`, first 0, last the number of rows, never decreasing: group g holds rows
`offsets[g]:offsets[g + 1]`, and may be empty. Every function of the data world takes it.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Array, Ints
from prefcore.errors import ShapeError

__all__ = [
    "IdGroups",
    "Ragged",
    "RaggedRows",
    "from_lists",
    "group_by_ids",
    "offsets_from_ids",
    "offsets_from_lengths",
    "offsets_from_mask",
    "validate_offsets",
]


class RaggedRows(NamedTuple):
    """Rows by group: group g is `rows[offsets[g]:offsets[g + 1]]`."""

    rows: Ints
    """[n] row indices into the caller's flat rows."""
    offsets: Ints
    """[G + 1] boundaries."""


class IdGroups(NamedTuple):
    """Rows gathered by id: `x[rows]` is grouped by `offsets`."""

    rows: Ints
    """[n] row indices, a permutation."""
    offsets: Ints
    """[G + 1] boundaries."""
    ids: Array
    """[G] id of each group."""


class Ragged(NamedTuple):
    """Values of a list column and the boundaries of its lists."""

    values: Array
    """[n] values of all lists, one after the other."""
    offsets: Ints
    """[G + 1] boundaries."""


def offsets_from_lengths(lengths: Any) -> Ints:
    """Boundaries of groups of the given lengths.

    offsets[g] = lengths[0] + ... + lengths[g - 1]

    Args:
        lengths: [G] number of rows of each group, integers >= 0.
    Returns: int64 [G + 1].
    Raises: DomainError, ShapeError, TypeError.
    Source: CSR row pointers, Arrow list offsets.

    >>> offsets_from_lengths([2, 0, 3])
    array([0, 2, 2, 5])
    """
    return _rust.offsets_from_lengths(_arrays.integers("lengths", lengths))


def offsets_from_ids(ids: Any) -> Ints:
    """Boundaries of the runs of equal ids.

    A boundary stands wherever ids[i] != ids[i - 1]. An id that comes back after another one is an error;
    `group_by_ids` gathers such rows.

    Args:
        ids: [n] integers or strings.
    Returns: int64 [G + 1].
    Raises: DomainError (names the row), ShapeError, TypeError.
    Source: the `qid` column of XGBoost and LightGBM.

    >>> offsets_from_ids(["a", "a", "b"])
    array([0, 2, 3])
    """
    codes = _arrays.codes("ids", ids)
    _arrays.one_dimensional("ids", codes)
    return _rust.offsets_from_ids(codes)


def group_by_ids(ids: Any) -> IdGroups:
    """Gather rows of equal id: groups in order of first appearance, rows of a group in input order.

    Args:
        ids: [n] integers or strings, in any order.
    Returns: IdGroups(rows int64 [n], offsets int64 [G + 1], ids [G]).
    Raises: DomainError, ShapeError, TypeError.
    Source: stable group-by, as `pandas.DataFrame.groupby(sort=False)`.

    >>> group_by_ids(["b", "a", "b"])
    IdGroups(rows=array([0, 2, 1]), offsets=array([0, 2, 3]), ids=array(['b', 'a'], dtype='<U1'))
    """
    array = _arrays.to_numpy("ids", ids)
    _arrays.one_dimensional("ids", array)
    rows, offsets = _rust.group_by_ids(_arrays.codes("ids", ids))
    if array.dtype.kind in "US" and isinstance(ids, list | tuple) and array.tolist() != list(ids):
        array = np.array(ids, dtype=object)  # integers among strings, and a last "\0", which NumPy drops
    return IdGroups(rows, offsets, array[rows[offsets[:-1]]])


def offsets_from_mask(mask: Any) -> RaggedRows:
    """Rows and boundaries of a padded array.

    rows = all b * L + l with mask[b, l], in that order

    The True entries may stand anywhere in their row.

    Args:
        mask: bool [B, L], True where a value counts.
    Returns: RaggedRows(rows int64 [n], offsets int64 [B + 1]); `padded.reshape(-1)[rows]` are the values.
    Raises: ShapeError, TypeError.
    Source: padded batches of torch training code.

    >>> offsets_from_mask([[True, False], [True, True]])
    RaggedRows(rows=array([0, 2, 3]), offsets=array([0, 1, 3]))
    """
    array = _arrays.mask("mask", mask)
    if array.ndim != 2:
        raise ShapeError(f"mask must be 2-D [groups, rows], got {array.ndim}-D")
    rows = np.flatnonzero(array).astype(np.int64, copy=False)
    return RaggedRows(rows, offsets_from_lengths(np.count_nonzero(array, axis=1)))


def validate_offsets(offsets: Any, n: int) -> int:
    """Check that `offsets` are the boundaries of groups of `n` rows.

    offsets[0] = 0, offsets[g] <= offsets[g + 1], offsets[G] = n

    Args:
        offsets: [G + 1] integers.
        n: number of rows.
    Returns: the number of groups G.
    Raises: DomainError (names the entry), ShapeError, TypeError.
    Source: Arrow columnar format, list layout.

    >>> validate_offsets([0, 2, 2, 5], 5)
    3
    """
    n = _arrays.whole_number("n", n, 0, 2**63)
    return _rust.validate_offsets(_arrays.integers("offsets", offsets), n)


def from_lists(column: Any) -> Ragged:
    """Values and boundaries of a column of lists; a null list is an empty group.

    Values are not copied where the column is one Arrow or polars buffer, and keep their dtype (mixed Python numbers
    become what NumPy makes of them). A null among the floats of an Arrow or polars list is NaN.

    Args:
        column: Arrow list, large_list or fixed_size_list array (chunked or not), polars List or Array column, pandas
            column (of lists, or Arrow-backed), or a sequence of arrays, tensors or lists.
    Returns: Ragged(values [n], offsets int64 [G + 1]).
    Raises: DomainError, ShapeError, TypeError.
    Source: Arrow columnar format, list layout.

    >>> from_lists([[0.5, 1.0], None, [2.0]])
    Ragged(values=array([0.5, 1. , 2. ]), offsets=array([0, 2, 2, 3]))
    """
    if "list" in str(getattr(column, "dtype", "")).lower() and hasattr(column, "array"):
        column = column.array.__arrow_array__()  # pandas, Arrow-backed
    if hasattr(column, "chunks"):
        chunks = column.chunks or [column.combine_chunks()]  # no chunk at all: an empty array that knows its type
        values, lengths = zip(*map(_from_arrow, chunks), strict=True)
        return _ragged(values, np.concatenate(lengths))
    if hasattr(column, "value_lengths"):
        value, length = _from_arrow(column)
        return _ragged([value], length)
    if hasattr(column, "explode") and hasattr(column, "arr"):
        return _from_polars(column)
    if not hasattr(column, "__iter__"):
        raise TypeError(f"column must be a column or a sequence of lists, got a {type(column).__name__}")
    return _from_sequence(list(column))


def _from_arrow(column: Any) -> tuple[Array, Ints]:
    lengths = _arrays.integers("lengths", column.value_lengths().fill_null(0))
    return _arrays.to_numpy("column", column.flatten()), lengths


def _from_polars(column: Any) -> Ragged:
    lists = column.arr.to_list() if str(column.dtype).startswith("Array") else column
    lengths = _arrays.integers("lengths", lists.list.len().fill_null(0))
    if (lengths == 0).any():
        lists = lists.filter(lengths > 0)  # explode would make a null of an empty list
    return _ragged([_arrays.to_numpy("column", lists.explode())], lengths)


def _from_sequence(lists: list[Any]) -> Ragged:
    # pandas writes a missing list as None or as NaN
    rows = [() if row is None or (isinstance(row, float) and np.isnan(row)) else row for row in lists]
    if all(isinstance(row, list | tuple) for row in rows):
        values = _arrays.to_numpy("column", list(chain.from_iterable(rows)))
        return _ragged([values], [len(row) for row in rows])
    arrays = [row if type(row) is np.ndarray else _arrays.to_numpy(f"column[{i}]", row) for i, row in enumerate(rows)]
    for i, array in enumerate(arrays):
        _arrays.one_dimensional(f"column[{i}]", array)
    return _ragged(arrays, [len(array) for array in arrays])


def _ragged(parts: Sequence[Array], lengths: Any) -> Ragged:
    filled = [part for part in parts if len(part)]  # an empty list has no dtype of its own
    dtypes = {str(part.dtype) for part in filled}
    if len(dtypes) > 1:
        raise TypeError(f"column must hold lists of one dtype, got {' and '.join(sorted(dtypes))}")
    values = filled[0] if len(filled) == 1 else np.concatenate(filled or parts[:1])
    _arrays.one_dimensional("the lists of column", values)
    return Ragged(_arrays.numeric("column", values), offsets_from_lengths(lengths))
