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
    own, other = (frame["topic"].rle().struct.field("value").unique() for frame in (ran, judged))
    topics = sorted(set(own) & set(other))
    if not topics:
        raise Stop(Code.INPUT, f"{run} and {qrels} have no topic in common")
    ran, judged = _numbered(ran, topics), _numbered(judged, topics).sort("topic")
    judged = judged.with_columns(pl.col("grade").clip(lower_bound=0.0))
    rows = ran.join(judged, on=["topic", "document"], how="left", maintain_order="left")
    rows = _ranked(rows.with_columns(pl.col("grade").fill_null(0.0)))
    return Lists(
        topics=topics,
        scores=rows["score"].to_numpy(),
        labels=rows["grade"].to_numpy(),
        offsets=_offsets(rows, topics),
        ideal=judged["grade"].to_numpy(),
        ideal_offsets=_offsets(judged, topics),
        left_out=len(own) - len(topics),
    )


def _numbered(frame: Any, topics: list[str]) -> Any:
    """Topics as places among those that count; rows of others are left out."""
    import polars as pl

    place = {topic: number for number, topic in enumerate(topics)}
    runs = frame["topic"].rle().struct
    numbers = np.array([place.get(topic, -1) for topic in runs.field("value")], dtype=np.int64)
    column = pl.Series("topic", np.repeat(numbers, runs.field("len").to_numpy()))
    return frame.with_columns(column).filter(pl.col("topic") >= 0)


def _ranked(rows: Any) -> Any:
    """Sort by topic, score and document; documents are compared among equal scores alone."""
    import polars as pl

    rows = rows.sort("topic", "score", descending=[False, True])
    same = (rows["topic"] == rows["topic"].shift(-1)) & (rows["score"] == rows["score"].shift(-1))
    tied = (same.fill_null(value=False) | same.shift(1, fill_value=False).fill_null(value=False)).to_numpy()
    if not tied.any():
        return rows
    among = rows.filter(tied).sort("topic", "score", "document", descending=[False, True, True])
    grades = rows["grade"].to_numpy().copy()
    grades[tied] = among["grade"].to_numpy()
    return rows.with_columns(pl.Series("grade", grades))


def _offsets(rows: Any, topics: list[str]) -> Any:
    return np.append(0, np.bincount(rows["topic"].to_numpy(), minlength=len(topics)).cumsum())


def _read(path: Path, form: Form, rejects: Rejects) -> Any:
    """Read a file at once where its lines are plain, else line by line."""
    import polars as pl

    compression = COMPRESSIONS.get(path.suffix)
    with _files.reading(path), _files.opened(path, compression) as file, Progress(path.name) as progress:
        frame = _quick(file.read(), form)
        if frame is None or _repeats(frame):
            with _files.opened(path, compression) as again:
                return _careful(path, again, form, rejects)
        rejects.read += frame.height
        progress.at(rejects.read)
    if not frame.height:
        raise Stop(Code.INPUT, f"{path}: no line of a {form.name} file")
    return frame.with_columns(pl.col(form.value).cast(pl.Float32 if form is RUN else pl.Float64))


def _repeats(frame: Any) -> bool:
    """Whether a document of a topic comes twice; hashes that all differ say no."""
    pairs = frame.select("topic", "document")
    return bool(pairs.hash_rows().n_unique() < len(pairs) and pairs.is_duplicated().any())


def _quick(content: bytes, form: Form) -> Any:
    """Lines with one blank or tab between fields; None where any line is not."""
    import polars as pl

    first = content[: content.find(b"\n") + 1 or None]
    between, other = (b"\t", b" ") if b"\t" in first else (b" ", b"\t")
    if not first.strip() or other in content or content.startswith(b"\xef\xbb\xbf") or b"\r" in first:
        return None
    types: dict[str, Any] = {f"field_{place}": pl.String for place in range(form.width)}
    types[f"field_{form.place}"] = pl.Float64
    options: dict[str, Any] = {"has_header": False, "quote_char": None, "schema": types}
    try:
        frame = pl.read_csv(content, separator=between.decode(), columns=[0, 2, form.place], **options)
    except pl.exceptions.PolarsError:
        return None
    frame.columns = ["topic", "document", form.value]
    good = (pl.col("topic") != "") & (pl.col("document") != "") & pl.col(form.value).is_finite()
    all_good = frame.select(good.fill_null(value=False).all()).item()
    return frame if all_good and content.count(between) == (form.width - 1) * frame.height else None


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
