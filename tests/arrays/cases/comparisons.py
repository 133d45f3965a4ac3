"""Cases of `ratings` on comparisons: what takes a `Comparisons` is called through a way to build one."""

from typing import Any

import numpy as np

from arrays.array_case import ArrayCase
from prefcore import ratings

ROWS = {
    "first": np.array([0, 1, 2, 0, 3]),
    "second": np.array([1, 2, 0, 1, 0]),
    "outcomes": np.array([1.0, 0.5, 0.25, 0.0, 1.0]),
}
WINS = np.array([[0.0, 2.5, 1.0], [1.0, 0.0, 3.0], [2.0, 0.5, 0.0]])


def from_rows(function: Any) -> Any:
    return lambda **rows: function(ratings.Comparisons.from_outcomes(**rows))


def cells(comparisons: ratings.Comparisons) -> tuple[Any, ...]:
    return comparisons.first, comparisons.wins, comparisons.losses, comparisons.ties, comparisons.n_games


CASES = {
    "ratings.Comparisons.from_outcomes": ArrayCase(
        from_rows(cells),
        others={**ROWS, "weights": np.array([1.0, 2.0, 0.5, 1.0, 3.0]), "clusters": np.array([3, 3, 1, 2, 1])},
        result="other",
        no_nan=("outcomes", "weights"),
        same_length=("second", "outcomes", "weights", "clusters"),
    ),
    "ratings.Comparisons.from_matrix": ArrayCase(
        lambda wins, ties: cells(ratings.Comparisons.from_matrix(wins, ties=ties)),
        others={"wins": WINS, "ties": np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 2.0], [0.0, 2.0, 0.0]])},
        result="other",
        no_nan=("wins", "ties"),
    ),
    "ratings.counting": ArrayCase(from_rows(ratings.counting), others=ROWS, result="other"),
    "ratings.win_rate": ArrayCase(from_rows(ratings.win_rate), others=ROWS, result="other"),
    "ratings.average_win_rate": ArrayCase(from_rows(ratings.average_win_rate), others=ROWS, result="other"),
    "ratings.connectivity": ArrayCase(
        from_rows(lambda c: ratings.connectivity(c)[1:]), others=ROWS, result="other", same_length=("second",)
    ),
    "ratings.cyclic_triples": ArrayCase(
        lambda wins: ratings.cyclic_triples(ratings.Comparisons.from_matrix(wins)),
        others={"wins": WINS},
        result="other",
    ),
    "ratings.factorize": ArrayCase(
        ratings.factorize,
        others={"first": np.array(["b", "a", "b"]), "second": np.array(["c", "c", "a"])},
        result="other",
        same_length=("second",),
    ),
    "ratings.parse_winners": ArrayCase(
        ratings.parse_winners, others={"winners": np.array(["model_a", "tie", "b"])}, result="other"
    ),
}
