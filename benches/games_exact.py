"""Contenders of `games.solve_nash`."""

from collections.abc import Callable
from typing import Any

import numpy as np

MANY = {"cpu": "1e4 games of 8 actions, uniform win probabilities"}
MEDIUM = {"cpu": "1 game of 100 actions, uniform win probabilities"}
LARGE = {"cpu": "1 game of 300 actions, uniform win probabilities"}
LARGEST = {"cpu": "1 game of 1000 actions, uniform win probabilities"}


def payoffs(n_games: int, n: int) -> Any:
    """[B, n, n] of which nearly every game has one equilibrium."""
    upper = np.triu(np.random.default_rng(n).random((n_games, n, n)), 1)
    return upper + np.tril(1 - upper.transpose(0, 2, 1), -1) + np.eye(n) / 2


def linear_program(payoff: Any, method: str) -> Any:
    from scipy.optimize import linprog

    n = len(payoff)
    program = linprog(np.zeros(n), A_ub=payoff - 0.5, b_ub=np.zeros(n), A_eq=np.ones((1, n)), b_eq=[1], method=method)
    return program.x


def quantecon(payoff: Any) -> dict[str, Callable[[], Any]]:
    """Its simplex method, compiled by numba, one game after another."""
    try:
        from quantecon.optimize import minmax
    except ImportError:
        return {}
    margins = payoff - 0.5
    return {"quantecon minmax": lambda: np.stack([minmax(one)[2] for one in margins])}


def many(_device: str) -> dict[str, Callable[[], Any]]:
    from prefcore import games

    payoff = payoffs(10_000, 8)
    return {
        "prefcore": lambda: games.solve_nash(payoff).policy,
        **quantecon(payoff),
        "scipy linprog/100": lambda: np.stack([linear_program(one, "highs") for one in payoff[:100]]),
    }


def one(n: int, method: str) -> Callable[[str], dict[str, Callable[[], Any]]]:
    """A game of n actions, against a method of HiGHS too."""

    def make(_device: str) -> dict[str, Callable[[], Any]]:
        from prefcore import games

        payoff = payoffs(1, n)
        return {
            "prefcore": lambda: games.solve_nash(payoff).policy,
            **quantecon(payoff),
            f"scipy linprog, {method}": lambda: linear_program(payoff[0], method)[None],
        }

    return make
