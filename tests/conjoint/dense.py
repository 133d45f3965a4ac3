"""Random answers, and least squares on dense indicators of their levels."""

from typing import Any

import numpy as np
import statsmodels.api as sm

from prefcore.conjoint import ConjointData, Design

N_LEVELS = (2, 3, 4)


def answers(seed: int = 0, *, weighted: bool = False, tasks: int = 60, **options: Any) -> ConjointData:
    """Pairs of random profiles, three or so per respondent, in no order; ratings that follow the first factor."""
    rng = np.random.default_rng(seed)
    profiles = np.column_stack([rng.integers(n, size=2 * tasks) for n in N_LEVELS])
    outcomes = 0.3 * profiles[:, 0] + rng.normal(size=2 * tasks)
    weights = rng.choice([0.0, 0.5, 1.0, 2.0], size=tasks) if weighted else None
    who = rng.integers(20, size=tasks)
    design = options.pop("design", Design(N_LEVELS))
    return ConjointData(
        profiles, outcomes, who, design=design, offsets=2 * np.arange(tasks + 1), weights=weights, **options
    )


def dense(data: ConjointData, references: Any = (0, 0, 0)) -> np.ndarray[Any, Any]:
    columns = [np.ones(len(data.outcomes))]
    for d, n in enumerate(data.design.n_levels):
        columns += [data.profiles[:, d] == level for level in range(n) if level != references[d]]
    return np.column_stack(columns).astype(float)


def of_rows(data: ConjointData) -> Any:
    """Weights and respondents of the rows of positive weight, and which these are."""
    lengths = np.diff(data.offsets)
    weights = np.repeat(np.ones(data.n_tasks) if data.weights is None else data.weights, lengths)
    return weights[weights > 0], np.repeat(data.respondents, lengths)[weights > 0], weights > 0


def statsmodels_fit(data: ConjointData, x: Any, vcov: str) -> Any:
    weights, who, kept = of_rows(data)
    model = sm.WLS(data.outcomes[kept], x[kept], weights=weights)
    if vcov == "CR1":
        return model.fit(cov_type="cluster", cov_kwds={"groups": who})
    return model.fit(cov_type="HC1" if vcov == "HC1" else "nonrobust")


def naive_covariance(data: ConjointData, x: Any, vcov: str) -> np.ndarray[Any, Any]:
    """The formulas, cluster by cluster, with dense hat matrices."""
    weights, who, kept = of_rows(data)
    x, y = np.sqrt(weights)[:, None] * x[kept], np.sqrt(weights) * data.outcomes[kept]
    bread = np.linalg.inv(x.T @ x)
    residuals = y - x @ (bread @ x.T @ y)
    meat = np.zeros_like(bread)
    clusters = np.unique(who)
    for cluster in clusters:
        own = who == cluster
        e = residuals[own]
        if vcov == "CR2":
            values, vectors = np.linalg.eigh(np.eye(own.sum()) - x[own] @ bread @ x[own].T)
            root = np.where(values > 1e-10, 1 / np.sqrt(np.maximum(values, 1e-10)), 0.0)
            e = vectors @ (root * (vectors.T @ e))
        score = x[own].T @ e
        meat += np.outer(score, score)
    g, (n, k) = len(clusters), x.shape
    factor = {"CR0": 1.0, "CR2": 1.0, "survey": g / (g - 1), "CR1": g / (g - 1) * (n - 1) / (n - k)}[vcov]
    return bread @ meat @ bread * factor
