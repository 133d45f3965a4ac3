"""Contenders of the effects of levels and of the conditional logit."""

from collections.abc import Callable
from typing import Any

import numpy as np

N_LEVELS = (2, 3, 4, 3, 2, 5, 3, 4, 2, 3)
TASKS = 500_000
SHAPE = {"cpu": f"{TASKS} pairs of profiles of 10 factors with {sum(N_LEVELS)} levels, 50,000 respondents"}
CHOICE_SHAPE = {"cpu": "50,000 sets of 4 alternatives, 6 attributes, 5,000 clusters"}
TESTS = ("tests/conjoint/test_effects.py",)
CHOICE_TESTS = ("tests/conjoint/test_choice.py",)


def answers() -> Any:
    from prefcore import conjoint

    rng = np.random.default_rng(1)
    profiles = np.column_stack([rng.integers(n, size=2 * TASKS, dtype=np.uint8) for n in N_LEVELS])
    left = (rng.random(TASKS) < 0.5).astype(float)
    outcomes = np.column_stack([left, 1 - left]).ravel()
    who = np.repeat(np.arange(TASKS // 10), 10)
    offsets = 2 * np.arange(TASKS + 1)
    return conjoint.ConjointData(profiles, outcomes, who, design=conjoint.Design(N_LEVELS), offsets=offsets)


def amce(_device: str) -> dict[str, Callable[[], Any]]:
    import statsmodels.api as sm

    from prefcore import conjoint

    data = answers()
    columns = [np.ones(2 * TASKS)]
    columns += [data.profiles[:, d] == level for d, n in enumerate(N_LEVELS) for level in range(1, n)]
    x = np.column_stack(columns).astype(float)
    who = np.repeat(data.respondents, 2)

    def prefcore() -> Any:
        table = conjoint.amce(data)
        return table.estimate, table.std_error

    def statsmodels() -> Any:
        fit = sm.OLS(data.outcomes, x).fit(cov_type="cluster", cov_kwds={"groups": who})
        return fit.params[1:], fit.bse[1:]

    return {"prefcore": prefcore, "statsmodels OLS on indicators that are there, clusters": statsmodels}


def marginal_means(_device: str) -> dict[str, Callable[[], Any]]:
    import pandas as pd

    from prefcore import conjoint

    data = answers()
    frame = pd.DataFrame(data.profiles).assign(outcome=data.outcomes)

    def prefcore() -> Any:
        return conjoint.marginal_means(data).estimate

    def pandas() -> Any:
        return np.concatenate([frame.groupby(d)["outcome"].mean().to_numpy() for d in range(len(N_LEVELS))])

    return {"prefcore": prefcore, "pandas groupby, without errors": pandas}


def conditional_logit(_device: str) -> dict[str, Callable[[], Any]]:
    from scipy.optimize import minimize

    from prefcore import conjoint

    rng = np.random.default_rng(1)
    features = rng.normal(size=(200_000, 6))
    utility = (features @ np.linspace(-1, 1, 6) + rng.gumbel(size=200_000)).reshape(-1, 4)
    chosen, who, offsets = utility.argmax(1), np.arange(50_000) // 10, 4 * np.arange(50_001)
    sets = features.reshape(-1, 4, 6)
    own = sets[np.arange(50_000), chosen]

    def prefcore() -> Any:
        return conjoint.conditional_logit(features, offsets, chosen, clusters=who).coef

    def scipy() -> Any:
        def loss(b: Any) -> Any:
            utility = sets @ b
            utility -= utility.max(1, keepdims=True)
            weight = np.exp(utility)
            total = weight.sum(1)
            probs = weight / total[:, None]
            value = (np.log(total) - np.take_along_axis(utility, chosen[:, None], 1)[:, 0]).mean()
            return value, (np.einsum("tj,tjf->tf", probs, sets) - own).mean(0)

        return minimize(loss, np.zeros(6), jac=True, method="BFGS", options={"gtol": 1e-9}).x

    return {"prefcore": prefcore, "scipy BFGS on NumPy arrays, without errors": scipy}
