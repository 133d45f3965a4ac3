"""Length-controlled win rate against its definition, scipy and the raw win rate."""

from typing import Any

import numpy as np
import pytest
import scipy.optimize
from scipy.special import expit

from prefcore.errors import ConvergenceError, DomainError, RankDeficientError, SeparationError, ShapeError
from prefcore.metrics import length_controlled_win_rate

RNG = np.random.default_rng(0)
N = 200
OUTCOMES = RNG.beta(2, 1, size=N)
LENGTHS, BASELINE = RNG.integers(200, 4000, size=(2, N))
DIFFICULTY = RNG.normal(size=N)


def test_the_rate_is_that_of_a_direct_fit() -> None:
    gap = BASELINE - LENGTHS
    x = np.column_stack([np.ones(N), np.tanh(gap / gap.std(ddof=1)), DIFFICULTY])

    def loss(coef: Any) -> Any:
        eta = x @ coef
        return (np.logaddexp(0, eta) - OUTCOMES * eta).sum(), x.T @ (expit(eta) - OUTCOMES)

    want = scipy.optimize.minimize(loss, np.zeros(3), jac=True, options={"gtol": 1e-9}).x
    found = length_controlled_win_rate(OUTCOMES, LENGTHS, BASELINE, difficulty=DIFFICULTY)
    np.testing.assert_allclose(found.coef, want, atol=1e-7)
    assert found.rate == pytest.approx(expit(want[0] + want[2] * DIFFICULTY).mean(), abs=1e-8)
    assert found.raw_rate == pytest.approx(OUTCOMES.mean(), rel=1e-15)


def test_without_an_effect_of_length_it_is_the_win_rate_with_its_standard_error() -> None:
    """Every outcome once with a longer and once with a shorter answer."""
    outcomes = np.tile(OUTCOMES, 2)
    gap = np.concatenate([LENGTHS, -LENGTHS])
    found = length_controlled_win_rate(outcomes, 5000 - gap, np.full(2 * N, 5000))
    assert found.coef[1] == pytest.approx(0.0, abs=1e-12)
    assert found.rate == pytest.approx(outcomes.mean(), rel=1e-12)
    assert found.std_error == pytest.approx(outcomes.std() / np.sqrt(2 * N), rel=1e-12)


def test_the_standard_error_is_the_spread_over_resamples() -> None:
    def rate(rows: Any) -> float:
        return length_controlled_win_rate(OUTCOMES[rows], LENGTHS[rows], BASELINE[rows]).rate

    spread = np.std([rate(RNG.integers(0, N, size=N)) for _ in range(400)])
    found = length_controlled_win_rate(OUTCOMES, LENGTHS, BASELINE)
    assert found.std_error == pytest.approx(spread, rel=0.15)


def test_a_judge_that_likes_length_loses_that_part() -> None:
    gap = LENGTHS - BASELINE
    likes = expit(gap / gap.std(ddof=1))
    longer = gap > 0
    found = length_controlled_win_rate(likes[longer], LENGTHS[longer], BASELINE[longer])
    assert found.raw_rate > 0.6
    assert found.rate == pytest.approx(0.5, abs=0.1)
    assert found.coef[1] < 0


@pytest.mark.parametrize(
    ("changed", "error", "match"),
    [
        ({"outcomes": [0.5, 1.5, 0.2]}, DomainError, r"outcomes\[1\] must be a number in \[0, 1\], got 1.5"),
        ({"lengths": [1, -1, 2]}, DomainError, r"lengths\[1\] must be a finite number >= 0, got -1"),
        ({"lengths": [2, 2, 2]}, DomainError, "baseline_lengths - lengths must differ between rows, got 3 in all"),
        ({"difficulty": [1, 1, 1]}, RankDeficientError, "^difficulty must not depend on the others"),
        ({"outcomes": [1, 1, 1]}, SeparationError, "^outcomes must not all be 1"),
        ({"max_iter": 0}, ConvergenceError, "residual <= tol"),
    ],
)
def test_errors(changed: dict[str, Any], error: type[Exception], match: str) -> None:
    given = {"outcomes": [0.5, 0.9, 0.2], "lengths": [1, 2, 3], "baseline_lengths": [5, 5, 5]}
    with pytest.raises(error, match=match):
        length_controlled_win_rate(**{**given, **changed})


def test_one_row_has_no_spread() -> None:
    with pytest.raises(ShapeError, match="outcomes must have at least 2 rows, got 1"):
        length_controlled_win_rate([0.5], [1], [2])
