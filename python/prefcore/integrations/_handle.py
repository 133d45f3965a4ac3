"""What every patch returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Handle"]


class Handle:
    """A patch that can be undone: once, at any time, or by leaving a `with` block.

    `previous` is what stood there before the patch.

    >>> place = {"kernel": "ours"}
    >>> with Handle(lambda: place.update(kernel="theirs"), previous="theirs") as handle:
    ...     place["kernel"]
    'ours'
    >>> place["kernel"], handle.active
    ('theirs', False)
    """

    def __init__(self, undo: Callable[[], object], *, previous: object = None) -> None:
        self.previous = previous
        self._undo: Callable[[], object] | None = undo

    @property
    def active(self) -> bool:
        """Whether the patch is still in place."""
        return self._undo is not None

    def undo(self) -> None:
        """Put back what was there; a second call does nothing. Where this raises, the patch is still active."""
        if self._undo is not None:
            self._undo()
            self._undo = None

    def __enter__(self) -> Handle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.undo()

    def __repr__(self) -> str:
        return f"Handle({'active' if self.active else 'undone'})"
