"""What `prefcore bench` times: a dozen functions on inputs of a fixed seed, against what else computes the same."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Contenders = dict[str, Callable[[], Any]]
N = 1_000_000
LEVELS = (0.025, 0.975)


class Case(NamedTuple):
    """A function, its input, and the contenders that compute the same."""

    name: str
    shape: str
    """The input in words."""
    make: Callable[[], Contenders]
    """Ours is called "prefcore" and stands first; a rival that is not installed says so when it is called."""
    tolerance: float = 1e-9
    """By how much the results may differ, relative and absolute."""


def scale_of(name: str) -> int:
    """A name that ends in "/200" belongs to a contender that runs on a 200th of the input."""
    part = re.search(r"/(\d+)$", name)
    return int(part[1]) if part else 1


def kendall_many() -> Contenders:
    from prefcore import metrics

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 100_000, 8))
    return {
        "prefcore": lambda: metrics.kendall_tau(x, y),
        "numpy, signs over pairs": lambda: kendall_signs(x, y),
        "scipy loop/200": lambda: kendall_scipy(x[:500], y[:500]),
    }


def kendall_signs(x: Any, y: Any) -> Any:
    """Tau-b of every row at once, over the signs of all pairs."""
    i, j = np.triu_indices(x.shape[1], 1)
    a, b = np.sign(x[:, i] - x[:, j]), np.sign(y[:, i] - y[:, j])
    return (a * b).sum(1) / np.sqrt((a != 0).sum(1) * (b != 0).sum(1))


def kendall_scipy(x: Any, y: Any) -> Any:
    return np.array([scipys("kendalltau", a, b).statistic for a, b in zip(x, y, strict=True)])


def scipys(name: str, *given: Any, **options: Any) -> Any:
    """What a function of scipy.stats returns; scipy is imported by the first call, which is not timed."""
    import scipy.stats

    return getattr(scipy.stats, name)(*given, **options)


def kendall_one() -> Contenders:
    from prefcore import metrics

    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 100_000))
    return {"prefcore": lambda: metrics.kendall_tau(x, y), "scipy": lambda: scipys("kendalltau", x, y).statistic}


def weighted_tau() -> Contenders:
    from prefcore import metrics

    x, y = np.random.default_rng(12).normal(size=(2, 100_000))
    return {"prefcore": lambda: metrics.weighted_tau(x, y), "scipy": lambda: scipys("weightedtau", x, y).statistic}


def spearman() -> Contenders:
    from prefcore import metrics

    x, y = np.random.default_rng(13).normal(size=(2, 100_000, 8))
    return {
        "prefcore": lambda: metrics.spearman(x, y),
        "numpy, argsort twice": lambda: spearman_argsort(x, y),
        "scipy loop/200": lambda: np.array(
            [scipys("spearmanr", *rows).statistic for rows in zip(x[:500], y[:500], strict=True)]
        ),
    }


def spearman_argsort(x: Any, y: Any) -> Any:
    """Without ties the ranks are the inverse of the order."""
    ranks = [column.argsort(1).argsort(1) for column in (x, y)]
    n = x.shape[1]
    return 1 - 6 * ((ranks[0] - ranks[1]) ** 2).sum(1) / (n * (n * n - 1))


def roc_auc() -> Contenders:
    from prefcore import metrics

    rng = np.random.default_rng(7)
    labels = rng.integers(0, 2, size=N)
    scores = rng.normal(size=N) + labels
    return {
        "prefcore": lambda: metrics.roc_auc(scores, labels),
        "scikit-learn": lambda: _auc_of_sklearn(scores, labels),
        "numpy, average ranks": lambda: _auc_by_ranks(scores, labels),
    }


def _auc_of_sklearn(scores: Any, labels: Any) -> Any:
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(labels, scores)


def _auc_by_ranks(scores: Any, labels: Any) -> Any:
    """Mann and Whitney's form; ties take the mean of their ranks."""
    _, codes, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[codes]
    positives = labels.sum()
    return (ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * (len(labels) - positives))


def expected_calibration_error() -> Contenders:
    from prefcore import metrics

    rng = np.random.default_rng(8)
    probs = rng.random(N)
    labels = (rng.random(N) < probs).astype(np.int64)
    return {
        "prefcore": lambda: metrics.expected_calibration_error(probs, labels, n_bins=15),
        "numpy, bincount": lambda: _ece_by_counts(probs, labels, 15),
        "numpy, a mask per bin": lambda: _ece_by_masks(probs, labels, 15),
    }


def _ece_by_counts(probs: Any, labels: Any, n_bins: int) -> Any:
    """Share * |mean prob - mean label| is |sum of probs - sum of labels| / n: the counts cancel."""
    bins = np.minimum((probs * n_bins).astype(np.int64), n_bins - 1)
    return np.abs(np.bincount(bins, probs - labels, n_bins)).sum() / len(probs)


def _ece_by_masks(probs: Any, labels: Any, n_bins: int) -> Any:
    """As it is found in most repositories."""
    bins, error = np.minimum(np.floor(probs * n_bins), n_bins - 1), 0.0
    for place in range(n_bins):
        inside = bins == place
        if inside.any():
            error += inside.mean() * abs(probs[inside].mean() - labels[inside].mean())
    return error


