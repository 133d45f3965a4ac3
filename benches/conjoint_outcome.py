"""Contenders of the models of the outcome of a conjoint survey."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

N_LEVELS = (2, 3, 4, 3, 2, 5, 3, 4, 2, 3)
TASKS = 50_000
#: tasks of a respondent
EACH = 5
SHAPE = {"cpu": "5e4 tasks of 2 profiles, 10 factors, main effects (21 coefficients), errors clustered by respondent"}
FULL_SHAPE = {"cpu": "5e4 tasks of 2 profiles, 10 factors, all interactions (215 coefficients), clustered errors"}
LARGE_SHAPE = {"cpu": "5e5 tasks of 2 profiles, 10 factors, main effects (21 coefficients)"}


def main(_device: str) -> dict[str, Callable[[], Any]]:
    return contenders(*drawn(TASKS), [])


def full(_device: str) -> dict[str, Callable[[], Any]]:
    return contenders(*drawn(TASKS), list(combinations(range(len(N_LEVELS)), 2)))


def large(_device: str) -> dict[str, Callable[[], Any]]:
    return contenders(*drawn(10 * TASKS), [])


def drawn(tasks: int) -> tuple[Any, Any, Any]:
    """Codes of the left and of the right profiles, and whether the left one was chosen."""
    rng = np.random.default_rng(1)
    left, right = (np.stack([rng.integers(0, n, tasks) for n in N_LEVELS], axis=1).astype(np.uint8) for _ in range(2))
    worth = [rng.normal(0, 0.4, n) for n in N_LEVELS]
    lead = sum(scores[left[:, d]] - scores[right[:, d]] for d, scores in enumerate(worth))
    return left, right, (rng.logistic(size=tasks) < lead + 0.1).astype(float)


def indicators(codes: Any, pairs: Any) -> Any:
    """[n, P] levels above 0, then cells of levels above 0."""
    one_hot = [np.eye(n)[codes[:, d]][:, 1:] for d, n in enumerate(N_LEVELS)]
    cells = [(one_hot[d][:, :, None] * one_hot[e][:, None]).reshape(len(codes), -1) for d, e in pairs]
    return np.concatenate([*one_hot, *cells], axis=1)


def contenders(left: Any, right: Any, chose_left: Any, pairs: Any) -> dict[str, Callable[[], Any]]:
    """All return the coefficients without the intercept; the dense matrices are built before."""
    from sklearn.linear_model import LogisticRegression

    from prefcore import conjoint

    who = np.arange(len(left)) // EACH
    data = conjoint.ConjointData.from_pairs(left, right, chose_left, who, design=conjoint.Design(N_LEVELS))
    dense = indicators(left, pairs) - indicators(right, pairs)

    def prefcore() -> Any:
        return conjoint.fit_outcome_logit(data, interactions=pairs).coef[1:]

    def sklearn() -> Any:
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
        return model.fit(dense, chose_left).coef_[0]

    def statsmodels() -> Any:
        import statsmodels.api as sm

        with_ones = np.column_stack([np.ones(len(dense)), dense])
        fit = sm.Logit(chose_left, with_ones).fit(
            disp=False, method="newton", tol=1e-10, cov_type="cluster", cov_kwds={"groups": who}
        )
        return fit.params[1:]

    return {
        "prefcore": prefcore,
        "scikit-learn, newton-cholesky, no errors": sklearn,
        "statsmodels Logit, clustered": statsmodels,
    }
