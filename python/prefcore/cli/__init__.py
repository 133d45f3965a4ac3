"""The command `prefcore`: votes, judgements, runs and surveys from files to answers, without a line of Python."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command line; the exit codes are those of `prefcore --help`."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell, as in `prefcore ... >&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 -- until the end
    try:
        from prefcore.cli._app import app
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.stderr.write("prefcore: the command line needs more packages: pip install 'prefcore[cli]'\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("prefcore: interrupted\n")
        sys.exit(130)
    app(prog_name="prefcore")
