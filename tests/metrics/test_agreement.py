"""Agreement of raters: against the definition over all pairs, krippendorff, scikit-learn and statsmodels."""

import tracemalloc
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from prefcore.errors import DomainError, ShapeError
from prefcore.metrics import cohen_kappa, fleiss_kappa, krippendorff_alpha, percent_agreement

Array = NDArray[Any]
LEVELS: list[Any] = ["nominal", "ordinal", "interval", "ratio"]
quick = settings(max_examples=60, deadline=None)
NAN = float("nan")
RATINGS = npst.arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=st.sampled_from([NAN, 0.0, 1.0, 2.0, 5.0])
)


def pairable(ratings: Array) -> list[Array]:
    items = [column[~np.isnan(column)] for column in ratings.T]
    return [item for item in items if len(item) > 1]


def alpha_by_definition(ratings: Array, level: str) -> float:
    """Krippendorff (2011), over every two ratings."""
    items = pairable(ratings)
    if not items:
        return NAN
    values = np.concatenate(items)

    def distance(a: float, b: float) -> float:
        if a == b:
            return 0.0
        low, high = min(a, b), max(a, b)
        between = np.sum((values >= low) & (values <= high)) - (np.sum(values == a) + np.sum(values == b)) / 2
        return {
            "nominal": 1.0,
            "ordinal": float(between) ** 2,
            "interval": (a - b) ** 2,
            "ratio": ((a - b) / (a + b)) ** 2,
        }[level]

    n = len(values)
    observed = sum(sum(distance(a, b) for a, b in permutations(item, 2)) / (len(item) - 1) for item in items) / n
    expected = sum(distance(a, b) for a, b in permutations(values, 2)) / (n * (n - 1))
    return 1 - observed / expected if expected else NAN


@quick
@given(RATINGS)
def test_alpha_is_that_of_the_definition(ratings: Array) -> None:
    for level in LEVELS:
        got = krippendorff_alpha(ratings, level_of_measurement=level)
        np.testing.assert_allclose(got, alpha_by_definition(ratings, level), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_alpha_equals_the_krippendorff_package(level: Any) -> None:
    krippendorff = pytest.importorskip("krippendorff")
    rng = np.random.default_rng(0)
    ratings = np.clip(rng.integers(1, 6, 60) + rng.integers(-1, 2, (4, 60)), 0, 6).astype(float)
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    theirs = krippendorff.alpha(ratings, level_of_measurement=level)
    assert krippendorff_alpha(ratings, level_of_measurement=level) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_constant_ratings_are_undefined_not_an_error(level: Any) -> None:
    """ranking.md 1.3 no. 19: the package raises ValueError. Exact also where a mean of 0.1 would be rounded."""
    ratings = np.full((3, 7), 0.1)
    assert np.isnan(krippendorff_alpha(ratings, level_of_measurement=level))
    assert krippendorff_alpha(ratings, level_of_measurement=level, undefined=1.0) == 1.0
    assert np.isnan(krippendorff_alpha([[1, NAN], [NAN, 2]], level_of_measurement=level, undefined=1.0))
    assert np.isnan(krippendorff_alpha(np.empty((2, 0)), level_of_measurement=level))


def test_continuous_ratings_take_memory_for_the_ratings_only() -> None:
    """ranking.md 1.3 no. 19: the package asks for 67 GiB on 3 x 1000."""
    rng = np.random.default_rng(1)
    ratings = rng.normal(size=1_000) + 0.5 * rng.normal(size=(3, 1_000))
    tracemalloc.start()
    alpha = krippendorff_alpha(ratings, level_of_measurement="interval")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert alpha == pytest.approx(0.8, abs=0.05)  # 1 / (1 + 0.25)
    noise = rng.normal(size=(3, 20_000))
    assert krippendorff_alpha(noise, level_of_measurement="interval") == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_interval_alpha_does_not_depend_on_unit_and_zero(scale: float) -> None:
    ratings = np.array([[1.0, 2.0, 5.0, 3.0], [1.5, 2.0, 4.0, 3.5]])
    want = krippendorff_alpha(ratings, level_of_measurement="interval")
    moved = krippendorff_alpha((ratings - 4) * scale, level_of_measurement="interval")
    assert moved == pytest.approx(want, rel=1e-13)
    ratio = krippendorff_alpha(ratings * scale, level_of_measurement="ratio")
    assert ratio == pytest.approx(krippendorff_alpha(ratings, level_of_measurement="ratio"), rel=1e-12)


def test_int64_ratings_are_compared_as_integers() -> None:
    ratings = np.array([[2**53, 2**53 + 1, 0], [2**53 + 1, 2**53, 0]])
    assert percent_agreement(ratings) == 1 / 3
    small = krippendorff_alpha([[1, 2, 0], [2, 1, 0]], level_of_measurement="nominal")
    assert krippendorff_alpha(ratings, level_of_measurement="nominal") == small


@quick
@given(RATINGS)
def test_percent_agreement_counts_pairs(ratings: Array) -> None:
    pairs = [a == b for item in pairable(ratings) for a, b in permutations(item, 2)]
    np.testing.assert_equal(percent_agreement(ratings), np.mean(pairs) if pairs else NAN)


@quick
@given(st.integers(2, 6).flatmap(lambda k: npst.arrays(np.int64, (8, 5), elements=st.integers(0, k - 1))))
def test_fleiss_kappa_equals_statsmodels(codes: Array) -> None:
    inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")
    counts = np.stack([np.bincount(item, minlength=6) for item in codes])
    if np.count_nonzero(counts.sum(axis=0)) > 1:
        assert fleiss_kappa(counts) == pytest.approx(inter_rater.fleiss_kappa(counts), rel=1e-11, abs=1e-13)
    else:
        assert np.isnan(fleiss_kappa(counts))


def test_fleiss_kappa_edges() -> None:
    assert fleiss_kappa([[4, 0], [0, 4]]) == 1
    assert fleiss_kappa([[3, 0], [3, 0]], undefined=1.0) == 1
    assert np.isnan(fleiss_kappa([[1, 0], [0, 1]]))  # one rater
    assert np.isnan(fleiss_kappa(np.empty((0, 3), dtype=np.int64)))


CODES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=20)


