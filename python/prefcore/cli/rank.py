"""`prefcore rank`: ranking metrics of a run, or of a file of scores and labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from prefcore.cli import _options as o
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop
from prefcore.cli._tables import print_json, say

if TYPE_CHECKING:
    from prefcore.cli._measures import Lists


def rank(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="TREC run; or a file with scores and labels.")],
    qrels: Annotated[Path | None, typer.Argument(metavar="QRELS", help="TREC judgements.")] = None,
    names: Annotated[str | None, typer.Option("--metrics", metavar="LIST", help="Names of trec_eval.")] = None,
    score: Annotated[str | None, typer.Option("--score", metavar="COL", help="Column of scores (one file).")] = None,
    label: Annotated[str | None, typer.Option("--label", metavar="COL", help="Column of grades.")] = None,
    group: Annotated[str | None, typer.Option("--group", metavar="COL", help="Column that names the list.")] = None,
    ties: Annotated[
        Literal["stable", "average"] | None, typer.Option("--ties", help="Equal scores in ndcg (one file).")
    ] = None,
    per_group: Annotated[Path | None, typer.Option("--per-group", metavar="FILE", help="Values of each list.")] = None,
    rejects: o.RejectsFile = None,
    max_rejects: o.MaxRejects = None,
    as_json: o.AsJson = False,
    overwrite: o.Overwrite = False,
) -> None:
    """Ranking metrics as trec_eval has them. By its names: map, ndcg, ndcg_cut_10, recip_rank, P_5, recall_100, Rprec.

    RUN and QRELS as TREC has them (+ .gz, .zst); or one file (.jsonl, .csv, .parquet, .arrow) with --score, --label and
    --group. Also map_cut_K, recip_rank_K, success_K, num_ret, num_rel, num_rel_ret.

    Example: prefcore rank run.txt qrels.txt --metrics map,ndcg_cut_10
    """
    from prefcore.cli import _measures, _write

    given = [score, label, group].count(None)
    if (qrels is None and given) or (qrels is not None and given < 3):
        raise Stop(Code.USAGE, "give RUN and QRELS, or one file with --score, --label and --group")
    if qrels is not None and ties is not None:
        raise Stop(Code.USAGE, "--ties is for one file; in a run equal scores stand by document, as trec_eval has it")
    if per_group is not None:
        _write.refuse_output(per_group, run, qrels, rejects, overwrite=overwrite)
    with Rejects(run, file=rejects, limit=max_rejects, overwrite=overwrite) as bad:
        lists = _lists(run, qrels, [score or "", label or "", group or ""], bad)
    chosen = [name for name in (names or _measures.DEFAULT).split(",") if name]
    values = {name: _measures.measure(name, lists, ties or "stable") for name in chosen}
    if per_group is not None:
        _write.write_table(per_group, {"group": lists.topics, **values})
    counts = _measures.COUNTS
    means = {name: float(column.sum() if name in counts else column.mean()) for name, column in values.items()}
    if as_json:
        print_json(rows=bad.counts, groups=len(lists.topics), left_out=lists.left_out, metrics=means)
        return
    for name, value in {"num_q": len(lists.topics), **means}.items():
        say(f"{name:<22}\tall\t{int(value) if name in {*counts, 'num_q'} else format(value, '.4f')}")
    if lists.left_out:
        say(f"{lists.left_out} topics of the run have no judgements and do not count")
    say(str(bad.counts))


def _lists(run: Path, qrels: Path | None, columns: list[str], rejects: Rejects) -> "Lists":
    import numpy as np

    from prefcore import groups
    from prefcore.cli._columns import Check, batches, joined
    from prefcore.cli._measures import Lists

    if qrels is not None:
        from prefcore.cli._trec import read_lists

        return read_lists(run, qrels, rejects)
    kinds = {"score": "number", "label": "number", "group": "code"}
    negative = Check(lambda batch: batch["label"] < 0, lambda row: f"label must be >= 0, got {row['label']}")
    rows = joined(batches(run, kinds, dict(zip(kinds, columns, strict=True)), rejects, [negative]))
    if not rows:
        raise Stop(Code.INPUT, f"{run}: no row to rank ({rejects.counts})")
    found = groups.group_by_ids(np.array(rows["group"].to_pylist(), dtype=object))
    place = np.repeat(np.arange(len(found.ids)), np.diff(found.offsets))
    order = found.rows[np.lexsort((-rows["score"][found.rows], place))]
    scores, labels = rows["score"][order], rows["label"][order]
    return Lists(found.ids.tolist(), scores, labels, found.offsets, labels, found.offsets)
