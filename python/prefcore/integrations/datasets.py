"""Pairs, metrics per group and mergeable totals of a Hugging Face dataset, in bounded memory and several processes.

The functions are those of `integrations.arrow`, which says what they do; `map` of datasets cuts the batches, keeps
what it wrote in its cache, and finds it again: a function of `prefcore.pairs`, or `functools.partial` of it, has the
same fingerprint in every process.
"""

import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from datasets import Dataset, Features

from prefcore import _arrays
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
    num_proc: int = 1,
) -> Dataset:
    """Preference pairs of scored completions as a dataset that TRL's trainers take, prompt by prompt.

    chosen, rejected, margin = completions[pair.chosen], completions[pair.rejected], pair.margin

    Args:
        dataset: a row per prompt with lists, or a row per completion: then all rows are one batch.
        builder: gives `Pairs` of scores and offsets, a function of `prefcore.pairs` or a `partial` of it.
        scores: column of numbers, or of lists of numbers.
        completions: column of the same form.
        carry: columns that are copied to each pair.
        num_proc: processes, >= 1; must be 1 for a row per completion, as parts would cut groups.
    Returns: dataset of the columns `carry`, chosen, rejected, margin; for any `num_proc` the same, unless the builder
            draws (`arrow.build_pairs`).
    Raises: DomainError, ShapeError, TypeError; what the builder raises.
    Source: `datasets.Dataset.map`; `arrow.build_pairs`.

    >>> from datasets import Dataset
    >>> from prefcore import pairs
    >>> rows = Dataset.from_dict({"prompt": ["p"], "scores": [[1, 3]], "completions": [["a", "b"]]})
    >>> build_pairs(rows, pairs.best_vs_rest)[0]
    {'prompt': 'p', 'chosen': 'b', 'rejected': 'a', 'margin': 2}
    """
    names: dict[str, Any] = {"scores": scores, "completions": completions, "carry": carry}
    schema = arrow.pairs_schema(dataset.features.arrow_schema, **names)
    lists = arrow.is_list(dataset.features.arrow_schema.field(scores).type)
    if _arrays.whole_number("num_proc", num_proc, 1, 2**31) > 1 and not lists:
        raise DomainError(f"num_proc must be 1 where {scores!r} holds no lists: parts would cut groups, got {num_proc}")
    features = Features(Features.from_arrow_schema(schema) | {name: dataset.features[name] for name in carry})
    size = {} if lists else {"batch_size": None}
    return _map(dataset, arrow.build_pairs, {"builder": builder, **names}, num_proc, features=features, **size)


def group_metric(
    dataset: Dataset, metric: Callable[..., Any], *, group: str, columns: Mapping[str, str], num_proc: int = 1
) -> Dataset:
    """A metric of each group of rows as a dataset: NDCG per query, Kendall's tau per prompt.

    value[g] = metric of the rows with group == g

    Args:
        dataset: rows of a group may stand anywhere; the columns named here are gathered in memory.
        metric: called as `metric(offsets=offsets, **columns)`, gives one number per group.
        group: column of ids.
        columns: parameter of the metric -> column.
        num_proc: processes, >= 1, that take whole groups.
    Returns: dataset (group, value), groups in order of first appearance; the same for any `num_proc`.
    Raises: DomainError, ShapeError, TypeError; what the metric raises.
    Source: `datasets.Dataset.map`; `arrow.group_metric`.

    >>> from datasets import Dataset
    >>> from prefcore import metrics
    >>> rows = Dataset.from_dict({"id": ["b", "a", "b"], "reward": [0.1, 0.5, 0.9], "grade": [0, 1, 1]})
    >>> columns = {"x": "reward", "y": "grade"}
    >>> group_metric(rows, metrics.kendall_tau, group="id", columns=columns)["value"][:]
    [1.0, nan]
    """
    lists = Dataset(arrow.gather_columns(dataset.with_format("arrow")[:], group, columns))
    kwargs = {"metric": metric, "columns": dict(columns)}
    return _map(lists, arrow.metric_of_lists, kwargs, num_proc, batch_size=arrow.ROWS)


def reduce(dataset: Dataset, state: Callable[[], Any], *, columns: Mapping[str, str], num_proc: int = 1) -> Any:
    """Ratings, win rates, calibration or means of a dataset of any size, from totals of its parts.

    result = (state of part 1).merge(state of part 2)....finish(), in the bits of one pass for any parts

    Args:
        dataset: rows, read in batches.
        state: makes a fresh state, such as `ratings.ComparisonState`.
        columns: parameter of `update` -> column.
        num_proc: processes, >= 1.
    Returns: what `state().finish()` gives: `Comparisons`, `Mean`, `Outcomes`, `CalibrationCurve`.
    Raises: DomainError, ShapeError, TypeError; what `update` raises.
    Source: `datasets.Dataset.map`; `arrow.reduce_table`.

    >>> from datasets import Dataset
    >>> from prefcore import metrics
    >>> rows = Dataset.from_dict({"reward": [0.5, 1.0]})
    >>> reduce(rows, metrics.MeanState, columns={"values": "reward"}).mean
    0.75
    """
    total = arrow.reduce_table(dataset.features.arrow_schema.empty_table(), state, columns=columns)
    kwargs = {"state": state, "columns": dict(columns)}
    for part in _map(dataset, _partial, kwargs, num_proc, batch_size=arrow.ROWS)["state"]:
        total = total.merge(pickle.loads(part))  # noqa: S301 written by _partial
    return total.finish()


def _partial(table: pa.Table, *, state: Callable[[], Any], columns: Mapping[str, str]) -> pa.Table:
    return pa.table({"state": [pickle.dumps(arrow.reduce_table(table, state, columns=columns))]})


def _map(dataset: Dataset, function: Any, kwargs: dict[str, Any], num_proc: int, **options: Any) -> Dataset:
    _arrays.whole_number("num_proc", num_proc, 1, 2**31)
    table = dataset.with_format("arrow")
    if not len(dataset):  # map would call nothing, and give no columns
        return Dataset(function(table[:], **kwargs))
    return table.map(
        function,
        batched=True,
        fn_kwargs=kwargs,
        num_proc=num_proc if num_proc > 1 else None,
        remove_columns=dataset.column_names,
        **options,
    ).with_format(None)