def pairwise_accuracy() -> Contenders:
    from prefcore import metrics

    chosen, rejected = np.random.default_rng(9).integers(0, 50, size=(2, N)) / 10
    return {
        "prefcore": lambda: metrics.pairwise_accuracy(chosen, rejected, ties=0.5),
        "numpy, counts": lambda: (np.count_nonzero(chosen > rejected) + 0.5 * np.count_nonzero(chosen == rejected)) / N,
        "numpy, mean of credits": lambda: np.mean((chosen > rejected) + 0.5 * (chosen == rejected)),
    }


def rank_many() -> Contenders:
    from prefcore import ranking

    x = np.random.default_rng(7).integers(0, 20, (100_000, 8)) / 4
    return {
        "prefcore": lambda: ranking.rank(x),
        "scipy, axis=1": lambda: scipys("rankdata", x, axis=1),
        "numpy, comparisons": lambda: _by_comparisons(x),
    }


def _by_comparisons(x: Any) -> Any:
    """Average ranks of every row at once, over all pairs."""
    below = (x[:, :, None] > x[:, None, :]).sum(2)
    equal = (x[:, :, None] == x[:, None, :]).sum(2)
    return below + (equal + 1) / 2


def rank_ordinal() -> Contenders:
    from prefcore import ranking

    x = np.random.default_rng(8).normal(size=(100_000, 8))
    return {
        "prefcore": lambda: ranking.rank(x, method="ordinal"),
        "numpy, argsort twice": lambda: x.argsort(axis=1, kind="stable").argsort(axis=1) + 1.0,
    }


def rank_one() -> Contenders:
    from prefcore import ranking

    x = np.random.default_rng(9).normal(size=1_000_000)
    return {
        "prefcore": lambda: ranking.rank(x),
        "scipy": lambda: scipys("rankdata", x),
        "numpy, argsort and scatter (no ties)": lambda: _scattered(x),
    }


def _scattered(x: Any) -> Any:
    ranks = np.empty(len(x))
    ranks[x.argsort()] = np.arange(1.0, len(x) + 1)
    return ranks


def bootstrap_mean() -> Contenders:
    """Ends of the interval; the others draw in their own way, so that all differ by the noise of the resamples."""
    from prefcore import metrics

    outcomes = np.random.default_rng(7).choice([0.0, 0.5, 1.0], p=[0.3, 0.2, 0.5], size=10_000)

    def ours() -> Any:
        mean = metrics.bootstrap_mean(outcomes, n_resamples=100_000)
        return np.array([mean.lower, mean.upper])

    def by_scipy() -> Any:
        drawn = scipys("bootstrap", (outcomes,), np.mean, n_resamples=1_000, batch=100, method="percentile", rng=1)
        return np.array(drawn.confidence_interval)

    def multinomial() -> Any:
        values, counts = np.unique(outcomes, return_counts=True)
        drawn = np.random.default_rng(1).multinomial(len(outcomes), counts / len(outcomes), size=100_000)
        return np.quantile(drawn @ values / len(outcomes), LEVELS)

    return {"prefcore": ours, "scipy bootstrap/100": by_scipy, "numpy multinomial": multinomial}


def clusters() -> Contenders:
    from prefcore import metrics

    rng = np.random.default_rng(8)
    values, ids = rng.random(10_000), np.sort(rng.integers(0, 1_000, size=10_000))

    def ours() -> Any:
        mean = metrics.bootstrap_mean(values, clusters=ids, n_resamples=10_000)
        return np.array([mean.lower, mean.upper])

    def numpys() -> Any:
        """Sums and sizes of the clusters, gathered by drawn numbers, 1,000 resamples at a time."""
        _, own = np.unique(ids, return_inverse=True)
        sums, sizes = np.bincount(own, values), np.bincount(own)
        generator, means = np.random.default_rng(1), []
        for _ in range(10):
            drawn = generator.integers(0, len(sums), size=(1_000, len(sums)))
            means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
        return np.quantile(np.concatenate(means), LEVELS)

    return {"prefcore": ours, "numpy indices": numpys}


CASES = (
    Case("metrics.kendall_tau", "1e5 lists of 8 f64", kendall_many),
    Case("metrics.kendall_tau/one", "1 list of 1e5 f64", kendall_one),
    Case("metrics.weighted_tau", "1 list of 1e5 f64", weighted_tau),
    Case("metrics.spearman", "1e5 lists of 8 f64", spearman),
    Case("metrics.roc_auc", "1 list of 1e6 f64, half positive", roc_auc),
    Case("metrics.expected_calibration_error", "1 list of 1e6 f64, 15 bins", expected_calibration_error),
    Case("metrics.pairwise_accuracy", "1e6 pairs f64, a tie counts 1/2", pairwise_accuracy),
    Case("metrics.bootstrap_mean", "1e4 wins, ties and losses, 1e5 resamples", bootstrap_mean, 2e-3),
    Case("metrics.bootstrap_mean/clusters", "1e4 f64 in 1e3 clusters, 1e4 resamples", clusters, 2e-3),
    Case("ranking.rank", "1e5 lists of 8 f64, method average", rank_many),
    Case("ranking.rank/ordinal", "1e5 lists of 8 f64, method ordinal", rank_ordinal),
    Case("ranking.rank/one", "1 list of 1e6 f64, method average", rank_one),
)
