"""Exceptions of prefcore: what came, and what was expected."""

from typing import Any

__all__ = [
    "ConvergenceError",
    "DomainError",
    "PrefcoreError",
    "RankDeficientError",
    "SeparationError",
    "ShapeError",
]


class PrefcoreError(Exception):
    """Base of every error that prefcore raises on purpose (a wrong dtype or device is a plain `TypeError`)."""


class ShapeError(PrefcoreError, ValueError):
    """A length or shape does not fit."""


class DomainError(PrefcoreError, ValueError):
    """A value lies outside its range, or is missing where one is needed."""


class SeparationError(DomainError):
    """The data separate perfectly, so the estimate asked for is infinite.

    What is known of the reason stands in the fields, else None: `components` (the strong components of who beat whom),
    `undefeated` and `winless` items, the `direction` in which the likelihood rises for ever, and `names` of the items.
    """

    def __init__(
        self,
        message: str,
        *,
        components: Any = None,
        undefeated: Any = None,
        winless: Any = None,
        direction: Any = None,
        names: Any = None,
    ) -> None:
        super().__init__(message)
        self.components = components
        self.undefeated = undefeated
        self.winless = winless
        self.direction = direction
        self.names = names


class RankDeficientError(DomainError):
    """Columns depend on one another, so the estimate asked for is not unique; `columns` where they are known."""

    def __init__(self, message: str, *, columns: Any = None) -> None:
        super().__init__(message)
        self.columns = columns


class ConvergenceError(PrefcoreError, RuntimeError):
    """An iteration stopped before its tolerance; `result` holds the full record that it reached."""

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result
