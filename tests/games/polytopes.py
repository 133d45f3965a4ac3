"""Sets of optimal strategies by brute force over bases, in rational numbers."""

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def solve(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction] | None:
    """Gauss and Jordan; None where the matrix is singular."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for c in range(len(rows)):
        r = next((r for r in range(c, len(rows)) if rows[r][c] != 0), None)
        if r is None:
            return None
        rows[c], rows[r] = rows[r], rows[c]
        rows[c] = [value / rows[c][c] for value in rows[c]]
        for other, row in enumerate(rows):
            if other != c and row[c] != 0:
                rows[other] = [x - row[c] * y for x, y in zip(row, rows[c], strict=True)]
    return [row[-1] for row in rows]


def optimal_columns(payoff: Any) -> tuple[float, Floats]:
    """Value, and the vertices [V, n] of the strategies y that hold every row to it: y >= 0, A y <= value, sum(y) = 1.

    They are the vertices (y, v) of y >= 0, v >= A y, sum(y) = 1 of least v.
    """
    rows = [[Fraction(x) for x in row] for row in np.asarray(payoff).tolist()]
    n = len(rows[0])
    bounds = [[Fraction(int(i == j)) for j in range(n)] + [Fraction(0)] for i in range(n)]
    bounds += [[-x for x in row] + [Fraction(1)] for row in rows]
    total = [Fraction(1)] * n + [Fraction(0)]
    found = set()
    for tight in itertools.combinations(bounds, n):
        point = solve([*tight, total], [Fraction(0)] * n + [Fraction(1)])
        if point is not None and all(sum(x * y for x, y in zip(bound, point, strict=True)) >= 0 for bound in bounds):
            found.add(tuple(point))
    value = min(point[-1] for point in found)
    return float(value), np.array([[float(x) for x in point[:-1]] for point in found if point[-1] == value])


def assert_largest_entropy(policy: Floats, vertices: Floats) -> None:
    """No vertex lies in a direction in which the entropy grows, which makes the policy the maximum of their hull."""
    played = (vertices > 0).any(0)
    np.testing.assert_array_equal(policy > 0, played)
    slopes = (vertices - policy)[:, played] @ -np.log(policy[played])
    assert slopes.max() < 1e-9, slopes.max()


def assert_center(policy: Floats, vertices: Floats, payoff: Any, value: float) -> None:
    """No vertex lies in a direction in which the product of probabilities and shortfalls grows."""
    matrix = np.asarray(payoff, dtype=np.float64)
    slack = np.concatenate([vertices, value - vertices @ matrix.T], axis=1)
    at = np.concatenate([policy, value - matrix @ policy])
    free = (slack > 1e-12).any(0)
    slopes = ((slack - at)[:, free] / at[free]).sum(1)
    assert np.abs(slopes).max() < 1e-7, slopes