@quick
@given(CODES, st.sampled_from([None, "linear", "quadratic"]))
def test_cohen_kappa_equals_scikit_learn(rows: list[tuple[int, int, int]], weighting: Any) -> None:
    from sklearn.metrics import cohen_kappa_score

    a, b, weights = np.array(rows).T
    got = cohen_kappa(a, b, weighting=weighting, weights=weights)
    swapped = cohen_kappa(b, a, weighting=weighting, n_categories=9, weights=weights)
    np.testing.assert_allclose(got, swapped, rtol=1e-12, atol=1e-14)
    used = weights > 0
    if not used.any() or (len({*a[used].tolist(), *b[used].tolist()}) == 1):
        assert np.isnan(got)
        return
    theirs = cohen_kappa_score(a, b, labels=range(5), weights=weighting, sample_weight=weights)
    assert got == pytest.approx(theirs, rel=1e-11, abs=1e-13)


def test_cohen_kappa_edges() -> None:
    assert cohen_kappa([1, 1], [1, 1], undefined=1.0) == 1
    assert np.isnan(cohen_kappa([], []))
    assert cohen_kappa([0, 1], [1, 0]) == -1
    # categories that nobody uses lie between: 0 and 2 are two apart
    assert cohen_kappa([0, 2, 1], [2, 2, 1], weighting="linear") == pytest.approx(1 - 2 / (8 / 3))


