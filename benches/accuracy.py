"""Accuracy and calibration: contenders."""

from collections.abc import Callable
from typing import Any

import numpy as np

Contenders = dict[str, Callable[[], Any]]

N = 1_000_000
AUC = {"cpu": "1 list of 1e6 f64, half positive"}
CALIBRATION = {"cpu": "1 list of 1e6 f64, 15 bins"}
ACCURACY = {"cpu": "1e6 pairs f64, a tie counts 1/2"}


def roc_auc(_device: str) -> Contenders:
    from sklearn.metrics import roc_auc_score

    from prefcore import metrics

    rng = np.random.default_rng(7)
    labels = rng.integers(0, 2, size=N)
    scores = rng.normal(size=N) + labels
    return {
        "prefcore": lambda: metrics.roc_auc(scores, labels),
        "scikit-learn": lambda: roc_auc_score(labels, scores),
        "numpy, average ranks": lambda: _auc_by_ranks(scores, labels),
    }


def _auc_by_ranks(scores: Any, labels: Any) -> Any:
    """Mann and Whitney's form; ties take the mean of their ranks."""
    _, codes, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[codes]
    positives = labels.sum()
    return (ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * (len(labels) - positives))


def expected_calibration_error(_device: str) -> Contenders:
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
    """share * |mean prob - mean label| is |sum of probs - sum of labels| / n: the counts cancel."""
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


def pairwise_accuracy(_device: str) -> Contenders:
    from prefcore import metrics

    chosen, rejected = np.random.default_rng(9).integers(0, 50, size=(2, N)) / 10
    return {
        "prefcore": lambda: metrics.pairwise_accuracy(chosen, rejected, ties=0.5),
        "numpy, counts": lambda: (np.count_nonzero(chosen > rejected) + 0.5 * np.count_nonzero(chosen == rejected)) / N,
        "numpy, mean of credits": lambda: np.mean((chosen > rejected) + 0.5 * (chosen == rejected)),
    }
