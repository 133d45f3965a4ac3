"""What a trainer of pairs refuses: losses of other shapes, and columns that are not what they are taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from prefcore.errors import DomainError, ShapeError
from prefcore.integrations.transformers.reference import COLUMNS, row_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

TWO_REFERENCES = "ref_model and the columns ref_chosen_logps and ref_rejected_logps are two references: give one"


def callable_loss(loss: object) -> None:
    """Refuse what cannot be called."""
    if not callable(loss):
        raise TypeError(f"loss must be a function of (chosen, rejected), got {type(loss).__name__}")


def one_per_pair(losses: Tensor, chosen: Tensor) -> Tensor:
    """The losses, where they are as many as the pairs."""
    if not isinstance(losses, Tensor):
        raise TypeError(f"loss must return a tensor of one value per pair, got {type(losses).__name__}")
    if losses.shape != chosen.shape:
        raise ShapeError(f"loss must return one value per pair, {list(chosen.shape)}, got {list(losses.shape)}")
    return losses


def finite_column(inputs: Mapping[str, Tensor], name: str) -> Tensor:
    """[B] a column of the batch: Trainer hides a NaN of the loss from its log, not from the parameters."""
    column = inputs[name]
    wrong = ~column.isfinite()
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        raise DomainError(f"{name} must hold finite numbers, got {column[row].item()} in row {row} of a batch")
    return column


def brings_reference(dataset: Any) -> bool:
    """Whether rows hold log-probs of a reference, as far as can be told without reading them all."""
    if isinstance(dataset, dict):
        return any(map(brings_reference, dataset.values()))
    names = getattr(dataset, "column_names", None)
    if names is None and isinstance(dataset, list | tuple) and dataset:
        names = dataset[0]
    return names is not None and any(name in names for name in COLUMNS[:2])


def cached_reference(inputs: Mapping[str, Tensor]) -> Tensor | None:
    """[2B] log-probs that the rows bring, where they belong to these tokens; None where they bring none."""
    missing = [name for name in COLUMNS[:2] if name not in inputs]
    if len(missing) == 2:
        return None
    if missing:
        (there,) = set(COLUMNS[:2]) - set(missing)
        raise DomainError(f"the batch has {there} but no {missing[0]}; expected both, as of precompute_ref_logps")
    if COLUMNS[2] in inputs:
        now, then = row_keys(inputs), inputs[COLUMNS[2]].cpu()
        if not torch.equal(now, then):
            row = int((now != then).nonzero()[0])
            raise DomainError(
                f"row {row} of the batch: the tokens are not those whose reference log-probs the dataset holds; "
                "expected the collator, tokenizer and options of precompute_ref_logps"
            )
    return torch.cat([finite_column(inputs, name) for name in COLUMNS[:2]])
