"""The table of commands. Each imports what it needs inside its function, so that --help is quick."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from prefcore.cli import bench, conjoint, doctor, game, inspect, pairs, rank, rate, score, winrate
from prefcore.cli._help import Command, Group
from prefcore.cli._run import Code, guarded, settings

app = typer.Typer(
    name="prefcore",
    cls=Group,
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
    first = (command.__doc__ or "").partition(".")[0]
    app.command(name, cls=Command, short_help=f"{first}.")(guarded(command))


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"prefcore {version('prefcore')}\n")
        raise typer.Exit


@app.callback()
def before(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads of the Rust core; default: all CPUs.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress while a file is read.")] = False,
) -> None:
    """Take what stands before the command."""
    settings.quiet = quiet
    if threads is not None:
        import prefcore

        prefcore.set_num_threads(threads)
