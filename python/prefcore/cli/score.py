"""`prefcore score`: log-probs of a file's completions under a model and its reference."""

import importlib.util
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from prefcore.cli import _files, _write
from prefcore.cli import _options as o
from prefcore.cli._layouts import Item, Layout, items
from prefcore.cli._parts import Parts, Window, digest
from prefcore.cli._progress import Progress
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop
from prefcore.cli._tables import print_json, print_table, say

if TYPE_CHECKING:
    from prefcore.cli._scoring import Scored, Scorer

#: rows that are scored together: as many are lost where a run is cut off
ROWS = 128
#: rows that are written together
WRITTEN = 1 << 12
Dtype = Literal["auto", "float32", "bfloat16", "float16"]


def score(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".jsonl, .csv, .parquet or .arrow (+ .gz, .zst).")],
    model: Annotated[Path, typer.Option("--model", metavar="DIR", help="Model and tokenizer, saved by transformers.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The rows with more columns, in any format.")],
    ref: Annotated[Path | None, typer.Option("--ref", metavar="DIR", help="Reference with the same tokens.")] = None,
    layout: o.Layout = None,
    batch_tokens: Annotated[int, typer.Option("--batch-tokens", min=1, help="Tokens of a batch with padding.")] = 8192,
    dtype: Annotated[Dtype, typer.Option("--dtype", help="Of the weights; auto: as they are saved.")] = "auto",
    device: Annotated[
        str, typer.Option("--device", help="cpu, cuda, cuda:1, ...; auto: a GPU if there is one.")
    ] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run was cut off.")] = False,
    columns: o.Columns = None,
    rejects: o.RejectsFile = None,
    max_rejects: o.MaxRejects = None,
    as_json: o.AsJson = False,
    overwrite: o.Overwrite = False,
) -> None:
    """Log-probs of completions under a model. Also entropy, and with --ref the reference's log-probs and the reward.

    New columns: chosen_logps, chosen_tokens, chosen_entropy, ref_chosen_logps, chosen_reward and the same of rejected;
    without these words for a single completion, as lists for several, with _a and _b for two answers of an arena.
    logps: sum over the completion and the token that ends it, nats; entropy: mean over the same tokens; reward:
    logps - ref_logps, the implicit reward for beta = 1. The prompt's end is found as in training with
    preference_collator. FILE.part beside the output holds what is ready until the end.

    Example: prefcore score pairs.jsonl --model policy --ref reference --out scored.parquet
    """
    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise Stop(Code.USAGE, f"score needs {name}: pip install 'prefcore[torch]' transformers")
    for option, folder in (("--model", model), ("--ref", ref)):
        if folder is not None and not any((folder / f"{kind}config.json").is_file() for kind in ("", "adapter_")):
            raise Stop(
                Code.INPUT, f"{option} {folder}: must be a folder with config.json, as save_pretrained writes it"
            )
    _write.refuse_output(out, file, rejects, overwrite=overwrite)
    with (
        Parts(out, resume=resume, overwrite=overwrite) as parts,
        Rejects(file, file=rejects, limit=max_rejects, overwrite=overwrite or resume) as bad,
    ):
        found, rows = items(file, layout, columns, bad, silent=True)
        scorer = _scorer(model, ref, dtype, device)
        total = sum(1 for _ in _files.rows(file))
        parts.begin({"file": digest(file), "layout": found.name, "columns": columns, "--dtype": dtype,
                     "--batch-tokens": batch_tokens, "model": scorer.fingerprints})  # fmt: skip
        _scored(rows, parts, bad, total, partial(_fresh, file, found, scorer, batch_tokens))
        means = _joined(file, parts, out)
        parts.finish()
    if as_json:
        print_json(layout=found.name, rows=bad.counts, means=means)
        return
    print_table({"column": list(means), "mean": list(means.values())})
    say()
    say(str(bad.counts))


def _scorer(model: Path, ref: Path | None, dtype: str, device: str) -> "Scorer":
    from prefcore.cli._scoring import Scorer

    return Scorer(model, ref, dtype, device)


