"""Weights of rows on their way from a data set's column to the loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from prefcore.errors import DomainError
from prefcore.integrations.trl._own import Override

#: the entry of a batch that holds the weights
ENTRY = "prefcore_weights"


class WeightedCollator(Override):
    """A trainer's collator that also brings the weights."""

    def __init__(self, theirs: Any, column: str) -> None:
        super().__init__(theirs)
        self.column = column

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the trainer's batch and the weights, as often as rows of a pair, since accelerate may cut by rows."""
        weights = [self._weight(row, example) for row, example in enumerate(examples)]
        others = [{name: value for name, value in example.items() if name != self.column} for example in examples]
        batch = self.theirs(others)
        rows = next(len(value) for value in batch.values() if isinstance(value, Tensor))
        return {**batch, ENTRY: torch.tensor(weights, dtype=torch.float32).repeat(rows // len(examples))}

    def _weight(self, row: int, example: dict[str, Any]) -> float:
        if self.column not in example:
            raise DomainError(f"weight_column {self.column!r} is not in the data, which has {', '.join(example)}")
        try:
            weight = float(example[self.column])
        except (TypeError, ValueError):
            weight = float("nan")
        if not abs(weight) < float("inf"):
            got = f"{example[self.column]!r} in row {row} of a batch"
            raise DomainError(f"weight_column {self.column!r} must hold finite numbers, got {got}")
        return weight


class Unweighted(Override):
    """A method that passes whole batches to a model, which does not know of weights."""

    def __call__(self, *arguments: Any) -> Any:
        """Return what the trainer's method does."""
        return self.theirs(*(split(given)[0] if isinstance(given, dict) else given for given in arguments))


def split(inputs: dict[str, Any]) -> tuple[dict[str, Any], Tensor | None]:
    """Return a batch without its weights, and the weights."""
    return {name: value for name, value in inputs.items() if name != ENTRY}, inputs.get(ENTRY)
