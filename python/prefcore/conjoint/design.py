"""What respondents could see: factors, their levels, and how often each is drawn."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore._arrays import Ints
from prefcore._estimates import Floats
from prefcore.errors import DomainError, ShapeError

__all__ = ["Design"]

#: codes of levels are stored in one or two bytes
MOST_LEVELS = 1 << 16
#: how far probabilities of a factor may add up to something else than 1
SLACK = 1e-9


class Design:
    """Factors, levels, the probability of each level, and pairs of levels that are never shown together.

    Levels of all factors in a row have a flat index: level l of factor d is offsets[d] + l. A factor may have one
    level; it has no contrast then.

    >>> Design({"price": ["low", "high"], "color": ["red", "green", "blue"]})
    Design: 2 factors, 6 profiles
    price: low, high
    color: red, green, blue
    """

    factors: tuple[str, ...]
    """Names; "f0", "f1", ... where only numbers of levels were given."""
    levels: tuple[tuple[str, ...], ...]
    """Names of the levels of each factor; "0", "1", ... likewise. Level 0 is the usual reference."""
    probs: tuple[Floats, ...]
    """Probability of each level of each factor."""
    restrictions: tuple[tuple[int, int, int, int], ...]
    """(factor, level, other factor, level) that are never shown together; the lower factor first, each once."""

    def __init__(
        self,
        levels: Sequence[int] | Mapping[str, Sequence[Any]],
        *,
        probs: Sequence[Any] | None = None,
        restrictions: Iterable[tuple[Any, Any, Any, Any]] = (),
    ) -> None:
        """Name the factors and levels.

        Args:
            levels: number of levels of each factor, or a mapping from the factor's name to the names of its levels.
            probs: per factor, [L] probabilities of its levels, which add up to 1 within 1e-9; None: all alike.
            restrictions: (factor, level, factor, level), by name or number: pairs that are never shown together.
        Raises: DomainError, ShapeError, TypeError.
        """
        self.factors, self.levels = _named(levels)
        self.probs = _probabilities(probs, self.factors, self.levels)
        if not hasattr(restrictions, "__iter__"):
            raise TypeError(f"restrictions must list (factor, level, factor, level), got {restrictions!r:.60}")
        pairs = [self._restriction(place, restriction) for place, restriction in enumerate(restrictions)]
        self.restrictions = tuple(dict.fromkeys(pairs))

    @property
    def n_levels(self) -> Ints:
        """[D] number of levels of each factor."""
        return np.array([len(names) for names in self.levels], dtype=np.int64)

    @property
    def offsets(self) -> Ints:
        """[D + 1] flat index of the first level of each factor, and the number of all levels."""
        return np.concatenate([[0], np.cumsum(self.n_levels)])

    @property
    def contrast_df(self) -> Ints:
        """[D] number of levels minus 1: the free contrasts of each factor."""
        return self.n_levels - 1

    @property
    def n_profiles(self) -> int:
        """Product of the numbers of levels; restricted ones count too."""
        product = 1
        for names in self.levels:
            product *= len(names)
        return product

    def factor(self, factor: Any) -> int:
        """Return the number of a factor given by name or number.

        Raises: DomainError, TypeError.
        """
        if isinstance(factor, str):
            return _place("factor", factor, self.factors)
        return _arrays.whole_number("factor", factor, 0, len(self.factors))

    def level(self, factor: Any, level: Any) -> int:
        """Return the number of a level of a factor, given by name or number.

        Raises: DomainError, TypeError.
        """
        names = self.levels[self.factor(factor)]
        if isinstance(level, str):
            return _place(f"level of {self.factors[self.factor(factor)]}", level, names)
        return _arrays.whole_number("level", level, 0, len(names))

    def _restriction(self, place: int, restriction: Any) -> tuple[int, int, int, int]:
        if not isinstance(restriction, Sequence) or isinstance(restriction, str) or len(restriction) != 4:
            raise ShapeError(f"restrictions[{place}] must be (factor, level, factor, level), got {restriction!r}")
        one, other = self.factor(restriction[0]), self.factor(restriction[2])
        if one == other:
            raise DomainError(f"restrictions[{place}] must name two factors, got {self.factors[one]!r} twice")
        pair = sorted([(one, self.level(one, restriction[1])), (other, self.level(other, restriction[3]))])
        return (*pair[0], *pair[1])

    def __eq__(self, other: object) -> bool:
        """Whether names, levels, probabilities and restrictions are the same."""
        return isinstance(other, Design) and (
            self.factors == other.factors
            and self.levels == other.levels
            and set(self.restrictions) == set(other.restrictions)
            and all(np.array_equal(mine, theirs) for mine, theirs in zip(self.probs, other.probs, strict=True))
        )

    def __hash__(self) -> int:
        """Of the names."""
        return hash((self.factors, self.levels))

    def __repr__(self) -> str:
        """Factors with the names of their levels; at most 12 lines."""
        text = f"Design: {len(self.factors)} factors, {self.n_profiles} profiles"
        if self.restrictions:
            text += f", {len(self.restrictions)} pairs of levels never together"
        shown = [f"{name}: {_listed(names)}" for name, names in zip(self.factors[:10], self.levels[:10], strict=True)]
        more = [f"(and {len(self.factors) - 10} more)"] if len(self.factors) > 10 else []
        return "\n".join([text, *shown, *more])


def _named(levels: Any) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    if isinstance(levels, Mapping):
        factors = tuple(map(str, levels))
        named = tuple(_names(factor, names) for factor, names in zip(factors, levels.values(), strict=True))
    else:
        numbers = _arrays.integers("levels", levels)
        _arrays.refuse("levels", numbers, (numbers < 1) | (numbers > MOST_LEVELS), f"1 to {MOST_LEVELS}")
        factors = tuple(f"f{d}" for d in range(len(numbers)))
        named = tuple(tuple(map(str, range(n))) for n in numbers.tolist())
    if not factors:
        raise ShapeError("levels must name at least one factor, got none")
    for factor, names in zip(factors, named, strict=True):
        if not 1 <= len(names) <= MOST_LEVELS:
            raise DomainError(f"levels of {factor!r} must be 1 to {MOST_LEVELS}, got {len(names)}")
    return factors, named


def _names(factor: str, names: Any) -> tuple[str, ...]:
    if isinstance(names, str | int) or not hasattr(names, "__iter__"):
        raise TypeError(f"levels[{factor!r}] must list the names of its levels, got {names!r}")
    labels = tuple(map(str, names))
    for place, label in enumerate(labels):
        if (first := labels.index(label)) != place:
            raise DomainError(
                f"levels[{factor!r}][{place}] must be a name of its own, got {label!r} of [{first}] again"
            )
    return labels


def _probabilities(probs: Any, factors: Sequence[str], levels: Sequence[Sequence[str]]) -> tuple[Floats, ...]:
    if probs is None:
        return tuple(np.full(len(names), 1.0 / len(names)) for names in levels)
    if isinstance(probs, Mapping):
        probs = [probs.get(factor) for factor in factors]
    if isinstance(probs, str) or not hasattr(probs, "__len__"):
        raise TypeError(f"probs must hold one array for each of {len(factors)} factors, got {probs!r:.60}")
    if len(probs) != len(factors):
        raise ShapeError(f"probs must hold one array for each of {len(factors)} factors, got {len(probs)}")
    return tuple(
        np.full(len(names), 1.0 / len(names)) if given is None else distribution(f"probs[{d}]", given, len(names))
        for d, (given, names) in enumerate(zip(probs, levels, strict=True))
    )


def distribution(name: str, values: Any, length: int) -> Floats:
    """Return the probabilities of the levels of one factor; they add up to 1 within 1e-9, and exactly afterwards."""
    array = _arrays.finite(name, _arrays.floats(name, values), 0.0)
    if array.shape != (length,):
        raise ShapeError(f"{name} must have length {length} like the levels, got shape {list(array.shape)}")
    total = float(array.sum())
    if abs(total - 1.0) > SLACK:
        raise DomainError(f"{name} must add up to 1, got {total!r}")
    return np.asarray(array / total)


def _place(what: str, name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise DomainError(f"{what} must be one of {', '.join(map(repr, names[:20]))}, got {name!r}")
    return names.index(name)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f", ... ({len(names)})" if len(names) > 6 else "")
