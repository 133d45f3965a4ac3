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

    Log-probs of the chosen and the rejected completions (`logps/chosen`, `logps/rejected`) share a picture of the rows
    that have both. Entries that are in no picture, such as numbers that are not finite, are counted.

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
    rows = _rows(history)
    columns = _columns(rows)
    steps = columns.pop("step")
    values = {name: column for name, column in columns.items() if name not in CLOCKS and _drawn(column).any()}
    missing = sum(page.is_number(value) and not _drawn(value) for row in rows for value in row.values())
    parts = []
    for chosen, rejected in PAIRS:
        known = [_drawn(values.get(name, np.full(len(steps), np.nan))) for name in (chosen, rejected)]
        if (known[0] & known[1]).any():
            missing += (known[0] ^ known[1]).sum()
            parts.append(_logps(f"{chosen}, {rejected}", steps, values.pop(chosen), values.pop(rejected)))
    parts += [page.section(name, _curve(name, steps, column)) for name, column in values.items()]
    lists = [(name, column.tolist()) for name, column in columns.items()]
    parts.append(page.section("All rows", page.table([("step", steps.tolist()), *lists])))
    found = page.facts({"rows": len(steps), "last step": steps.max(), "entries left out": missing})
    return page.written(path, "Training run", [found, *parts])


def _rows(history: Any) -> list[dict[str, Any]]:
    """Rows with text as names and plain numbers, each with a finite step."""
    if not isinstance(history, Sequence) or isinstance(history, str):
        raise TypeError(f"history must be a sequence of mappings, got a {type(history).__name__}")
    if not history:
        raise DomainError("history must hold at least one row, got none")
    rows = []
    for place, row in enumerate(history):
        if not isinstance(row, Mapping):
            raise TypeError(f"history[{place}] must be a mapping from names to numbers, got a {type(row).__name__}")
        found = {str(name): page.plain(value) for name, value in row.items()}
        found = {name: page.real(value) if page.is_number(value) else value for name, value in found.items()}
        step = found.get("step")
        if not page.is_number(step) or not np.isfinite(step):  # type: ignore[arg-type]
            raise DomainError(f"history[{place}] must have a finite number as 'step', got {step!r}")
        rows.append(found)
    return rows


def _columns(rows: list[dict[str, Any]]) -> dict[str, Array]:
    """Numbers by name, NaN where a row has none; "step" first."""
    names = {"step": None} | {name: None for row in rows for name, value in row.items() if page.is_number(value)}
    table = [[row[name] if page.is_number(row.get(name)) else np.nan for name in names] for row in rows]
    return dict(zip(names, np.array(table).T, strict=True))


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


def _logps(names: str, steps: Array, chosen: Array, rejected: Array) -> str:
    """Both sides in one picture, at the steps where both are known."""
    known = np.flatnonzero(_drawn(chosen) & _drawn(rejected))
    known = known[np.argsort(steps[known], kind="stable")]
    x, sides = steps[known], {"chosen": chosen[known], "rejected": rejected[known]}
    titles = {side: _titles(x, y) for side, y in sides.items()} if len(x) <= MOST_MARKERS else {}
    return page.section(names, page.picture(plots.logp_curves(x, sides["chosen"], sides["rejected"]), names, titles))


def _titles(steps: Array, values: Array) -> list[str]:
    return [f"step {step:g}: {value:.6g}" for step, value in zip(steps, values, strict=True)]
