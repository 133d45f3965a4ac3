"""Agreement and best of n: contenders."""

from collections.abc import Callable
from typing import Any

import numpy as np

Contenders = dict[str, Callable[[], Any]]
RATINGS = {"cpu": "3 raters, 1e5 items, f64, interval"}
FEW_RATINGS = {"cpu": "3 raters, 150 items, f64, interval"}
SAMPLES = {"cpu": "1e4 lists of 64 f64, n = 1, 2, 4, 8, 16"}
AGREEMENT_TESTS = ("tests/metrics/test_agreement.py",)
SAMPLING_TESTS = ("tests/metrics/test_sampling.py",)


def _ratings(items: int) -> Any:
    rng = np.random.default_rng(9)
    ratings = rng.normal(size=items) + 0.5 * rng.normal(size=(3, items))
    ratings[rng.random(ratings.shape) < 0.1] = np.nan
    return ratings


def krippendorff(_device: str) -> Contenders:
    """The PyPI package would need a table of all pairs of values: see the case of few items."""
    from prefcore import metrics

    ratings = _ratings(100_000)
    return {
        "prefcore": lambda: metrics.krippendorff_alpha(ratings, level_of_measurement="interval"),
        "numpy, sums of squares": lambda: _alpha(ratings),
    }


def _alpha(ratings: Any) -> Any:
    counts = (~np.isnan(ratings)).sum(axis=0)
    kept, m = ratings[:, counts > 1], counts[counts > 1]
    squares = np.nansum((kept - np.nanmean(kept, axis=0)) ** 2, axis=0)
    n = m.sum()
    observed = 2 * np.sum(squares * m / (m - 1)) / n
    return 1 - observed / (2 * np.nansum((kept - np.nanmean(kept)) ** 2) / (n - 1))


def krippendorff_few(_device: str) -> Contenders:
    from prefcore import metrics

    ratings = _ratings(150)
    contenders: Contenders = {
        "prefcore": lambda: metrics.krippendorff_alpha(ratings, level_of_measurement="interval"),
        "numpy, sums of squares": lambda: _alpha(ratings),
    }
    try:
        import krippendorff as package
    except ImportError:
        return contenders
    contenders["krippendorff"] = lambda: package.alpha(ratings, level_of_measurement="interval")
    return contenders


def best_of_n(_device: str) -> Contenders:
    from prefcore import metrics

    scores, n = np.random.default_rng(10).normal(size=(10_000, 64)), [1, 2, 4, 8, 16]
    return {
        "prefcore": lambda: metrics.best_of_n(scores, n=n),
        "numpy, sort and binomials": lambda: _best_of_n(scores, np.array(n)),
    }


def _best_of_n(scores: Any, n: Any) -> Any:
    """No ties: the chance of each place in the order, by log-gamma, times the sorted scores."""
    from scipy.special import gammaln

    rows = scores.shape[1]
    below = np.arange(rows)[:, None]
    with np.errstate(invalid="ignore"):
        log_share = gammaln(below + 1) - gammaln(n) - gammaln(below - n + 2)
    log_all = gammaln(rows + 1) - gammaln(n + 1) - gammaln(rows - n + 1)
    chances = np.where(below >= n - 1, np.exp(log_share - log_all), 0.0)
    return np.sort(scores, axis=1) @ chances
