"""Pairs, metrics per group and mergeable totals of a Ray dataset, on as many machines as the cluster has.

The functions are those of `integrations.arrow`, which says what they do. Workers need prefcore and pyarrow installed.
Whatever blocks Ray makes, and whichever worker dies, totals have the same bits.
"""

import pickle
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from ray.data import Dataset
from ray.data.aggregate import AggregateFnV2
from ray.data.block import BlockAccessor

from prefcore.errors import DomainError
from prefcore.integrations import arrow
from prefcore.pairs import Pairs

__all__ = ["build_pairs", "group_metric", "reduce"]


def build_pairs(
    dataset: Dataset,
    builder: Callable[..., Pairs],
    *,
    scores: str = "scores",
    completions: str = "completions",
    carry: Sequence[str] = ("prompt",),
) -> Dataset:
    """Preference pairs of scored completions, block by block.

    chosen, rejected, margin = completions[pair.chosen], completions[pair.rejected], pair.margin

    Args:
        dataset: a row per prompt with lists; or a row per completion, which Ray gathers by `carry` first.
        builder: gives `Pairs` of scores and offsets, a function of `prefcore.pairs` or a `partial` of it.
        scores: column of numbers, or of lists of numbers.
        completions: column of the same form.
        carry: columns that are copied to each pair.
    Returns: lazy dataset of the columns `carry`, chosen, rejected, margin.
    Raises: DomainError, ShapeError, TypeError; when it runs, Ray's error around what the builder raises.
    Source: `ray.data.Dataset.map_batches`; `arrow.build_pairs`.

    >>> import ray
    >>> from prefcore import pairs
    >>> rows = ray.data.from_items([{"prompt": "p", "scores": [1, 3], "completions": ["a", "b"]}])  # doctest: +SKIP
    >>> build_pairs(rows, pairs.best_vs_rest).take(1)  # doctest: +SKIP
    [{'prompt': 'p', 'chosen': 'b', 'rejected': 'a', 'margin': 2}]
    """
    names: dict[str, Any] = {"scores": scores, "completions": completions, "carry": carry}
    schema = _schema(dataset)
    arrow.pairs_schema(schema, **names)
    work = partial(arrow.build_pairs, builder=builder, **names)
    if arrow.is_list(schema.field(scores).type):
        return dataset.map_batches(work, batch_format="pyarrow", batch_size=None)
    return dataset.groupby(list(carry)).map_groups(work, batch_format="pyarrow")


def group_metric(dataset: Dataset, metric: Callable[..., Any], *, group: str, columns: Mapping[str, str]) -> Dataset:
    """A metric of each group of rows, such as NDCG per query; Ray gathers the rows of a group.

    value[g] = metric of the rows with group == g, in whatever order Ray has gathered them

    Args:
        dataset: rows of a group may stand anywhere.
        metric: called as `metric(offsets=offsets, **columns)`, gives one number per group.
        group: column of ids.
        columns: parameter of the metric -> column.
    Returns: lazy dataset (group, value), in no promised order.
    Raises: DomainError, TypeError; when it runs, Ray's error around what the metric raises.
    Source: `ray.data.Dataset.groupby` and `map_groups`; `arrow.group_metric`.

    >>> from prefcore import metrics
    >>> group_metric(dataset, metrics.kendall_tau, group="id", columns={"x": "reward", "y": "grade"})  # doctest: +SKIP
    """
    arrow.check_columns(_schema(dataset), columns, group=group)
    work = partial(arrow.group_metric, metric=metric, group=group, columns=dict(columns))
    return dataset.groupby(group).map_groups(work, batch_format="pyarrow")


def reduce(dataset: Dataset, state: Callable[[], Any], *, columns: Mapping[str, str]) -> Any:
    """Ratings, win rates, calibration or means of a dataset of any size, from totals of its blocks.

    result = (state of block 1).merge(state of block 2)....finish(), in the bits of one pass for any blocks

    Args:
        dataset: rows.
        state: makes a fresh state, such as `ratings.ComparisonState`.
        columns: parameter of `update` -> column.
    Returns: what `state().finish()` gives: `Comparisons`, `Mean`, `Outcomes`, `CalibrationCurve`.
    Raises: DomainError, TypeError; Ray's error around what `update` raises.
    Source: `ray.data.aggregate.AggregateFnV2`; `arrow.reduce_table`.

    >>> from prefcore import ratings
    >>> votes = ray.data.read_parquet("votes.parquet")  # doctest: +SKIP
    >>> columns = {"first": "model_a", "second": "model_b", "winners": "winner"}
    >>> ratings.bradley_terry(reduce(votes, ratings.ComparisonState, columns=columns))  # doctest: +SKIP
    """
    total = arrow.reduce_table(_schema(dataset).empty_table(), state, columns=columns)
    found = dataset.aggregate(_Totals(state, dict(columns)))
    return total.merge(_state(found["state"])).finish()


class _Totals(AggregateFnV2):  # type: ignore[misc]
    """States as bytes: Ray would turn the tuples in them into lists."""

    def __init__(self, state: Callable[[], Any], columns: Mapping[str, str]) -> None:
        self.state, self.columns = state, columns
        zero = partial(_fresh, state)
        super().__init__("state", zero, on=None, ignore_nulls=False)

    def aggregate_block(self, block: Any) -> bytes:
        return pickle.dumps(arrow.reduce_table(_table(block), self.state, columns=self.columns))

    def combine(self, current_accumulator: bytes, new: bytes) -> bytes:
        return pickle.dumps(_state(current_accumulator).merge(_state(new)))


def _fresh(state: Callable[[], Any]) -> bytes:
    return pickle.dumps(state())


def _state(written: bytes) -> Any:
    return pickle.loads(written)  # noqa: S301 written by _fresh and _Totals


def _table(block: Any) -> pa.Table:
    return BlockAccessor.for_block(block).to_arrow()


def _schema(dataset: Dataset) -> pa.Schema:
    """Arrow schema of the dataset; where its blocks are pandas, that of its first row."""
    schema = dataset.schema()
    known = schema.base_schema if schema else pa.schema([])
    if not isinstance(known, pa.Schema):
        known = pa.Schema.from_pandas(dataset.limit(1).to_pandas(), preserve_index=False)
    if not known.names:
        raise DomainError("dataset must have columns, got a dataset without rows or schema")
    return known
