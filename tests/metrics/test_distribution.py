"""Divergence, inequality, repetition and scores over dimensions: against their definitions and scipy."""

from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from prefcore.errors import DomainError, ShapeError
from prefcore.metrics import distinct_ngram_ratio, gini, kl_divergence, weighted_dimension_score
from prefcore.papers import regularized_relevance

quick = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize("n", [1, 2, 7, 500])
def test_kl_divergence_equals_scipy(n: int) -> None:
    p, q = np.random.default_rng(n).dirichlet(np.ones(n), size=(2, 30))
    want = scipy.stats.entropy(p, q, axis=1)
    np.testing.assert_allclose(kl_divergence(p, q), want, rtol=1e-11, atol=1e-15)
    offsets = np.arange(0, 30 * n + 1, n)
    np.testing.assert_array_equal(kl_divergence(p.ravel(), q.ravel(), offsets=offsets), kl_divergence(p, q))
    np.testing.assert_array_equal(kl_divergence(p, p), 0)


def test_kl_divergence_of_zeros() -> None:
    assert kl_divergence([1, 0], [0.5, 0.5]) == pytest.approx(np.log(2))
    assert kl_divergence([0.5, 0.5], [1, 0]) == np.inf
    assert kl_divergence([1, 0, 0], [1, 0, 0]) == 0
    assert np.isnan(kl_divergence([], []))
    values = kl_divergence([1.0, 0.5, 0.5], [1.0, 0.5, 0.5], offsets=[0, 1, 1, 3])
    np.testing.assert_array_equal(values, [0, np.nan, 0])


def test_kl_divergence_refuses_what_is_no_distribution() -> None:
    with pytest.raises(DomainError, match=r"q must be a distribution that sums to 1 .* got 0.9 in group 1"):
        kl_divergence([[0.5, 0.5], [1, 0]], [[1, 0], [0.5, 0.4]])
    with pytest.raises(DomainError, match=r"p\[1\] must be a probability >= 0, got -0.5"):
        kl_divergence([1.5, -0.5], [0.5, 0.5])
    with pytest.raises(DomainError, match=r"p must be a distribution .* got inf in group 0"):
        kl_divergence([np.inf], [1.0])
    kl_divergence([1 + 9e-10], [1.0])


VALUES = st.lists(st.sampled_from([0.0, 0.1, 1.0, 7.0]) | st.floats(0, 1e6), min_size=1, max_size=12)


@quick
@given(VALUES)
def test_gini_is_the_mean_difference_over_twice_the_mean(values: list[float]) -> None:
    x = np.array(values)
    total = np.abs(x[:, None] - x).sum()
    want = total / (2 * len(x) * x.sum()) if x.sum() else 0.0
    if x.sum() == 0 or x.sum() > 1e-290:
        np.testing.assert_allclose(gini(x), want, rtol=1e-11, atol=1e-15)
    assert 0 <= gini(x) < 1


def test_gini_of_equal_values_is_exactly_0_and_large_ones_do_not_overflow() -> None:
    assert gini([0.1] * 9) == 0
    assert gini([1e308, 1e308, 0.0]) == pytest.approx(1 / 3)
    assert gini([0, 0]) == 0
    assert np.isnan(gini([]))


def test_gini_bounds_of_the_abstract() -> None:
    """welfare/abstract_consistency: least Gini of six values with this total and minimum; five force more."""
    for total, worst, printed, least in (
        (21.1, 3.2, 0.036, 0.01500789889415483),
        (24.55, 3.9, 0.025, 0.007807196198234924),
    ):
        rest = (total - worst) / 5
        assert gini([worst, *[rest] * 5]) == pytest.approx(least, rel=1e-10)
        assert least < printed < gini([worst, *[(total - worst) / 4] * 4])
        assert total / 7 < worst or total == 24.55


@quick
@given(st.lists(st.lists(st.integers(0, 2), max_size=9), min_size=1, max_size=4), st.integers(1, 4))
def test_distinct_ngrams_are_counted(texts: list[list[int]], n: int) -> None:
    offsets = np.cumsum([0, *map(len, texts)])
    flat = [token for text in texts for token in text]
    grams = [[tuple(text[i : i + n]) for i in range(len(text) - n + 1)] for text in texts]
    want = [len(set(text)) / len(text) if text else 1.0 for text in grams]
    np.testing.assert_array_equal(distinct_ngram_ratio(flat, n=n, offsets=offsets), want)
    words = [f"w{token}" for token in flat]
    np.testing.assert_array_equal(distinct_ngram_ratio(words, n=n, offsets=offsets), want)


