"""What the voting rules refuse, and in which words."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prefcore import games
from prefcore.errors import DomainError, ShapeError

RULES: dict[str, Callable[[Any], Any]] = {
    "borda": games.borda,
    "copeland": lambda votes: games.copeland(votes, ties=0),
    "minimax": games.minimax,
    "schulze": games.schulze,
    "ranked_pairs": games.ranked_pairs,
    "kemeny": games.kemeny,
}


@pytest.mark.parametrize("rule", RULES)
def test_a_table_that_counts_no_votes_is_refused(rule: str) -> None:
    with pytest.raises(ShapeError, match=r"votes must be \[n, n\] with n >= 1, got shape \[2, 3\]"):
        RULES[rule]([[0, 1, 2], [1, 0, 2]])
    with pytest.raises(ShapeError, match=r"votes must be \[n, n\] with n >= 1, got shape \[0, 0\]"):
        RULES[rule](np.zeros((0, 0)))
    with pytest.raises(DomainError, match=r"votes\[1, 0\] must be a finite number >= 0, got -1"):
        RULES[rule]([[0, 1], [-1, 0]])
    with pytest.raises(DomainError, match=r"votes\[0, 1\] must be a finite number >= 0, got inf"):
        RULES[rule]([[0, float("inf")], [1, 0]])
    with pytest.raises(DomainError, match=r"votes\[0, 0\] must be 0 on the diagonal, .*, got 0.5"):
        RULES[rule]([[0.5, 0.7], [0.3, 0.5]])


@pytest.mark.parametrize("rule", [games.minimax, games.schulze, games.ranked_pairs])
def test_another_strength_is_refused(rule: Callable[..., Any]) -> None:
    with pytest.raises(DomainError, match=r"strength must be 'winning_votes' or 'margins', got 'ratio'"):
        rule([[0, 1], [2, 0]], strength="ratio")


@pytest.mark.parametrize("ties", [-0.5, 2, float("nan")])
def test_copeland_credits_a_tie_with_part_of_a_win(ties: float) -> None:
    with pytest.raises(DomainError, match=r"ties must be in \[0, 1\], got "):
        games.copeland([[0, 1], [2, 0]], ties=ties)


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"rankings": [0, 1, 3, 2]}, DomainError, r"rankings\[2\] must be an item, 0 to 2, got 3"),
        ({"rankings": [0, -1, 1, 2]}, DomainError, r"rankings\[1\] must be an item, 0 to 2, got -1"),
        ({"rankings": [0, 1, 2, 2]}, DomainError, r"rankings\[3\] must be an item that ballot 1 has not ranked before"),
        ({"rankings": [0.0, 1.0, 2.0, 1.0]}, TypeError, r"rankings must hold integers, got dtype float64"),
        ({"offsets": [0, 3, 2, 4]}, DomainError, r"offsets\[2\] must be at least offsets\[1\] = 3, got 2"),
        ({"weights": [1.0]}, ShapeError, r"weights must have length 2, one for each ballot, got 1"),
        ({"weights": [1.0, -2.0]}, DomainError, r"weights\[1\] must be a finite number >= 0, got -2"),
        ({"weights": [float("nan"), 1.0]}, DomainError, r"weights\[0\] must be a finite number >= 0, got NaN"),
        ({"weights": [[1.0, 1.0]]}, ShapeError, r"weights must be 1-D, got 2-D"),
        ({"n_items": 0}, DomainError, r"n_items must be 1 to 16777215, got 0"),
        ({"n_items": 2.0}, TypeError, r"n_items must be an integer, got 2.0"),
        ({"unranked": "first"}, DomainError, r"unranked must be 'ignore' or 'last', got 'first'"),
    ],
)
def test_what_is_no_ballot_is_refused(changed: dict[str, Any], error: type[Exception], words: str) -> None:
    ballots = {"rankings": [0, 1, 2, 1], "offsets": [0, 2, 4], "n_items": 3}
    with pytest.raises(error, match=words):
        games.pairwise_votes(**{**ballots, **changed})


def test_a_table_that_does_not_fit_memory_is_refused_without_harm() -> None:
    with pytest.raises(MemoryError):
        games.pairwise_votes([0, 1], [0, 2], n_items=1 << 23)
