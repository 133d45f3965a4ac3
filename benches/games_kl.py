"""Contenders of `games.solve_nash_kl`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from games_exact import payoffs

MANY = {"cpu": "1e4 games of 8 actions, uniform win probabilities, beta 0.1"}
LARGE = {"cpu": "1 game of 1000 actions, uniform win probabilities, beta 0.01"}


def log_softmax(logits: Any) -> Any:
    return logits - np.logaddexp.reduce(logits)


def newton(payoff: Any, beta: float) -> Any:
    """25 extragradient steps, then Newton's method with LAPACK, uniform reference."""
    skew, n = payoff - 0.5, len(payoff)
    step = 2 / (beta + np.sqrt(beta**2 + 4 * np.abs(skew).max() ** 2))
    logs = np.full(n, -np.log(n))
    for _ in range(25):
        half = log_softmax((1 - step * beta) * logs + step * (skew @ np.exp(logs)))
        logs = log_softmax((1 - step * beta) * logs + step * (skew @ np.exp(half)))
    for _ in range(15):
        policy = np.exp(logs)
        off = logs - log_softmax(skew @ policy / beta)
        if np.abs(off).max() <= max(1e-12, 8 * np.finfo(float).eps / beta):
            break
        solved = np.linalg.solve(np.eye(n) - skew * policy / beta, np.stack([off, np.ones(n)], axis=1))
        logs = log_softmax(logs + solved[:, 1] * (policy @ solved[:, 0] / (policy @ solved[:, 1])) - solved[:, 0])
    return np.exp(logs)


def many(_device: str) -> dict[str, Callable[[], Any]]:
    from prefcore import games

    payoff = payoffs(10_000, 8)
    return {
        "prefcore": lambda: games.solve_nash_kl(payoff, beta=0.1).policy,
        "numpy loop/10": lambda: np.stack([newton(one, 0.1) for one in payoff[:1000]]),
    }


def large(_device: str) -> dict[str, Callable[[], Any]]:
    from prefcore import games

    payoff = payoffs(1, 1000)[0]
    return {
        "prefcore": lambda: games.solve_nash_kl(payoff, beta=0.01).policy,
        "numpy": lambda: newton(payoff, 0.01),
    }