def _scored(
    rows: Iterator[tuple[int, Item]], parts: Parts, bad: Rejects, total: int, fresh: Callable[..., Window]
) -> None:
    """Take window after window; those of an earlier run are only read."""
    ready = islice(parts.windows(), parts.ready)
    with Progress(bad.source.name, total=total, done=ROWS * parts.ready) as progress:
        done = 0
        try:
            while window := list(islice(rows, ROWS)):
                found = next(ready, None)
                if found is None:
                    found = fresh(window, lambda share, done=done: progress.at(done + share))
                    parts.add(found)
                for number, item in window:
                    if number in found.bad:
                        bad.add(number, found.bad[number], item.row)
                done += len(window)
        except KeyboardInterrupt:
            raise Stop(Code.INTERRUPTED, f"interrupted after {done} rows; --resume goes on there") from None


def _fresh(
    file: Path,
    layout: Layout,
    scorer: "Scorer",
    batch_tokens: int,
    window: list[tuple[int, Item]],
    tell: Callable[[int], None],
) -> Window:
    """Score a window."""
    bad: dict[int, str] = {}
    good: dict[int, Any] = {}
    for number, item in window:
        try:
            good[number] = scorer.sequences(item)
        except ValueError as error:
            bad[number] = str(error)
    flat = [sequence for own in good.values() for sequence in own]
    scored = iter(scorer.scores(flat, batch_tokens, lambda ready: tell(len(window) * ready // len(flat))))
    scores = {number: _columns(layout, list(islice(scored, len(own)))) for number, own in good.items()}
    for number, item in window:
        _refuse_odd(file, number, scores.get(number, {}), item.row or {})
    return Window(scores, bad)


def _refuse_odd(file: Path, number: int, columns: dict[str, Any], row: dict[str, Any]) -> None:
    """Stop at a column that is there already, and at numbers that are none."""
    if again := columns.keys() & row.keys():
        raise Stop(Code.INPUT, f"{file}: line {number}: has a column {min(again)!r} already; rename it")
    for name, value in columns.items():
        if not all(map(math.isfinite, value if isinstance(value, list) else [value])):
            text = f"{name} is {value}; the weights overflow, or are none: try another --dtype"
            raise Stop(Code.INPUT, f"{file}: line {number}: {text}")


def _columns(layout: Layout, scored: "Sequence[Scored]") -> dict[str, Any]:
    """New columns of a row."""
    if layout.scored:
        return {name: [_values(one, "", "")[name] for one in scored] for name in _values(scored[0], "", "")}
    if len(scored) == 1:
        return _values(scored[0], "", "")
    ends = (("", "_a"), ("", "_b")) if layout.name == "arena" else (("chosen_", ""), ("rejected_", ""))
    return {name: value for one, end in zip(scored, ends, strict=True) for name, value in _values(one, *end).items()}


def _values(one: "Scored", before: str, behind: str) -> dict[str, Any]:
    found = {
        f"{before}logps{behind}": one.logps,
        f"{before}tokens{behind}": one.tokens,
        f"{before}entropy{behind}": one.entropy,
        f"ref_{before}logps{behind}": one.ref_logps,
        f"{before}reward{behind}": one.reward,
    }
    return {name: value for name, value in found.items() if value is not None}


def _joined(file: Path, parts: Parts, out: Path) -> dict[str, float]:
    """Write each row with its new columns, and return the means of these."""
    scores = (entry for window in parts.windows() for entry in window.scores.items())
    sums: dict[str, list[float]] = {}
    with _write.writing(out) as writer:
        pairs = _matched(_files.rows(file), scores)
        while batch := list(islice(pairs, WRITTEN)):
            writer.write([row | columns for row, columns in batch])
            for _, columns in batch:
                for name, value in columns.items():
                    values = value if isinstance(value, list) else [value]
                    total = sums.setdefault(name, [0.0, 0])
                    total[0] += sum(values)
                    total[1] += len(values)
    return {name: total / n for name, (total, n) in sums.items()}


def _matched(rows: Iterator[Any], scores: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the rows that have scores; both come in the order of the file."""
    wanted, columns = next(scores, (0, {}))
    for number, row in rows:
        if number == wanted:
            yield row, columns
            wanted, columns = next(scores, (0, {}))
