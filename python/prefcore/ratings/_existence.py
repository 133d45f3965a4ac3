"""Whether the likelihood of comparisons has a maximum."""

from collections.abc import Sequence
from typing import Any

from prefcore.errors import SeparationError
from prefcore.ratings.comparisons import Comparisons
from prefcore.ratings.connectivity import Connectivity, connectivity

#: names of a list in a message
SHOWN = 5


def refuse_separation(comparisons: Comparisons) -> None:
    """Raise where wins and ties do not lead from every item to every other: some ratings would be infinite."""
    found = connectivity(comparisons)
    if len(found.components) <= 1:
        return
    names = comparisons.names
    parts = [f"{len(found.components)} components"]
    parts += [f"never lost: {listed(found.undefeated, names)}"] if len(found.undefeated) else []
    parts += [f"never won: {listed(found.winless, names)}"] if len(found.winless) else []
    raise separation(
        found,
        names,
        f"comparisons must lead from every item to every other by wins and ties, got {'; '.join(parts)}; "
        "give ridge > 0, or select the items of one component",
    )


def separation(found: Connectivity, names: Sequence[str] | None, text: str) -> SeparationError:
    """The error with what is known of the parts."""
    return SeparationError(
        text, components=found.components, undefeated=found.undefeated, winless=found.winless, names=names
    )


def listed(items: Any, names: Sequence[str] | None) -> str:
    """Items as "a (0), b (3)", or by their numbers alone."""
    numbers = [int(item) for item in items]
    shown = [str(item) if names is None else f"{names[item]} ({item})" for item in numbers[:SHOWN]]
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return ", ".join(shown) + more
