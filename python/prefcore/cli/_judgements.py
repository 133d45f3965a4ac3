"""Judgements as outcomes of each model against the baseline."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from prefcore import ratings
from prefcore.cli._columns import Check, batches, joined, mapping, names_of
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop, near
from prefcore.cli._votes import votes

if TYPE_CHECKING:
    from prefcore.cli.winrate import Request


class Judged(NamedTuple):
    """Columns outcome, cluster, length and baseline_length of each model, as far as there are any."""

    models: dict[str, dict[str, Any]]
    first: dict[str, Any] | None
    """Columns outcome and cluster of the first place; None where places are not known."""


def read(
    path: Path, baseline: str | None, request: "Request", columns: Sequence[str] | None, rejects: Rejects
) -> Judged:
    """Read outcomes, or votes, by what the file's columns are called."""
    given = [pair.split("=")[0] for pair in columns or ()]
    if "outcome" in given or "outcome" in names_of(path):
        if baseline is not None:
            raise Stop(Code.USAGE, "--baseline is for votes; outcomes are against one baseline already")
        return _outcomes(path, request, columns, rejects)
    return _votes(path, baseline, request, columns, rejects)


def _outcomes(path: Path, request: "Request", columns: Sequence[str] | None, rejects: Rejects) -> Judged:
    lengths = ["length", "baseline_length"] if request.length_controlled else []
    kinds = {"outcome": "number"} | dict.fromkeys(lengths, "number") | _cluster(request)
    checks = [Check(_outside, lambda row: f"outcome must be in [0, 1], got {row['outcome']}")]
    rows = joined(batches(path, kinds, mapping(columns, list(kinds)), rejects, checks))
    _refuse_none(path, rows, rejects)
    return Judged({"all": _clustered(rows, request)}, None)


def _outside(batch: Mapping[str, Any]) -> Any:
    return (batch["outcome"] < 0) | (batch["outcome"] > 1)


def _votes(
    path: Path, baseline: str | None, request: "Request", columns: Sequence[str] | None, rejects: Rejects
) -> Judged:
    lengths = ["length_a", "length_b"] if request.length_controlled else []
    rows = joined(votes(path, columns, rejects, dict.fromkeys(lengths, "number") | _cluster(request)))
    _refuse_none(path, rows, rejects)
    items = ratings.factorize(rows["model_a"], rows["model_b"])
    base = _baseline(baseline, items.names)
    outcomes = ratings.parse_winners(rows["winner"])
    rows = _clustered(rows, request)
    models = {}
    for place, name in enumerate(items.names):
        ahead = (items.first == place) & (items.second == base)
        behind = (items.second == place) & (items.first == base)
        if place != base and (ahead | behind).any():
            models[name] = _sides(rows, outcomes, ahead, behind)
    return Judged(models, {"outcome": outcomes, "cluster": rows.get("cluster")})


def _sides(rows: Mapping[str, Any], outcomes: Any, ahead: Any, behind: Any) -> dict[str, Any]:
    """Rows of a model against the baseline, seen from its side."""
    keep = ahead | behind
    sides = {"outcome": np.where(ahead, outcomes, 1 - outcomes)[keep]}
    if "cluster" in rows:
        sides["cluster"] = rows["cluster"][keep]
    if "length_a" in rows:
        sides["length"] = np.where(ahead, rows["length_a"], rows["length_b"])[keep]
        sides["baseline_length"] = np.where(ahead, rows["length_b"], rows["length_a"])[keep]
    return sides


def _baseline(name: str | None, names: Sequence[str]) -> int:
    if name is None:
        raise Stop(Code.USAGE, f"votes need --baseline NAME, one of: {', '.join(names[:8])}")
    if name not in names:
        raise Stop(Code.USAGE, f"there is no model {name!r}; {near(name, names)}")
    return names.index(name)


def _cluster(request: "Request") -> dict[str, str]:
    return {} if request.cluster is None else {request.cluster: "code"}


def _clustered(rows: Mapping[str, Any], request: "Request") -> dict[str, Any]:
    if request.cluster is None:
        return dict(rows)
    codes = rows[request.cluster]
    return {**rows, "cluster": ratings.factorize(codes, codes).first}


def _refuse_none(path: Path, rows: Mapping[str, Any], rejects: Rejects) -> None:
    if not rows:
        raise Stop(Code.INPUT, f"{path}: no row to judge ({rejects.counts})")
