"""Accuracies of pairs and lists: against their definitions, against scikit-learn, exact counts, errors."""

from collections.abc import Callable
from itertools import combinations, pairwise, product
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import prefcore
from prefcore.errors import DomainError, ShapeError
from prefcore.metrics import (
    outcome_counts,
    pairwise_accuracy,
    pairwise_accuracy_with_ties,
    ranking_exact_match,
    roc_auc,
    tie_calibrated_accuracy,
)
from prefcore.papers import preference_rankings

Array = NDArray[Any]
quick = settings(max_examples=60, deadline=None)
NUMBERS = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 0.5, 2.0, np.inf]) | st.floats(allow_nan=False)
WHOLE = st.integers(-4, 4)
INT64 = st.integers(-(2**63), 2**63 - 1)
FUNCTIONS: list[Callable[..., Any]] = [
    outcome_counts,
    lambda x, y, **options: pairwise_accuracy(x, y, ties=0.5, **options),
    lambda x, y, **options: pairwise_accuracy_with_ties(x, y, eps=0.1, tie_band="all", **options),
    tie_calibrated_accuracy,
    ranking_exact_match,
    roc_auc,
]


def rows(*columns: st.SearchStrategy[Any], min_size: int = 0) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    return st.lists(st.tuples(*columns), min_size=min_size, max_size=15)


def columns(rows: list[tuple[Any, ...]], n: int = 2) -> list[Array]:
    return [np.array(column) for column in zip(*rows, strict=True)] or [np.array([])] * n


# pairs


@quick
@given(rows(INT64, NUMBERS), st.sampled_from([0.0, 0.25, 0.5, 1.0, "drop"]))
def test_integers_and_floats_are_compared_as_numbers(pairs: list[tuple[int, float]], ties: Any) -> None:
    """Python compares int with float exactly; int64 next to 2^53 is no float."""
    integers, floats = columns(pairs)
    integers = integers.astype(np.int64)
    wins = sum(x > y for x, y in pairs)
    tied = sum(x == y for x, y in pairs)
    counts = outcome_counts(integers, floats)
    assert counts == (wins, tied, len(pairs) - wins - tied, 0)
    total = len(pairs) - tied if ties == "drop" else len(pairs)
    expected = (wins + (0 if ties == "drop" else ties * tied)) / total if total else np.nan
    np.testing.assert_array_equal(pairwise_accuracy(integers, floats, ties=ties), expected)
    np.testing.assert_array_equal(counts.rate(ties=ties), expected)
    assert outcome_counts(floats, integers) == (counts.losses, counts.ties, counts.wins, 0)


def test_neighbours_of_2_to_the_53_differ_from_the_float_between_them() -> None:
    assert outcome_counts([2**53 + 1, 2**53, 2**53 - 1], [2.0**53] * 3) == (1, 1, 1, 0)
    assert outcome_counts([2**63 - 1, -(2**63)], [2.0**63, -(2.0**63)]) == (0, 1, 1, 0)


def test_single_precision_is_compared_as_it_is() -> None:
    assert outcome_counts(np.array([0.1, 0.5], dtype=np.float32), [0.1, 0.5]) == (1, 1, 0, 0)


def test_a_number_stands_for_a_constant_column() -> None:
    margins = np.array([[0.3, -0.2], [0.0, 2.0]])
    np.testing.assert_array_equal(pairwise_accuracy(margins, 0.0, ties=0.5), [0.5, 0.75])
    assert outcome_counts([1, 2, 3], 2) == (1, 1, 1, 0)
    assert outcome_counts([1.0, np.nan], 0.5, nan="omit").nans == 1
    with pytest.raises(ShapeError, match=r"rejected must have shape \[3\] like chosen, got \[1\]"):
        outcome_counts([1, 2, 3], [2])


@quick
@given(rows(WHOLE, WHOLE, st.floats(0, 1e6)), st.sampled_from([0.0, 0.5, "drop"]))
def test_weighted_accuracy_is_its_definition(pairs: list[tuple[int, int, float]], ties: Any) -> None:
    chosen, rejected, weights = columns(pairs, 3)
    credit = np.where(chosen > rejected, 1.0, np.where(chosen < rejected, 0.0, 0.0 if ties == "drop" else ties))
    weights = weights.astype(np.float64)
    counted = weights * (chosen != rejected) if ties == "drop" else weights
    expected = (counted * credit).sum() / counted.sum() if counted.sum() else np.nan
    got = pairwise_accuracy(chosen, rejected, ties=ties, weights=weights)
    np.testing.assert_allclose(got, expected, rtol=1e-13)


