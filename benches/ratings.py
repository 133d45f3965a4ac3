"""Contenders of `ratings` on comparisons: gathering rows of integers, and names to numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

Contenders = dict[str, Callable[[], Any]]
ROWS = {"cpu": "1e6 comparisons of 100 items, int64 and f64"}
NAMES = {"cpu": "1e6 pairs of 100 names, Python strings"}
ROWS_TESTS = ("tests/ratings/test_comparisons.py",)
NAMES_TESTS = ("tests/ratings/test_strings.py",)
N = 100


def from_outcomes(_device: str) -> Contenders:
    """Losses, ties and wins of each pair that met."""
    import recipes
    from prefcore import ratings

    first, second, outcomes = recipes.duel(N, 1_000_000, 1)

    def ours() -> Any:
        c = ratings.Comparisons.from_outcomes(first, second, outcomes, n_items=N)
        return np.stack([c.losses, c.ties, c.wins], axis=1)

    def bincount() -> Any:
        """A table of ordered pairs and outcomes, without a check of the rows."""
        place = (first * N + second) * 3 + (2 * outcomes).astype(np.int64)
        table = np.bincount(place, minlength=3 * N * N).reshape(N, N, 3)
        both = table + table.transpose(1, 0, 2)[:, :, ::-1]
        low, high = np.triu_indices(N, 1)
        return both[low, high].astype(np.float64)

    def pandas() -> Any:
        import pandas as pd

        flip = first > second
        frame = pd.DataFrame(
            {
                "low": np.minimum(first, second),
                "high": np.maximum(first, second),
                "outcome": np.where(flip, 1 - outcomes, outcomes),
            }
        )
        return frame.groupby(["low", "high", "outcome"]).size().unstack(fill_value=0).to_numpy().astype(np.float64)

    return {"prefcore": ours, "numpy bincount": bincount, "pandas groupby": pandas}


def factorize(_device: str) -> Contenders:
    """Numbers of both columns, in sorted order of the names."""
    import recipes
    from prefcore import ratings

    names = np.array([f"model-{item:03d}" for item in range(N)], dtype=object)
    first, second = (names[column] for column in recipes.duel(N, 1_000_000, 1)[:2])

    def ours() -> Any:
        got = ratings.factorize(first, second)
        return got.first, got.second

    def pandas() -> Any:
        import pandas as pd

        return tuple(np.split(pd.factorize(np.concatenate([first, second]), sort=True)[0], 2))

    def unique() -> Any:
        both = np.concatenate([first[:100_000], second[:100_000]])
        return tuple(np.split(np.unique(both, return_inverse=True)[1], 2))

    return {"prefcore": ours, "pandas.factorize": pandas, "np.unique/10": unique}
