"""Cases of `metrics`: win rates, sampling, agreement, distributions."""

import numpy as np

from arrays.array_case import ArrayCase, ragged
from prefcore import metrics

OFFSETS, RNG = ragged()
N = int(OFFSETS[-1])
OUTCOMES = {"outcomes": RNG.integers(0, 3, size=N) / 2, "weights": RNG.random(size=N)}
SCORES = {"scores": RNG.integers(0, 4, size=N) / 2, "gold": RNG.normal(size=N).astype(np.float32)}
#: each group sums to 1
SHARES = np.concatenate([RNG.dirichlet(np.ones(length)) for length in np.diff(OFFSETS) if length])
WINS = {"wins": np.array([0.0, 3.5, 7.0]), "n": np.array([4.0, 9.0, 7.0])}
SAMPLES = {"n_samples": np.array([5, 9, 3]), "n_correct": np.array([0, 4, 3])}
POLICIES = ("omit", "propagate")
RATINGS = np.array([[1.0, 2.0, 3.0, np.nan], [1.0, 3.0, 3.0, 2.0], [2.0, 2.0, np.nan, 2.0]])

CASES = {
    "metrics.win_rate": ArrayCase(
        metrics.win_rate,
        OUTCOMES,
        OFFSETS,
        params={"ties": 0.5},
        no_nan=("outcomes",),
        policies=POLICIES,
        same_length=("weights",),
    ),
    "metrics.bootstrap_mean": ArrayCase(
        metrics.bootstrap_mean,
        others={
            "values": RNG.normal(size=12),
            "clusters": np.array([0, 0, 1, 1, 1, 2, 3, 3, 0, 4, 5, 5]),
            "repeats": np.array([1, 0, 2, 1, 1, 1, 1, 1, 3, 1, 1, 1]),
        },
        params={"n_resamples": 1_000},
        result="other",
        no_nan=("values",),
        policies=POLICIES,
        same_length=("clusters", "repeats"),
    ),
    "metrics.wilson_interval": ArrayCase(
        metrics.wilson_interval, others=WINS, result="other", no_nan=("wins", "n"), same_length=("n",)
    ),
    "metrics.clopper_pearson_interval": ArrayCase(
        metrics.clopper_pearson_interval, others=WINS, result="other", no_nan=("wins", "n"), same_length=("n",)
    ),
    "metrics.wald_interval": ArrayCase(
        metrics.wald_interval, others=WINS, result="other", no_nan=("wins", "n"), same_length=("n",)
    ),
    "metrics.best_of_n": ArrayCase(
        metrics.best_of_n,
        SCORES,
        OFFSETS,
        params={"n": [1, 2, 5]},
        no_nan=("scores", "gold"),
        policies=POLICIES,
        same_length=("gold",),
    ),
    "metrics.pass_at_k": ArrayCase(
        metrics.pass_at_k, others=SAMPLES, params={"k": 2}, result="other", same_length=("n_samples",)
    ),
    "metrics.pass_all_k": ArrayCase(
        metrics.pass_all_k, others=SAMPLES, params={"k": 2}, result="other", same_length=("n_samples",)
    ),
    "metrics.krippendorff_alpha": ArrayCase(
        metrics.krippendorff_alpha,
        others={"ratings": RATINGS},
        params={"level_of_measurement": "ordinal"},
        result="other",
    ),
    "metrics.percent_agreement": ArrayCase(metrics.percent_agreement, others={"ratings": RATINGS}, result="other"),
    "metrics.fleiss_kappa": ArrayCase(
        metrics.fleiss_kappa, others={"counts": np.array([[3, 0, 1], [2, 2, 0], [0, 4, 0]])}, result="other"
    ),
    "metrics.cohen_kappa": ArrayCase(
        metrics.cohen_kappa,
        others={
            "a": np.array([0, 1, 2, 2, 1, 3]),
            "b": np.array([0, 2, 2, 1, 1, 3]),
            "weights": np.array([1.0, 2.0, 0.0, 1.0, 0.5, 3.0]),
        },
        params={"weighting": "linear"},
        result="other",
        no_nan=("weights",),
        same_length=("b", "weights"),
    ),
    # Its groups must sum to 1, so that no other grouping of the same rows is an input.
    "metrics.kl_divergence": ArrayCase(
        metrics.kl_divergence,
        {"p": SHARES, "q": np.concatenate([SHARES[:5][::-1], SHARES[5:6], SHARES[6:13][::-1], SHARES[13:]])},
        OFFSETS,
        result="other",
        no_nan=("p", "q"),
        same_length=("q",),
    ),
    "metrics.gini": ArrayCase(
        metrics.gini, {"values": RNG.random(size=N)}, OFFSETS, no_nan=("values",), policies=POLICIES
    ),
    "metrics.distinct_ngram_ratio": ArrayCase(
        metrics.distinct_ngram_ratio, {"tokens": RNG.integers(0, 2, size=N)}, OFFSETS, params={"n": 2}
    ),
    "metrics.weighted_dimension_score": ArrayCase(
        metrics.weighted_dimension_score,
        others={
            "raw": np.array([[0.5, 3.0, 0.2], [1.0, 2.0, 0.1]]),
            "low": np.array([0.0, 1.0, 0.0]),
            "high": np.array([1.0, 5.0, 1.0]),
            "weights": np.array([1.0, 0.5, 2.0]),
            "offsets": np.array([0, 2, 3]),
            "group_weights": np.array([4.0, 1.0]),
        },
        result="other",
        no_nan=("raw", "low", "high", "weights", "group_weights"),
        same_length=("low", "high", "weights", "group_weights"),
    ),
}