def test_nan_pairs_are_counted_and_left_out_of_every_group_alone() -> None:
    chosen, rejected = [1.0, np.nan, 2.0, 0.0], [0.0, 0.0, np.nan, 0.0]
    counts = outcome_counts(chosen, rejected, offsets=[0, 2, 2, 4], nan="omit")
    np.testing.assert_array_equal(np.array(counts), [[1, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 1]])
    assert all(column.dtype == np.int64 for column in counts)
    np.testing.assert_array_equal(counts.rate(ties=0.5), [1.0, np.nan, 0.5])


@quick
@given(rows(st.sampled_from([-1.0, -0.1, 0.0, 0.1, 0.3, np.inf]), st.integers(-1, 1)), st.sampled_from([0.0, 0.1, 0.2]))
def test_tie_bands_are_their_definitions(pairs: list[tuple[float, int]], eps: float) -> None:
    margins, labels = columns(pairs)

    def share(right: list[bool]) -> float:
        return sum(right) / len(right) if right else np.nan

    signs = [0 if abs(margin) <= eps else np.sign(margin) for margin, _ in pairs]
    everywhere = share([sign == label for sign, (_, label) in zip(signs, pairs, strict=True)])
    tied = share([abs(margin) <= eps if label == 0 else np.sign(margin) == label for margin, label in pairs])
    got = [pairwise_accuracy_with_ties(margins, labels, eps=eps, tie_band=band) for band in ("all", "tied_labels")]
    np.testing.assert_array_equal(got, [everywhere, tied])


def test_eps_takes_the_dtype_of_the_margins() -> None:
    margins, labels = np.array([0.05, 2.0**53]), [0, 0]
    assert pairwise_accuracy_with_ties(margins.astype(np.float32), labels, eps=0.05, tie_band="all") == 0.5
    huge = np.array([2**53, 2**53 + 1, -(2**63)])
    assert pairwise_accuracy_with_ties(huge, [0, 0, 0], eps=2.0**53, tie_band="all") == 1 / 3


# lists


@quick
@given(rows(st.integers(-3, 3).map(lambda value: value / 4) | NUMBERS, WHOLE))
def test_tie_calibration_finds_the_smallest_best_gap(pairs: list[tuple[float, int]]) -> None:
    scores, labels = columns(pairs)

    def gap(a: float, b: float) -> float:
        return 0.0 if a == b else abs(a - b)

    def accuracy(eps: float) -> float:
        right = 0
        for (a, u), (b, v) in combinations(pairs, 2):
            right += u == v if gap(a, b) <= eps else (a > b) - (a < b) == (u > v) - (u < v)
        return right / (len(pairs) * (len(pairs) - 1) / 2)

    best = tie_calibrated_accuracy(scores, labels)
    if len(pairs) < 2:
        assert np.isnan(best).all()
        return
    with np.errstate(over="ignore"):
        gaps = sorted({0.0, *(gap(a, b) for (a, _), (b, _) in combinations(pairs, 2))})
        shares = [accuracy(eps) for eps in gaps]
        assert best == (max(shares), gaps[int(np.argmax(shares))])
        for eps in gaps[:3]:
            assert tie_calibrated_accuracy(scores, labels, eps=eps) == (accuracy(eps), eps)


def test_gaps_of_integers_are_exact() -> None:
    scores = np.array([2**53, 2**53 + 1, -(2**63), 2**63 - 1])
    assert tie_calibrated_accuracy(scores, [1, 2, 0, 3], eps=0.0).accuracy == 1.0
    assert tie_calibrated_accuracy(scores[:2], [0, 0]) == (1.0, 1.0)


