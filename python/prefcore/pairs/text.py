"""Pairs of texts: what two have in common, and texts that belong to another prompt."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefcore import _arrays, _rust
from prefcore._arrays import Array, Ints
from prefcore.errors import DomainError, ShapeError
from prefcore.groups import group_by_ids

__all__ = ["CommonPrefix", "kto_mismatch", "split_common_prefix"]


class CommonPrefix(NamedTuple):
    """What two rows begin with, by pair of rows; numbers instead of arrays where one row was given for each."""

    length: Ints | Any
    """[N] number of tokens or characters in common."""
    identical: NDArray[np.bool_] | Any
    """[N] whether the rows are equal: nothing can be learned from them."""
    chosen_empty: NDArray[np.bool_] | Any
    """[N] whether nothing of the chosen row is left behind the prefix."""
    rejected_empty: NDArray[np.bool_] | Any
    """[N] whether nothing of the rejected row is left."""


def split_common_prefix(
    chosen: Any, rejected: Any, *, chosen_offsets: Any = None, rejected_offsets: Any = None
) -> CommonPrefix:
    """Measure the longest common prefix of two rows of tokens or characters.

    length = the largest l with chosen[:l] == rejected[:l]

    Nothing is cut or stripped: `chosen[i][:length[i]]` is the prompt, what follows are the responses. Characters are
    those of Python, so that `text[:length]` is right.

    Args:
        chosen: integers, [N, T] with a row of tokens in each row, [n] with `chosen_offsets`, or [n] alone, one row; or
            texts: a str, or a list or column of N.
        rejected: the other row of every pair, in any of the forms, of other lengths.
        chosen_offsets: int [N + 1] boundaries of the rows of 1-D tokens.
        rejected_offsets: the same of `rejected`.
    Returns: CommonPrefix, int64 and bool [N]; numbers where both are one row.
    Raises: DomainError, ShapeError, TypeError.
    Source: a correct `extract_prompt` (trl/data_utils.py cuts a character too many where one text is the beginning of
        the other).

    >>> split_common_prefix(["What? Yes", "same"], ["What? Yes, sure", "same"]).length
    array([9, 4])
    """
    ours, our_bounds, one, text = _rows("chosen", chosen, chosen_offsets)
    theirs, their_bounds, other_one, other_text = _rows("rejected", rejected, rejected_offsets)
    if text != other_text and (theirs if text else ours).size:
        kinds = ("text", "integers") if text else ("integers", "text")
        raise TypeError("chosen and rejected must both be integers or both text, got {} and {}".format(*kinds))
    if ours.dtype != theirs.dtype:
        ours, theirs = ours.astype(np.int64, copy=False), theirs.astype(np.int64, copy=False)
    length, ours_empty, theirs_empty = _rust.common_prefixes(ours, our_bounds, theirs, their_bounds)
    columns = (length, ours_empty & theirs_empty, ours_empty, theirs_empty)
    return CommonPrefix(*(column[0] for column in columns)) if one and other_one else CommonPrefix(*columns)


def kto_mismatch(prompt_ids: Any) -> Ints:
    """Find a row of another prompt for every row, as KTO's estimate of the KL term needs it.

    The rows, sorted by prompt, are rotated by the size of the largest prompt. Where no prompt has more than half of the
    rows the result is a permutation; else the rows of that prompt take turns on all others.

    Args:
        prompt_ids: [n] integers or strings, in any order.
    Returns: int64 [n], `prompt_ids[result[i]] != prompt_ids[i]`.
    Raises: DomainError (one prompt only), ShapeError, TypeError.
    Source: KTO (Ethayarajh et al. 2024), section 4.1; `KTOTrainer` of TRL shifts within a batch, where neighbors of one
        prompt stay matched.

    >>> kto_mismatch(["a", "a", "b", "c"])
    array([2, 3, 0, 1])
    """
    ids = _arrays.codes("prompt_ids", prompt_ids)
    _arrays.one_dimensional("prompt_ids", ids)
    rows, offsets, _ = group_by_ids(ids)
    n, lengths = len(rows), np.diff(offsets)
    if n == 0:
        return rows
    largest = int(np.argmax(lengths))
    start, size = offsets[largest], lengths[largest]
    if size == n:
        raise DomainError(f"prompt_ids must hold two different prompts, got {n} rows of one")
    places = (np.arange(n) + size) % n
    places[start : start + size] = (start + size + np.arange(size) % (n - size)) % n
    result = np.empty(n, dtype=np.int64)
    result[rows] = rows[places]
    return result


def _rows(name: str, values: Any, offsets: Any) -> tuple[Array, Ints, bool, bool]:
    """Return integers, the boundaries of their rows, and whether it was one row, and text."""
    texts = _texts(name, values)
    if texts is not None:
        if offsets is not None:
            raise ShapeError(f"{name}_offsets must be None where {name} is text, got offsets")
        return *_code_points(name, texts), isinstance(values, str), True
    data = _arrays.grouped(offsets, **{name: values})
    flat = data.columns[0]
    if flat.dtype.kind == "f" and flat.size:
        raise TypeError(f"{name} must hold integers or strings, got dtype {flat.dtype}")
    return flat.astype(np.int32 if flat.dtype == np.int32 else np.int64, copy=False), data.offsets, data.single, False


def _texts(name: str, values: Any) -> list[Any] | None:
    """Return texts as a list, or None where `values` are none."""
    if isinstance(values, str):
        return [values]
    if isinstance(values, list | tuple):
        return list(values) if values and isinstance(values[0], str) else None
    array = _arrays.to_numpy(name, values)
    return array.tolist() if array.ndim == 1 and array.dtype.kind in "OUT" else None


def _code_points(name: str, texts: list[Any]) -> tuple[NDArray[np.int32], Ints]:
    lengths = np.empty(len(texts) + 1, dtype=np.int64)
    try:
        joined = "".join(texts)
    except TypeError:
        place = next(row for row, text in enumerate(texts) if not isinstance(text, str))
        raise TypeError(f"{name}[{place}] must be a string like the others, got {texts[place]!r}") from None
    lengths[0] = 0
    lengths[1:] = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    # UTF-32 is one unit per character, lone surrogates included
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<i4")
    return points.astype(np.int32, copy=False), np.cumsum(lengths)
