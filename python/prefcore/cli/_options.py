"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from prefcore.cli._layouts import Name

Layout = Annotated[
    Name | None,
    typer.Option(
        "--from",
        metavar="LAYOUT",
        help=f"What the columns are; default: what fits. One of {', '.join(get_args(Name))}.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace output files that exist.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--columns", metavar="NAME=COLUMN", help="Read NAME from this column of your file; repeatable."),
]
RejectsFile = Annotated[
    Path | None,
    typer.Option(
        "--rejects", metavar="FILE", help="Set bad lines aside here, with number and reason; else the first one stops."
    ),
]
MaxRejects = Annotated[
    int | None, typer.Option("--max-rejects", min=0, help="Stop with exit code 3 at more bad lines than this.")
]
Confidence = Annotated[
    float, typer.Option("--confidence-level", help="Share of intervals that hold the true value, 0 to 1.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything that is drawn at random.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw a picture: .png, .svg or .pdf.")]
Html = Annotated[
    Path | None,
    typer.Option(
        "--html", metavar="FILE", help="Write a page with tables that sort and pictures; it needs no network."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write the table: .jsonl, .csv, .parquet or .arrow (+ .gz, .zst)."),
]
