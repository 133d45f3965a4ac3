"""Contenders of the first-order dynamics of `games`."""

from collections.abc import Callable
from typing import Any

import numpy as np

BATCH_SHAPE = {"cpu": "1e4 games of n = 8, 100 iterations, beta 0.1, f64"}
ONE_SHAPE = {"cpu": "n = 1000, 100 iterations, beta 0.1, f64"}
STEP = 2 / (0.1 + np.hypot(0.1, 1.0))


def extragradient_batch(_device: str) -> dict[str, Callable[[], Any]]:
    import recipes
    from prefcore import games

    payoff = np.stack([recipes.uniform(8, seed) for seed in range(10_000)])
    fixed = {"beta": 0.1, "step_size": STEP, "tol": None, "max_iter": 100}

    def numpy() -> Any:
        skew, logs, ref = payoff - 0.5, np.full((10_000, 8), -np.log(8)), -np.log(8)
        for _ in range(100):
            half = logs
            for _ in range(2):
                pull = (1 - STEP * 0.1) * logs + STEP * 0.1 * ref
                half = pull + STEP * np.einsum("bij,bj->bi", skew, np.exp(half))
                half -= half.max(1, keepdims=True)
                half -= np.log(np.exp(half).sum(1, keepdims=True))
            logs = half
        return np.exp(logs)

    return {"prefcore": lambda: games.extragradient(payoff, **fixed).policy, "numpy einsum": numpy}


def extragradient_one(_device: str) -> dict[str, Callable[[], Any]]:
    import recipes
    from prefcore import games

    payoff = recipes.uniform(1000, 1000)
    packed = games.PackedPayoff.from_dense(payoff)
    fixed = {"beta": 0.1, "step_size": STEP, "tol": None, "max_iter": 100}

    def numpy() -> Any:
        skew, logs, ref = payoff - 0.5, np.full(1000, -np.log(1000)), -np.log(1000)
        for _ in range(100):
            half = logs
            for _ in range(2):
                half = (1 - STEP * 0.1) * logs + STEP * 0.1 * ref + STEP * (skew @ np.exp(half))
                half -= half.max()
                half -= np.log(np.exp(half).sum())
            logs = half
        return np.exp(logs)

    return {
        "prefcore": lambda: games.extragradient(payoff, **fixed).policy,
        "prefcore, packed": lambda: games.extragradient(packed, **fixed).policy,
        "numpy loop": numpy,
    }
