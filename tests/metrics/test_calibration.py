"""Calibration and proper scores: against their definitions, NumPy and scikit-learn."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import prefcore
from prefcore.errors import DomainError, ShapeError
from prefcore.metrics import brier_score, calibration_curve, expected_calibration_error, log_loss

Array = NDArray[Any]
quick = settings(max_examples=80, deadline=None)
PROBS = st.sampled_from([0.0, -0.0, 0.1, 0.25, 0.3, 0.5, 0.6, 0.75, 1.0, 5e-324, 1 - 2**-53]) | st.floats(0, 1)
ROWS = st.lists(st.tuples(PROBS, st.integers(0, 1), st.floats(0, 9)), max_size=30)
BINS: list[Callable[..., Any]] = [
    partial(expected_calibration_error, n_bins=4),
    partial(calibration_curve, n_bins=4),
]
FUNCTIONS = [*BINS, brier_score, log_loss]


def columns(rows: list[tuple[float, int, float]]) -> tuple[Array, Array, Array]:
    table = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return table[0], table[1].astype(np.int64), table[2]


def bins_of(probs: Array, n_bins: int, strategy: str, closed: str) -> tuple[Array, Array]:
    """Edges, and the bin of every row."""
    if strategy == "uniform":
        places = probs * n_bins
        bins = np.floor(places) if closed == "left" else np.ceil(places) - 1
        return np.arange(n_bins + 1) / n_bins, bins.clip(0, n_bins - 1).astype(int)
    edges = np.quantile(probs, np.linspace(0, 1, n_bins + 1))
    return edges, np.searchsorted(edges[1:-1], probs, side="right" if closed == "left" else "left")


@pytest.mark.parametrize("closed", ["left", "right"])
@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
@quick
@given(rows=ROWS.filter(bool), n_bins=st.integers(1, 12), weighted=st.booleans())
def test_curve_and_error_are_their_definitions(
    rows: list[tuple[float, int, float]], n_bins: int, weighted: bool, strategy: Any, closed: Any
) -> None:
    probs, labels, weights = columns(rows)
    options = {"n_bins": n_bins, "strategy": strategy, "closed": closed, "weights": weights if weighted else None}
    w = weights if weighted else np.ones(len(rows))
    edges, bins = bins_of(probs, n_bins, strategy, closed)
    curve = calibration_curve(probs, labels, **options)
    np.testing.assert_array_equal(curve.lower, edges[:-1])
    np.testing.assert_array_equal(curve.upper, edges[1:])
    np.testing.assert_array_equal(curve.n, np.bincount(bins, minlength=n_bins))
    total, prob, label = (np.bincount(bins, column, n_bins) for column in (w, w * probs, w * labels))
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(curve.mean_prob, prob / total, rtol=1e-13, atol=1e-300)
        np.testing.assert_allclose(curve.mean_label, label / total, rtol=1e-13)
    if w.sum() == 0:
        assert np.isnan(expected_calibration_error(probs, labels, **options))
        return
    filled = total > 0
    share, gap = total[filled] / total.sum(), np.abs(prob[filled] - label[filled]) / total[filled]
    expected = {"l1": (share * gap).sum(), "l2": np.sqrt((share * gap**2).sum()), "max": gap.max()}
    for norm, want in expected.items():
        got = expected_calibration_error(probs, labels, norm=norm, **options)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_curve_is_that_of_scikit_learn(strategy: Any) -> None:
    rng = np.random.default_rng(0)
    probs = rng.integers(0, 65, 5_000) / 64
    labels = (rng.random(5_000) < probs).astype(int)
    share, mean = sklearn.calibration.calibration_curve(labels, probs, n_bins=8, strategy=strategy)
    curve = calibration_curve(probs, labels, n_bins=8, strategy=strategy, closed="right")
    np.testing.assert_allclose(curve.mean_label, share, rtol=1e-13)
    np.testing.assert_allclose(curve.mean_prob, mean, rtol=1e-13)


def test_a_probability_of_1_is_in_the_top_bin() -> None:
    """ME-07, and ranking.md 1.3 no. 9."""
    probs, labels = [0.93, 1.0, 1.0, 0.55, 0.58, 0.12], [1, 0, 1, 1, 0, 0]
    assert expected_calibration_error(probs, labels, n_bins=10) == pytest.approx(0.19666666666666666, abs=1e-12)
    assert expected_calibration_error(probs, labels, n_bins=10, norm="max") == pytest.approx(0.31, abs=1e-12)
    got = expected_calibration_error([0.95, 1.0, 1.0], [1, 0, 1], n_bins=10)
    assert got == pytest.approx(0.95 / 3, abs=1e-12)
    assert calibration_curve([0.95, 1.0, 1.0], [1, 0, 1], n_bins=10).n.tolist() == [0] * 9 + [3]


def test_means_of_bins_are_those_of_the_exact_sums() -> None:
    """2^60 + 2^7 times a tiny probability: a running sum of doubles would lose the tiny ones."""
    probs = np.concatenate([[0.75], np.full(1_000, 2.0**-54), [5e-324]])
    rng = np.random.default_rng(1)
    for _ in range(3):
        order = rng.permutation(len(probs))
        curve = calibration_curve(probs[order], np.zeros(1_002, int), n_bins=1)
        assert curve.mean_prob[0] == (0.75 + 1_000 * 2.0**-54) / 1_002


@quick
@given(ROWS, st.sampled_from([0.0, 1e-15, 0.2]))
def test_proper_scores_are_their_definitions(rows: list[tuple[float, int, float]], eps: float) -> None:
    probs, labels, weights = columns(rows)
    of_label = np.maximum(np.where(labels == 1, probs, 1 - probs), eps)
    with np.errstate(divide="ignore", invalid="ignore"):
        losses = -np.log(of_label)
        for given_weights in (None, weights):
            w = np.ones(len(rows)) if given_weights is None else weights
            brier, loss = np.array([(w * (probs - labels) ** 2).sum(), (w * losses)[w > 0].sum()]) / w.sum()
            np.testing.assert_allclose(brier_score(probs, labels, weights=given_weights), brier, rtol=1e-12)
            got = log_loss(probs, labels, eps=eps, weights=given_weights)
            np.testing.assert_allclose(got, loss, rtol=1e-12, atol=1e-15)


def test_proper_scores_match_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    probs, labels, weights = rng.random(50_000), rng.integers(0, 2, 50_000), rng.random(50_000)
    expected = sklearn.metrics.brier_score_loss(labels, probs, sample_weight=weights)
    np.testing.assert_allclose(brier_score(probs, labels, weights=weights), expected, rtol=1e-12)
    expected = sklearn.metrics.log_loss(labels, probs, sample_weight=weights)
    np.testing.assert_allclose(log_loss(probs, labels, weights=weights), expected, rtol=1e-12)


def test_a_tiny_probability_of_the_other_label_is_not_lost() -> None:
    assert log_loss([1e-20], [0]) == 1e-20
    assert log_loss([1.0, 0.0], [0, 1]) == np.inf
    assert log_loss([0.5, 1.0], [0, 0], weights=[1.0, 0.0]) == np.log(2)


def test_groups_have_a_row_each_and_empty_groups_empty_bins() -> None:
    curve = calibration_curve([0.1, 0.9, 0.8], [0, 1, 1], n_bins=2, offsets=[0, 2, 2, 3])
    np.testing.assert_array_equal(curve.n, [[1, 1], [0, 0], [0, 1]])
    np.testing.assert_array_equal(curve.lower, [[0.0, 0.5]] * 3)
    assert curve.n.dtype == np.int64
    quantiles = calibration_curve([0.1, 0.9, 0.8], [0, 1, 1], n_bins=2, strategy="quantile", offsets=[0, 2, 2, 3])
    np.testing.assert_array_equal(quantiles.upper, [[0.5, 0.9], [np.nan, np.nan], [0.8, 0.8]])
    errors = expected_calibration_error([0.1, 0.9, 0.8], [0, 1, 1], n_bins=2, offsets=[0, 2, 2, 3])
    np.testing.assert_allclose(errors, [0.1, np.nan, 0.2], rtol=1e-12)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bad_arguments_are_named(function: Callable[..., Any]) -> None:
    with pytest.raises(DomainError, match=r"probs\[1\] must be in \[0, 1\], got 1.5"):
        function([0.5, 1.5], [1, 1])
    with pytest.raises(DomainError, match=r"probs\[2\] must be in \[0, 1\], got -0.5"):
        function([np.nan, 0.5, -0.5], [1, 1, 1], nan="omit")
    with pytest.raises(DomainError, match=r"labels\[1\] must be 0 or 1, got 0.5"):
        function([0.5, 0.5], [1, 0.5])
    with pytest.raises(DomainError, match=r"weights\[0\] must be a finite number >= 0, got inf"):
        function([0.5], [1], weights=[np.inf])
    with pytest.raises(ShapeError, match=r"weights must have shape \[1\] like probs, got \[2\]"):
        function([0.5], [1], weights=[1, 1])
    with pytest.raises(ShapeError, match=r"labels must have shape \[1\] like probs, got \[2\]"):
        function([0.5], [1, 1])


@pytest.mark.parametrize("function", [expected_calibration_error, calibration_curve])
@pytest.mark.parametrize(
    ("error", "match", "options"),
    [
        (DomainError, r"n_bins must be 1 to 10000, got 0", {"n_bins": 0}),
        (DomainError, r"n_bins must be 1 to 10000, got 20000", {"n_bins": 20_000}),
        (TypeError, r"n_bins must be an integer, got 2.5", {"n_bins": 2.5}),
        (DomainError, 'strategy must be "uniform" or "quantile", got "mass"', {"n_bins": 2, "strategy": "mass"}),
        (DomainError, 'closed must be "left" or "right", got "both"', {"n_bins": 2, "closed": "both"}),
    ],
)
def test_bad_bins_are_named(function: Any, error: type[Exception], match: str, options: Any) -> None:
    with pytest.raises(error, match=match):
        function([0.5], [1], **options)


def test_bad_words_are_named() -> None:
    with pytest.raises(DomainError, match='norm must be "l1", "l2" or "max", got "l3"'):
        expected_calibration_error([0.5], [1], n_bins=2, norm="l3")  # type: ignore[arg-type]
    with pytest.raises(DomainError, match='nan must be "raise" or "omit" where'):
        calibration_curve([0.5], [1], n_bins=2, nan="propagate")  # type: ignore[arg-type]
    for eps in (-0.1, 1.0, np.nan):
        with pytest.raises(DomainError, match=r"eps must be in \[0, 1\)"):
            log_loss([0.5], [1], eps=eps)


def test_bits_of_a_long_list_do_not_depend_on_threads() -> None:
    rng = np.random.default_rng(3)
    probs, labels, weights = rng.random(100_000), rng.integers(0, 2, 100_000), rng.random(100_000)
    before, results = prefcore.get_num_threads(), []
    for threads in (1, 2, 5):
        prefcore.set_num_threads(threads)
        results.append(
            np.array(
                [
                    expected_calibration_error(probs, labels, n_bins=7, strategy="quantile"),
                    expected_calibration_error(probs, labels, n_bins=7, weights=weights),
                    brier_score(probs, labels, weights=weights),
                    log_loss(probs, labels),
                ]
            ).tobytes()
        )
    prefcore.set_num_threads(before)
    assert len(set(results)) == 1
