"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output instead of tables.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--columns", metavar="NAME=COLUMN", help="Column of the file that holds NAME; repeatable."),
]
RejectsFile = Annotated[
    Path | None,
    typer.Option(
        "--rejects", metavar="FILE", help="Takes bad lines, with number and reason; else the first one stops."
    ),
]
MaxRejects = Annotated[int | None, typer.Option("--max-rejects", min=0, help="More bad lines than this end in code 3.")]
Confidence = Annotated[float, typer.Option("--confidence-level", help="Of the intervals, between 0 and 1.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of what is drawn.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Picture as .png, .svg or .pdf.")]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Page with tables that sort and pictures; no network.")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Table as .jsonl, .csv, .parquet or .arrow (+ .gz, .zst).")
]
