"""Plain numbers among the arguments."""

from typing import Any

import numpy as np


def number(name: str, value: Any) -> float:
    """Return a plain number as float."""
    if not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number, got {value!r}")
    return float(value)