def test_dimension_scores_nest() -> None:
    """Fine dimensions in groups, whose scores are dimensions of the next level (UniGenBench)."""
    rng = np.random.default_rng(0)
    raw, weights = rng.random((3, 5)), rng.random(5)
    fine = weighted_dimension_score(
        raw, np.zeros(5), np.full(5, 2.0), weights=weights, offsets=[0, 2, 3, 5], group_weights=[1, 2, 3]
    )
    np.testing.assert_allclose(fine.normalized, raw / 2)
    for group, rows in enumerate((slice(0, 2), slice(2, 3), slice(3, 5))):
        want = np.average(raw[:, rows] / 2, axis=1, weights=weights[rows])
        np.testing.assert_allclose(fine.groups[:, group], want, rtol=1e-14)
    coarse = weighted_dimension_score(
        fine.groups, [0, 0, 0], [1, 1, 1], weights=[1, 2, 3], offsets=[0, 3], group_weights=[1]
    )
    np.testing.assert_allclose(coarse.total, fine.total, rtol=1e-14)
    below = weighted_dimension_score([[0.0]], [0.5], [1.0], weights=[1], offsets=[0, 1], group_weights=[1])
    assert below.total[0] == -1  # not cut


@pytest.mark.parametrize(
    ("error", "match", "changed"),
    [
        (ShapeError, r"raw must be \[M, D\], got 1-D", {"raw": [1.0, 2.0]}),
        (DomainError, r"raw\[0, 1\] must be a finite number, got NaN", {"raw": [[1.0, np.nan]]}),
        (ShapeError, r"low must have shape \[2\], got \[1\]", {"low": [0]}),
        (DomainError, r"high\[1\] must be above low\[1\] = 0.0, got 0.0", {"high": [1, 0]}),
        (DomainError, r"weights\[0\] must be a finite number >= 0, got -1", {"weights": [-1, 1]}),
        (DomainError, "weights of group 1 must have a positive sum, got 0", {"weights": [1, 0]}),
        (DomainError, "weights of group 1 must have a positive sum", {"offsets": [0, 2, 2]}),
        (DomainError, "group_weights must have a positive sum", {"group_weights": [0, 0]}),
        (ShapeError, r"group_weights must have shape \[2\], got \[1\]", {"group_weights": [1]}),
        (DomainError, r"offsets\[2\] must be 2, the number of rows, got 3", {"offsets": [0, 1, 3]}),
    ],
)
def test_bad_dimensions_are_named(error: type[Exception], match: str, changed: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "raw": [[0.1, 0.2]],
        "low": [0, 0],
        "high": [1, 1],
        "weights": [1, 1],
        "offsets": [0, 1, 2],
        "group_weights": [1, 1],
    }
    with pytest.raises(error, match=match):
        weighted_dimension_score(**{**good, **changed})


def test_other_bad_arguments_are_named() -> None:
    with pytest.raises(DomainError, match=r"values\[1\] must be a finite number >= 0, got -1"):
        gini([1, -1])
    with pytest.raises(DomainError, match=r"values\[0\] must be a finite number >= 0, got inf"):
        gini([np.inf, 1])
    with pytest.raises(DomainError, match=r"n must be 1 to .*, got 0"):
        distinct_ngram_ratio([1, 2], n=0)
    with pytest.raises(TypeError, match="tokens must hold integers or strings, got dtype float64"):
        distinct_ngram_ratio([1.0, 2.0])


def test_regularized_relevance_of_an_empty_text_and_of_relevance_beyond_the_span() -> None:
    scores = regularized_relevance.score(["", "a b", "a b"], [1.0, 9.0, -1.0], [True, False, False], max_tokens=400)
    np.testing.assert_array_equal(scores, [0.0, 4.0, 0.0])
    with pytest.raises(ShapeError, match=r"open_ended must have shape \[1\] like texts, got \[2\]"):
        regularized_relevance.score(["a"], [1.0], [True, False])
    with pytest.raises(TypeError, match="open_ended must be bool"):
        regularized_relevance.score(["a"], [1.0], [1])


@pytest.mark.parametrize("n", [8, 9, 13, 16, 17, 40])
def test_long_ngrams_are_counted(n: int) -> None:
    text = np.random.default_rng(0).integers(0, 2, 30).repeat(3).tolist() * 2
    grams = [tuple(text[start : start + n]) for start in range(len(text) - n + 1)]
    assert distinct_ngram_ratio(text, n=n) == len(set(grams)) / len(grams)
    assert distinct_ngram_ratio(list(range(50)), n=n) == 1.0


def test_long_ngrams_of_one_token_do_not_cost_their_length() -> None:
    assert distinct_ngram_ratio(np.zeros(300_000, int), n=100_000) == 1 / 200_001  # hangs if a compare takes O(n)


def test_kl_divergence_of_nan_has_no_policy_to_offer() -> None:
    with pytest.raises(DomainError, match=r"^q\[1\] must be a probability >= 0, got NaN$"):
        kl_divergence([0.5, 0.5], [0.5, float("nan")])


@pytest.mark.parametrize("name", ["weights", "group_weights"])
def test_large_dimension_weights_are_refused(name: str) -> None:
    arguments: dict[str, Any] = {"weights": [1.0, 1.0], "group_weights": [1.0, 1.0], name: [1.0, 1e308]}
    with pytest.raises(DomainError, match=rf"^{name}\[1\] must be at most 1e\+100"):
        weighted_dimension_score([[0.5, 0.5]], [0, 0], [1, 1], offsets=[0, 1, 2], **arguments)
