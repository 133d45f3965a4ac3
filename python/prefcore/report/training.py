"""The report of a training run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prefcore import plots
from prefcore._arrays import Array
from prefcore.errors import DomainError
from prefcore.plots._canvas import BLUE, MOST, MOST_MARKERS, canvas, shown
from prefcore.report import page

__all__ = ["training"]

#: columns of a log that are drawn together
PAIRS = (("logps/chosen", "logps/rejected"), ("eval_logps/chosen", "eval_logps/rejected"))
#: columns of a log that say nothing of the model
CLOCKS = {"step", "epoch", "total_flos"}


def training(history: Sequence[Mapping[str, Any]], path: str | Path) -> Path:
    """Write the log of a training run as an HTML file: a curve for each column, and the table of all.

    Log-probs of the chosen and the rejected completions (`logps/chosen`, `logps/rejected`) share a picture. Entries
    that are no finite number are left out of the curves, and their number is said.

    Args:
        history: a mapping for each logged step, with "step" and numbers by name: `trainer.state.log_history`.
        path: of the file, which is replaced.
    Returns: Path.
    Raises: DomainError, TypeError, OSError.
    Source: the names are those that TRL's preference trainers log.

    >>> import tempfile
    >>> log = [{"step": 1, "loss": 0.69}, {"step": 2, "loss": 0.61}]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     training(log, f"{folder}/run.html").name
    'run.html'
    """
    columns = _columns(history)
    steps = columns.pop("step")
    values = {name: column for name, column in columns.items() if name not in CLOCKS and _drawn(column).any()}
    missing = sum(page.is_number(value) and not _drawn(float(value)) for row in history for value in row.values())
    parts = [page.facts({"rows": len(steps), "last step": steps.max(), "entries left out": missing})]
    left = dict(values)
    for chosen, rejected in PAIRS:
        if chosen in left and rejected in left:
            both = left.pop(chosen), left.pop(rejected)
            parts += _logps(f"{chosen}, {rejected}", steps, *both)
    for name, column in left.items():
        parts.append(page.section(name, _curve(name, steps, column)))
    rows = {name: column.tolist() for name, column in {"step": steps, **columns}.items()}
    parts.append(page.section("All rows", page.table(rows)))
    return page.written(path, "Training run", parts)


def _columns(history: Any) -> dict[str, Array]:
    """Numbers by name, NaN where a row has none; "step" first."""
    if not isinstance(history, Sequence) or isinstance(history, str):
        raise TypeError(f"history must be a sequence of mappings, got a {type(history).__name__}")
    names: dict[str, None] = {"step": None}
    for place, row in enumerate(history):
        if not isinstance(row, Mapping):
            raise TypeError(f"history[{place}] must be a mapping from names to numbers, got a {type(row).__name__}")
        step = row.get("step")
        if not page.is_number(step) or not np.isfinite(float(step)):  # type: ignore[arg-type]
            raise DomainError(f"history[{place}] must have a finite number as 'step', got {step!r}")
        names.update(dict.fromkeys(name for name, value in row.items() if page.is_number(value)))
    if not history:
        raise DomainError("history must hold at least one row, got none")
    rows = [[float(row[name]) if page.is_number(row.get(name)) else np.nan for name in names] for row in history]
    return dict(zip(names, np.array(rows).T, strict=True))


def _drawn(values: Any) -> Any:
    """Whether matplotlib can draw a number."""
    return np.abs(values) <= MOST


def _curve(name: str, steps: Array, column: Array) -> str:
    """One column against the step; every point of a short one has a title."""
    known = _drawn(column)
    order = np.argsort(steps[known], kind="stable")
    x, y = steps[known][order], column[known][order]
    ax = canvas(None, 6.4, 2.6)
    short = len(x) <= MOST_MARKERS
    ax.plot(x, y, "-o" if short else "-", color=BLUE, markersize=4, gid="estimates")
    ax.set(xlabel="optimizer step", ylabel=shown(name))
    return page.picture(ax, name, {"estimates": _titles(x, y)} if short else {})


def _logps(names: str, steps: Array, chosen: Array, rejected: Array) -> list[str]:
    """Both sides in one picture, at the steps where both are known; nothing where there is none."""
    known = np.flatnonzero(_drawn(chosen) & _drawn(rejected))
    if len(known) == 0:
        return []
    known = known[np.argsort(steps[known], kind="stable")]
    x, sides = steps[known], {"chosen": chosen[known], "rejected": rejected[known]}
    titles = {side: _titles(x, y) for side, y in sides.items()} if len(x) <= MOST_MARKERS else {}
    return [page.section(names, page.picture(plots.logp_curves(x, sides["chosen"], sides["rejected"]), names, titles))]


def _titles(steps: Array, values: Array) -> list[str]:
    return [f"step {step:g}: {value:.6g}" for step, value in zip(steps, values, strict=True)]
