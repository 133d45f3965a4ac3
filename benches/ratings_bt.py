"""Contenders of the ratings by maximum likelihood."""

from collections.abc import Callable
from typing import Any

import numpy as np

ROWS = 1_000_000
ITEMS = 100
SHAPE = {"cpu": f"1e6 comparisons of {ITEMS} items, from integers"}
NAMES_SHAPE = {"cpu": f"1e6 comparisons of {ITEMS} names, Python strings"}
TIES_SHAPE = {"cpu": f"1e5 comparisons of {ITEMS} items, from integers"}
FEATURES_SHAPE = {"cpu": f"some 4e4 comparisons of {ITEMS} items without ties, 3 features, ridge 1"}


def bradley_terry(_device: str) -> dict[str, Callable[[], Any]]:
    import recipes
    from prefcore import ratings

    first, second, outcomes = recipes.duel(ITEMS, ROWS, 1)

    def prefcore() -> Any:
        return ratings.bradley_terry(ratings.Comparisons.from_outcomes(first, second, outcomes)).theta

    def numpy() -> Any:
        return newton(*counted(first, second, outcomes))

    contenders: dict[str, Callable[[], Any]] = {"prefcore": prefcore, "numpy, bincount and Newton": numpy}
    try:
        import evalica
    except ImportError:
        return contenders
    rows = for_evalica(first, second, outcomes)

    def peer() -> Any:
        scores = np.log(evalica.bradley_terry(*rows, tolerance=1e-10).scores.reindex(range(ITEMS)).to_numpy())
        return scores - scores.mean()

    return {**contenders, "evalica, from lists of integers": peer}


def from_strings(_device: str) -> dict[str, Callable[[], Any]]:
    """Names to numbers, and then the same."""
    import pandas as pd

    import recipes
    from prefcore import ratings

    first, second, outcomes = recipes.duel(ITEMS, ROWS, 1)
    names = np.array([f"model-{item:03d}" for item in range(ITEMS)], dtype=object)
    one, two = names[first], names[second]

    def prefcore() -> Any:
        items = ratings.factorize(one, two)
        comparisons = ratings.Comparisons.from_outcomes(items.first, items.second, outcomes, names=items.names)
        return ratings.bradley_terry(comparisons).theta

    def numpy() -> Any:
        codes = np.split(pd.factorize(np.concatenate([one, two]), sort=True)[0], 2)
        return newton(*counted(*codes, outcomes))

    contenders: dict[str, Callable[[], Any]] = {"prefcore": prefcore, "pandas.factorize, numpy bincount, Newton": numpy}
    try:
        import evalica
    except ImportError:
        return contenders
    rows = for_evalica(one, two, outcomes)

    def peer() -> Any:
        scores = np.log(evalica.bradley_terry(*rows, tolerance=1e-10).scores.reindex(names).to_numpy())
        return scores - scores.mean()

    return {**contenders, "evalica, from lists of strings": peer}


def for_evalica(first: Any, second: Any, outcomes: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """Lists of items, and of its winners."""
    from evalica import Winner

    winner = {0.0: Winner.Y, 0.5: Winner.Draw, 1.0: Winner.X}
    return first.tolist(), second.tolist(), [winner[y] for y in outcomes.tolist()]


def counted(first: Any, second: Any, outcomes: Any) -> tuple[Any, Any]:
    """Wins with ties as halves, and games, [n, n]."""
    wins = np.bincount(first * ITEMS + second, outcomes, ITEMS * ITEMS).reshape(ITEMS, ITEMS)
    met = np.bincount(first * ITEMS + second, minlength=ITEMS * ITEMS).reshape(ITEMS, ITEMS)
    return wins + (met - wins).T, met + met.T


def newton(wins: Any, games: Any, start: Any = 0.0) -> Any:
    theta = np.zeros(ITEMS) + start
    for _ in range(50):
        p = 1 / (1 + np.exp(theta - theta[:, None]))
        slope = wins.sum(1) - (games * p).sum(1)
        if np.abs(slope).max() <= 1e-13 * games.sum():
            break
        curve = games * p * (1 - p)
        hessian = np.diag(curve.sum(1)) - curve + curve.mean()
        theta += np.linalg.solve(hessian, slope)
    return theta - theta.mean()


def davidson(_device: str) -> dict[str, Callable[[], Any]]:
    import recipes
    from prefcore import ratings

    first, second, outcomes = recipes.duel(ITEMS, ROWS // 10, 1)

    def prefcore() -> Any:
        return ratings.davidson(ratings.Comparisons.from_outcomes(first, second, outcomes)).theta

    contenders: dict[str, Callable[[], Any]] = {"prefcore": prefcore}
    try:
        import evalica
    except ImportError:
        return contenders
    rows = for_evalica(first, second, outcomes)

    def newman() -> Any:
        scores = np.log(evalica.newman(*rows, tolerance=1e-10).scores.reindex(range(ITEMS)).to_numpy())
        return scores - scores.mean()

    return {**contenders, "evalica, Newman": newman}


def contextual(_device: str) -> dict[str, Callable[[], Any]]:
    from sklearn.linear_model import LogisticRegression

    import recipes
    from prefcore import ratings

    first, second, outcomes = recipes.duel(ITEMS, 50_000, 1)
    decided = outcomes != 0.5
    first, second, outcomes = first[decided], second[decided], outcomes[decided]
    features = recipes.feature(3 * len(first), 2).reshape(-1, 3)

    def prefcore() -> Any:
        board = ratings.contextual_bradley_terry(first, second, outcomes, features, ridge=1.0, ridge_features=1.0)
        return np.append(board.theta, board.feature_coef)

    def sklearn() -> Any:
        rows = np.arange(len(first))
        design = np.zeros((len(first), ITEMS))
        design[rows, first], design[rows, second] = 1, -1
        design = np.column_stack([design, features])
        model = LogisticRegression(C=1.0, fit_intercept=False, solver="newton-cholesky", tol=1e-10)
        return model.fit(design, outcomes).coef_[0]

    return {"prefcore": prefcore, "scikit-learn on indicators, newton-cholesky": sklearn}
