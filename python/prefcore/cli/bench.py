"""`prefcore bench`: this machine's times, beside those of what else is installed."""

import statistics
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefcore.cli import _options as o
from prefcore.cli._progress import Progress
from prefcore.cli._run import Code, Stop, near
from prefcore.cli._tables import print_json, print_table, say

if TYPE_CHECKING:
    from prefcore.cli._cases import Case, Contenders


def bench(
    only: Annotated[
        list[str] | None, typer.Option("--case", metavar="NAME", help="Time this case; repeatable; default: all.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List cases and their inputs; run nothing.")] = False,
    repeat: Annotated[int, typer.Option("--repeat", min=2, help="Rounds; the median counts.")] = 7,
    out: o.Out = None,
    as_json: o.AsJson = False,
    overwrite: o.Overwrite = False,
) -> None:
    """Time functions on this machine. Against NumPy, SciPy and scikit-learn, as far as they are installed.

    All contenders hold the same input in memory, must agree before the clock starts, and take turns. ratio: time of the
    contender / time of prefcore, above 1 prefcore is faster. A name that ends in /k ran on a k-th of the input, and its
    time is scaled.

    Example: prefcore bench --case ranking.rank --case metrics.spearman
    """
    from prefcore.cli import _write
    from prefcore.cli._cases import CASES

    names = [case.name for case in CASES]
    for name in only or ():
        if name not in names:
            raise Stop(Code.USAGE, f"--case: there is no {name!r}; {near(name, names)}")
    if out is not None:
        _write.refuse_output(out, overwrite=overwrite)
    cases = [case for case in CASES if only is None or case.name in only]
    notes: list[str] = []
    if listed:
        table: dict[str, list[Any]] = {"case": [case.name for case in cases], "input": [case.shape for case in cases]}
    else:
        table = _columns([row for case in cases for row in _timed(case, repeat, notes)])
    if out is not None:
        _write.write_table(out, table)
    if as_json:
        print_json(table=table, notes=notes)
        return
    print_table(table)
    for note in notes:
        say(note)


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = ("case", "contender", "median_ms", "fastest_ms", "ratio")
    return {name: [row[name] for row in rows] for name in names}


def _timed(case: "Case", repeat: int, notes: list[str]) -> list[dict[str, Any]]:
    """A row for each contender; every second round runs backwards, so that nobody always follows the same neighbor."""
    from prefcore.cli._cases import scale_of

    contenders = _agreed(case, notes)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    with Progress(case.name, total=repeat) as progress:
        for number in range(repeat):
            for name in list(contenders)[:: -1 if number % 2 else 1]:
                start = time.perf_counter()
                contenders[name]()
                times[name].append((time.perf_counter() - start) * scale_of(name))
            progress.at(number + 1)
    base = statistics.median(times["prefcore"])
    return [
        {"case": case.name, "contender": name, "median_ms": 1e3 * statistics.median(own), "fastest_ms": 1e3 * min(own),
         "ratio": statistics.median(own) / base}
        for name, own in times.items()
    ]  # fmt: skip


def _agreed(case: "Case", notes: list[str]) -> "Contenders":
    """Those that are installed, after their first call; nothing is timed where results differ."""
    import numpy as np

    contenders = case.make()
    want = np.atleast_1d(contenders["prefcore"]())
    for name, run in list(contenders.items()):
        try:
            got = np.atleast_1d(run())
        except ModuleNotFoundError as error:
            notes.append(f"{case.name}: {name} is not timed, it needs {error.name}")
            del contenders[name]
            continue
        if not np.allclose(got, want[: len(got)], rtol=case.tolerance, atol=case.tolerance):
            raise Stop(Code.VERDICT, f"{case.name}: {name} gives another result than prefcore; nothing is timed")
    return contenders
