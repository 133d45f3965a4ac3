"""Runs and judgements of TREC: `topic Q0 document rank score tag`, and `topic 0 document grade`."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from prefcore.cli import _files
from prefcore.cli._files import COMPRESSIONS, BadRow
from prefcore.cli._measures import Lists
from prefcore.cli._progress import Progress
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop


class Form(NamedTuple):
    """Where the fields of a line stand."""

    name: str
    width: int
    value: str
    place: int


RUN = Form("run", 6, "score", 4)
QRELS = Form("qrels", 4, "grade", 3)


def read_lists(run: Path, qrels: Path, rejects: Rejects) -> Lists:
    """Join a run with judgements as trec_eval does.

    Scores are 32-bit floats, the largest first, equal ones by document, the largest name first; ranks of the file do
    not count. Topics of both files count; documents without a judgement have grade 0, negative grades too.
    """
    import polars as pl

    ran, judged = _read(run, RUN, rejects), _read(qrels, QRELS, rejects)
    topics = ran.select("topic").unique().join(judged.select("topic").unique(), on="topic").sort("topic")
    judged = judged.join(topics, on="topic").with_columns(pl.col("grade").clip(lower_bound=0.0))
    rows = ran.join(topics, on="topic").join(judged, on=["topic", "document"], how="left")
    order = ["topic", "score", "document"]
    rows = rows.with_columns(pl.col("grade").fill_null(0.0)).sort(order, descending=[False, True, True])
    ideal = judged.sort("topic")
    left = ran.select("topic").n_unique() - topics.height
    return Lists(
        topics=topics["topic"].to_list(),
        scores=rows["score"].to_numpy(),
        labels=rows["grade"].to_numpy(),
        offsets=_offsets(rows, topics),
        ideal=ideal["grade"].to_numpy(),
        ideal_offsets=_offsets(ideal, topics),
        left_out=left,
    )


def _offsets(rows: Any, topics: Any) -> Any:
    import polars as pl

    counts = topics.join(rows.group_by("topic").len(), on="topic", how="left", maintain_order="left")
    return np.concatenate([[0], counts.select(pl.col("len").cast(pl.Int64))["len"].to_numpy().cumsum()])


def _read(path: Path, form: Form, rejects: Rejects) -> Any:
    """Read a file at once where its lines are plain, else line by line."""
    import polars as pl

    compression = COMPRESSIONS.get(path.suffix)
    with _files.reading(path), _files.opened(path, compression) as file, Progress(path.name) as progress:
        frame = _quick(file.read(), form)
        if frame is None or frame.select("topic", "document").is_duplicated().any():
            with _files.opened(path, compression) as again:
                return _careful(path, again, form, rejects)
        rejects.read += frame.height
        progress.at(rejects.read)
    if not frame.height:
        raise Stop(Code.INPUT, f"{path}: no line of a {form.name} file")
    return frame.with_columns(pl.col(form.value).cast(pl.Float32 if form is RUN else pl.Float64))


def _quick(content: bytes, form: Form) -> Any:
    """Lines with one blank or tab between fields; None where any line is not."""
    import polars as pl

    first = content[: content.find(b"\n") + 1 or None]
    if not content or b'"' in content or content.startswith(b"\xef\xbb\xbf") or b"\r" in first:
        return None
    types = {f"field_{place}": pl.String for place in range(form.width)}
    names = {"field_0": "topic", "field_2": "document", f"field_{form.place}": form.value}
    try:
        frame = pl.read_csv(
            content, separator="\t" if b"\t" in first else " ", has_header=False, quote_char=None, schema=types,
        )  # fmt: skip
        frame = frame.select(*names).rename(names).with_columns(pl.col(form.value).cast(pl.Float64))
    except pl.exceptions.PolarsError:
        return None
    good = frame.select(
        ((pl.col("topic") != "") & (pl.col("document") != "") & pl.col(form.value).is_finite()).all()
    ).item()
    return frame if good else None


def _careful(path: Path, file: Any, form: Form, rejects: Rejects) -> Any:
    import polars as pl

    found: dict[tuple[str, str], float] = {}
    for number, line in enumerate(_files.lines(file), 1):
        text = line.text if isinstance(line, BadRow) else line.decode("utf-8", "replace")
        fields = text.split()
        if not fields:
            continue
        rejects.read += 1
        reason = line.reason if isinstance(line, BadRow) else _wrong(fields, form, found)
        if reason is not None:
            rejects.add(number, reason, text.rstrip("\r\n"), path)
            continue
        found[fields[0], fields[2]] = float(fields[form.place])
    if not found:
        raise Stop(Code.INPUT, f"{path}: no line of a {form.name} file")
    topics, documents = zip(*found, strict=True)
    dtype = pl.Float32 if form is RUN else pl.Float64
    values = pl.Series(form.value, list(found.values()), dtype=dtype)
    return pl.DataFrame({"topic": topics, "document": documents}).with_columns(values)


def _wrong(fields: list[str], form: Form, found: dict[tuple[str, str], float]) -> str | None:
    if len(fields) != form.width:
        return f"a {form.name} line has {form.width} fields, got {len(fields)}"
    try:
        value = float(fields[form.place])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        return f"{form.value} must be a finite number, got {fields[form.place]!r}"
    if (fields[0], fields[2]) in found:
        return f"document {fields[2]!r} of topic {fields[0]!r} comes twice"
    if "\ufffd" in fields[0] + fields[2]:
        return "not UTF-8"
    return None
