"""Overlap of two rankings that need not hold the same items."""

from typing import Any, NamedTuple

from prefcore import _arrays, _rust
from prefcore._arrays import Ints
from prefcore.errors import ShapeError
from prefcore.metrics._results import Values, per_group

__all__ = ["RankBiasedOverlap", "rank_biased_overlap"]


class RankBiasedOverlap(NamedTuple):
    """Rank-biased overlap of two rankings; float64 [G], or one number each for one group."""

    extrapolated: Values
    """With the agreement at the end of the rankings carried on to infinite depth."""
    truncated: Values
    """The sum over the depths that both have; NaN where their lengths differ."""


def rank_biased_overlap(a: Any, b: Any, *, p: float, a_offsets: Any = None, b_offsets: Any = None) -> RankBiasedOverlap:
    """Rank-biased overlap of two rankings of items, best first.

    With X_d the items that both hold down to depth d, s and l the lengths of the shorter and the longer ranking:

    truncated = (1 - p) sum over d <= s of p^(d - 1) X_d / d, where s = l
    extrapolated = (1 - p) / p [sum over d <= l of p^d X_d / d + sum over s < d <= l of p^d X_s (d - s) / (s d)]
                   + p^l [(X_l - X_s) / l + X_s / s]

    Args:
        a: item ids, integers or strings: [N] with `a_offsets`, [G, L] with a ranking in each row, or [N] alone.
        b: item ids of the other rankings, as many of them; lengths may differ.
        p: probability that a reader goes on to the next rank, in (0, 1): small p looks at the top only.
        a_offsets: int [G + 1] boundaries of the rankings of `a`.
        b_offsets: int [G + 1] boundaries of the rankings of `b`.
    Returns: RankBiasedOverlap of float64 [G], or of one number each. NaN where a ranking is empty.
    Raises: DomainError (also for an item that is twice in a ranking), ShapeError, TypeError.
    Source: Webber, Moffat and Zobel (2010), eq. 32.

    >>> overlap = rank_biased_overlap(["x", "y"], ["y", "x"], p=0.5)
    >>> float(overlap.extrapolated), float(overlap.truncated)
    (0.5, 0.25)
    """
    first, second = _item_numbers(a, b)
    of_a, of_b = _arrays.grouped(a_offsets, a=first), _arrays.grouped(b_offsets, b=second)
    columns = _rust.rank_biased_overlap(
        of_a.columns[0], of_b.columns[0], of_a.offsets, of_b.offsets, _arrays.number("p", p)
    )
    if of_a.single != of_b.single:
        forms = ["one ranking" if one.single else "many rankings" for one in (of_a, of_b)]
        raise ShapeError(f"b must be {forms[0]} like a, got {forms[1]}")
    return RankBiasedOverlap(*(per_group(of_a, column) for column in columns))


def _item_numbers(a: Any, b: Any) -> tuple[Ints, Ints]:
    """Numbers that are equal where the items are: integers stand for themselves only if both columns hold them."""
    arrays = _arrays.to_numpy("a", a), _arrays.to_numpy("b", b)
    if all(array.dtype.kind in "iu" or array.size == 0 for array in arrays):
        return _arrays.codes("a", arrays[0]), _arrays.codes("b", arrays[1])
    known: dict[Any, int] = {}
    return _numbered("a", a, known), _numbered("b", b, known)


def _numbered(name: str, values: Any, known: dict[Any, int]) -> Ints:
    array = _arrays.to_numpy(name, values)
    return _arrays.codes(name, array.astype(object) if array.dtype.kind in "iu" else values, known)
