"""Contenders of `metrics.fit_logit`."""

from collections.abc import Callable
from typing import Any

import numpy as np

SHAPE = {"cpu": "1e5 rows of 10 f64, ridge 1"}


def fit_logit(_device: str) -> dict[str, Callable[[], Any]]:
    from sklearn.linear_model import LogisticRegression

    from prefcore import metrics

    rng = np.random.default_rng(0)
    x = rng.normal(size=(100_000, 10))
    y = (rng.random(100_000) < 1 / (1 + np.exp(-x @ rng.normal(size=10)))).astype(np.float64)

    def sklearn(solver: str) -> Any:
        return LogisticRegression(C=1.0, solver=solver, tol=1e-8, max_iter=1000).fit(x, y).coef_[0]

    return {
        "prefcore": lambda: metrics.fit_logit(x, y, ridge=1.0).coef,
        "scikit-learn, lbfgs": lambda: sklearn("lbfgs"),
        "scikit-learn, newton-cholesky": lambda: sklearn("newton-cholesky"),
    }
