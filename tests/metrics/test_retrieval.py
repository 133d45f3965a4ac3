"""Ranked lists: against the definitions written out, against scikit-learn (arguments swapped), and at the edges."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import dcg_score, ndcg_score

from prefcore import metrics
from prefcore.errors import DomainError

Array = Any
quick = settings(max_examples=80, deadline=None)
ROWS = st.lists(st.tuples(st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 2.0, np.inf]), st.integers(0, 3)), min_size=1)
METRICS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "dcg": (metrics.dcg, {}),
    "ndcg": (metrics.ndcg, {}),
    "average_precision": (metrics.average_precision, {}),
    "reciprocal_rank": (metrics.reciprocal_rank, {}),
    "precision_at_k": (metrics.precision_at_k, {"k": 2}),
    "recall_at_k": (metrics.recall_at_k, {"k": 2}),
    "r_precision": (metrics.r_precision, {}),
    "expected_reciprocal_rank": (metrics.expected_reciprocal_rank, {"max_grade": 3}),
    "rank_biased_precision": (metrics.rank_biased_precision, {"p": 0.5}),
}
EVERY = pytest.mark.parametrize(("metric", "options"), METRICS.values(), ids=METRICS)


def in_order(rows: list[tuple[float, int]]) -> list[int]:
    return [label for _, label in sorted(rows, key=lambda row: -row[0])]  # stable


def dcg_of(labels: list[int], k: int) -> float:
    return sum(label / np.log2(rank + 1) for rank, label in enumerate(labels[:k], 1))


@quick
@given(ROWS, st.integers(1, 12))
def test_every_metric_is_its_definition(rows: list[tuple[float, int]], k: int) -> None:
    scores, labels = (list(column) for column in zip(*rows, strict=True))
    ranked = in_order(rows)
    hits = [rank for rank, label in enumerate(ranked, 1) if label]
    precisions = [found / rank for found, rank in enumerate(hits, 1) if rank <= k]
    goes_on, err = 1.0, 0.0
    for rank, label in enumerate(ranked[:k], 1):
        stops = (2**label - 1) / 8
        err += goes_on * stops / rank
        goes_on *= 1 - stops
    near = sum(rank <= k for rank in hits)
    n = len(hits)
    got_want = [
        (metrics.dcg(scores, labels, k=k), dcg_of(ranked, k)),
        (metrics.precision_at_k(scores, labels, k=k), near / k),
        (metrics.expected_reciprocal_rank(scores, labels, k=k, max_grade=3), err),
        (metrics.rank_biased_precision(scores, labels, p=0.7), 0.3 * sum(0.7 ** (rank - 1) for rank in hits)),
        (metrics.ndcg(scores, labels, k=k), dcg_of(ranked, k) / dcg_of(sorted(labels)[::-1], k) if n else np.nan),
        (metrics.average_precision(scores, labels, k=k), sum(precisions) / n if n else np.nan),
        (
            metrics.average_precision(scores, labels, k=k, denominator="min"),
            sum(precisions) / min(n, k) if n else np.nan,
        ),
        (metrics.reciprocal_rank(scores, labels, k=k), (1 / hits[0] if near else 0) if n else np.nan),
        (metrics.recall_at_k(scores, labels, k=k), near / n if n else np.nan),
        (metrics.r_precision(scores, labels), sum(rank <= n for rank in hits) / n if n else np.nan),
    ]
    got, want = zip(*got_want, strict=True)
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-15)


@quick
@given(st.lists(st.tuples(st.integers(0, 2).map(float), st.integers(0, 3)), min_size=1, max_size=5), st.integers(1, 5))
def test_average_is_the_mean_over_the_orders_of_ties(rows: list[tuple[float, int]], k: int) -> None:
    scores, labels = (list(column) for column in zip(*rows, strict=True))
    want = np.mean([dcg_of(in_order(list(order)), k) for order in permutations(rows)])
    np.testing.assert_allclose(metrics.dcg(scores, labels, k=k, ties="average"), want, rtol=1e-13, atol=1e-15)


# Lists counted and sorted; k found in lanes, by selection, and beyond the list.
@pytest.mark.parametrize("n", [2, 33, 100, 1500])
@pytest.mark.parametrize("k", [1, 10, 40, None])
@pytest.mark.parametrize("levels", [3, 10**9])
def test_scikit_learn_gives_the_same(n: int, k: int | None, levels: int) -> None:
    rng = np.random.default_rng(n)
    scores, labels = rng.integers(0, levels, (20, n)) / levels, rng.integers(0, 5, (20, n))
    labels[:, 0] = 1
    for row, (ndcg, dcg) in enumerate(
        zip(metrics.ndcg(scores, labels, k=k, ties="average"), metrics.dcg(scores, labels, k=k), strict=True)
    ):
        assert ndcg == pytest.approx(ndcg_score(labels[row : row + 1], scores[row : row + 1], k=k), rel=1e-12)
        if levels > 3:  # scikit-learn turns ties around
            want = dcg_score(labels[row : row + 1], scores[row : row + 1], k=k, ignore_ties=True)
            assert dcg == pytest.approx(want, rel=1e-12)


def test_exponential_gain_and_labels_that_are_not_whole() -> None:
    labels = [0.25, 3.0, 1.5]
    want = sum((2**label - 1) / np.log2(rank + 1) for rank, label in enumerate(labels, 1))
    assert metrics.dcg([3, 2, 1], labels, gain="exponential") == pytest.approx(want, rel=1e-14)
    assert metrics.ndcg([2, 3, 1], [1.5, 3.0, 0.25], gain="exponential") == 1.0


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=60))
def test_a_perfect_ranking_is_exactly_1(labels: list[float]) -> None:
    value = metrics.ndcg(labels, labels)
    assert value == 1.0 or np.isnan(value)
    assert np.isnan(value) == (max(labels) == 0)


def test_me_01_a_constant_model_is_not_perfect() -> None:
    """Case ME-01: the orders of ties are averaged."""
    assert metrics.ndcg(np.ones(6), [7, 0, 2, 0, 4, 1], ties="average") == pytest.approx(0.7039081249503655, rel=1e-12)


def test_every_list_counts() -> None:
    """ranking.md 1.3 no. 10: torchmetrics takes two lists of three for one of six."""
    values = metrics.ndcg([[0.9, 0.1, 0.2], [3.0, 2.0, 1.0]], [[0, 0, 1], [1, 0, 0]])
    np.testing.assert_allclose(values, [1 / np.log2(3), 1.0], rtol=1e-14)


@EVERY
def test_negative_labels_and_nan_scores_are_refused(metric: Callable[..., Any], options: dict[str, Any]) -> None:
    """ME-01 and ranking.md 1.3 no. 11: a negative label or a NaN gives a number elsewhere."""
    with pytest.raises(DomainError, match=r"labels\[3\] must be (in \[0, .*|>= 0), got -1"):
        metric([1.0, 2.0, 3.0, 4.0], [0, 1, 1, -1], offsets=[0, 2, 4], **options)
    with pytest.raises(DomainError, match=r"scores\[2\] must be a number.* got NaN in group 1"):
        metric([1.0, 2.0, np.nan, 4.0], [0, 1, 1, 1], offsets=[0, 2, 4], **options)
    with pytest.raises(DomainError, match=r"labels\[3\] .* got -1"):
        metric([1.0, 2.0, np.nan, 4.0], [0, 1, np.nan, -1], offsets=[0, 2, 4], nan="omit", **options)


def test_one_document_has_a_value() -> None:
    """ranking.md 1.3 no. 12: scikit-learn raises."""
    assert metrics.ndcg([-7.0], [2]) == 1.0


def test_scores_are_compared_in_their_own_dtype() -> None:
    """ranking.md 1.3 no. 14: pytrec_eval holds scores in 32 bits, where 1 and 1 + 1e-9 are tied."""
    assert metrics.reciprocal_rank([1.0, 1.0 + 1e-9], [0, 1]) == 1.0
    assert metrics.reciprocal_rank(np.array([1.0, 1.0 + 1e-9], dtype=np.float32), [0, 1]) == 0.5
    assert metrics.reciprocal_rank(np.array([2**53, 2**53 + 1]), [0, 1]) == 1.0


def test_a_missing_list_is_nan_and_not_left_out() -> None:
    """ranking.md 1.3 no. 15: pytrec_eval ranks a NaN, and leaves out a query without a run."""
    values = metrics.ndcg([np.nan, 1.0, 2.0, 5.0], [1, 0, 2, 1], offsets=[0, 2, 2, 4], nan="propagate", undefined=0)
    assert np.isnan(values[:2]).all()
    assert metrics.ndcg([np.nan, 1.0], [1, 0], nan="omit", undefined=0.0) == 0.0


@EVERY
def test_groups_without_rows_are_nan_and_without_relevant_rows_undefined(
    metric: Callable[..., Any], options: dict[str, Any]
) -> None:
    scores, labels, offsets = [1.0, 2.0], [0, 0], [0, 0, 2]
    sums = (metrics.dcg, metrics.precision_at_k, metrics.expected_reciprocal_rank, metrics.rank_biased_precision)
    want = 0.0 if metric in sums else np.nan
    np.testing.assert_array_equal(metric(scores, labels, offsets=offsets, **options), [np.nan, want])
    if metric not in sums:
        values = metric(scores, labels, offsets=offsets, undefined=0.5, **options)
        np.testing.assert_array_equal(values, [np.nan, 0.5])


def test_threshold_is_the_least_relevant_label() -> None:
    scores, labels = [4, 3, 2, 1], [1, 2, 0, 3]
    assert metrics.recall_at_k(scores, labels, k=2, threshold=2) == 0.5
    assert metrics.reciprocal_rank(scores, labels, threshold=2.5) == 0.25
    assert np.isnan(metrics.r_precision(scores, labels, threshold=4))


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (DomainError, "k must be >= 1, got 0", lambda: metrics.ndcg([1], [1], k=0)),
        (DomainError, "k must be >= 1, got -3", lambda: metrics.recall_at_k([1], [1], k=-3)),
        (TypeError, "k must be an integer, got 2.5", lambda: metrics.dcg([1], [1], k=2.5)),  # type: ignore[arg-type]
        (TypeError, "k must be an integer, got None", lambda: metrics.precision_at_k([1], [1], k=None)),  # type: ignore[arg-type]
        (DomainError, "threshold must be finite and > 0, got 0", lambda: metrics.r_precision([1], [1], threshold=0)),
        (DomainError, r"p must be in \(0, 1\), got 1", lambda: metrics.rank_biased_precision([1], [1], p=1)),
        (
            DomainError,
            r"labels\[1\] must be in \[0, max_grade = 2\], got 3",
            lambda: metrics.expected_reciprocal_rank([1, 2], [1, 3], max_grade=2),
        ),
        (
            DomainError,
            "max_grade must be finite and > 0, got 0",
            lambda: metrics.expected_reciprocal_rank([1], [0], max_grade=0),
        ),
        (
            DomainError,
            r'labels\[0\] must be in \[0, 900\] with gain="exponential", got 1024',
            lambda: metrics.ndcg([1], [1024], gain="exponential"),
        ),
        (
            DomainError,
            'gain must be "linear" or "exponential", got "log"',
            lambda: metrics.dcg([1], [1], gain="log"),  # type: ignore[arg-type]
        ),
        (
            DomainError,
            'ties must be "stable" or "average", got "half"',
            lambda: metrics.dcg([1], [1], ties="half"),  # type: ignore[arg-type]
        ),
        (
            DomainError,
            'denominator must be "all" or "min", got "k"',
            lambda: metrics.average_precision([1], [1], denominator="k"),  # type: ignore[arg-type]
        ),
    ],
)
def test_bad_arguments_are_named(error: type[Exception], match: str, call: Callable[[], Any]) -> None:
    with pytest.raises(error, match=match):
        call()
