"""The table of commands. Each imports what it needs inside its function, so that --help is quick."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from prefcore.cli import bench, conjoint, doctor, game, inspect, pairs, rank, rate, score, winrate
from prefcore.cli._run import Code, guarded, settings

app = typer.Typer(
    name="prefcore",
    help="Preference data from the command line: pairs, ratings, win rates, rankings, games, surveys, log-probs.",
    epilog="Exit codes: 0 done; 1 done, but the verdict is no; 2 wrong usage; 3 input unreadable or too many rejects; "
    "4 output not written; 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, Callable[..., Code | None]] = {
    "pairs": pairs.pairs,
    "inspect": inspect.inspect,
    "rate": rate.rate,
    "winrate": winrate.winrate,
    "rank": rank.rank,
    "game": game.game,
    "conjoint": conjoint.conjoint,
    "score": score.score,
    "bench": bench.bench,
    "doctor": doctor.doctor,
}
for name, command in COMMANDS.items():
    app.command(name)(guarded(command))


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"prefcore {version('prefcore')}\n")
        raise typer.Exit


@app.callback()
def before(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,  # noqa: ARG001
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Of the Rust core.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Take what stands before the command."""
    settings.quiet = quiet
    if threads is not None:
        import prefcore

        prefcore.set_num_threads(threads)
