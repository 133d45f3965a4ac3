"""`prefcore rate`: a leaderboard from votes."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import typer

from prefcore.cli import _options as o
from prefcore.cli._rejects import Counts, Rejects
from prefcore.cli._run import Code, Stop
from prefcore.cli._tables import print_json, print_table, say

Model = Literal["bradley-terry", "davidson", "rao-kupper", "elo"]


class Request(NamedTuple):
    """What is asked for."""

    model: Model
    drop_ties: bool
    ridge: float
    controls: list[str]
    k: float | None
    n_resamples: int
    cluster: str | None
    seed: int
    confidence_level: float
    scale: Literal["elo", "log"]
    anchor: tuple[str, float] | None


def rate(
    votes: Annotated[Path, typer.Argument(metavar="VOTES", help="model_a, model_b, winner; or a matrix of wins.")],
    layout: Annotated[Literal["arena", "matrix"], typer.Option("--from", help="Votes, or a matrix of wins.")] = "arena",
    model: Annotated[Model, typer.Option("--model", help="davidson and rao-kupper model ties.")] = "bradley-terry",
    drop_ties: Annotated[
        bool, typer.Option("--drop-ties", help="Leave ties out; else a tie is half a win for each.")
    ] = False,
    ridge: Annotated[
        float, typer.Option("--ridge", min=0, help="Pull ratings together; above 0 they always exist.")
    ] = 0.0,
    controls: Annotated[
        str,
        typer.Option(
            "--controls", metavar="COL,...", help="Columns of differences a - b (length, style) to hold fixed."
        ),
    ] = "",
    k: Annotated[float | None, typer.Option("--k", help="For elo: most points that a vote moves.")] = None,
    n_resamples: Annotated[
        int,
        typer.Option("--bootstrap", min=0, metavar="N", help="Intervals from N resamples; 0: from the model's errors."),
    ] = 0,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="COL", help="Column of what votes share: prompt or person.")
    ] = None,
    seed: o.Seed = 0,
    confidence_level: o.Confidence = 0.95,
    scale: Annotated[
        Literal["elo", "log"], typer.Option("--scale", help="Unit of ratings: Elo points or log-odds.")
    ] = "elo",
    anchor: Annotated[
        str | None, typer.Option("--anchor", metavar="NAME=VALUE", help="Give one model this rating.")
    ] = None,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option("--compare", metavar="A B", help="Also the difference of two models, and its error."),
    ] = None,
    out: o.Out = None,
    plot: o.Plot = None,
    html: o.Html = None,
    columns: o.Columns = None,
    rejects: o.RejectsFile = None,
    max_rejects: o.MaxRejects = None,
    as_json: o.AsJson = False,
    overwrite: o.Overwrite = False,
) -> Code:
    """Rate models from votes. Bradley-Terry, Davidson, Rao-Kupper or Elo, with intervals and whether a rating exists.

    The file: .jsonl, .csv, .parquet or .arrow (+ .gz, .zst) with columns model_a, model_b and winner (model_a, model_b,
    tie, tie (bothbad)). With --from matrix: .csv, .json or .npy, wins of the row over the column.

    Example: prefcore rate votes.csv --bootstrap 200 --plot ratings.png
    """
    from prefcore.cli import _leaderboard, _pictures, _write

    request = Request(
        model, drop_ties, ridge, [name for name in controls.split(",") if name], k, n_resamples, cluster, seed,
        confidence_level, scale, _anchor(anchor),
    )  # fmt: skip
    _refuse_nonsense(request, layout)
    if out is not None:
        _write.refuse_output(out, votes, rejects, overwrite=overwrite)
    if plot is not None:
        _pictures.refuse_plot(plot, votes, rejects, overwrite=overwrite)
    if html is not None:
        _refuse_unlike(request)
        _pictures.refuse_page(html, votes, rejects, overwrite=overwrite, confidence_level=confidence_level)
    with Rejects(votes, file=rejects, limit=max_rejects, overwrite=overwrite) as bad:
        data = _leaderboard.read(votes, layout, request, columns, bad)
    board, fit = _leaderboard.rated(data, request, compare)
    if out is not None and board.table is not None:
        _write.write_table(out, board.table)
    if plot is not None and board.table is not None:
        _pictures.save(plot, _forest(board.table, request))
    if html is not None and fit is not None:
        _pictures.save_page(html, partial(_page, fit, data.comparisons))
    _printed(board, bad.counts if layout == "arena" else None, as_json)
    if board.table is None and (unwritten := [str(path) for path in (out, plot, html) if path is not None]):
        typer.echo(f"prefcore: no rating, so nothing was written to {', '.join(unwritten)}", err=True)
    return Code.DONE if board.table is not None else Code.VERDICT


def _anchor(text: str | None) -> tuple[str, float] | None:
    if text is None:
        return None
    name, _, value = text.rpartition("=")
    try:
        return name, float(value)
    except ValueError:
        raise Stop(Code.USAGE, f"--anchor must be NAME=VALUE with a number, got {text!r}") from None


def _refuse_nonsense(request: Request, layout: str) -> None:
    """Options that the model does not have are refused, never ignored."""
    wrong = {
        "--k is for --model elo only": request.k is not None and request.model != "elo",
        "--ridge is not for --model elo": request.ridge > 0 and request.model == "elo",
        "--bootstrap is not for --model elo": request.n_resamples > 0 and request.model == "elo",
        "--cluster is not for --model elo": request.cluster is not None and request.model == "elo",
        "--bootstrap needs at least 2 resamples": request.n_resamples == 1,
        "--controls is for --model bradley-terry only": bool(request.controls) and request.model != "bradley-terry",
        "--controls and --bootstrap do not go together": bool(request.controls) and request.n_resamples > 0,
        "--confidence-level must be between 0 and 1": not 0 < request.confidence_level < 1,
        "--from matrix has no rows: --controls, --cluster and --model elo need them": layout == "matrix"
        and (bool(request.controls) or request.cluster is not None or request.model == "elo"),
    }
    for text, is_so in wrong.items():
        if is_so:
            raise Stop(Code.USAGE, text)


def _refuse_unlike(request: Request) -> None:
    """A page whose numbers would not be those of the table."""
    wrong = {
        "--model elo": request.model == "elo",
        "--scale log": request.scale == "log",
        "--anchor": request.anchor is not None,
        "--cluster without --bootstrap": request.cluster is not None and not request.n_resamples,
    }
    for option, is_so in wrong.items():
        if is_so:
            text = "a page shows points whose mean is 1000, with intervals of the model or of --bootstrap"
            raise Stop(Code.USAGE, f"--html does not go with {option}: {text}")


def _forest(table: dict[str, Any], request: Request) -> Any:
    """The table as a picture."""
    from prefcore.cli import _pictures

    unit = "log-strength, nats" if request.scale == "log" else "points"
    level = f" ({100 * request.confidence_level:.4g}% intervals)" if "lower" in table else ""
    return _pictures.intervals(
        table["model"], table["rating"], (table.get("lower"), table.get("upper")), f"rating, {unit}{level}"
    )


def _page(fit: Any, comparisons: Any, path: Path) -> Path:
    from prefcore import report

    return report.leaderboard(fit.result, path, comparisons=comparisons, intervals=fit.sample)


def _shown(table: dict[str, Any]) -> dict[str, Any]:
    """Both ranks in one column, so that the table fits 80 letters."""
    if "best_rank" not in table:
        return table
    ranks = [f"{best}-{worst}" for best, worst in zip(table["best_rank"], table["worst_rank"], strict=True)]
    shown = {name: ranks if name == "best_rank" else column for name, column in table.items() if name != "worst_rank"}
    return {"ranks" if name == "best_rank" else name: column for name, column in shown.items()}


def _printed(board: Any, counts: Counts | None, as_json: bool) -> None:
    if as_json:
        print_json(rows=counts, **board._asdict())
        return
    if board.table is not None:
        print_table(_shown(board.table))
        say()
    for line in board.notes:
        say(line)
    if board.comparison is not None:
        say("{a} - {b}: {difference:.4f} (std. error {std_error:.4f}); {a} wins with {probability:.4f}".format(
            **{key: float("nan") if value is None else value for key, value in board.comparison.items()}
        ))  # fmt: skip
    if counts is not None:
        say(str(counts))