@quick
@given(st.lists(WHOLE, min_size=1, max_size=6), st.data())
def test_exact_match_is_one_plus_the_greater_scores(scores: list[int], data: st.DataObject) -> None:
    ranks = [1 + sum(other > score for other in scores) for score in scores]
    assert ranking_exact_match(scores, ranks) == 1.0
    row = data.draw(st.integers(0, len(scores) - 1))
    ranks[row] += 1
    assert ranking_exact_match(scores, ranks) == 0.0


def test_a_nan_row_of_a_ranking_is_skipped_by_nanmean() -> None:
    """Note of record rankacc.listwise_exact."""
    match = ranking_exact_match([[0.5, 0.2, 0.9], [0.1, np.nan, 0.4]], [[2, 3, 1], [3, 1, 1]], nan="propagate")
    np.testing.assert_array_equal(match, [1.0, np.nan])
    assert np.nanmean(match) == 1.0


@quick
@given(rows(NUMBERS, st.booleans(), st.just(0.0) | st.floats(1e-3, 100)))  # products of less vanish in the definition
def test_auc_is_the_mean_over_pairs_of_classes(table: list[tuple[float, bool, float]]) -> None:
    scores, labels, weights = columns(table, 3)
    labels, weights = labels.astype(bool), weights.astype(np.float64)
    for given_weights in (None, weights):
        w = np.ones(len(table)) if given_weights is None else weights
        wins = total = 0.0
        for i, j in product(np.flatnonzero(labels), np.flatnonzero(~labels)):
            total += w[i] * w[j]
            wins += w[i] * w[j] * ((scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j]))
        expected = wins / total if total else np.nan
        np.testing.assert_allclose(roc_auc(scores, labels, weights=given_weights), expected, rtol=1e-12)


@pytest.mark.parametrize("weights", [[1.0, 5e-324], [1.3e-306, 2.2e-16], [1e100, 1e-300]])
def test_auc_does_not_depend_on_the_size_of_weights(weights: list[float]) -> None:
    assert roc_auc([2.0, 2.0], [0, 1], weights=weights) == 0.5
    assert roc_auc([2.0, 3.0], [0, 1], weights=weights) == 1.0


@pytest.mark.parametrize("levels", [3, 2**40])
def test_long_auc_matches_scikit_learn(levels: int) -> None:
    rng = np.random.default_rng(0)
    scores, labels, weights = rng.integers(-levels, levels, 200_001), rng.random(200_001) < 0.3, rng.random(200_001)
    np.testing.assert_allclose(roc_auc(scores, labels), sklearn.metrics.roc_auc_score(labels, scores), rtol=1e-12)
    expected = sklearn.metrics.roc_auc_score(labels, scores, sample_weight=weights)
    np.testing.assert_allclose(roc_auc(scores, labels, weights=weights), expected, rtol=1e-11)


def test_auc_of_ties_is_the_middle_and_one_class_has_none() -> None:
    """ME-05."""
    assert roc_auc([3, 3, 8, 8, 1, 6, 6], [0, 1, 1, 0, 1, 0, 1]) == 0.375
    assert roc_auc([3, 3, 3, 3, 3], [1, 1, 0, 0, 1]) == 0.5
    assert np.isnan(roc_auc([0.2, 0.5, 0.9], [1, 1, 1]))
    assert np.isnan(roc_auc([0.2, 0.5, 0.9], [0, 0, 0]))


def test_reversed_scores_turn_auc_around_and_rows_may_be_shuffled() -> None:
    rng = np.random.default_rng(1)
    scores, labels, weights = rng.integers(0, 20, 500), rng.integers(0, 2, 500), rng.random(500)
    assert roc_auc(scores, labels) + roc_auc(-scores, labels) == 1.0
    order = rng.permutation(500)
    got = roc_auc(scores[order], labels[order], weights=weights[order])
    assert got == roc_auc(scores, labels, weights=weights)


# arguments


