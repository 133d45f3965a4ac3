"""`Comparisons` against dictionaries filled row by row."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prefcore
import recipes
from prefcore.errors import DomainError, ShapeError
from prefcore.ratings import Comparisons

ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 5), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.sampled_from([0, 1, 2])),
    max_size=30,
)


def columns(rows: list[tuple[int, int, float, int]]) -> tuple[Any, Any, Any, Any]:
    """First, second (never the first), outcomes, weights."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    first = table[:, 0].astype(np.int64)
    return first, (first + table[:, 1].astype(np.int64)) % 6, table[:, 2], table[:, 3]


def naive(first: Any, second: Any, outcomes: Any, weights: Any) -> tuple[Any, Any]:
    """Wins of the row over the column, and ties, one comparison after the other."""
    wins, ties = np.zeros((6, 6)), np.zeros((6, 6))
    for i, j, outcome, weight in zip(first, second, outcomes, weights, strict=True):
        if outcome == 0.5:
            ties[i, j] += weight
            ties[j, i] += weight
        else:
            wins[i, j] += weight * outcome
            wins[j, i] += weight * (1 - outcome)
    return wins, ties


def check(c: Comparisons, wins: Any, ties: Any) -> None:
    """The record holds these matrices, its cells are sorted, and its units sum up to them."""
    n = len(wins)
    np.testing.assert_array_equal(c.win_matrix(), wins)
    np.testing.assert_array_equal(c.votes(), wins + ties / 2)
    np.testing.assert_array_equal(c.n_games, (wins + wins.T + ties).sum(axis=1))
    assert np.all(c.first < c.second)
    assert np.all(np.diff(c.first * n + c.second) > 0)
    units = c._units
    total = units.weight * units.count
    again = np.zeros((n, n))
    np.add.at(again, (c.first[units.cell], c.second[units.cell]), total * units.outcome)
    np.add.at(again, (c.second[units.cell], c.first[units.cell]), total * (1 - units.outcome))
    np.testing.assert_allclose(again, wins + ties / 2, rtol=1e-14)
    keys = list(zip(units.cell, units.outcome, units.weight, strict=True))
    assert keys == sorted(keys)


@given(ROWS)
def test_rows_are_gathered_as_a_loop_does(rows: list[tuple[int, int, float, int]]) -> None:
    first, second, outcomes, weights = columns(rows)
    c = Comparisons.from_outcomes(first, second, outcomes, weights=weights, n_items=6)
    check(c, *naive(first, second, outcomes, weights))


@given(ROWS, st.permutations(range(6)))
def test_select_is_gathering_the_rows_among_the_items(rows: list[Any], order: list[int]) -> None:
    first, second, outcomes, weights = columns(rows)
    chosen = order[:4]
    wins, ties = (matrix[np.ix_(chosen, chosen)] for matrix in naive(first, second, outcomes, weights))
    c = Comparisons.from_outcomes(first, second, outcomes, weights=weights, names=list("abcdef")).select(chosen)
    check(c, wins, ties)
    assert c.names == tuple("abcdef"[item] for item in chosen)


@given(ROWS)
def test_swapped_and_drop_ties(rows: list[Any]) -> None:
    first, second, outcomes, weights = columns(rows)
    c = Comparisons.from_outcomes(first, second, outcomes, weights=weights, n_items=6)
    wins, ties = naive(first, second, outcomes, weights)
    check(c.swapped(), wins.T, ties)
    check(c.drop_ties(), wins, np.zeros((6, 6)))


def test_units_are_rows_that_are_alike() -> None:
    first, second = np.array([0, 1, 0, 0, 0, 0]), np.array([1, 0, 1, 1, 1, 2])
    judges = ["x", "y", "x", "x", "y", "z"]
    c = Comparisons.from_outcomes(first, second, [1, 0, 1, 1, 1, 0.5], weights=[1, 1, 1, 2, 1, 1], clusters=judges)
    pairs = (c._units.cell, c._units.outcome, c._units.weight, c._units.cluster)
    got = dict(zip(zip(*pairs, strict=True), c._units.count.tolist(), strict=True))
    assert got == Counter({(0, 1, 1, 0): 2, (0, 1, 1, 1): 2, (0, 1, 2, 0): 1, (1, 0.5, 1, 2): 1})
    assert c.n_clusters == 3
    assert c.drop_ties().n_clusters == 2


@pytest.mark.parametrize("options", [(), ("weights",), ("weights", "clusters")])
def test_bits_depend_neither_on_threads_nor_on_the_order_of_rows(options: tuple[str, ...]) -> None:
    """150,000 rows: enough work for several threads."""
    first, second, outcomes = recipes.duel(30, 150_000, 5)
    given = {"weights": recipes.feature(150_000, 6) + 1, "clusters": np.arange(150_000) % 7}
    given = {name: given[name] for name in options}
    before, seen = prefcore.get_num_threads(), set()
    order = np.random.default_rng(0).permutation(150_000)
    try:
        for threads in (1, 2, 5):
            prefcore.set_num_threads(threads)
            for rows in (np.arange(150_000), order):
                mixed = {name: column[rows] for name, column in given.items()}
                c = Comparisons.from_outcomes(first[rows], second[rows], outcomes[rows], **mixed)
                columns = (c.first, c.wins, c.losses, c.ties, c._units.cell, c._units.weight, c._units.count)
                seen.add(b"".join(column.tobytes() for column in columns))
    finally:
        prefcore.set_num_threads(before)
    assert len(seen) == 1


