"""Ranks: contenders."""

from collections.abc import Callable
from typing import Any

import numpy as np

MANY = {"cpu": "1e5 lists of 8 f64, method average"}
ONE = {"cpu": "1 list of 1e6 f64, method average"}
ORDINAL = {"cpu": "1e5 lists of 8 f64, method ordinal"}
Contenders = dict[str, Callable[[], Any]]


def rank_many(_device: str) -> Contenders:
    from scipy.stats import rankdata

    from prefcore import ranking

    x = np.random.default_rng(7).integers(0, 20, (100_000, 8)) / 4
    return {
        "prefcore": lambda: ranking.rank(x),
        "scipy, axis=1": lambda: rankdata(x, axis=1),
        "numpy, comparisons": lambda: _by_comparisons(x),
    }


def _by_comparisons(x: Any) -> Any:
    """Average ranks of every row at once, over all pairs."""
    below = (x[:, :, None] > x[:, None, :]).sum(2)
    equal = (x[:, :, None] == x[:, None, :]).sum(2)
    return below + (equal + 1) / 2


def rank_ordinal(_device: str) -> Contenders:
    from prefcore import ranking

    x = np.random.default_rng(8).normal(size=(100_000, 8))
    return {
        "prefcore": lambda: ranking.rank(x, method="ordinal"),
        "numpy, argsort twice": lambda: x.argsort(axis=1, kind="stable").argsort(axis=1) + 1.0,
    }


def rank_one(_device: str) -> Contenders:
    from scipy.stats import rankdata

    from prefcore import ranking

    x = np.random.default_rng(9).normal(size=1_000_000)
    return {
        "prefcore": lambda: ranking.rank(x),
        "scipy": lambda: rankdata(x),
        "numpy, argsort and scatter (no ties)": lambda: _scattered(x),
    }


def _scattered(x: Any) -> Any:
    ranks = np.empty(len(x))
    ranks[x.argsort()] = np.arange(1.0, len(x) + 1)
    return ranks