@pytest.mark.parametrize(
    ("match", "function", "arguments", "options"),
    [
        (r'ties must be in \[0, 1\], or "drop", got 1.5', pairwise_accuracy, ([1], [1]), {"ties": 1.5}),
        (r'ties must be in \[0, 1\], or "drop", got \'half\'', pairwise_accuracy, ([1], [1]), {"ties": "half"}),
        (
            r"weights\[1\] must be a finite number >= 0, got -1",
            pairwise_accuracy,
            ([1, 2], [1, 2]),
            {"ties": 0.5, "weights": [1, -1]},
        ),
        (r"weights\[0\] must be a finite number >= 0, got NaN", roc_auc, ([1], [1]), {"weights": [np.nan]}),
        (r"labels\[1\] must be \+1, 0 or -1, got 2", FUNCTIONS[2], ([0.1, 0.2], [0, 2]), {}),
        (
            "eps must be a number >= 0, got -1",
            pairwise_accuracy_with_ties,
            ([1], [1]),
            {"eps": -1.0, "tie_band": "all"},
        ),
        (
            'tie_band must be "all" or "tied_labels", got "none"',
            pairwise_accuracy_with_ties,
            ([1], [1]),
            {"eps": 0.0, "tie_band": "none"},
        ),
        ("eps must be a number >= 0, or None, got NaN", tie_calibrated_accuracy, ([1], [1]), {"eps": np.nan}),
        (r"ranks\[1\] must be a whole number >= 1 .*, got 0", ranking_exact_match, ([1, 2], [1, 0]), {}),
        (r"labels\[2\] must be 0 or 1, got 2", roc_auc, ([1, 2, 3], [0, 1, 2]), {}),
        ('nan must be "raise" or "omit" where', outcome_counts, ([1], [1]), {"nan": "propagate"}),
    ],
)
def test_bad_values_are_named(match: str, function: Any, arguments: Any, options: Any) -> None:
    with pytest.raises(DomainError, match=match):
        function(*arguments, **options)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bad_columns_are_named(function: Callable[..., Any]) -> None:
    with pytest.raises(ShapeError, match=r"must have shape \[2\] like \w+, got \[1\]"):
        function([1.0, 1.0], [1])
    with pytest.raises(DomainError, match=r"\w+\[1\] must be a number.*group 0"):
        function([1.0, np.nan], [1, 1])
    with pytest.raises(DomainError, match='nan must be "raise", "omit" or "propagate", got "drop"'):
        function([1.0], [1], nan="drop")
    if function not in (outcome_counts, tie_calibrated_accuracy, ranking_exact_match):
        with pytest.raises(ShapeError, match=r"weights must have shape \[2\] like \w+, got \[1\]"):
            function([1.0, 1.0], [1, 1], weights=[1.0])


def test_bits_of_a_long_weighted_list_do_not_depend_on_threads() -> None:
    rng = np.random.default_rng(2)
    x, y, weights = rng.integers(0, 9, 200_000), rng.integers(0, 9, 200_000), rng.random(200_000)
    offsets = [0, 5, 150_000, 200_000]
    before, results = prefcore.get_num_threads(), []
    for threads in (1, 2, 5):
        prefcore.set_num_threads(threads)
        together = pairwise_accuracy(x, y, ties=0.3, weights=weights, offsets=offsets)
        alone = [pairwise_accuracy(x[a:b], y[a:b], ties=0.3, weights=weights[a:b]) for a, b in pairwise(offsets)]
        np.testing.assert_array_equal(together, alone)
        results.append((together.tobytes(), np.float64(roc_auc(x, y > 4, weights=weights)).tobytes()))
    prefcore.set_num_threads(before)
    assert len(set(results)) == 1


# papers.preference_rankings.idealized_log_ratio


def test_idealized_log_ratio_takes_unanimous_shares_from_their_ends() -> None:
    ratio = preference_rankings.idealized_log_ratio
    np.testing.assert_allclose(ratio([0.0, 0.0], [0.0, 0.0], [1.0, 0.0], beta=1.0, eps=0.1), [np.log(9), -np.log(9)])
    assert ratio([1.0], [0.0], [0.9999], beta=1.0, eps=0.1)[0] > np.log(9999)
    with pytest.raises(DomainError, match=r"prob\[1\] must be in \[0, 1\], got 2.0"):
        ratio([0.0, 0.0], [0.0, 0.0], [0.5, 2.0], beta=1.0)
    with pytest.raises(DomainError, match=r"beta must be > 0, got 0.0"):
        ratio([0.0], [0.0], [0.5], beta=0.0)
    with pytest.raises(ShapeError, match="prob must have shape"):
        ratio([0.0], [0.0], [0.5, 0.5], beta=1.0)