def test_preference_matrix() -> None:
    c = Comparisons.from_outcomes([0, 0, 0], [1, 1, 1], [1.0, 0.5, 0.0], n_items=3)
    want = [[0.5, 0.5, 0.25], [0.5, 0.5, 0.25], [0.25, 0.25, 0.5]]
    np.testing.assert_array_equal(c.preference_matrix(unmet=0.25), want)
    with pytest.raises(DomainError, match=r"unmet must be a number from 0 to 1, or NaN, got 2"):
        c.preference_matrix(unmet=2)


def test_matrices_hold_what_rows_do() -> None:
    wins, ties = np.array([[0, 3, 0], [1, 0, 2.5], [0, 0, 0]]), np.array([[0, 0, 1], [0, 0, 0], [1.0, 0, 0]])
    c = Comparisons.from_matrix(wins, ties=ties, names=["a", "b", "c"])
    check(c, wins, ties)
    assert c._units.count.tolist() == [1, 3, 1, 1]
    assert c._units.weight.tolist() == [1, 1, 1, 2.5]


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"second": [1, 0]}, DomainError, r"second\[1\] must be another item than first\[1\], got 0 in both"),
        ({"first": [0, -1]}, DomainError, r"first\[1\] must be an item, 0 to 2, got -1"),
        ({"second": [1, 3], "n_items": 3}, DomainError, r"second\[1\] must be an item, 0 to 2, got 3"),
        ({"outcomes": [1.0, np.nan]}, DomainError, r"outcomes\[1\] must be a number from 0 to 1, got NaN"),
        ({"outcomes": [1.5, 0]}, DomainError, r"outcomes\[0\] must be a number from 0 to 1, got 1.5"),
        ({"weights": [1, -2]}, DomainError, r"weights\[1\] must be 0 or a number from 1e-100 to 1e100, got -2"),
        ({"weights": [1]}, ShapeError, r"weights must have shape \[2\] like first, got \[1\]"),
        ({"clusters": [1]}, ShapeError, r"clusters must have shape \[2\] like first, got \[1\]"),
        ({"names": ["a", "b"]}, DomainError, r"second\[1\] must be an item, 0 to 1, got 2"),
        ({"names": ["a", "b", "a"]}, DomainError, r"names\[2\] must be a name of its own, got 'a' of names\[0\]"),
        ({"names": ["a", "b"], "n_items": 3}, ShapeError, r"names must have length 3 like the items, got 2"),
        ({"first": [0.0, 1.0]}, TypeError, "first must hold integers"),
        ({"n_items": 2.0}, TypeError, "n_items must be an integer"),
    ],
)
def test_rows_that_are_refused(change: dict[str, Any], error: type[Exception], text: str) -> None:
    rows = {"first": [0, 0], "second": [1, 2], "outcomes": [1.0, 0.5], **change}
    with pytest.raises(error, match=text):
        Comparisons.from_outcomes(**rows)


@pytest.mark.parametrize(
    ("matrices", "error", "text"),
    [
        ({"wins": [[0, 1]]}, ShapeError, r"wins must be square, got \[1, 2\]"),
        ({"wins": [[1, 1], [1, 0]]}, DomainError, r"wins\[0, 0\] must be 0 on the diagonal, got 1"),
        ({"wins": [[0, -1], [1, 0]]}, DomainError, r"wins\[0, 1\] must be a finite number >= 0, got -1"),
        ({"wins": np.zeros((2, 2)), "ties": [[0, 1], [2, 0]]}, DomainError, r"ties\[0, 1\] must be symmetric, got 1"),
    ],
)
def test_matrices_that_are_refused(matrices: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        Comparisons.from_matrix(**matrices)


@pytest.mark.parametrize(("items", "text"), [([0, 3], r"items\[1\] must be an item, 0 to 2"), ([1, 1], "each once")])
def test_items_that_cannot_be_selected(items: list[int], text: str) -> None:
    with pytest.raises(DomainError, match=text):
        Comparisons.from_outcomes([0], [1], [1.0], n_items=3).select(items)


def test_nobody_met() -> None:
    c = Comparisons.from_outcomes([], [], [])
    assert (c.n_items, c.win_matrix().shape, c.n_games.size) == (0, (0, 0), 0)
    assert repr(Comparisons.from_matrix([[0.0]])) == "Comparisons: 1 items, 0 pairs that met, 0 games (0 ties)"


@pytest.mark.parametrize("highest", [1, 126, 127, 128, 300])
def test_the_number_of_items_is_found_as_if_it_were_given(highest: int) -> None:
    """Tables of up to 128 items are filled before the highest is known."""
    rng = np.random.default_rng(highest)
    first = rng.integers(0, highest, 5_000)
    second = first + 1
    first[4_999], second[4_999] = 0, highest
    outcomes = rng.choice([0.0, 0.5, 1.0], 5_000)
    found = Comparisons.from_outcomes(first, second, outcomes)
    given = Comparisons.from_outcomes(first, second, outcomes, n_items=highest + 1)
    assert found.n_items == highest + 1
    for name in ("first", "second", "wins", "losses", "ties"):
        np.testing.assert_array_equal(getattr(found, name), getattr(given, name), err_msg=name)
