"""`top_k_cosine` against sorting all cosines in float64."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

import prefcore
from prefcore.errors import DomainError, ShapeError
from prefcore.selection import top_k_cosine


@pytest.fixture(params=[1, 2, 3, 8])
def threads(request: Any) -> Iterator[int]:
    before = prefcore.get_num_threads()
    prefcore.set_num_threads(request.param)
    yield request.param
    prefcore.set_num_threads(before)


def cosines(pool: Any, queries: Any) -> Any:
    pool, queries = pool.astype(np.float64), queries.astype(np.float64)
    pool = pool / np.linalg.norm(pool, axis=1, keepdims=True)
    return queries / np.linalg.norm(queries, axis=1, keepdims=True) @ pool.T


def draw(rows: int, columns: int, dtype: Any = np.float64, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("pool_rows", "n_queries", "columns", "k"),
    [
        (1, 1, 1, 1),
        (15, 7, 3, 4),  # less than a tile of rows, more than one of queries
        (33, 5, 17, 40),  # k above the pool
        (3_000, 13, 64, 10),  # candidates are dropped; several threads
        (700, 3, 31, 350),
        (64, 4, 16, 0),
    ],
)
def test_neighbors_are_those_of_a_full_sort(pool_rows: int, n_queries: int, columns: int, k: int, dtype: Any) -> None:
    pool, queries = draw(pool_rows, columns, dtype), draw(n_queries, columns, dtype, seed=1)
    found, all_of_them = top_k_cosine(pool, queries, k=k), cosines(pool, queries)
    want = np.argsort(-all_of_them, axis=1, kind="stable")[:, :k]
    np.testing.assert_allclose(found.similarity, np.take_along_axis(all_of_them, want, 1), rtol=0, atol=1e-14)
    if columns > 1:
        np.testing.assert_array_equal(found.rows, want)


def test_distances_are_those_of_scikit_learn() -> None:
    pool, queries = draw(400, 12), draw(9, 12, seed=1)
    model = NearestNeighbors(n_neighbors=6, metric="cosine", algorithm="brute").fit(pool)
    distance, rows = model.kneighbors(queries)
    found = top_k_cosine(pool, queries, k=6)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(1 - found.similarity, distance, rtol=0, atol=1e-14)


def test_cosines_that_float32_cannot_tell_apart_are_in_order() -> None:
    """1 - cos of 1e-10 to 6e-10: all products are equal in float32, whose steps are 6e-8."""
    angles = np.random.default_rng(0).permutation(np.sqrt(np.linspace(2e-10, 12e-10, 600)))
    pool = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = top_k_cosine(pool, [[1.0, 0.0]], k=5)
    assert found.rows[0].tolist() == np.argsort(angles)[:5].tolist()


def test_equal_rows_come_in_their_order() -> None:
    row = draw(1, 40)
    found = top_k_cosine(np.repeat(row, 5_000, axis=0), row, k=7)
    assert found.rows.tolist() == [list(range(7))]
    assert len(set(found.similarity[0].tolist())) == 1
    powers = row * 2.0 ** np.arange(-600, 600, 60)[:, None]  # a power of two changes no bit of a cosine
    assert top_k_cosine(powers, row, k=20).rows.tolist() == [list(range(20))]


def test_numbers_near_the_ends_of_float64_have_a_direction() -> None:
    pool = np.array([[1e-320, 0.0], [3e300, 4e300], [0.0, -1e-200], [1.7e308, 1.7e308]])
    found = top_k_cosine(pool, [[1e308, 0.0], [0.0, 5e-324]], k=4)
    assert found.rows.tolist() == [[0, 3, 1, 2], [1, 3, 0, 2]]
    np.testing.assert_allclose(found.similarity, [[1, 0.5**0.5, 0.6, 0], [0.8, 0.5**0.5, 0, -1]], rtol=1e-15, atol=0)


def test_no_bit_depends_on_threads_or_on_the_other_queries(threads: int) -> None:
    pool, queries = draw(3_000, 24, np.float32), draw(50, 24, np.float32, seed=1)
    found = top_k_cosine(pool, queries, k=5)
    for some in (slice(0, 1), slice(7, 20), slice(49, 50)):
        alone = top_k_cosine(pool, queries[some], k=5)
        np.testing.assert_array_equal(alone.rows, found.rows[some])
        np.testing.assert_array_equal(alone.similarity, found.similarity[some])
    exact = top_k_cosine(pool.astype(np.float64), queries.astype(np.float64), k=5)
    np.testing.assert_array_equal(exact.similarity, found.similarity)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 5), st.integers(0, 8), st.integers(0, 2**32 - 1))
def test_coarse_grids_with_many_ties(pool_rows: int, n_queries: int, columns: int, k: int, seed: int) -> None:
    """Entries of -1, 0, 1: equal angles whose cosines differ in the last bit may be in any order."""
    rng = np.random.default_rng(seed)
    pool, queries = (rng.integers(-1, 2, size=(rows, columns)) for rows in (pool_rows, n_queries))
    pool[:, 0] = queries[:, 0] = 1
    found, want = top_k_cosine(pool, queries, k=k), cosines(pool, queries)
    highest = -np.sort(-want, axis=1)[:, :k]
    np.testing.assert_allclose(found.similarity, highest, rtol=0, atol=1e-15)
    np.testing.assert_allclose(np.take_along_axis(want, found.rows, 1), highest, rtol=0, atol=1e-15)
    falling = found.similarity[:, :-1] >= found.similarity[:, 1:]
    equal = found.similarity[:, :-1] == found.similarity[:, 1:]
    assert falling.all()
    assert (found.rows[:, :-1] < found.rows[:, 1:])[equal].all()


def test_more_queries_than_a_block() -> None:
    """k = 3 000 leaves room for a thousand queries at a time."""
    pool, queries = draw(3_000, 2), draw(2_000, 2, seed=1)
    found = top_k_cosine(pool, queries, k=3_000)
    assert (np.sort(found.rows, axis=1) == np.arange(3_000)).all()
    np.testing.assert_allclose(
        found.similarity[::97], -np.sort(-cosines(pool, queries[::97]), axis=1), rtol=0, atol=1e-15
    )


def test_nothing_in_gives_nothing() -> None:
    assert top_k_cosine(np.zeros((0, 3)), np.ones((2, 3)), k=4).rows.shape == (2, 0)
    assert top_k_cosine(np.ones((2, 3)), np.zeros((0, 3)), k=4).similarity.shape == (0, 2)


@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (
            DomainError,
            lambda: top_k_cosine([[1.0], [0.0]], [[1.0]], k=1),
            r"pool\[1\] must be a vector with a direction",
        ),
        (DomainError, lambda: top_k_cosine([[1.0]], [[1.0], [-0.0]], k=1), r"queries\[1\] must be .* got zeros"),
        (
            DomainError,
            lambda: top_k_cosine([[1.0, np.inf]], [[1.0, 1.0]], k=1),
            r"pool\[0, 1\] must be a finite .* got inf",
        ),
        (DomainError, lambda: top_k_cosine([[1.0]], [[1.0]], k=-1), r"k must be 0 to "),
        (ShapeError, lambda: top_k_cosine([[1.0, 2.0]], [[1.0]], k=1), "queries must have 2 columns like pool, got 1"),
        (ShapeError, lambda: top_k_cosine([1.0], [[1.0]], k=1), r"pool must be \[rows, columns\] .* got shape \[1\]"),
        (ShapeError, lambda: top_k_cosine(np.zeros((2, 0)), np.zeros((2, 0)), k=1), "with at least one column"),
    ],
)
def test_bad_arguments_are_named(error: Any, call: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
