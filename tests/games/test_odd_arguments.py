"""Odd arguments of games, which newcomers tried."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prefcore import games
from prefcore.errors import ConvergenceError, DomainError, ShapeError

PAYOFF = [[0.5, 0.75, 0.375], [0.25, 0.5, 0.875], [0.625, 0.125, 0.5]]


def test_an_average_of_both_orders_that_fits_does_not_overflow() -> None:
    largest = np.finfo(np.float64).max
    np.testing.assert_array_equal(
        games.symmetrize([[0.0, largest], [-largest, 0.0]], constant=0.0), [[0.0, largest], [-largest, 0.0]]
    )


def test_scores_that_overflow_are_refused() -> None:
    with pytest.raises(DomainError, match=r"embeddings\[0\] must be so small .* got a largest entry of 1e\+200"):
        games.gpm_scores([[1e200, 0.0], [0.0, 1e200]])
    np.testing.assert_allclose(games.gpm_scores([[1e150, 0.0], [0.0, 1e150]])[0, 1], 1e300)


@pytest.mark.parametrize("solver", [games.regret_matching, games.regret_matching_plus, games.fictitious_play])
def test_slow_methods_name_the_gap_and_the_exact_one(solver: Callable[..., Any]) -> None:
    text = r"got residual 0\.00\d+ after 10000 iterations \(max_iter\); the residual is the duality gap: .*solve_nash"
    with pytest.raises(ConvergenceError, match=text) as error:
        solver(PAYOFF)
    assert error.value.result.gap < 1e-2


def test_blocks_of_another_number_say_what_offsets_ask_for() -> None:
    with pytest.raises(ShapeError, match=r"payoff must have 4 numbers, n \* n for each game of n actions, got 5"):
        games.solve_nash(np.zeros(5), offsets=[0, 2])
