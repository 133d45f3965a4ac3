"""Pairs, metrics and states on Arrow tables: against the definitions, for any split, and what is said of odd tables."""

import dataclasses
import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.big_tables import BUILDER, TAU, VOTES, bits, bits_of_one_pass, defined_pairs, prompts, votes
from prefcore import metrics, pairs, ratings, strength
from prefcore.errors import DomainError, ShapeError
from prefcore.integrations import arrow

TEXT = pa.list_(pa.string())
STATES: dict[str, tuple[Callable[[], Any], dict[str, str]]] = {
    "votes": (ratings.ComparisonState, VOTES),
    "mean": (metrics.MeanState, {"values": "reward"}),
    "outcomes": (metrics.OutcomeState, {"chosen": "reward", "rejected": "weight"}),
    "calibration": (partial(metrics.CalibrationState, n_bins=5), {"probs": "weight", "labels": "good"}),
}
ROWS = votes().append_column("good", pa.array(np.arange(1000) % 3 == 0))


def wire(state: Any) -> dict[str, Any]:
    return {name: np.asarray(value).tolist() for name, value in dataclasses.asdict(state).items()}


def parts(table: pa.Table, cuts: list[int]) -> list[pa.Table]:
    ends = [0, *sorted(cuts), len(table)]
    return [table.slice(start, stop - start) for start, stop in pairwise(ends)]


def test_pairs_of_lists() -> None:
    """The pairs of the definition, prompt by prompt."""
    assert arrow.build_pairs(prompts(), BUILDER).to_pylist() == defined_pairs(prompts().to_pylist())


def test_pairs_of_rows_in_any_places() -> None:
    """A row per completion gives what lists give, though the rows of a prompt are scattered."""
    flat = {"prompt": ["q", "p", "q", "p"], "source": [1, 1, 1, 2], "scores": [1, 5, 3, 7], "completions": list("abcd")}
    best = arrow.build_pairs(pa.table(flat), pairs.best_vs_rest).to_pylist()
    pair = {"margin": 2, "rejected": "a", "chosen": "c", "prompt": "q"}
    assert best == [pair, {"margin": 2, "rejected": "b", "chosen": "d", "prompt": "p"}]
    both = arrow.build_pairs(pa.table(flat), pairs.best_vs_rest, carry=("source", "prompt")).to_pylist()
    assert both == [{"source": 1, **pair}]


def test_missing_values() -> None:
    """Null lists are empty groups in every kind of list, a null score is NaN, a null text stays."""
    scores = [[2.0, None, 1.0], None, [3.0, 4.0, 5.0]]
    texts = [["a", None, "b"], None, [None, "d", None]]
    want = [("p", "a", "b", 1.0), ("r", "d", None, 1.0), ("r", None, None, 2.0), ("r", None, "d", 1.0)]
    for kind in (pa.list_(pa.float64()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 3)):
        columns = [["-", "p", "q", "r"], pa.array([[0.0] * 3, *scores], kind), pa.array([["-"] * 3, *texts], TEXT)]
        table = pa.table(columns, names=["prompt", "scores", "completions"]).slice(1)
        found = arrow.build_pairs(table, partial(pairs.all_pairs, nan="omit"))
        assert [tuple(row.values()) for row in found.to_pylist()] == want
    nothing = pa.table({"prompt": ["p"], "scores": [[]], "completions": [[]]})
    assert arrow.build_pairs(nothing, pairs.all_pairs).to_pylist() == []


def test_large_integers_and_messages() -> None:
    """Margins of int64 scores are exact, and conversations pass as they are."""
    said = [[{"role": "assistant", "content": text}] for text in "ab"]
    table = pa.table({"prompt": ["p"], "scores": [[0, 2**53 + 1]], "completions": [said]})
    want = {"prompt": "p", "chosen": said[1], "rejected": said[0], "margin": 2**53 + 1}
    assert arrow.build_pairs(table, pairs.all_pairs).to_pylist() == [want]


