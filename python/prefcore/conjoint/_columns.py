"""Columns of a frame or an array to codes and labels: levels, ids, and groups that may be missing."""

import math
from typing import Any, NamedTuple

import numpy as np

from prefcore import _arrays
from prefcore._arrays import Array, Ints
from prefcore._strings import coded, shared
from prefcore.errors import DomainError


class Labels(NamedTuple):
    """A column as numbers."""

    codes: Ints
    """[n] places among the labels; -1 where there is none."""
    labels: tuple[Any, ...]
    """Each once."""


def column(frame: Any, argument: str, name: Any) -> Any:
    """Return a column of a frame of any library, or of a dict of columns, by its name."""
    names = list(frame) if isinstance(frame, dict) else list(getattr(frame, "columns", []))
    if hasattr(frame, "column_names"):  # an Arrow table: `columns` are the columns themselves
        names = list(frame.column_names)
    if not names:
        raise TypeError(f"frame must have columns (pandas, polars, Arrow or a dict), got a {type(frame).__name__}")
    if name not in names:
        known = ", ".join(map(repr, names[:20]))
        raise DomainError(f"{argument} must be a column of the frame ({known}), got {name!r}")
    return frame[name]


def levels(name: str, values: Any) -> Labels:
    """Number the levels of a factor: categories in their order, numbers by size, strings sorted; only those seen."""
    if hasattr(values, "cat") and hasattr(values.cat, "rename_categories"):
        values = values.cat.rename_categories(str)  # pandas categories may be numbers
    if _is_numeric(values):
        array = _arrays.finite(name, _arrays.numeric(name, values))
        found, codes = np.unique(array, return_inverse=True)
        return Labels(codes.reshape(-1).astype(np.int64), tuple(str(value) for value in found.tolist()))
    try:
        strings = coded(name, values)
    except DomainError as error:
        raise DomainError(f"{error}; a level that reads as missing needs a name, as by fillna('None')") from None
    if _is_categorical(values):
        return Labels(strings.codes, tuple(strings.names))
    names, (codes,) = shared(strings)
    return Labels(codes, names)


def ids(name: str, values: Any) -> Labels:
    """Number integers or strings in sorted order."""
    if _is_numeric(values):
        array = _arrays.integers(name, values)
        found, codes = np.unique(array, return_inverse=True)
        return Labels(codes.reshape(-1).astype(np.int64), tuple(found.tolist()))
    names, (codes,) = shared(coded(name, values))
    return Labels(codes, names)


def groups(name: str, values: Any) -> Labels:
    """Number labels of which some may be missing: null, NaN, or a negative integer."""
    if _is_numeric(values) and (array := _arrays.to_numpy(name, values)).dtype.kind in "iu":
        _arrays.one_dimensional(name, array)
        found, codes = np.unique(array[array >= 0], return_inverse=True)
        numbers = np.full(len(array), -1, dtype=np.int64)
        numbers[array >= 0] = codes.reshape(-1)
        return Labels(numbers, tuple(found.tolist()))
    objects = _objects(values)
    seen = np.array([not _is_missing(item) for item in objects], dtype=np.bool_)
    labels = np.array([item for item, there in zip(objects, seen.tolist(), strict=True) if there], dtype=object)
    numbers = np.full(len(objects), -1, dtype=np.int64)
    if not seen.any():
        return Labels(numbers, ())
    if all(isinstance(item, str) for item in labels):
        names: tuple[Any, ...]
        names, (numbers[seen],) = shared(coded(name, labels))
        return Labels(numbers, names)
    known = {label: number for number, label in enumerate(sorted(set(labels.tolist())))}
    numbers[seen] = [known[label] for label in labels.tolist()]
    return Labels(numbers, tuple(known))


def _objects(values: Any) -> list[Any]:
    for method in ("tolist", "to_list", "to_pylist"):
        if hasattr(values, method):
            return list(getattr(values, method)())
    return list(values)


def _is_missing(item: Any) -> bool:
    return item is None or (isinstance(item, float) and math.isnan(item))


def _is_categorical(values: Any) -> bool:
    kind = f"{getattr(values, 'dtype', '')} {getattr(values, 'type', '')}".lower()
    return any(word in kind for word in ("categor", "enum", "dictionary"))


def _is_numeric(values: Any) -> bool:
    if _is_categorical(values):
        return False
    if hasattr(values, "to_pylist"):  # NumPy has no strings of Arrow's
        return not any(word in str(values.type) for word in ("string", "utf8", "null"))
    array: Array = np.asarray(values)
    return array.dtype.kind in "biuf"
