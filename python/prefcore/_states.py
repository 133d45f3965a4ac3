"""What a mergeable state promises: totals that parts of the data add up to, on any machines and in any order."""

from collections.abc import Callable
from typing import Protocol, Self, TypeVar

R_co = TypeVar("R_co", covariant=True)


class State(Protocol[R_co]):
    """Totals of a batch function, whose hyper-parameters make a fresh one; wire form: `dataclasses.asdict` and back.

    All three methods return something new and leave the state as it is. Merging is associative and commutative, and a
    fresh state changes nothing.
    """

    @property
    def update(self) -> Callable[..., Self]:
        """Add rows: the data arguments of the batch function, its weights and its NaN policy."""

    def merge(self, other: Self) -> Self:
        """Add the totals of another state; one with other hyper-parameters is a DomainError that names them."""

    def finish(self) -> R_co:
        """Return the record of the batch function."""
