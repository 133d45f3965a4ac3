"""Votes of an arena: two models and who won."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prefcore.cli._columns import Check, batches, mapping
from prefcore.cli._rejects import Rejects

VOTE = {"model_a": "text", "model_b": "text", "winner": "text"}


def votes(
    path: Path, pairs: Sequence[str] | None, rejects: Rejects, more: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield batches of model_a, model_b, winner and the columns of `more` (name -> kind)."""
    kinds = {**VOTE, **(more or {})}
    checks = [Check(_unknown_label, _label_reason), Check(_same_model, _same_reason)]
    return batches(path, kinds, mapping(pairs, list(kinds)), rejects, checks)


def _unknown_label(batch: Mapping[str, Any]) -> Any:
    import numpy as np

    from prefcore.ratings.comparisons import WINNERS

    winner = batch["winner"]
    known = np.array([label in WINNERS for label in winner.dictionary.to_pylist()], dtype=np.bool_)
    return ~known[winner.indices.to_numpy(zero_copy_only=False)]


def _label_reason(row: Mapping[str, Any]) -> str:
    from prefcore.ratings.comparisons import WINNERS

    return f"winner must be one of {', '.join(map(repr, WINNERS))}, got {row['winner']!r}"


def _same_model(batch: Mapping[str, Any]) -> Any:
    import pyarrow.compute as pc

    a, b = batch["model_a"], batch["model_b"]
    place = pc.fill_null(pc.index_in(b.dictionary, value_set=a.dictionary), -1).to_numpy()
    return place[b.indices.to_numpy()] == a.indices.to_numpy()


def _same_reason(row: Mapping[str, Any]) -> str:
    return f"model_a and model_b must be two models, got {row['model_a']!r} in both"
