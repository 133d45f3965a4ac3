"""Contenders of the bootstrap of ratings."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ratings_bt import ITEMS, for_evalica, newton

ROWS = 100_000
RESAMPLES = 20
SHAPE = {"cpu": f"Bradley-Terry of 1e5 comparisons of {ITEMS} items, from integers, {RESAMPLES} resamples"}


def bootstrap(_device: str) -> dict[str, Callable[[], Any]]:
    """The data are gathered in every contender; they agree on the estimate, the resamples are each its own."""
    import recipes
    from prefcore import ratings

    first, second, outcomes = recipes.duel(ITEMS, ROWS, 1)

    def prefcore() -> Any:
        comparisons = ratings.Comparisons.from_outcomes(first, second, outcomes)
        return ratings.bootstrap(comparisons, ratings.bradley_terry, n_resamples=RESAMPLES).estimate

    def numpy() -> Any:
        """Multinomial counts of pairs and outcomes, then Newton's method from the estimate."""
        place = (first * ITEMS + second) * 3 + (2 * outcomes).astype(np.int64)
        table = np.bincount(place, minlength=3 * ITEMS * ITEMS)
        estimate = newton(*from_table(table))
        rng, samples = np.random.default_rng(0), np.empty((RESAMPLES, ITEMS))
        for sample in samples:
            sample[:] = newton(*from_table(rng.multinomial(ROWS, table / ROWS)), estimate)
        return estimate

    contenders: dict[str, Callable[[], Any]] = {"prefcore": prefcore, "numpy, multinomial and Newton": numpy}
    try:
        import evalica
    except ImportError:
        return contenders
    rows = for_evalica(first, second, outcomes)

    def peer() -> Any:
        options = {"n_resamples": RESAMPLES, "bootstrap_method": "percentile", "random_state": 0, "tolerance": 1e-10}
        found = evalica.bootstrap(evalica.bradley_terry, *rows, **options)
        scores = np.log(found.result.scores.reindex(range(ITEMS)).to_numpy())
        return scores - scores.mean()

    return {**contenders, "evalica, percentile": peer}


def from_table(table: Any) -> tuple[Any, Any]:
    """Wins with ties as halves, and games, [n, n], of losses, ties and wins of the ordered pairs."""
    losses, ties, wins = table.reshape(ITEMS, ITEMS, 3).transpose(2, 0, 1)
    met = losses + ties + wins
    return wins + ties / 2 + (losses + ties / 2).T, met + met.T
