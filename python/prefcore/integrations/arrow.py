"""Pairs, metrics per group and mergeable totals on Arrow tables: what Ray, Spark and datasets run on their batches.

A table comes in and a table, or a state, comes out; `integrations.ray`, `.spark` and `.datasets` hand over their
batches and have the same three functions. A group of rows must not be cut by a batch, and a list never is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefcore import _arrays, groups
from prefcore.errors import DomainError, ShapeError
from prefcore.pairs import Pairs

__all__ = ["build_pairs", "group_metric", "pairs_schema", "reduce_table"]

S = TypeVar("S")
PAIR = ("chosen", "rejected", "margin")
ROWS = 2**20  # of a batch of totals: an update costs as much as a merge of all pairs that met


def build_pairs(
    table: pa.Table,
    builder: Callable[..., Pairs],
    *,
    scores: str = "scores",
    completions: str = "completions",
    carry: Sequence[str] = ("prompt",),
) -> pa.Table:
    """Preference pairs of scored completions as an Arrow table: one row per pair, in TRL's layout by default.

    chosen, rejected, margin = completions[pair.chosen], completions[pair.rejected], pair.margin

    Where `scores` holds lists, each row is a group (a prompt and its completions). Else each row is one completion, and
    groups are the rows that agree in all of `carry`, in order of first appearance, wherever they stand.
    A null list is an empty group, a null among float scores is NaN, a null completion stays null. A builder that
    draws (`max_pairs_per_group`) numbers the groups of this table, so its draws depend on how data were split.

    Args:
        table: pyarrow table of n rows.
        builder: called as `builder(scores, offsets=offsets)`, gives `Pairs`: a function of `prefcore.pairs`, or
            `functools.partial` of it.
        scores: column of numbers, or of lists of numbers; larger is better.
        completions: column of the same form and lengths; of any type.
        carry: columns that are copied to each pair of their group.
    Returns: table of the columns `carry`, chosen, rejected, margin (`pairs_schema`), in the order of the builder.
    Raises: DomainError, ShapeError, TypeError; what the builder raises.
    Source: Arrow columnar format, list layout; TRL's preference layout.

    >>> from prefcore import pairs
    >>> table = pa.table({"prompt": ["p", "q"], "scores": [[1, 3], [2]], "completions": [["a", "b"], ["c"]]})
    >>> build_pairs(table, pairs.best_vs_rest).to_pylist()
    [{'prompt': 'p', 'chosen': 'b', 'rejected': 'a', 'margin': 2}]
    """
    _arrays.function("builder", builder)
    schema = pairs_schema(table.schema, scores=scores, completions=completions, carry=carry)
    if not is_list(table.schema.field(scores).type):
        table = _gather(table, carry, [scores, completions])
    lengths = [_lengths(table[name]) for name in (scores, completions)]
    _same_lengths(scores, completions, *lengths)
    values = _arrays.column(scores, _numbers(pc.list_flatten(table[scores])))
    with _naming({"scores": scores}):
        pairs = builder(values, offsets=groups.offsets_from_lengths(lengths[0]))
    if not all(hasattr(pairs, name) for name in Pairs._fields):
        raise TypeError(f"builder must return Pairs, got a {type(pairs).__name__}")
    texts = pc.list_flatten(table[completions])
    sides = [texts.take(pa.array(rows)) for rows in (pairs.chosen, pairs.rejected)]
    margin = pa.array(pairs.margin, type=schema.field("margin").type)
    carried = [table[name].take(pa.array(pairs.group)) for name in carry]
    return pa.Table.from_arrays([*carried, *sides, margin], schema=schema)


def pairs_schema(
    schema: pa.Schema,
    *,
    scores: str = "scores",
    completions: str = "completions",
    carry: Sequence[str] = ("prompt",),
) -> pa.Schema:
    """Schema of the table that `build_pairs` returns, for engines that want to know it first.

    Args:
        schema: of the table that goes in; the names as in `build_pairs`.
        scores: its margin is float32, float64 or int32 as they are, and int64 for other integers.
        completions: type of chosen and rejected.
        carry: these columns stand first, unchanged.
    Returns: schema of `carry`, chosen, rejected, margin.
    Raises: DomainError, TypeError.
    Source: Arrow columnar format, list layout.

    >>> lists = {"prompt": pa.string(), "scores": pa.list_(pa.int8()), "completions": pa.list_(pa.string())}
    >>> pairs_schema(pa.schema(lists)).types
    [DataType(string), DataType(string), DataType(string), DataType(int64)]
    """
    _names("carry", carry)
    _known(schema, {"scores": scores, "completions": completions} | {f"carry[{i}]": c for i, c in enumerate(carry)})
    if twice := sorted({name for i, name in enumerate(carry) if name in {*PAIR, *carry[:i]}}):
        raise DomainError(f"carry must hold each column once and none of {', '.join(PAIR)}, got {twice[0]!r}")
    score, completion = schema.field(scores).type, schema.field(completions).type
    if is_list(score) != is_list(completion) and is_list(score):
        raise TypeError(f"column {completions!r} must hold lists like {scores!r}, got {completion}")
    if is_list(score):
        score, completion = score.value_type, completion.value_type
    elif not carry:
        raise DomainError(f"carry must name what tells groups apart, as {scores!r} holds no lists, got no column")
    for name, kind in [*((name, schema.field(name).type) for name in carry), (completions, completion)]:
        if str(kind) in {"string_view", "binary_view"}:
            raise TypeError(f"column {name!r} must be cast, as Arrow takes no rows of views, got {kind}")
    fields = [schema.field(name).remove_metadata() for name in carry]
    sides = [pa.field(name, completion) for name in PAIR[:2]]
    return pa.schema([*fields, *sides, pa.field("margin", _margin(scores, score))])


def group_metric(table: pa.Table, metric: Callable[..., Any], *, group: str, columns: Mapping[str, str]) -> pa.Table:
    """A metric of each group of rows, as an Arrow table: NDCG per query, Kendall's tau per prompt, win rate per model.

    value[g] = metric of the rows with group == g; such rows may stand anywhere and keep their order.

    Args:
        table: pyarrow table of n rows.
        metric: called as `metric(offsets=offsets, **columns)`, gives one number per group: a function of
            `prefcore.metrics`, or `functools.partial` of it.
        group: column of ids, integers or strings, no nulls.
        columns: parameter of the metric -> column of the table. A null in a float column is NaN.
    Returns: table (group, value), groups in order of first appearance, value float64, NaN where undefined.
    Raises: DomainError, ShapeError, TypeError; what the metric raises.
    Source: Arrow columnar format; stable group-by.

    >>> from prefcore import metrics
    >>> table = pa.table({"id": ["b", "a", "b"], "reward": [0.1, 0.5, 0.9], "grade": [0, 1, 1]})
    >>> group_metric(table, metrics.kendall_tau, group="id", columns={"x": "reward", "y": "grade"}).to_pylist()
    [{'group': 'b', 'value': 1.0}, {'group': 'a', 'value': nan}]
    """
    return metric_of_lists(gather_columns(table, group, columns), metric, columns)


def gather_columns(table: pa.Table, group: str, columns: Mapping[str, str]) -> pa.Table:
    """Table of the group and, as lists, of the columns: a row per group, whom no batch can cut."""
    check_columns(table.schema, columns, group=group)
    lists = _gather(table, [group], list(dict.fromkeys(columns.values())))
    return pa.table({"group": lists[group]} | {param: lists[name] for param, name in columns.items()})


def metric_of_lists(lists: pa.Table, metric: Callable[..., Any], columns: Mapping[str, str]) -> pa.Table:
    """Table (group, value) of what `gather_columns` gives, or of a batch of its rows."""
    _arrays.function("metric", metric)
    flat = {param: _argument(name, pc.list_flatten(lists[param])) for param, name in columns.items()}
    offsets = groups.offsets_from_lengths(_lengths(lists[next(iter(columns))]))
    with _naming(columns):
        value = np.asarray(metric(offsets=offsets, **flat))
    if value.shape != (len(lists),) or value.dtype.kind not in "biuf":
        shape = f"{list(value.shape)} of {value.dtype}"
        raise ShapeError(f"metric must give one number per group, [{len(lists)}], got {shape}")
    return pa.table({"group": lists["group"], "value": value.astype(np.float64)})


def reduce_table(table: pa.Table, state: Callable[[], S], *, columns: Mapping[str, str]) -> S:
    """Totals of a table in a mergeable state: ratings, win rates, calibration and means of data of any size.

    state().update(batch 1).update(batch 2)..., in batches of 2^20 rows

    States of other tables are joined by `merge`, in any order, and `finish` gives the result. Counts are integers and
    float sums exact: no split changes a bit (`MarginState`: 1e-15).

    Args:
        table: pyarrow table of n rows.
        state: makes a fresh state: `ratings.ComparisonState`, `metrics.MeanState`, `OutcomeState`,
            `partial(metrics.CalibrationState, n_bins=10)`, or `partial(strength.MarginState, ddof=1)`.
        columns: parameter of `state.update` -> column of the table. Where it holds lists, each row is an update of
            its own: a member of the ensemble for `MarginState`, which takes no other column.
    Returns: the state.
    Raises: DomainError, ShapeError, TypeError; what `update` raises.
    Source: `prefcore._states.State`, the protocol of mergeable states.

    >>> from prefcore import metrics
    >>> table = pa.table({"ours": [3, 2, 0], "theirs": [1, 2, 1]})
    >>> state = reduce_table(table, metrics.OutcomeState, columns={"chosen": "ours", "rejected": "theirs"})
    >>> state.merge(state).finish().wins
    np.int64(2)
    """
    _arrays.function("state", state)
    total: Any = state()
    if not all(hasattr(total, name) for name in ("update", "merge", "finish")):
        raise TypeError(f"state must make a mergeable state, got a {type(total).__name__}")
    check_columns(table.schema, columns)
    by_row = {is_list(table.schema.field(name).type) for name in columns.values()}
    if len(by_row) == 2:
        raise TypeError(f"columns must all hold lists, or none, got {_types(table.schema, columns)}")
    for start in range(0, len(table), ROWS):
        with _naming(columns, f"row 0 of the batch is row {start} of the table" if start else ""):
            for arguments in _updates(table.slice(start, ROWS), columns, by_row == {True}):
                total = total.update(**arguments)
    return total  # type: ignore[no-any-return]


def _updates(batch: pa.Table, columns: Mapping[str, str], by_row: bool) -> Iterator[dict[str, Any]]:
    if not by_row:
        yield {param: _argument(name, batch[name]) for param, name in columns.items()}
        return
    for row in range(len(batch)):
        values = {param: batch[name][row].values for param, name in columns.items()}
        if missing := [columns[param] for param, value in values.items() if value is None]:
            raise DomainError(f"{missing[0]}[{row}] must be a list, got null")
        yield {param: _argument(columns[param], value) for param, value in values.items()}


def is_list(kind: pa.DataType) -> bool:
    """Whether a column of this type holds lists."""
    return any(check(kind) for check in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list))


def _gather(table: pa.Table, keys: Sequence[str], names: Sequence[str]) -> pa.Table:
    """Rows that agree in the keys, as lists: a row per group, in order of first appearance."""
    for key in keys:
        if table[key].null_count:
            row = pc.index(table[key].is_null(), True).as_py()
            raise DomainError(f"{key}[{row}] must tell its group, got null ({table[key].null_count} nulls in all)")
    columns = {f"key {i}": table[key] for i, key in enumerate(keys)}  # names that cannot clash with `row`
    numbered = pa.table(columns | {"row": np.arange(len(table))})
    try:
        found = numbered.group_by(list(columns), use_threads=False).aggregate([("row", "list")])
    except pa.ArrowNotImplementedError:
        raise TypeError(f"groups must be told by numbers or strings, got {_types(table.schema, keys)}") from None
    rows = found["row_list"].combine_chunks()
    if isinstance(rows, pa.ChunkedArray):
        rows = pa.concat_arrays(rows.chunks)
    offsets, order = rows.offsets.cast(pa.int64()), rows.values
    lists = {name: pa.LargeListArray.from_arrays(offsets, _one(table[name].take(order))) for name in names}
    return pa.table({key: found[f"key {i}"] for i, key in enumerate(keys)} | lists)


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [column.combine_chunks()])


def _lengths(column: pa.ChunkedArray) -> Any:
    return pc.fill_null(pc.list_value_length(column), 0)


def _same_lengths(scores: str, completions: str, scored: Any, complete: Any) -> None:
    wrong = np.flatnonzero(np.asarray(scored) != np.asarray(complete))
    if len(wrong):
        row = int(wrong[0])
        sizes = f"{complete[row]} entries like {completions}[{row}], got {scored[row]}"
        raise ShapeError(f"{scores}[{row}] must have {sizes}")


def _numbers(column: Any) -> Any:
    """A column of nothing but nulls has no type in Arrow, which leaves it open: numbers, all missing."""
    return column.cast(pa.float64()) if pa.types.is_null(column.type) else column


def _argument(name: str, column: Any) -> Any:
    """Numbers as NumPy, so that errors name the column; strings as they are."""
    column = _numbers(column)
    kind = column.type
    return _arrays.to_numpy(name, column) if pa.types.is_primitive(kind) else column


def _margin(name: str, kind: pa.DataType) -> pa.DataType:
    if pa.types.is_null(kind):
        return pa.float64()
    if kind in {pa.float32(), pa.float64(), pa.int32()}:
        return kind
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return pa.int64()
    raise TypeError(f"column {name!r} must hold integers, float32 or float64, or lists of them, got {kind}")


def _names(argument: str, names: Any) -> None:
    if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{argument} must be a list of column names, got {names!r:.60}")


def check_columns(schema: pa.Schema, columns: Any, **others: str) -> None:
    """Refuse names that are no columns of the schema."""
    if not isinstance(columns, Mapping) or not columns:
        raise TypeError(f"columns must map parameters to columns, as in {{'scores': 'reward'}}, got {columns!r:.60}")
    _known(schema, {f"columns[{param!r}]": name for param, name in columns.items()} | others)


def _known(schema: pa.Schema, names: Mapping[str, str]) -> None:
    for argument, name in names.items():
        if schema.names.count(name) != 1:
            raise DomainError(f"{argument} must be a column, one of {', '.join(schema.names) or 'none'}, got {name!r}")


def _types(schema: pa.Schema, names: Any) -> str:
    names = names.values() if isinstance(names, Mapping) else names
    return ", ".join(f"{name!r} of {schema.field(name).type}" for name in names)


@contextmanager
def _naming(columns: Mapping[str, str], more: str = "") -> Iterator[None]:
    """Say in an error which columns the parameters were; its type and fields stay."""
    try:
        yield
    except (ValueError, TypeError) as error:
        said = [f"{param} is column {name!r}" for param, name in columns.items() if param != name]
        if said or more:
            error.args = (f"{error} ({'; '.join([*said, *filter(None, [more])])})", *error.args[1:])
        raise
