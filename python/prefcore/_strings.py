"""Columns of strings to numbers, whatever holds them; nothing of it is imported."""

from typing import Any, NamedTuple

import numpy as np

from prefcore import _arrays, _rust
from prefcore._arrays import Ints
from prefcore.errors import DomainError


class Coded(NamedTuple):
    """A column of strings as numbers."""

    codes: Ints
    """[M] places among the names."""
    names: list[str]
    """Each once, in no particular order."""


def coded(name: str, values: Any) -> Coded:
    """Number the strings of a column: NumPy, a list, pandas, polars or Arrow; categories are not decoded."""
    if hasattr(values, "cat") and hasattr(values.cat, "codes"):  # a pandas column of categories
        return _indexed(name, values.cat.codes.to_numpy(), values.cat.categories.tolist())
    if hasattr(values, "codes") and hasattr(values, "categories"):
        return _indexed(name, values.codes, values.categories.tolist())
    if (arrow := _as_arrow(values)) is not None:
        return _from_arrow(name, arrow)
    if isinstance(values, list | tuple):
        array = np.fromiter(values, dtype=object, count=len(values))
    else:
        array = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    if array.dtype.kind == "T":
        array = array.astype(object)
    _arrays.one_dimensional(name, array)
    if array.dtype.kind == "U":
        array = np.require(array, array.dtype.newbyteorder("="), ["C", "ALIGNED"])
        codes, rows = _rust.fixed_width_codes(array.view(np.uint32), array.dtype.itemsize // 4)
    elif array.dtype == object:
        codes, rows = _rust.object_codes(np.ascontiguousarray(array))
    else:
        raise TypeError(f"{name} must hold strings, got dtype {array.dtype}")
    if (row := len(codes)) < len(array):
        raise DomainError(f"{name}[{row}] must be a string, got {array[row]!r}")
    return Coded(codes, array[rows].tolist())


def shared(*columns: Coded) -> tuple[tuple[str, ...], list[Ints]]:
    """All names, sorted, and the columns as places among them."""
    names = sorted({name for column in columns for name in column.names})
    place = {name: number for number, name in enumerate(names)}
    numbers = [np.array([place[name] for name in column.names], dtype=np.int64) for column in columns]
    return tuple(names), [number[column.codes] for number, column in zip(numbers, columns, strict=True)]


def _as_arrow(values: Any) -> Any:
    """An Arrow array, where the values are one, or are kept in one by pandas or polars."""
    if hasattr(values, "dictionary_encode"):
        return values
    if hasattr(values, "get_chunks"):  # a polars column
        try:
            return values.to_arrow()
        except ImportError:
            return None
    storage: Any = getattr(values, "array", None)
    if hasattr(storage, "__arrow_array__") and getattr(values.dtype, "storage", "pyarrow") == "pyarrow":
        return storage.__arrow_array__()
    return None


def _from_arrow(name: str, arrow: Any) -> Coded:
    if hasattr(arrow, "combine_chunks") and hasattr(arrow, "num_chunks"):
        arrow = arrow.unify_dictionaries() if hasattr(arrow, "unify_dictionaries") else arrow
        arrow = arrow.combine_chunks()
    if not hasattr(arrow, "dictionary"):
        arrow = arrow.dictionary_encode()
    codes = arrow.indices.cast("int64").fill_null(-1) if arrow.null_count else arrow.indices
    return _indexed(name, codes.to_numpy(zero_copy_only=False), arrow.dictionary.to_pylist())


def _indexed(name: str, codes: Any, names: list[Any]) -> Coded:
    """Categories: only those that occur count."""
    index = np.asarray(codes).astype(np.int64)
    if index.size and index.min() < 0:
        raise DomainError(f"{name}[{int(np.argmax(index < 0))}] must be a string, got null")
    seen = np.flatnonzero(np.bincount(index, minlength=len(names)))
    kept = [names[place] for place in seen]
    for place, kind in enumerate(kept):
        if not isinstance(kind, str):
            row = int(np.argmax(index == seen[place]))
            raise DomainError(f"{name}[{row}] must be a string, got {kind!r}")
    if len(seen) == len(names):
        return _unique(Coded(index, kept))
    number = np.full(len(names), -1, dtype=np.int64)
    number[seen] = np.arange(len(seen))
    return _unique(Coded(number[index], kept))


def _unique(column: Coded) -> Coded:
    """Dictionaries of Arrow may hold a name twice."""
    names = list(dict.fromkeys(column.names))
    if len(names) == len(column.names):
        return column
    place = {name: number for number, name in enumerate(names)}
    return Coded(np.array([place[name] for name in column.names], dtype=np.int64)[column.codes], names)
