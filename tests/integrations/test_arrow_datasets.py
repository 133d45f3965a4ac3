"""Hugging Face datasets: what one process on the Arrow table gives, in several, with fingerprints that stay."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import datasets
import pytest
from pyarrow import parquet

from integrations.big_tables import BUILDER, TAU, VOTES, bits, bits_of_one_pass, prompts, votes
from prefcore import metrics, pairs, ratings
from prefcore.errors import DomainError
from prefcore.integrations import arrow
from prefcore.integrations import datasets as hf

FINGERPRINT = """
from functools import partial
from datasets import load_dataset
from prefcore import pairs
from prefcore.integrations.datasets import build_pairs
data = load_dataset("parquet", data_files={file!r}, split="train", cache_dir={cache!r})
print(build_pairs(data, partial(pairs.all_pairs, min_gap=1, inclusive=True))._fingerprint)
"""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    parquet.write_table(prompts(), tmp_path / "prompts.parquet")
    return tmp_path / "prompts.parquet"


def load(file: Path) -> datasets.Dataset:
    return datasets.load_dataset("parquet", data_files=str(file), split="train", cache_dir=str(file.parent))


def test_pairs_in_two_processes(stored: Path) -> None:
    """The rows of the table, in its order, whatever the number of processes; the format is that of lists."""
    want = arrow.build_pairs(prompts(), BUILDER).to_pylist()
    for num_proc in (1, 2):
        found = hf.build_pairs(load(stored), BUILDER, num_proc=num_proc)
        assert found.to_list() == want
        assert found[0] == want[0]


def test_fingerprints(stored: Path) -> None:
    """Equal in another process, for another number of processes and for an equal builder; else not."""
    data = load(stored)
    own = hf.build_pairs(data, BUILDER)._fingerprint
    code = FINGERPRINT.format(file=str(stored), cache=str(stored.parent))
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    assert other.stdout.strip() == own
    assert hf.build_pairs(data, partial(pairs.all_pairs, min_gap=1, inclusive=True), num_proc=2)._fingerprint == own
    assert hf.build_pairs(data, partial(pairs.all_pairs, min_gap=2, inclusive=True))._fingerprint != own


def test_features_stay(stored: Path) -> None:
    """Carried columns keep their features, also where there is no row at all."""
    data = load(stored).add_column("kind", [0] * 500).cast_column("kind", datasets.ClassLabel(names=["chat"]))
    for rows in (data, data.select([])):
        found = hf.build_pairs(rows, BUILDER, carry=("kind",))
        assert found.column_names == ["kind", "chosen", "rejected", "margin"]
    assert hf.build_pairs(data, BUILDER, carry=("kind",)).features["kind"].names == ["chat"]
    assert len(hf.build_pairs(data, partial(pairs.all_pairs, min_gap=100), num_proc=2)) == 0


def test_rows_are_one_batch() -> None:
    """A row per completion: groups are gathered from all rows, and no second process may cut them."""
    n = 2500  # more than a batch of datasets
    flat = {
        "prompt": [row % 7 for row in range(n)],
        "scores": list(range(n)),
        "completions": [str(row) for row in range(n)],
    }
    data = datasets.Dataset.from_dict(flat)
    found = hf.build_pairs(data, pairs.best_worst)
    assert found["margin"][:] == [2499 - 2499 % 7 + group - 7 * (group > 2499 % 7) - group for group in range(7)]
    with pytest.raises(
        DomainError, match="num_proc must be 1 where 'scores' holds no lists: parts would cut groups, got 2"
    ):
        hf.build_pairs(data, pairs.best_worst, num_proc=2)


def test_ratings_in_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells and ratings have the bits of one pass, for several batches in several processes."""
    monkeypatch.setattr(arrow, "ROWS", 300)
    data = datasets.Dataset(votes())
    for num_proc in (1, 2):
        found = hf.reduce(data, ratings.ComparisonState, columns=VOTES, num_proc=num_proc)
        assert bits(found) == bits_of_one_pass()
    assert hf.reduce(data.select([]), metrics.MeanState, columns={"values": "reward"}).n == 0


def test_metric_in_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "ROWS", 9)  # groups of a batch
    want = arrow.group_metric(votes(), metrics.kendall_tau, group="id", columns=TAU).to_pylist()
    for num_proc in (1, 2):
        found = hf.group_metric(
            datasets.Dataset(votes()), metrics.kendall_tau, group="id", columns=TAU, num_proc=num_proc
        )
        assert found.to_list() == want
