"""Array-likes to contiguous NumPy arrays, and the three forms of groups to one.

NumPy arrays, CPU tensors, pandas and polars columns, Arrow arrays and (nested) lists come in; nothing of them is
imported, and nothing is copied that NumPy can view. A null in a float column is NaN.
"""

import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore.errors import DomainError, ShapeError

Array = NDArray[Any]
Ints = NDArray[np.int64]

_INT64_MAX = np.iinfo(np.int64).max


class Grouped(NamedTuple):
    """Columns of equal length and the boundaries of their groups."""

    columns: tuple[Array, ...]
    """The columns, flat: row l of group g of a 2-D input is row g * L + l."""
    offsets: Ints
    """[G + 1] boundaries; whether they rise from 0 to the number of rows is checked by Rust."""
    shape: tuple[int, ...]
    """Shape of the input, for results per row."""
    single: bool
    """Whether the input was one group without offsets, so that a result per group is a scalar."""


def grouped(offsets: Any, /, **columns: Any) -> Grouped:
    """Bring columns and groups into one form: 1-D with `offsets`, 2-D (each row a group), or 1-D alone (one group)."""
    arrays = {name: column(name, values) for name, values in columns.items()}
    name, first = next(iter(arrays.items()))
    same_shape(**arrays)
    if first.ndim not in {1, 2}:
        raise ShapeError(f"{name} must be 1-D, or 2-D with a group in each row, got {first.ndim}-D")
    if first.ndim == 2:
        if offsets is not None:
            raise ShapeError(f"offsets must be None where {name} is 2-D (each row is a group), got offsets")
        n_groups, length = first.shape
        boundaries = np.arange(n_groups + 1, dtype=np.int64) * length
    elif offsets is None:
        boundaries = np.array([0, len(first)], dtype=np.int64)
    else:
        boundaries = integers("offsets", offsets)
    flat = tuple(array.reshape(-1) for array in arrays.values())
    return Grouped(flat, boundaries, first.shape, single=first.ndim == 1 and offsets is None)


def column(name: str, values: Any) -> Array:
    """Return numbers as float32, float64, int32 or int64; booleans and other integers become int64."""
    array = numeric(name, values)
    if array.dtype.kind == "f" or array.dtype in {np.dtype(np.int32), np.dtype(np.int64)}:
        return array
    if array.dtype == np.uint64 and array.size and array.max() > _INT64_MAX:
        place = np.argmax(array > _INT64_MAX)
        raise DomainError(f"{name}{_position(array, place)} must fit int64, got {array.flat[place]}")
    return array.astype(np.int64)


def floats(name: str, values: Any) -> NDArray[np.float64]:
    """Return numbers as float64: weights, probabilities, and whatever else is not compared exactly."""
    return column(name, values).astype(np.float64, copy=False)


def integers(name: str, values: Any) -> Ints:
    """Return a 1-D column of integers (offsets, lengths, rows) as int64; an empty list counts as one."""
    array = to_numpy(name, values)
    if array.dtype.kind not in "iu" and not (isinstance(values, list | tuple) and array.size == 0):
        raise TypeError(f"{name} must hold integers, got dtype {array.dtype}; call .astype(np.int64)")
    one_dimensional(name, array)
    return column(name, array).astype(np.int64, copy=False)


def mask(name: str, values: Any) -> NDArray[np.bool_]:
    """Return a mask, which must be bool: 0/1 integers would index, floats would weight."""
    array = to_numpy(name, values)
    if array.dtype != np.bool_:
        raise TypeError(f"{name} must be bool, got dtype {array.dtype}; call .astype(bool)")
    return array


def codes(name: str, values: Any, known: dict[Any, int] | None = None) -> Ints:
    """Return int64 numbers that are equal where the ids are: integers themselves, strings by first appearance.

    Columns that share `known` share the numbers of their strings.
    """
    array = to_numpy(name, values)
    if array.dtype.kind in "US" and isinstance(values, list | tuple) and array.ndim == 1:
        array = np.empty(len(values), dtype=object)  # NumPy has made strings of whatever stood among strings
        array[:] = values
    if array.dtype == np.uint64:
        return array.view(np.int64)
    if array.dtype.kind in "biu" or array.size == 0:
        return array.astype(np.int64, copy=False)
    if array.dtype.kind not in "OUS":
        raise TypeError(f"{name} must hold integers or strings, got dtype {array.dtype}")
    known = {} if known is None else known
    try:
        numbers = [known.setdefault(item, len(known)) for item in array.ravel().tolist()]
    except TypeError as error:
        raise TypeError(f"{name} must hold integers or strings, got an {error}") from None
    for item, number in known.items():
        if not isinstance(item, str | bytes | int | np.integer):
            place = _position(array, numbers.index(number))
            raise DomainError(f"{name}{place} must be an integer or a string, got {item!r}")
    return np.array(numbers, dtype=np.int64).reshape(array.shape)


def numeric(name: str, values: Any) -> Array:
    """Return numbers in the dtype that they came in; refuse half precision and everything that is not a number."""
    array = to_numpy(name, values)
    if array.dtype == np.float16:
        raise TypeError(f"{name} must be float32 or float64, got float16; call .float() or .astype(np.float32)")
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        hint = " (nulls or lists among the values?)" if array.dtype == object else ""
        raise TypeError(f"{name} must hold integers, float32 or float64, got dtype {array.dtype}{hint}")
    return array


