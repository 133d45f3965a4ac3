"""`prefcore winrate`: how often an answer wins, and how sure that is."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from prefcore.cli import _options as o
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop
from prefcore.cli._tables import print_json, print_table, say
from prefcore.errors import PrefcoreError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

Interval = Literal["wilson", "clopper-pearson", "bootstrap"]


class Request(NamedTuple):
    """What is asked for."""

    ties: float | Literal["drop"]
    interval: Interval
    cluster: str | None
    length_controlled: bool
    confidence_level: float
    seed: int


def winrate(
    judgements: Annotated[Path, typer.Argument(metavar="JUDGEMENTS", help="outcome; or model_a, model_b, winner.")],
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="NAME", help="Model that the others are compared with; votes need it."),
    ] = None,
    ties: Annotated[str, typer.Option("--ties", metavar="X", help="What a tie counts, 0 to 1, or drop.")] = "0.5",
    interval: Annotated[
        Interval | None, typer.Option("--interval", help="Default wilson; with --cluster bootstrap.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="COL", help="Column of what rows share: prompt or person.")
    ] = None,
    length_controlled: Annotated[
        bool, typer.Option("--length-controlled", help="Also the rate at equal length; needs both lengths.")
    ] = False,
    confidence_level: o.Confidence = 0.95,
    seed: o.Seed = 0,
    plot: o.Plot = None,
    columns: o.Columns = None,
    rejects: o.RejectsFile = None,
    max_rejects: o.MaxRejects = None,
    as_json: o.AsJson = False,
    overwrite: o.Overwrite = False,
) -> Code:
    """Win rate, and how sure it is. Also the rate at equal length, and the bias to the first place.

    The file holds a column outcome (1 won, 0 lost, 0.5 tie, or a judge's probability), with --length-controlled also
    length and baseline_length; or votes: model_a, model_b, winner, and length_a, length_b.

    Example: prefcore winrate votes.csv --baseline gpt-4 --cluster prompt_id
    """
    from prefcore.cli import _judgements, _pictures

    if not 0 < confidence_level < 1:
        raise Stop(Code.USAGE, "--confidence-level must be between 0 and 1")
    if cluster is not None and interval not in {None, "bootstrap"}:
        raise Stop(Code.USAGE, f"--cluster goes with --interval bootstrap, not {interval}")
    kind: Interval = interval or ("bootstrap" if cluster else "wilson")
    request = Request(_credit(ties), kind, cluster, length_controlled, confidence_level, seed)
    if plot is not None:
        _pictures.refuse_plot(plot, judgements, rejects, overwrite=overwrite)
    with Rejects(judgements, file=rejects, limit=max_rejects, overwrite=overwrite) as bad:
        judged = _judgements.read(judgements, baseline, request, columns, bad)
    notes: list[str] = []
    table = _columns([_row(name, sides, request, notes) for name, sides in judged.models.items()])
    place = judged.first
    first = None if place is None else _rate(place["outcome"], place["cluster"], request)
    if plot is not None:
        _draw(plot, table, confidence_level)
    if as_json:
        print_json(rows=bad.counts, ties=request.ties, interval=kind, table=table, first_place=first, notes=notes)
        return Code.VERDICT if notes else Code.DONE
    print_table(table)
    say()
    for note in notes:
        say(note)
    if first is not None:
        say("first place wins {win_rate:.4f} ({lower:.4f} to {upper:.4f}); without bias 0.5".format(**first))
    say(str(bad.counts))
    return Code.VERDICT if notes else Code.DONE


def _draw(path: Path, table: dict[str, Any], confidence_level: float) -> None:
    """Rates with their intervals, and those at equal length."""
    from prefcore.cli import _pictures

    label = f"win rate ({100 * confidence_level:.4g}% intervals)"
    ax = _pictures.intervals(table["model"], table["win_rate"], (table["lower"], table["upper"]), label)
    if "length_controlled" in table:
        at_equal = table["length_controlled"]
        ax.plot(at_equal, range(len(at_equal)), "D", color="#D55E00", fillstyle="none", label="at equal length")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False, fontsize=8)
    ax.axvline(0.5, color="#7F7F7F", linewidth=0.8)
    _pictures.save(path, ax)


def _credit(text: str) -> float | Literal["drop"]:
    if text == "drop":
        return "drop"
    try:
        credit = float(text)
    except ValueError:
        credit = -1.0
    if not 0 <= credit <= 1:
        raise Stop(Code.USAGE, f"--ties must be a number from 0 to 1, or drop, got {text!r}")
    return credit


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def _row(name: str, sides: Mapping[str, Any], request: Request, notes: list[str]) -> dict[str, Any]:
    outcomes = sides["outcome"]
    row = {
        "model": name,
        "n": len(outcomes),
        "ties": int((outcomes == 0.5).sum()),
        **_rate(outcomes, sides.get("cluster"), request),
    }
    if not request.length_controlled:
        return row
    from prefcore.metrics import length_controlled_win_rate

    try:
        found = length_controlled_win_rate(outcomes, sides["length"], sides["baseline_length"])
    except PrefcoreError as error:
        reason = str(error).partition("; give ")[0]  # an argument that the command does not have
        notes.append(f"{name}: there is no rate at equal length: {reason}")
        return row | {"length_controlled": float("nan"), "std_error": float("nan")}
    return row | {"length_controlled": found.rate, "std_error": found.std_error}


def _rate(outcomes: "Values", clusters: Any, request: Request) -> dict[str, float]:
    """Rate and ends of its interval."""
    import numpy as np

    from prefcore import metrics

    credit, level = request.ties, request.confidence_level
    rate = float(metrics.win_rate(outcomes, ties=credit))
    counted = outcomes != 0.5 if credit == "drop" else np.ones(len(outcomes), dtype=np.bool_)
    if request.interval == "bootstrap":
        values = outcomes if credit == "drop" else np.where(outcomes == 0.5, credit, outcomes)
        groups = None if clusters is None else clusters[counted]
        options: dict[str, Any] = {"seed": request.seed, "confidence_level": level}
        found = metrics.bootstrap_mean(values[counted], clusters=groups, **options)
        return {"win_rate": rate, "lower": float(found.lower), "upper": float(found.upper)}
    ends: dict[str, Callable[..., Any]] = {
        "wilson": metrics.wilson_interval,
        "clopper-pearson": metrics.clopper_pearson_interval,
    }
    n = int(counted.sum())
    wins = min(max(rate * n, 0.0), float(n)) if n else 0.0
    lower, upper = ends[request.interval](wins, n, confidence_level=level)
    return {"win_rate": rate, "lower": float(lower), "upper": float(upper)}
