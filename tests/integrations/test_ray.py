"""Ray Data on two workers of this machine: what one process gives, for any blocks, also where a worker dies."""

import importlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from integrations.big_tables import BUILDER, TAU, VOTES, bits, bits_of_one_pass, by_group, prompts, tau_of_ids, votes
from prefcore import metrics, pairs, ratings
from prefcore.errors import DomainError
from prefcore.integrations import arrow

ray = pytest.importorskip("ray", reason="ray is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray's own


@pytest.fixture(scope="module")
def ours() -> Iterator[Any]:
    with warnings.catch_warnings(action="ignore"):
        module = importlib.import_module("prefcore.integrations.ray")
        memory = 200 * 2**20
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            object_store_memory=memory,
            log_to_driver=False,
        )
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield module
        ray.shutdown()


def blocks(table: pa.Table, n: int) -> Any:
    return ray.data.from_arrow(table).repartition(n)


def in_order(table: pa.Table) -> list[str]:
    return sorted(map(str, table.to_pylist()))


@pytest.mark.parametrize("n", [1, 5])
def test_pairs(ours: Any, n: int) -> None:
    found = ours.build_pairs(blocks(prompts(), n), BUILDER).take_all()
    assert sorted(map(str, found)) == in_order(arrow.build_pairs(prompts(), BUILDER))


def test_pairs_of_rows(ours: Any) -> None:
    """Rows of a group are gathered from all blocks."""
    table = votes().select(["id", "reward", "a"]).rename_columns(["prompt", "scores", "completions"])
    found = ours.build_pairs(blocks(table, 4), pairs.best_vs_rest).take_all()
    assert sorted(map(str, found)) == in_order(arrow.build_pairs(table, pairs.best_vs_rest))


def test_metric(ours: Any) -> None:
    found = ours.group_metric(blocks(votes(), 4), metrics.kendall_tau, group="id", columns=TAU).take_all()
    assert by_group(found) == tau_of_ids()


@pytest.mark.parametrize("n", [1, 5])
def test_ratings(ours: Any, n: int) -> None:
    """Cells and ratings have the bits of one pass."""
    assert bits(ours.reduce(blocks(votes(), n), ratings.ComparisonState, columns=VOTES)) == bits_of_one_pass()


def test_a_worker_dies(ours: Any, tmp_path: Path) -> None:
    """Its block is read again, and no vote counts twice."""
    died, start = tmp_path / "died", votes()["weight"][600].as_py()

    def once(table: pa.Table) -> pa.Table:
        if table["weight"][0].as_py() == start and not died.exists():
            died.touch()
            os._exit(1)
        return table

    data = blocks(votes(), 5).map_batches(once, batch_format="pyarrow", batch_size=None)
    assert bits(ours.reduce(data, ratings.ComparisonState, columns=VOTES)) == bits_of_one_pass()
    assert died.exists()


def test_pandas_blocks_and_no_rows(ours: Any) -> None:
    data = ray.data.from_pandas(votes().to_pandas())
    columns = {"values": "reward"}
    want = arrow.reduce_table(votes(), metrics.MeanState, columns=columns).finish()
    assert ours.reduce(data, metrics.MeanState, columns=columns) == want
    none = blocks(votes(), 3).filter(lambda row: row["id"] < 0)
    assert ours.reduce(none, metrics.MeanState, columns=columns).n == 0
    with pytest.raises(DomainError, match="dataset must have columns, got a dataset without rows or schema"):
        ours.reduce(data.filter(lambda row: row["id"] < 0), metrics.MeanState, columns=columns)


def test_what_is_said(ours: Any) -> None:
    with pytest.raises(DomainError, match=r"columns\['values'\] must be a column, one of a, b, .*, got 'score'"):
        ours.reduce(blocks(votes(), 1), metrics.MeanState, columns={"values": "score"})
    with pytest.raises(DomainError, match="carry must hold each column once"):
        ours.build_pairs(blocks(prompts(), 1), BUILDER, carry=("prompt", "prompt"))
    with pytest.raises(DomainError, match="dataset must have columns, got a dataset without rows or schema"):
        ours.reduce(ray.data.from_items([]), metrics.MeanState, columns={"values": "score"})
    with pytest.raises(Exception, match=r"weights\[\d+\] must be .*weights is column 'reward'"):
        ours.reduce(blocks(votes(), 2), ratings.ComparisonState, columns=VOTES | {"weights": "reward"})