def to_numpy(name: str, values: Any) -> Array:
    """Return any array-like as an aligned, C-contiguous array of native byte order."""
    if hasattr(values, "columns"):
        raise TypeError(f"{name} must be one column or an array, got a {type(values).__name__}; call .to_numpy()")
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array; call .filled(np.nan) or .compressed()")
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(values, torch.Tensor):
        values = _from_torch(name, values)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ShapeError(f"{name} must be rectangular; groups.from_lists takes lists of unequal length") from error
    _refuse_integer_nulls(name, values, array)
    _refuse_wide_integers(name, values, array)
    return np.require(array, array.dtype.newbyteorder("="), ["C", "ALIGNED"])


def _from_torch(name: str, tensor: Any) -> Array:
    if tensor.device.type != "cpu":
        raise TypeError(f"{name} must be on the CPU, got a tensor on {tensor.device}; call .cpu()")
    if tensor.is_floating_point() and tensor.itemsize < 4:
        raise TypeError(f"{name} must be float32 or float64, got {tensor.dtype}; call .float()")
    return np.asarray(tensor.detach().resolve_conj().resolve_neg().numpy())


def _refuse_integer_nulls(name: str, values: Any, array: Array) -> None:
    """NumPy views an integer column with nulls as float64, which would round 2^53 + 1 in silence."""
    source = repr(getattr(values, "dtype", getattr(values, "type", ""))).lower()
    if array.dtype.kind == "f" and "int" in source and (null := np.isnan(array)).any():
        place = _position(array, np.argmax(null))
        raise DomainError(f"{name}{place} must be an integer, got null ({null.sum()} nulls in all); drop or fill them")


def _refuse_wide_integers(name: str, values: Any, array: Array) -> None:
    """NumPy makes float64 of a list of integers of which one exceeds int64, and would round the others in silence."""
    if array.dtype.kind == "f" and isinstance(values, list | tuple) and (np.abs(array) >= 2.0**63).any():
        items = np.array(values, dtype=object)
        if all(isinstance(item, int | np.integer) for item in items.flat):
            place = next(place for place, item in enumerate(items.flat) if not -(2**63) <= item <= _INT64_MAX)
            raise DomainError(f"{name}{_position(items, place)} must fit int64, got {items.flat[place]}")


def same_shape(**arrays: Array) -> None:
    """Refuse arrays of different shapes."""
    name, first = next(iter(arrays.items()))
    for other, array in arrays.items():
        if array.shape != first.shape:
            raise ShapeError(f"{other} must have shape {list(first.shape)} like {name}, got {list(array.shape)}")


def one_dimensional(name: str, array: Array) -> None:
    """Refuse arrays that are not 1-D."""
    if array.ndim != 1:
        raise ShapeError(f"{name} must be 1-D, got {array.ndim}-D")


def finite(name: str, array: NDArray[np.float64], low: float = -np.inf) -> NDArray[np.float64]:
    """Return the array; refuse entries that are not finite or lie below a bound."""
    wanted = "a finite number" if low == -np.inf else f"a finite number >= {low:g}"
    refuse(name, array, ~((array >= low) & (np.abs(array) < np.inf)), wanted)
    return array


def refuse(name: str, values: Any, bad: Any, expected: str) -> None:
    """Raise where `bad` is True of an entry of the values, or of a plain number, and name the first."""
    if np.any(bad):
        array = np.asarray(values)
        place = int(np.argmax(bad))
        came = array.flat[place]
        text = "NaN" if np.isnan(came) else came
        raise DomainError(f"{name}{_position(array, place) or ''} must be {expected}, got {text}")


def near_one(array: NDArray[np.float64], axis: int | None = None) -> NDArray[np.float64]:
    """Return the array times the power of two that brings its largest entry below 1: no square over- or underflows."""
    largest = np.abs(array).max(axis=axis, keepdims=True, initial=0.0)
    return np.asarray(np.ldexp(array, -np.frexp(largest)[1]))


def one_of(name: str, value: Any, *choices: str) -> None:
    """Refuse what is not among the words."""
    if not isinstance(value, str) or value not in choices:
        raise DomainError(f"{name} must be {' or '.join(map(repr, choices))}, got {value!r}")


def function(name: str, value: Any) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {value!r:.60}")


def word(name: str, value: Any) -> None:
    """Refuse what is no string; Rust names the words that there are."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a word, got {value!r}")


def whole_number(name: str, value: Any, low: int, end: int) -> int:
    """Return a plain integer, at least `low` and below `end`."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if not low <= value < end:
        power = end.bit_length() - 1
        last = f"2^{power} - 1" if power > 30 and end == 1 << power else end - 1
        raise DomainError(f"{name} must be {low} to {last}, got {value}")
    return int(value)


def number(name: str, value: Any) -> float:
    """Return a plain number as float."""
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise DomainError(f"{name} must fit float64, got {value}") from None


def flag(name: str, value: Any) -> bool:
    """Return a plain bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def _position(array: Array, place: Any) -> list[int]:
    """Index of the flat position `place`, one number per axis."""
    return [int(axis) for axis in np.unravel_index(int(place), array.shape)]
