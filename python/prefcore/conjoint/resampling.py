"""How sure an estimate of a conjoint survey is: respondents drawn again."""

from collections.abc import Callable
from typing import Any

import numpy as np

from prefcore import _arrays
from prefcore._bootstrap import BootstrapResult, collected, counts
from prefcore.conjoint.data import ConjointData, required
from prefcore.errors import DomainError, RankDeficientError

__all__ = ["BootstrapResult", "bootstrap"]


def bootstrap(
    data: ConjointData, statistic: Callable[[ConjointData], Any], *, n_resamples: int = 1000, seed: int = 0
) -> BootstrapResult:
    """Bootstrap of any statistic of a survey: respondents drawn with replacement, with all their tasks.

    A respondent who is drawn k times counts with k times the weight, so nothing is copied. Errors inside the statistic
    count such a one as one cluster: take its estimates only.

    Args:
        data: the survey.
        statistic: takes ConjointData with weights and returns an array, or a record with one. A fit starts fast from
            the estimate of all data: `lambda d: fit_outcome_logit(d, init=full.coef).coef`.
        n_resamples: number of resamples, at least 2.
        seed: of the draws; resample r depends on it and on r, not on the number of resamples or threads.
    Returns: BootstrapResult(estimate, samples [B, ...], n_failed). A resample in which the statistic raises
        SeparationError or RankDeficientError, or that drew one respondent alone, has no estimate: it is counted in
        `n_failed` and is NaN in `samples`.
    Raises: DomainError, ShapeError, TypeError; whatever else `statistic` raises.
    Source: the cluster bootstrap of Cameron, Gelbach and Miller (2008), by respondent.

    >>> from prefcore.conjoint import Design
    >>> data = ConjointData([[0], [1], [1]] * 20, [0.0, 1.0, 0.5] * 20, range(60), design=Design([2]))
    >>> bool(bootstrap(data, lambda d: np.average(d.outcomes, weights=d.weights), n_resamples=500).std_error < 0.06)
    True
    """
    required(data)
    _arrays.function("statistic", statistic)
    n_resamples = _arrays.whole_number("n_resamples", n_resamples, 2, 1 << 31)
    seed = _arrays.whole_number("seed", seed, 0, 1 << 64)
    if data.n_respondents == 0:
        raise DomainError("data must hold a respondent, got none")
    n = data.n_respondents
    blocks = counts(np.ones(n), n, n_resamples, seed)
    resamples = (_weighted(data, count) for block in blocks for count in block)

    def of_several(drawn: ConjointData) -> Any:
        if drawn.n_respondents < min(n, 2):
            raise RankDeficientError("one respondent alone was drawn")
        return statistic(drawn)

    return collected(statistic(_weighted(data, np.ones(n))), of_several, resamples, n_resamples)


def _weighted(data: ConjointData, count: Any) -> ConjointData:
    """The tasks of those who were drawn, with the number of draws as weight."""
    weight = count[data.respondents].astype(np.float64)
    if data.weights is not None:
        weight *= data.weights
    drawn = data.subset(weight > 0)
    drawn.weights = weight[weight > 0]
    return drawn
