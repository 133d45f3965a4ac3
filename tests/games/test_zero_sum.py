"""`games.solve_zero_sum` against linear programs, brute force in rational numbers, and `solve_nash`."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

import recipes
from games.polytopes import assert_center, assert_largest_entropy, optimal_columns
from prefcore.errors import DomainError, ShapeError
from prefcore.games import solve_nash, solve_zero_sum

Floats = NDArray[np.float64]
quick = settings(max_examples=60, deadline=None)

#: 1 to 3 rows, 1 to 4 columns, payoffs -2 to 2: many have several solutions
SMALL = st.tuples(st.integers(1, 3), st.integers(1, 4)).flatmap(
    lambda shape: st.lists(st.integers(-2, 2), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]).map(
        lambda values: np.array(values, dtype=np.float64).reshape(shape)
    )
)


def maximin(payoff: Floats) -> tuple[float, Floats]:
    """Value and row strategy of the linear program."""
    m, n = payoff.shape
    bounds = [(0, None)] * m + [(None, None)]
    program = linprog(
        np.r_[np.zeros(m), -1.0],
        A_ub=np.c_[-payoff.T, np.ones(n)],
        b_ub=np.zeros(n),
        A_eq=np.r_[np.ones(m), 0.0][None],
        b_eq=[1],
        bounds=bounds,
        method="highs",
    )
    return -program.fun, program.x[:m]


@pytest.mark.parametrize("shape", [(2, 2), (1, 9), (9, 1), (3, 40), (40, 3), (25, 31), (150, 290)])
def test_a_linear_program_finds_the_same(shape: tuple[int, int]) -> None:
    """The largest goes to the interior point."""
    payoff = np.random.default_rng(sum(shape)).normal(size=shape) * 3 + 1
    result = solve_zero_sum(payoff)
    value, row = maximin(payoff)
    np.testing.assert_allclose(result.value, value, atol=1e-9)
    np.testing.assert_allclose(result.row, row, atol=1e-8)
    assert result.unique
    assert result.gap == result.gap0 == result.residual < 1e-12
    assert (payoff @ result.column).max() - (result.row @ payoff).min() < 1e-12
    np.testing.assert_allclose([result.row.sum(), result.column.sum()], 1, rtol=1e-14)


@quick
@given(SMALL)
def test_brute_force_finds_the_same_sets(payoff: Floats) -> None:
    value, columns = optimal_columns(payoff)
    lowest, rows = optimal_columns(-payoff.T)
    assert value == pytest.approx(-lowest, abs=1e-12)
    result, center, vertex = (solve_zero_sum(payoff, selection=s) for s in ("max_entropy", "center", "vertex"))
    assert result.value == pytest.approx(value, abs=1e-12)
    assert result.unique == (len(columns) == 1 and len(rows) == 1)
    assert_largest_entropy(result.column, columns)
    assert_largest_entropy(result.row, rows)
    assert_center(center.column, columns, payoff, value)
    assert_center(center.row, rows, -payoff.T, -value)
    assert np.abs(columns - vertex.column).max(1).min() < 1e-12
    assert np.abs(rows - vertex.row).max(1).min() < 1e-12


@pytest.mark.parametrize("payoff", [recipes.uniform(31, 5), recipes.uniform(15, 8) - 0.5, recipes.tournament(9, 2)])
def test_a_symmetric_game_has_the_equilibrium_of_solve_nash(payoff: Floats) -> None:
    result, nash = solve_zero_sum(payoff), solve_nash(payoff)
    np.testing.assert_allclose(result.row, nash.policy, atol=1e-12)
    np.testing.assert_allclose(result.column, nash.policy, atol=1e-12)
    np.testing.assert_allclose(result.value, nash.value, atol=1e-14)


def test_players_that_change_places_change_strategies() -> None:
    payoff = np.random.default_rng(4).integers(-3, 4, (6, 9)).astype(np.float64)
    result, other = solve_zero_sum(payoff), solve_zero_sum(-payoff.T)
    np.testing.assert_allclose(other.row, result.column, atol=1e-10)
    np.testing.assert_allclose(other.column, result.row, atol=1e-10)
    np.testing.assert_allclose(other.value, -result.value, atol=1e-13)


def test_large_games_with_copies_of_columns_share_evenly() -> None:
    payoff = np.random.default_rng(1).normal(size=(60, 190))
    once, twice = solve_zero_sum(payoff), solve_zero_sum(np.tile(payoff, (1, 2)))
    assert once.unique
    assert not twice.unique
    np.testing.assert_allclose(twice.column, np.tile(once.column / 2, 2), atol=1e-11)
    np.testing.assert_allclose(twice.row, once.row, atol=1e-11)


@pytest.mark.parametrize(("scale", "shift"), [(1e-6, 0.0), (1.0, 1e3), (1e6, -1e6), (1e300, 0.0)])
def test_units_and_origin_of_the_payoff_do_not_matter(scale: float, shift: float) -> None:
    payoff = np.random.default_rng(2).normal(size=(7, 11))
    result, plain = solve_zero_sum(payoff * scale + shift), solve_zero_sum(payoff)
    np.testing.assert_allclose(result.row, plain.row, atol=1e-9)
    np.testing.assert_allclose(result.value, plain.value * scale + shift, rtol=1e-9)
    assert result.converged
    assert result.status == ("floor" if result.gap > 1e-10 else "converged")


def test_one_payoff_everywhere_leaves_all_choices() -> None:
    result = solve_zero_sum(np.full((2, 4), -3.0))
    np.testing.assert_allclose(result.row, [0.5, 0.5], rtol=1e-15)
    np.testing.assert_allclose(result.column, [0.25] * 4, rtol=1e-15)
    assert (result.value, result.gap, result.unique, result.iterations) == (-3.0, 0.0, False, 0)


def test_a_batch_gives_what_each_game_gives() -> None:
    batch = np.random.default_rng(3).integers(-2, 3, (40, 3, 5)).astype(np.float64)
    result = solve_zero_sum(batch)
    assert result.log_row.shape == (40, 3)
    assert result.log_column.shape == (40, 5)
    for g, payoff in enumerate(batch):
        alone = solve_zero_sum(payoff)
        np.testing.assert_array_equal(result.log_row[g], alone.log_row)
        np.testing.assert_array_equal(result.log_column[g], alone.log_column)
        assert (result.value[g], result.unique[g]) == (alone.value, alone.unique)


@pytest.mark.parametrize(
    ("payoff", "options", "error", "match"),
    [
        ([1.0, 2.0], {}, ShapeError, r"payoff must be \[m, n\] or \[B, m, n\].*got shape \[2\]"),
        (np.empty((2, 0)), {}, ShapeError, r"at least one row and column, got shape \[2, 0\]"),
        ([[1.0, np.inf]], {}, DomainError, r"payoff\[0, 1\] must be a finite number, got inf"),
        ([[[1.0], [np.nan]]], {}, DomainError, r"payoff\[0, 1, 0\] must be a finite number, got NaN"),
        (
            [[1.0]],
            {"selection": None},
            DomainError,
            "selection must be 'max_entropy' or 'center' or 'vertex', got None",
        ),
        ([[1.0]], {"tol": -1e-9}, DomainError, r"tol must be a number >= 0, got -1e-09"),
        ([[1.0]], {"strict": None}, TypeError, "strict must be True or False, got None"),
    ],
)
def test_what_is_wrong_is_named(payoff: Any, options: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        solve_zero_sum(payoff, **options)
