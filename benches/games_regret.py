"""Contenders of the regret family and of duality gaps of `games`."""

from collections.abc import Callable
from typing import Any

import numpy as np

REGRET_SHAPE = {"cpu": "n = 1000, 200 iterations, f64"}
GAP_SHAPE = {"cpu": "1e4 games of n = 8, beta 0.1, f64"}


def predictive_regret_matching_plus(_device: str) -> dict[str, Callable[[], Any]]:
    import recipes
    from prefcore import games

    payoff = recipes.uniform(1000, 1000)

    def numpy() -> Any:
        n = len(payoff)
        regrets, last, total, weights = np.zeros(n), np.zeros(n), np.zeros(n), 0
        for t in range(1, 201):
            positive = np.maximum(regrets + last, 0)
            strategy = positive / positive.sum() if positive.sum() > 0 else np.full(n, 1 / n)
            payoffs = payoff @ strategy
            last = payoffs - strategy @ payoffs
            regrets = np.maximum(regrets + last, 0)
            total += t * t * strategy
            weights += t * t
        return total / weights

    return {
        "prefcore": lambda: games.predictive_regret_matching_plus(payoff, tol=None, max_iter=200).policy,
        "numpy loop": numpy,
    }


def duality_gap(_device: str) -> dict[str, Callable[[], Any]]:
    import recipes
    from prefcore import games

    payoff = np.stack([recipes.uniform(8, seed) for seed in range(10_000)])
    logs = np.random.default_rng(0).normal(size=(10_000, 8))

    def numpy() -> Any:
        policy = logs - np.logaddexp.reduce(logs, axis=1, keepdims=True)
        reply = np.einsum("bij,bj->bi", payoff - 0.5, np.exp(policy)) / 0.1
        reply -= np.logaddexp.reduce(reply, axis=1, keepdims=True)
        d = reply - policy
        return 0.2 * (np.exp(policy) * (np.expm1(d) - d)).sum(1)

    return {"prefcore": lambda: games.duality_gap(payoff, logs, beta=0.1), "numpy einsum": numpy}
