"""Pairs, metrics per group and mergeable totals of a Spark data frame, on as many machines as the cluster has.

The functions are those of `integrations.arrow`, which says what they do. Workers need prefcore and pyarrow installed.
Whatever partitions Spark makes, and whichever executor dies, totals have the same bits.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import DoubleType, StructField, StructType

from prefcore.integrations import arrow
from prefcore.pairs import Pairs

__all__ = ["build_pairs", "group_metric", "reduce"]


def build_pairs(
    frame: DataFrame,
    builder: Callable[..., Pairs],
    *,
    scores: str = "scores",
    completions: str = "completions",
    carry: Sequence[str] = ("prompt",),
) -> DataFrame:
    """Preference pairs of scored completions, batch by batch.

    chosen, rejected, margin = completions[pair.chosen], completions[pair.rejected], pair.margin

    Args:
        frame: a row per prompt with lists; or a row per completion, which Spark gathers by `carry` first.
        builder: gives `Pairs` of scores and offsets, a function of `prefcore.pairs` or a `partial` of it.
        scores: column of numbers, or of lists of numbers.
        completions: column of the same form.
        carry: columns that are copied to each pair.
    Returns: lazy frame of the columns `carry`, chosen, rejected, margin.
    Raises: DomainError, ShapeError, TypeError; when it runs, Spark's error around what the builder raises.
    Source: `pyspark.sql.DataFrame.mapInArrow`, `GroupedData.applyInArrow`; `arrow.build_pairs`.

    >>> from prefcore import pairs
    >>> rows = spark.createDataFrame([("p", [1, 3], ["a", "b"])], ["prompt", "scores", "completions"])  # doctest: +SKIP
    >>> build_pairs(rows, pairs.best_vs_rest).collect()  # doctest: +SKIP
    [Row(prompt='p', chosen='b', rejected='a', margin=2)]
    """
    names: dict[str, Any] = {"scores": scores, "completions": completions, "carry": carry}
    schema = to_arrow_schema(frame.schema)
    result = from_arrow_schema(arrow.pairs_schema(schema, **names))
    work = partial(arrow.build_pairs, builder=builder, **names)
    if arrow.is_list(schema.field(scores).type):
        return frame.mapInArrow(partial(_each, work), result)
    return frame.groupBy(*carry).applyInArrow(_of_table(work), result)


def group_metric(frame: DataFrame, metric: Callable[..., Any], *, group: str, columns: Mapping[str, str]) -> DataFrame:
    """A metric of each group of rows, such as NDCG per query; Spark gathers the rows of a group.

    value[g] = metric of the rows with group == g, in whatever order Spark has gathered them

    Args:
        frame: rows of a group may stand anywhere.
        metric: called as `metric(offsets=offsets, **columns)`, gives one number per group.
        group: column of ids.
        columns: parameter of the metric -> column.
    Returns: lazy frame (group, value), in no promised order.
    Raises: DomainError, TypeError; when it runs, Spark's error around what the metric raises.
    Source: `pyspark.sql.GroupedData.applyInArrow`; `arrow.group_metric`.

    >>> from prefcore import metrics
    >>> group_metric(frame, metrics.kendall_tau, group="id", columns={"x": "reward", "y": "grade"})  # doctest: +SKIP
    """
    arrow.check_columns(to_arrow_schema(frame.schema), columns, group=group)
    work = partial(arrow.group_metric, metric=metric, group=group, columns=dict(columns))
    result = StructType([StructField("group", frame.schema[group].dataType), StructField("value", DoubleType())])
    return frame.groupBy(group).applyInArrow(_of_table(work), result)


def reduce(frame: DataFrame, state: Callable[[], Any], *, columns: Mapping[str, str]) -> Any:
    """Ratings, win rates, calibration or means of a frame of any size, from totals of its partitions.

    result = (state of partition 1).merge(state of partition 2)....finish(), in the bits of one pass for any partitions

    Args:
        frame: rows.
        state: makes a fresh state, such as `ratings.ComparisonState`.
        columns: parameter of `update` -> column.
    Returns: what `state().finish()` gives: `Comparisons`, `Mean`, `Outcomes`, `CalibrationCurve`.
    Raises: DomainError, TypeError; Spark's error around what `update` raises.
    Source: `pyspark.sql.DataFrame.mapInArrow`; `arrow.reduce_table`.

    >>> from prefcore import ratings
    >>> votes = spark.read.parquet("votes.parquet")  # doctest: +SKIP
    >>> columns = {"first": "model_a", "second": "model_b", "winners": "winner"}
    >>> ratings.bradley_terry(reduce(votes, ratings.ComparisonState, columns=columns))  # doctest: +SKIP
    """
    total = arrow.reduce_table(to_arrow_schema(frame.schema).empty_table(), state, columns=columns)
    work = partial(_totals, state=state, columns=dict(columns))
    for row in frame.select(*dict.fromkeys(columns.values())).mapInArrow(work, "state binary").collect():
        total = total.merge(pickle.loads(row.state))  # noqa: S301 written by _totals
    return total.finish()


def _each(work: Callable[[pa.Table], pa.Table], batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield from work(pa.Table.from_batches([batch])).to_batches()


def _totals(
    batches: Iterable[pa.RecordBatch], *, state: Callable[[], Any], columns: Mapping[str, str]
) -> Iterator[pa.RecordBatch]:
    """State of a partition."""
    total = state()
    for batch in batches:
        total = total.merge(arrow.reduce_table(pa.Table.from_batches([batch]), state, columns=columns))
    yield pa.RecordBatch.from_pydict({"state": [pickle.dumps(total)]})


def _of_table(work: Callable[[pa.Table], pa.Table]) -> Callable[[pa.Table], pa.Table]:
    """A function of one argument: Spark counts them, and would give the group's key to a second."""
    return lambda table: work(table)  # noqa: PLW0108 work has more
