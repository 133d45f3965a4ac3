"""Spark on two threads of this machine: what one process gives, for any partitions, also where a task fails."""

import importlib
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from integrations.big_tables import BUILDER, TAU, VOTES, bits, bits_of_one_pass, by_group, prompts, tau_of_ids, votes
from prefcore import metrics, pairs, ratings
from prefcore.errors import DomainError
from prefcore.integrations import arrow

sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Spark's own

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "512m",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "3",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "150",  # several batches in a partition
}


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    with warnings.catch_warnings(action="ignore"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        builder = sql.SparkSession.builder.master("local[2,3]")  # two threads, three tries
        for name, value in SETTINGS.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


@pytest.fixture(scope="module")
def ours() -> Any:
    return importlib.import_module("prefcore.integrations.spark")


def test_pairs(spark: Any, ours: Any) -> None:
    found = ours.build_pairs(spark.createDataFrame(prompts()), BUILDER).toArrow()
    assert found.to_pylist() == arrow.build_pairs(prompts(), BUILDER).to_pylist()


def test_pairs_of_rows(spark: Any, ours: Any) -> None:
    """Rows of a group are gathered from all partitions."""
    table = votes().select(["id", "reward", "a"]).rename_columns(["prompt", "scores", "completions"])
    found = ours.build_pairs(spark.createDataFrame(table).repartition(4), pairs.best_vs_rest).toArrow()
    want = arrow.build_pairs(table, pairs.best_vs_rest)
    assert sorted(map(str, found.to_pylist())) == sorted(map(str, want.to_pylist()))


def test_metric(spark: Any, ours: Any) -> None:
    frame = spark.createDataFrame(votes()).repartition(4)
    found = ours.group_metric(frame, metrics.kendall_tau, group="id", columns=TAU).toArrow()
    assert by_group(found.to_pylist()) == tau_of_ids()


@pytest.mark.parametrize("n", [1, 5])
def test_ratings(spark: Any, ours: Any, n: int) -> None:
    """Cells and ratings have the bits of one pass."""
    frame = spark.createDataFrame(votes()).repartition(n)
    assert bits(ours.reduce(frame, ratings.ComparisonState, columns=VOTES)) == bits_of_one_pass()


def test_a_worker_dies(spark: Any, ours: Any, tmp_path: Path) -> None:
    """Its partition is read again, and no vote counts twice."""
    died = tmp_path / "died"

    def once(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(batches):
            if number == 1 and not died.exists():
                died.touch()
                os._exit(1)
            yield batch

    frame = spark.createDataFrame(votes())
    found = ours.reduce(frame.mapInArrow(once, frame.schema), ratings.ComparisonState, columns=VOTES)
    assert bits(found) == bits_of_one_pass()
    assert died.exists()


def test_no_rows(spark: Any, ours: Any) -> None:
    frame = spark.createDataFrame(votes()).where("id < 0")
    assert ours.reduce(frame, metrics.MeanState, columns={"values": "reward"}).n == 0


def test_what_is_said(spark: Any, ours: Any) -> None:
    frame = spark.createDataFrame(votes())
    with pytest.raises(DomainError, match=r"columns\['values'\] must be a column, one of a, b, .*, got 'score'"):
        ours.reduce(frame, metrics.MeanState, columns={"values": "score"})
    with pytest.raises(Exception, match=r"weights\[\d+\] must be .*weights is column 'reward'"):
        ours.reduce(frame, ratings.ComparisonState, columns=VOTES | {"weights": "reward"})
