"""Strings to numbers: the same from whatever holds them, and errors that name the row."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefcore import ratings
from prefcore.errors import DomainError, ShapeError

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
FIRST = ["b", "Ω", "a", "b", "mm", "a"]
SECOND = ["a", "b", "mm", "c", "b", "b"]


def pandas_series(x: list[Any], **options: Any) -> Any:
    return pytest.importorskip("pandas").Series(x, **options)


def polars_series(x: list[Any], dtype: str) -> Any:
    polars = pytest.importorskip("polars")
    return polars.Series(x, dtype=getattr(polars, dtype))


def arrow(x: list[Any]) -> Any:
    return pytest.importorskip("pyarrow").array(x)


def arrow_chunks(x: list[Any], *, dictionary: bool) -> Any:
    pa = pytest.importorskip("pyarrow")
    parts = [pa.array(x[:2], pa.string()), pa.array(x[2:], pa.string())]
    return pa.chunked_array([part.dictionary_encode() for part in parts] if dictionary else parts)


HOLDERS: dict[str, Callable[[list[Any]], Any]] = {
    "list": lambda x: x,
    "tuple": tuple,
    "unicode": np.array,
    "big-endian": lambda x: np.array(x).astype(np.array(x).dtype.newbyteorder(">")),
    "strided": lambda x: np.repeat(np.array(x), 2)[::2],
    "object": lambda x: np.array(x, dtype=object),
    "StringDType": lambda x: np.array(x, dtype=np.dtypes.StringDType()),
    "pandas object": lambda x: pandas_series(x, dtype=object),
    "pandas string": lambda x: pandas_series(x, dtype="string"),
    "pandas default": pandas_series,
    "pandas arrow": lambda x: pandas_series(x, dtype="string[pyarrow]"),
    "pandas category": lambda x: pandas_series([*x, "unused"], dtype="category").iloc[:-1],
    "polars": lambda x: polars_series(x, "String"),
    "polars category": lambda x: polars_series(x, "Categorical"),
    "arrow": arrow,
    "arrow slice": lambda x: arrow(["other", *x]).slice(1),
    "arrow dictionary": lambda x: arrow(x).dictionary_encode(),
    "arrow chunks": lambda x: arrow_chunks(x, dictionary=False),
    "arrow dictionary chunks": lambda x: arrow_chunks(x, dictionary=True),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_any_holder_gives_the_same_numbers(holder: str) -> None:
    got = ratings.factorize(HOLDERS[holder](FIRST), SECOND)
    assert got.names == ("a", "b", "c", "mm", "Ω")
    np.testing.assert_array_equal(got.first, [1, 4, 0, 1, 3, 0])
    np.testing.assert_array_equal(got.second, [0, 1, 3, 2, 1, 1])


@pytest.mark.parametrize(
    "holder", [name for name in HOLDERS if "pandas" in name or "polars" in name or "arrow" in name]
)
def test_a_null_is_named(holder: str) -> None:
    with pytest.raises(DomainError, match=r"second\[2\] must be a string, got (null|nan|None|<NA>)"):
        ratings.factorize(FIRST[:3], HOLDERS[holder](["a", "b", None]))


@given(st.lists(st.tuples(TEXTS, TEXTS)))
def test_factorize_is_a_lookup_in_the_sorted_names(rows: list[tuple[str, str]]) -> None:
    names = sorted({name for row in rows for name in row})
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    for hold in (list, lambda x: np.array(x, dtype=object), lambda x: np.array(x, dtype=np.str_)):
        got = ratings.factorize(hold(first), hold(second))
        assert got.names == tuple(names)
        assert got.first.tolist() == [names.index(name) for name in first]
        assert got.second.tolist() == [names.index(name) for name in second]


def test_equal_strings_at_many_addresses_share_a_number() -> None:
    """More objects than the cache of addresses has slots."""
    first = np.array(["item " + str(row % 7) for row in range(5_000)], dtype=object)
    got = ratings.factorize(first, first)
    np.testing.assert_array_equal(got.first, np.arange(5_000) % 7)


@pytest.mark.parametrize(
    ("first", "error", "text"),
    [
        (["a", None], DomainError, r"first\[1\] must be a string, got None"),
        (["a", 3], DomainError, r"first\[1\] must be a string, got 3"),
        (["a", "\ud800"], DomainError, r"first\[1\] must be a string, got '\\ud800'"),
        ([1, 2], DomainError, r"first\[0\] must be a string, got 1"),
        (np.array([1, 2]), TypeError, "first must hold strings, got dtype int64"),
        (["a"], ShapeError, r"second must have shape \[1\] like first, got \[2\]"),
        (np.array([["a", "b"]]), ShapeError, "first must be 1-D, got 2-D"),
    ],
)
def test_what_is_no_column_of_strings(first: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        ratings.factorize(first, ["x", "y"])


def test_rt_03_every_label_of_an_arena_counts_and_another_one_is_named() -> None:
    """RT-03: 'tie (bothbad)' is a tie, and an unknown label stops the run with its row."""
    labels = ["model_a", "tie (bothbad)", "model_b", "tie", "model_a"]
    np.testing.assert_array_equal(ratings.parse_winners(labels), [1, 0.5, 0, 0.5, 1])
    with pytest.raises(DomainError, match=r"winners\[5\] must be one of 'model_a', 'a', .*, got 'gpt-4'"):
        ratings.parse_winners([*labels, "gpt-4", "other"])
    np.testing.assert_array_equal(ratings.parse_winners(["a", "b", "both_bad", "draw"]), [1, 0, 0.5, 0.5])
    with pytest.raises(DomainError, match=r"winners\[1\] must be a string, got None"):
        ratings.parse_winners(["a", None])
    with pytest.raises(TypeError, match="winners must hold strings, got dtype float64"):
        ratings.parse_winners(np.array([1.0, 0.0]))


def test_votes_are_outcomes_of_sorted_names() -> None:
    first, second = ["b", "a", "c"], ["a", "c", "b"]
    votes = ratings.Comparisons.from_votes(first, second, ["model_a", "draw", "b"], clusters=["q", "p", "q"])
    np.testing.assert_array_equal(votes.win_matrix(), [[0, 0, 0], [1, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(votes.ties, [0, 1, 0])
    assert (votes.names, votes.n_clusters) == (("a", "b", "c"), 2)
    assert votes._units.cluster is not None
    assert votes._units.cluster.tolist() == [1, 0, 1]
    with pytest.raises(ShapeError, match=r"outcomes must have shape \[3\] like first, got \[1\]"):
        ratings.Comparisons.from_votes(first, second, ["a"])
    with pytest.raises(DomainError, match=r"second\[0\] must be another item than first\[0\], got 0 in both"):
        ratings.Comparisons.from_votes(["x"], ["x"], ["a"])
