"""The command `prefcore`: votes, judgements, runs and surveys from files to answers, without a line of Python."""

import sys


def main() -> None:
    """Run the command line; the exit codes are those of `prefcore --help`."""
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