@pytest.mark.parametrize(
    ("score", "margin"),
    [("float32", "float"), ("double", "double"), ("int32", "int32"), ("uint8", "int64"), ("bool", "int64")],
)
def test_schema_is_that_of_the_pairs(score: str, margin: str) -> None:
    kinds = [pa.date32(), pa.list_(pa.type_for_alias(score)), pa.large_list(pa.binary())]
    columns = [
        pa.array(values, kind)
        for values, kind in zip(
            [[7], [np.array([0, 1]).astype(score.replace("double", "float64"))], [[b"x", b"y"]]], kinds, strict=True
        )
    ]
    table = pa.table(columns, names=["day", "scores", "completions"])
    found = arrow.build_pairs(table, pairs.all_pairs, carry=("day",))
    assert found["margin"].to_pylist() == [1]
    assert found.schema == arrow.pairs_schema(table.schema, carry=("day",))
    assert [str(kind) for kind in found.schema.types] == ["date32[day]", "binary", "binary", margin]


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 100), max_size=5))
def test_pairs_of_any_split(cuts: list[int]) -> None:
    table = prompts(100)
    split = pa.concat_tables([arrow.build_pairs(part, BUILDER) for part in parts(table, cuts)])
    assert split.equals(arrow.build_pairs(table, BUILDER))
    assert arrow.build_pairs(pa.concat_tables(parts(table, cuts)), BUILDER).equals(split.combine_chunks())