TABLE = [[1, 2], [2, 2]]


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (
            DomainError,
            "level_of_measurement must be 'nominal' or 'ordinal' or 'interval' or 'ratio', got 'metric'",
            lambda: krippendorff_alpha(TABLE, level_of_measurement="metric"),  # type: ignore[arg-type]
        ),
        (
            DomainError,
            r"ratings\[1, 0\] must be a finite number, or NaN, got inf",
            lambda: krippendorff_alpha([[1, 2], [np.inf, 2]], level_of_measurement="interval"),
        ),
        (
            DomainError,
            r"ratings\[0, 1\] must be a finite number >= 0, or NaN, got -2",
            lambda: krippendorff_alpha([[1, -2], [1, 2]], level_of_measurement="ratio"),
        ),
        (
            ShapeError,
            "ratings must be 2-D, got 1-D",
            lambda: krippendorff_alpha([1, 2], level_of_measurement="nominal"),
        ),
        (ShapeError, "ratings must be 2-D, got 1-D", lambda: percent_agreement([1, 2])),
        (ShapeError, "counts must be 2-D, got 1-D", lambda: fleiss_kappa([1, 2])),
        (TypeError, "counts must hold integers, got dtype float64", lambda: fleiss_kappa([[0.5, 0.5]])),
        (DomainError, r"counts\[0, 1\] must be a count >= 0, got -1", lambda: fleiss_kappa([[3, -1]])),
        (DomainError, r"counts\[2\] must sum to 3 like counts\[0\], got 4", lambda: fleiss_kappa([[3], [3], [4]])),
        (DomainError, r"b\[1\] must be in 0\.\.2, got 2", lambda: cohen_kappa([0, 1], [1, 2], n_categories=2)),
        (DomainError, r"a\[0\] must be in 0\.\.16777216, got -1", lambda: cohen_kappa([-1], [0])),
        (DomainError, r"a\[0\] must be in 0\.\.16777216, got", lambda: cohen_kappa([2**62], [0])),
        (DomainError, r"weights\[1\] must be .* >= 0, got -1", lambda: cohen_kappa([0, 1], [0, 1], weights=[1, -1])),
        (
            DomainError,
            "weighting must be 'linear' or 'quadratic', got 'cubic'",
            lambda: cohen_kappa([0], [0], weighting="cubic"),  # type: ignore[arg-type]
        ),
        (ShapeError, r"b must have shape \[2\] like a, got \[1\]", lambda: cohen_kappa([0, 1], [0])),
        (TypeError, "a must hold integers", lambda: cohen_kappa([0.0], [0])),
    ],
)
def test_bad_arguments_are_named(error: type[Exception], match: str, call: Any) -> None:
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize("shift", [2**53, 2**60, -(2**62)])
def test_interval_alpha_of_large_integers_is_that_of_small_ones(shift: int) -> None:
    small = np.array([[1, 2, 3], [1, 2, 4]])
    alpha = [krippendorff_alpha(ratings, level_of_measurement="interval") for ratings in (small, small + shift)]
    assert alpha[0] == alpha[1] == pytest.approx(0.878, abs=1e-3)


def test_integers_that_floats_confuse_are_refused_at_the_level_ratio() -> None:
    with pytest.raises(DomainError, match=r"ratings\[0, 1\] must be at most 2\^53, got 1152921504606846976"):
        krippendorff_alpha(np.array([[1, 2**60], [1, 2]]), level_of_measurement="ratio")


def test_counts_that_wrap_around_are_refused() -> None:
    with pytest.raises(DomainError, match=r"counts\[0\] must sum to at most 2\^53"):
        fleiss_kappa([[2**62, 2**62], [2**62, 2**62]])
    with pytest.raises(DomainError, match=r"counts\[0, 0\] must be a count >= 0, got -1"):
        fleiss_kappa([[-1, 4], [-5, 8]])


def test_large_item_weights_are_refused() -> None:
    with pytest.raises(DomainError, match=r"weights\[0\] must be at most 1e\+100"):
        cohen_kappa([0, 1], [0, 1], weights=[1e308] * 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: cohen_kappa(["a", "b"], ["a", "b"]),
        lambda: percent_agreement([["a", "b"], ["a", "b"]]),
        lambda: krippendorff_alpha(np.array([["a"], ["b"]], dtype=object), level_of_measurement="nominal"),
    ],
)
def test_strings_are_refused_with_the_way_out(call: Any) -> None:
    with pytest.raises(TypeError, match=r"must hold numbers, got strings; np.unique\(labels, return_inverse=True\)"):
        call()
