"""`prefcore pairs`: pairs for training from rated, judged or compared completions."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import typer

from prefcore.cli import _options as o
from prefcore.cli._files import kind_of
from prefcore.cli._layouts import Layout, items
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop
from prefcore.cli._tables import print_json, say

Strategy = Literal["best-vs-rest", "all-pairs", "best-worst", "adjacent"]
To = Literal["preference", "prompt-completion", "unpaired"]


class Choice(NamedTuple):
    """How pairs are chosen; None: not given."""

    strategy: Strategy | None
    k: int | None
    min_gap: float | None
    max_gap: float | None
    inclusive: bool
    ties: Literal["drop", "keep"] | None
    most: int | None
    seed: int


def pairs(
    source: Annotated[Path, typer.Argument(metavar="IN", help=".jsonl, .csv, .parquet or .arrow (+ .gz, .zst).")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The same kinds of file.")],
    layout: o.Layout = None,
    to: Annotated[To, typer.Option("--to", help="Layout of TRL to write.")] = "preference",
    strategy: Annotated[
        Strategy | None, typer.Option("--strategy", help="Which completions form pairs; default best-worst.")
    ] = None,
    k: Annotated[
        int | None, typer.Option("--k", min=1, help="For best-worst: so many best against so many worst.")
    ] = None,
    min_gap: Annotated[
        float | None, typer.Option("--min-gap", min=0, help="Leave out pairs whose scores are not further apart.")
    ] = None,
    max_gap: Annotated[
        float | None, typer.Option("--max-gap", min=0, help="Leave out pairs whose scores are not closer.")
    ] = None,
    inclusive: Annotated[bool, typer.Option("--inclusive", help="Keep gaps equal to --min-gap or --max-gap.")] = False,
    ties: Annotated[
        Literal["drop", "keep"] | None, typer.Option("--ties", help="Pairs of equal scores; default drop.")
    ] = None,
    most: Annotated[
        int | None, typer.Option("--max-pairs-per-group", min=1, help="Draw so many of a prompt's pairs at random.")
    ] = None,
    seed: o.Seed = 0,
    shortest: Annotated[
        int, typer.Option("--min-length", min=0, help="Leave out pairs with a shorter side, in letters.")
    ] = 0,
    longest: Annotated[
        int | None, typer.Option("--max-length", min=1, help="Leave out pairs with a longer side, in letters.")
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option("--max-length-ratio", min=1, help="Leave out pairs whose longer side / shorter is more."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and write nothing.")] = False,
    columns: o.Columns = None,
    rejects: o.RejectsFile = None,
    max_rejects: o.MaxRejects = None,
    as_json: o.AsJson = False,
    overwrite: o.Overwrite = False,
) -> None:
    """Build preference pairs for training. Writes the layouts of TRL from what you have.

    Reads completions with scores (rated, ultrafeedback), votes with answers (arena), and pairs of other trainers. How
    many rows and pairs are left out, and why, is always printed.

    Example: prefcore pairs rated.jsonl pairs.parquet --min-gap 1 --max-length-ratio 3
    """
    from prefcore.cli import _pairing, _plain, _write

    choice = Choice(strategy, k, min_gap, max_gap, inclusive, ties, most, seed)
    _write.refuse_output(out, source, rejects, overwrite=overwrite or dry_run)
    if longest is not None and longest < shortest:
        raise Stop(Code.USAGE, f"--max-length {longest} is below --min-length {shortest}")
    limits = _pairing.Limits(shortest, longest, ratio)
    dropped, written = Counter[str](), Counter[str]()
    with (
        Rejects(source, file=rejects, limit=max_rejects, overwrite=overwrite) as bad,
        nullcontext() if dry_run else _write.writing(out) as writer,
    ):
        found, rows = items(source, layout, columns, bad)
        builder, seeded = _builder(found, choice)
        quick = found.scored and to == "preference" and not columns and most is None
        parts: Iterator[Any] = iter([rows])
        if quick and kind_of(source).format == "jsonl":  # a draw depends on the place in the file, other pairs do not
            encoded = dict if writer is None else writer.encoded
            parts = _plain.parts(
                source, found, bad, partial(_plain.paired, builder=builder, limits=limits, encoded=encoded)
            )
        by_row = partial(
            _pairing.paired, layout=found, builder=builder, seed=seed if seeded else None, limits=limits, to=to
        )
        for part in parts:
            for batch in [part] if isinstance(part, _pairing.Paired) else by_row(item for _, item in part):
                written += Counter(pairs=batch.pairs, rows=batch.rows)
                dropped += batch.dropped
                if writer is not None:
                    writer.write(batch.lines)
    _printed(found, bad, written, dropped, None if dry_run else out, as_json)


def _builder(layout: Layout, choice: Choice) -> tuple[Callable[..., Any], bool]:
    """The function of `prefcore.pairs`, and whether it takes a seed; options it does not have are refused."""
    from prefcore import pairs as build

    own = {name: value for name, value in choice._asdict().items() if name not in {"seed", "inclusive"}}
    if given := [name for name, value in own.items() if value is not None]:
        if not layout.scored:
            flags = {"most": "--max-pairs-per-group"}
            name = flags.get(given[0], f"--{given[0].replace('_', '-')}")
            raise Stop(Code.USAGE, f"{layout.name} has no scores, which {name} needs; rated and ultrafeedback have")
    elif not layout.scored:
        return build.all_pairs, False
    strategy = choice.strategy or "best-worst"
    options: dict[str, Any] = {
        "min_gap": choice.min_gap or 0.0,
        "max_gap": choice.max_gap,
        "inclusive": choice.inclusive,
    }
    one_sided = strategy in {"best-worst", "adjacent"}
    if choice.most is not None and one_sided:
        raise Stop(Code.USAGE, f"--max-pairs-per-group is not for --strategy {strategy}")
    if choice.ties is not None and not one_sided:
        raise Stop(Code.USAGE, f"--ties is not for --strategy {strategy}: equal scores never form a pair there")
    if choice.k is not None and strategy != "best-worst":
        raise Stop(Code.USAGE, f"--k is not for --strategy {strategy}")
    options |= {"k": choice.k or 1} if strategy == "best-worst" else {}
    options |= {"ties": choice.ties or "drop"} if one_sided else {"max_pairs_per_group": choice.most}
    return partial(getattr(build, strategy.replace("-", "_")), **options), not one_sided


def _printed(
    layout: Layout, bad: Rejects, written: Counter[str], dropped: Counter[str], out: Path | None, as_json: bool
) -> None:
    left_out = {reason: count for reason, count in dropped.items() if count}
    if as_json:
        print_json(layout=layout.name, rows=bad.counts, pairs=written["pairs"], written=written["rows"],
                   dropped=left_out, out=None if out is None else str(out))  # fmt: skip
        return
    say(f"layout {layout.name} ({', '.join(layout.columns)})")
    if len(layout.columns) == 2 and not layout.scored:
        say("the prompt is what chosen and rejected begin with")
    say(str(bad.counts))
    for reason, count in left_out.items():
        say(f"dropped {count} {reason}")
    say(f"{written['pairs']} pairs" + (" (dry run)" if out is None else f", {written['rows']} rows written to {out}"))
