"""`prefcore inspect`: what a file of preferences holds, and what would teach a model the wrong thing."""

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefcore.cli import _options as o
from prefcore.cli._layouts import items
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop
from prefcore.cli._tables import print_json, print_table, say

if TYPE_CHECKING:
    from prefcore.cli._summary import Summary


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".jsonl, .csv, .parquet or .arrow (+ .gz, .zst).")],
    layout: o.Layout = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option("--tokenizer", metavar="DIR", help="Folder with tokenizer.json: check where prompts end."),
    ] = None,
    confidence_level: o.Confidence = 0.95,
    bins: Annotated[int, typer.Option("--bins", min=1, help="Bins of the histograms.")] = 10,
    html: o.Html = None,
    columns: o.Columns = None,
    rejects: o.RejectsFile = None,
    max_rejects: o.MaxRejects = None,
    as_json: o.AsJson = False,
    overwrite: o.Overwrite = False,
) -> None:
    """Count what a preference file holds. Duplicates, equal and empty sides, length bias, scores, circles of models.

    Pairs are those of different scores within a prompt. With --tokenizer: prompts whose tokens change when the
    completion follows, so that log-probs of the completion begin inside a token.

    Example: prefcore inspect pairs.parquet --html report.html
    """
    from prefcore.cli import _pictures
    from prefcore.cli._summary import summarize

    if not 0 < confidence_level < 1:
        raise Stop(Code.USAGE, "--confidence-level must be between 0 and 1")
    if html is not None:
        _pictures.refuse_page(html, file, rejects, overwrite=overwrite)
    encode = None if tokenizer is None else _encoder(tokenizer)
    with Rejects(file, file=rejects, limit=max_rejects, overwrite=overwrite) as bad:
        found, rows = items(file, layout, columns, bad)
        summary = summarize((item for _, item in rows), encode, confidence_level, bins)
    if html is not None:
        _pictures.save_page(html, partial(_page, {"layout": found.name, **bad.counts._asdict()}, summary))
    if as_json:
        print_json(layout=found.name, rows=bad.counts, **summary._asdict())
        return
    say(f"layout {found.name} ({', '.join(found.columns)})")
    say()
    _printed(summary, scored=found.scored)
    say(str(bad.counts))


def _page(facts: dict[str, Any], summary: "Summary", path: Path) -> Path:
    """The same findings as a page."""
    from prefcore import report

    found = facts | {"counts": summary.counts}
    if summary.length_bias is not None:
        found["the longer side is chosen"] = summary.length_bias
    if summary.cyclic_triples is not None:
        found["triples of models"] = summary.cyclic_triples
    for name, table in (("scores", summary.score_histogram), ("gaps", summary.gap_histogram)):
        if table is not None:
            found[name] = {"edges": table["edges"], "counts": table["count"]}
    return report.inspect(found, path)


def _encoder(folder: Path) -> Any:
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json" if folder.is_dir() else folder
    if not file.is_file():
        raise Stop(Code.INPUT, f"{file}: no such file; --tokenizer takes a folder with tokenizer.json")
    try:
        loaded = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing more special
        raise Stop(Code.INPUT, f"{file}: {error}") from None
    return lambda text: loaded.encode(text, add_special_tokens=False).ids


def _printed(summary: "Summary", *, scored: bool) -> None:
    print_table({"": list(summary.counts), "count": list(summary.counts.values())})
    say()
    bias = summary.length_bias
    if bias is not None:
        text = "the longer side is chosen in {win_rate:.4f} of the pairs ({lower:.4f} to {upper:.4f}); without bias 0.5"
        say(text.format(**bias))
    if summary.cyclic_triples is not None and summary.cyclic_triples["total"]:
        cyclic, total = summary.cyclic_triples.values()
        say(f"{cyclic} of {total} triples of models are circles: each beats another")
    for name, table in (("scores", summary.score_histogram), ("gaps", summary.gap_histogram)):
        if scored and table is not None:
            say()
            most = max(table["count"])
            print_table({name: _ranges(table["edges"]), "count": table["count"],
                         "": ["#" * round(24 * count / most) for count in table["count"]]})  # fmt: skip
    say()


def _ranges(edges: list[float]) -> list[str]:
    return [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
