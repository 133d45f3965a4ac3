"""Rated completions in plain JSON: blocks of lines as columns, where no line needs a look of its own."""

import io
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from prefcore.cli import _files
from prefcore.cli._layouts import SCORES, TEXTS, Item, Layout, good
from prefcore.cli._pairing import RESERVED, Limits, Paired, reasons
from prefcore.cli._progress import Progress
from prefcore.cli._rejects import Rejects

#: bytes of a block
BLOCK = 1 << 23
#: blocks that are parsed at a time
MOST_THREADS = 8
Work = TypeVar("Work")


class Rated(NamedTuple):
    """Some prompts with their completions."""

    prompts: Any
    """[P] text"""
    offsets: Any
    """[P + 1] boundaries of the prompts among the completions."""
    texts: Any
    """[N]"""
    scores: Any
    """[N]"""
    extra: Any
    """Name -> column that the layout does not use."""


def parts(
    path: Path, layout: Layout, rejects: Rejects, work: Callable[[Rated], Work]
) -> Iterator[Work | Iterator[tuple[int, Item]]]:
    """Yield what `work`, in other threads, makes of plain blocks of a file of JSON lines, and good rows of others."""
    kind, above = _files.kind_of(path), 0
    with Progress(path.name) as progress, _files.reading(path), _files.opened(path, kind.compression) as file:
        for block, found, is_last in _ahead(file, partial(_worked, layout=layout, work=work)):
            if found is None:
                source = _files.Rest(block, file) if is_last else io.BytesIO(block)
                rows = ((above + number, row) for number, row in _files.json_rows(source))
                yield good(rows, layout, {}, rejects, progress)
                above += block.count(b"\n")
            else:
                rejects.read += found[0]
                above += found[0]
                progress.at(rejects.read)
                yield found[1]


def _ahead(file: BinaryIO, work: Callable[[bytes], Work]) -> Iterator[tuple[bytes, Work, bool]]:
    """Yield blocks of whole lines in order, what `work` made of each, and whether it is the last.

    A block without an end of line is the last, or is one line that is too long and goes on in the file.
    """
    threads = min(os.cpu_count() or 1, MOST_THREADS)
    waiting: deque[tuple[bytes, Future[Work]]] = deque()
    more = True
    with ThreadPoolExecutor(threads) as pool:
        while more or waiting:
            if more and len(waiting) <= 2 * threads:
                block = file.read(BLOCK)
                block += file.readline(_files.LONGEST)
                waiting.append((block, pool.submit(work, block)))
                more = block.endswith(b"\n")
            else:
                block, done = waiting.popleft()
                yield block, done.result(), not (more or waiting)


def _worked(block: bytes, layout: Layout, work: Callable[[Rated], Work]) -> tuple[int, Work] | None:
    rated = _rated(block, layout)
    return None if rated is None else (len(rated.prompts), work(rated))


def paired(
    found: Rated, builder: Callable[..., Any], limits: Limits, encoded: Callable[[dict[str, Any]], Any]
) -> Paired:
    """Pair the completions of each prompt: columns of TRL's preferences, as `_pairing.rows_of` has them, encoded."""
    pairs = builder(found.scores, offsets=found.offsets)
    dropped = Counter({"prompts without a pair: ties or gaps": len(found.prompts) - len(np.unique(pairs.group))})
    chosen, rejected = found.texts.take(pa.array(pairs.chosen)), found.texts.take(pa.array(pairs.rejected))
    lengths = np.sort([pc.utf8_length(side).to_numpy() for side in (chosen, rejected)], axis=0)
    identical = pc.equal(chosen, rejected).to_numpy(zero_copy_only=False)
    kept = np.ones(len(chosen), dtype=np.bool_)
    for reason, holds in reasons(lengths[0], lengths[1], identical, limits).items():
        dropped[reason] += int((holds & kept).sum())
        kept &= ~holds
    group, mask = pa.array(pairs.group), pa.array(kept)
    columns = {"prompt": found.prompts.take(group), "chosen": chosen, "rejected": rejected}
    columns["margin"] = pa.array(pairs.margin)
    columns |= {name: column.take(group) for name, column in found.extra.items()}
    lines = encoded({name: column.filter(mask) for name, column in columns.items()})
    return Paired(int(kept.sum()), int(kept.sum()), lines, dropped)


def _rated(block: bytes, layout: Layout) -> Rated | None:
    columns = _columns(block)
    prompts, found = (columns.pop(name, None) for name in layout.columns)
    if not _is(prompts, pa.types.is_string) or not _is(found, pa.types.is_list) or {"scores", ""} & columns.keys():
        return None
    values = found.flatten()
    texts, scores = (_first(values, names) for names in (TEXTS, SCORES))
    extra = {name: column for name, column in columns.items() if name not in RESERVED}
    if not (_is(texts, pa.types.is_string) and _is_finite(scores) and all(map(_is_plain, extra.values()))):
        return None
    offsets = np.concatenate([[0], np.cumsum(found.value_lengths().to_numpy())])
    return Rated(prompts, offsets, texts, scores.to_numpy().astype(np.float64), extra)


def _columns(block: bytes) -> dict[str, Any]:
    """Columns of lines of an object each; none where Arrow finds an error, or not an object in each line."""
    block = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    lines = _lines(block)
    if not lines:
        return {}
    try:
        options = pa.json.ReadOptions(use_threads=False, block_size=len(block))
        table = pa.json.read_json(pa.py_buffer(block), options)
        table.validate(full=True)  # whether text is UTF-8
    except pa.ArrowException:
        return {}
    batches = table.to_batches()
    return dict(zip(table.column_names, batches[0], strict=True)) if [len(part) for part in batches] == [lines] else {}


def _lines(block: bytes) -> int:
    """Count lines, of which each begins and ends as an object does; else 0."""
    start = lines = 0
    while start < len(block):
        end = block.find(b"\n", start)
        end = len(block) if end < 0 else end
        if block[start] != ord("{") or block[end - 1] != ord("}"):
            return 0
        start, lines = end + 1, lines + 1
    return lines


def _first(values: Any, names: tuple[str, ...]) -> Any:
    """Return the first of the fields that there is."""
    if values.null_count or not pa.types.is_struct(values.type):
        return None
    return next((values.field(name) for name in names if values.type.get_field_index(name) >= 0), None)


def _is(column: Any, kind: Callable[[Any], bool]) -> bool:
    return column is not None and column.null_count == 0 and kind(column.type)


def _is_finite(column: Any) -> bool:
    if not any(_is(column, kind) for kind in (pa.types.is_integer, pa.types.is_floating)):
        return False
    return bool(np.isfinite(column.to_numpy()).all())


def _is_plain(column: Any) -> bool:
    """Text, truths or integers: floats would take the integers among them along."""
    return any(_is(column, kind) for kind in (pa.types.is_string, pa.types.is_boolean, pa.types.is_integer))
