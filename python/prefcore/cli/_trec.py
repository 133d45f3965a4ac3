"""Runs and judgements of TREC: `topic Q0 document rank score tag`, and `topic 0 document grade`."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from prefcore import _rust
from prefcore.cli import _files
from prefcore.cli._files import COMPRESSIONS
from prefcore.cli._measures import Lists
from prefcore.cli._progress import Progress
from prefcore.cli._rejects import Rejects
from prefcore.cli._run import Code, Stop

#: bytes read at once
BLOCK = 1 << 23


class Bad(NamedTuple):
    """A line that does not count; its text only where the reader still had it."""

    line: int
    reason: str
    text: str | None


def read_lists(run: Path, qrels: Path, rejects: Rejects) -> Lists:
    """Join a run with judgements as trec_eval does.

    Scores are 32-bit floats, the largest first, equal ones by document, the largest name first; ranks of the file do
    not count. Topics of both files count; documents without a judgement have grade 0, negative grades too.
    """
    ran, judged = _read(run, "run", rejects), _read(qrels, "qrels", rejects)
    (topics, offsets, rows, grades, ideal, ideal_offsets, left_out), *bad = _rust.trec_join(ran, judged)
    _reject(run, ran, [Bad(*line) for line in bad[0]], rejects)
    _reject(qrels, judged, [Bad(*line) for line in bad[1]], rejects)
    if not topics:
        raise Stop(Code.INPUT, f"{run} and {qrels} have no topic in common")
    labels = np.zeros(offsets[-1])
    labels[rows] = grades
    alike = np.zeros(len(labels), dtype=np.float32)  # rows stand in their order already, and equal scores keep it
    return Lists(topics, alike, labels, offsets, ideal, ideal_offsets, left_out)


def _read(path: Path, form: str, rejects: Rejects) -> _rust.TrecFile:
    """Read a file to its end, or to where it has more bad lines than it may have."""
    most = 0 if rejects.file is None else rejects.limit
    found = _rust.TrecFile(form)
    with _files.reading(path), _files.opened(path, COMPRESSIONS.get(path.suffix)) as file, Progress(path.name) as told:
        while (most is None or found.rejected <= most) and (block := file.read(BLOCK)):
            found.push(block)
            told.at(found.read)
        found.finish()
    return found


def _reject(path: Path, found: _rust.TrecFile, bad: list[Bad], rejects: Rejects) -> None:
    """Count the lines of a file, and hand over its bad ones."""
    rejects.read += found.read
    lost = {line.line for line in bad if line.text is None} if rejects.file else set()
    texts = _texts(path, lost) if lost else {}
    for line in bad:
        rejects.add(line.line, line.reason, texts.get(line.line, line.text or ""), path)
    if found.read == len(bad):
        raise Stop(Code.INPUT, f"{path}: no line of a {found.form} file")


def _texts(path: Path, numbers: set[int]) -> dict[int, str]:
    """Look up some lines again; they were read before, so each is one."""
    with _files.reading(path), _files.opened(path, COMPRESSIONS.get(path.suffix)) as file:
        lines = enumerate(_files.lines(file), 1)
        return {
            number: line.decode("utf-8", "replace").rstrip()
            for number, line in lines
            if number in numbers and isinstance(line, bytes)
        }
