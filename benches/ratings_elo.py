"""Contenders of `ratings.elo`."""

from collections.abc import Callable
from typing import Any

SHAPE = {"cpu": "1e6 comparisons of 100 items, from integers"}


def elo(_device: str) -> dict[str, Callable[[], Any]]:
    import numpy as np

    import recipes
    from prefcore import ratings
    from ratings_bt import for_evalica

    first, second, outcomes = recipes.duel(100, 1_000_000, 1)
    contenders: dict[str, Callable[[], Any]] = {"prefcore": lambda: ratings.elo(first, second, outcomes)}

    def python() -> Any:
        rating = [1000.0] * 100
        for i, j, y in zip(first.tolist(), second.tolist(), outcomes.tolist(), strict=True):
            change = 32 * (y - 1 / (1 + 10 ** ((rating[j] - rating[i]) / 400)))
            rating[i] += change
            rating[j] -= change
        return np.array(rating)

    contenders["Python loop"] = python
    try:
        import evalica
    except ImportError:
        return contenders
    names = [str(item) for item in range(100)]
    rows = for_evalica(np.array(names)[first], np.array(names)[second], outcomes)
    contenders["evalica, from lists of strings"] = lambda: (
        evalica.elo(*rows, initial=1000.0, base=10.0, scale=400.0, k=32.0).scores.reindex(names).to_numpy()
    )
    return contenders
