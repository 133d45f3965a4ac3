"""The protocol of mergeable states: what a batch function gives, from parts that may come in any order."""

from collections.abc import Callable
from typing import Protocol, Self, TypeVar

R_co = TypeVar("R_co", covariant=True)


class State(Protocol[R_co]):
    """Pure and picklable; the constructor takes the hyper-parameters of the batch function.

    `update` and `merge` return a new state and leave both operands alone, so that a retry cannot count twice.
    `merge` is associative and commutative, and a fresh state is neutral.
    """

    @property
    def update(self) -> Callable[..., Self]:
        """Take more data: the data arguments of the batch function, its weights and `nan`."""

    def merge(self, other: Self) -> Self:
        """Return the state of the data of both; DomainError where their hyper-parameters differ."""

    def finish(self) -> R_co:
        """Return the record of the batch function."""
