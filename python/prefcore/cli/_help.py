"""Help that fits a narrow terminal: below 60 columns what an option does stands under its name, not beside it."""

import shutil
from typing import Any

from typer.core import TyperCommand, TyperGroup

_Context: Any = TyperCommand.context_class
_Formatter: Any = _Context.formatter_class


class Formatter(_Formatter):  # type: ignore[misc]
    """Writes help."""

    width: int

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.width = min(self.width, max(shutil.get_terminal_size().columns - 2, 20))

    def write_dl(self, rows: Any, col_max: int = 30, col_spacing: int = 2) -> None:
        """Write names and what they are."""
        super().write_dl(rows, col_max if self.width > 58 else 2, col_spacing)


class Context(_Context):  # type: ignore[misc]
    """Knows the form of help."""

    formatter_class = Formatter


class Command(TyperCommand):
    """A command with this help."""

    context_class = Context


class Group(TyperGroup):
    """All commands with this help."""

    context_class = Context