@pytest.mark.parametrize(("state", "columns"), STATES.values(), ids=STATES)
@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 1000), max_size=5))
def test_states_of_any_split(state: Callable[[], Any], columns: dict[str, str], cuts: list[int]) -> None:
    """Batches of one table, and tables whose states are merged last to first, have the bits of one update."""
    whole = wire(state().update(**{param: ROWS[name].combine_chunks() for param, name in columns.items()}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrow, "ROWS", max([300, *cuts]))
        assert wire(arrow.reduce_table(pa.concat_tables(parts(ROWS, cuts)), state, columns=columns)) == whole
    total = state()
    for part in reversed(parts(ROWS, cuts)):
        total = total.merge(arrow.reduce_table(part, state, columns=columns))
    assert wire(total) == whole


def test_ratings_of_parts() -> None:
    """Cells and ratings have the bits of `from_votes` of all rows, which knows no states."""
    table = pa.concat_tables(parts(votes(), [1, 400, 777]))
    assert bits(arrow.reduce_table(table, ratings.ComparisonState, columns=VOTES).finish()) == bits_of_one_pass()
    coded = pa.table(
        {name: table[name].dictionary_encode() if name in "ab" else table[name] for name in VOTES.values()}
    )
    assert bits(arrow.reduce_table(coded, ratings.ComparisonState, columns=VOTES).finish()) == bits_of_one_pass()


def test_a_list_is_an_update_of_its_own() -> None:
    """Members of an ensemble come a row each, whatever the batches."""
    margins = np.random.default_rng(5).standard_normal((6, 4))
    table = pa.concat_tables(parts(pa.table({"member": margins.tolist()}), [1, 4]))
    state = arrow.reduce_table(table, partial(strength.MarginState, ddof=1), columns={"margins": "member"})
    for got, want in zip(state.finish(), strength.ensemble_margin_stats(margins, ddof=1), strict=True):
        np.testing.assert_array_equal(got, want)


def test_metric_of_each_group() -> None:
    """Each group's number is that of its rows alone; groups stand in order of first appearance."""
    found = arrow.group_metric(ROWS, metrics.kendall_tau, group="id", columns=TAU)
    ids, x, y = (ROWS[name].to_numpy() for name in ("id", *TAU.values()))
    assert found.column_names == ["group", "value"]
    assert found["group"].to_pylist() == list(dict.fromkeys(ids.tolist()))
    want = [metrics.kendall_tau(x[ids == group], y[ids == group]) for group in found["group"].to_pylist()]
    np.testing.assert_array_equal(found["value"].to_numpy(), want)
    split = pa.concat_tables(parts(ROWS, [1, 2, 500]))
    assert arrow.group_metric(split, metrics.kendall_tau, group="id", columns=TAU).equals(found)
    assert arrow.group_metric(ROWS.slice(0, 0), metrics.kendall_tau, group="id", columns=TAU).to_pylist() == []


def changed(**columns: Any) -> pa.Table:
    return pa.table({"prompt": ["p"], "scores": [[1.0, 2.0]], "completions": [["a", "b"]]} | columns)


ROW = {"scores": [1], "completions": ["a"]}  # a row per completion
NUMBERS = "must hold integers, float32 or float64, or lists of them"
Said = tuple[dict[str, Any], dict[str, Any], type[Exception], str]
TABLES: dict[str, Said] = {
    "name": ({}, {"scores": "r"}, DomainError, "scores must be a column, one of prompt, scores, completions, got 'r'"),
    "carry": ({}, {"carry": "prompt"}, TypeError, "carry must be a list of column names, got 'prompt'"),
    "clash": (
        {"margin": [1]},
        {"carry": ("margin",)},
        DomainError,
        "carry must hold each column once and none of chosen, rejected, margin, got 'margin'",
    ),
    "texts": ({"completions": ["ab"]}, {}, TypeError, "column 'completions' must hold lists like 'scores', got string"),
    "type": ({"scores": [["1", "2"]]}, {}, TypeError, f"column 'scores' {NUMBERS}, got string"),
    "view": (
        {"prompt": pa.array(["p"], pa.string_view())},
        {},
        TypeError,
        "column 'prompt' must be cast, as Arrow takes no rows of views, got string_view",
    ),
    "lengths": ({"scores": [[1.0]]}, {}, ShapeError, "scores[0] must have 2 entries like completions[0], got 1"),
    "null": ({"scores": [[1, None]]}, {}, DomainError, "scores[1] must be an integer, got null (1 nulls in all)"),
    "nan": ({"r": [[1.0, None]]}, {"scores": "r"}, DomainError, "(scores is column 'r')"),
    "no group": (
        ROW,
        {"carry": ()},
        DomainError,
        "carry must name what tells groups apart, as 'scores' holds no lists, got no column",
    ),
    "null group": (
        ROW | {"prompt": pa.array([None], pa.string())},
        {},
        DomainError,
        "prompt[0] must tell its group, got null (1 nulls in all)",
    ),
    "key": (
        ROW | {"prompt": [["p"]]},
        {},
        TypeError,
        "groups must be told by numbers or strings, got 'prompt' of list<",
    ),
}


@pytest.mark.parametrize(("columns", "names", "kind", "text"), TABLES.values(), ids=TABLES)
def test_what_is_said_of_tables(
    columns: dict[str, Any], names: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=re.escape(text)):
        arrow.build_pairs(changed(**columns), pairs.all_pairs, **names)


def test_what_is_said_of_builders() -> None:
    with pytest.raises(TypeError, match="builder must return Pairs, got a list"):
        arrow.build_pairs(changed(), lambda scores, offsets: [])  # noqa: ARG005
    with pytest.raises(TypeError, match="builder must be a function, got 3"):
        arrow.build_pairs(changed(), 3)


def test_what_is_said_of_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "ROWS", 2)
    table = pa.table({"p": [0.5, 0.5, 0.5, 0.1], "good": [1, 1, 1, 2]})
    curve = partial(metrics.CalibrationState, n_bins=2)
    where = "(probs is column 'p'; labels is column 'good'; row 0 of the batch is row 2 of the table)"
    with pytest.raises(DomainError, match=re.escape(f"labels[1] must be 0 or 1, got 2 {where}")):
        arrow.reduce_table(table, curve, columns={"probs": "p", "labels": "good"})
    with pytest.raises(DomainError, match=re.escape("columns['values'] must be a column, one of p, good, got 'q'")):
        arrow.reduce_table(table, metrics.MeanState, columns={"values": "q"})
    with pytest.raises(
        TypeError, match=re.escape("columns must map parameters to columns, as in {'scores': 'reward'}, got 'p'")
    ):
        arrow.reduce_table(table, metrics.MeanState, columns="p")
    with pytest.raises(TypeError, match="state must be a function, got MeanState"):
        arrow.reduce_table(table, metrics.MeanState(), columns={"values": "p"})
    with pytest.raises(TypeError, match="state must make a mergeable state, got a dict"):
        arrow.reduce_table(table, dict, columns={"values": "p"})
    mixed = pa.table({"p": [0.5], "m": [[0.5]]})
    with pytest.raises(TypeError, match="columns must all hold lists, or none, got 'p' of double, 'm' of list<"):
        arrow.reduce_table(mixed, curve, columns={"probs": "p", "labels": "m"})
    empty = pa.table({"m": pa.array([[0.5], None])})
    with pytest.raises(DomainError, match=re.escape("m[1] must be a list, got null (margins is column 'm')")):
        arrow.reduce_table(empty, partial(strength.MarginState, ddof=0), columns={"margins": "m"})


def test_what_is_said_of_metrics() -> None:
    text = "metric must give one number per group, [40], got [] of float64"
    with pytest.raises(ShapeError, match=re.escape(text)):
        arrow.group_metric(ROWS, lambda offsets, x: 1.0, group="id", columns={"x": "reward"})  # noqa: ARG005
    with pytest.raises(DomainError, match=r"group must be a column, one of a, b, .*, got 'query'"):
        arrow.group_metric(ROWS, metrics.kendall_tau, group="query", columns=TAU)
    with pytest.raises(TypeError, match=re.escape("(x is column 'a'; y is column 'grade')")):
        arrow.group_metric(ROWS, metrics.kendall_tau, group="id", columns={"x": "a", "y": "grade"})
