"""Kendall's family: against the definition over all pairs, against scipy, and in its symmetries."""

from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from random import Random
from typing import Any, Literal

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

import prefcore
from prefcore.errors import DomainError, ShapeError
from prefcore.metrics import concordance_counts, goodman_kruskal_gamma, kendall_tau

Array = NDArray[Any]
Variant = Literal["a", "b", "c"]
VARIANTS: list[Variant] = ["a", "b", "c"]
METRICS = [kendall_tau, goodman_kruskal_gamma, concordance_counts]
quick = settings(max_examples=80, deadline=None)

# Few values for ties, infinities and zeros of both signs; and the whole range of the dtype.
NUMBERS = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 2.0, 3.0, np.inf]) | st.floats(allow_nan=False)


def columns(max_size: int, numbers: st.SearchStrategy[float] = NUMBERS) -> st.SearchStrategy[Array]:
    pairs = st.lists(st.tuples(numbers, numbers), max_size=max_size)
    return pairs.map(lambda rows: np.array(rows, dtype=np.float64).reshape(-1, 2).T)


LISTS = columns(20)  # up to three steps of the vector loop


def definition(x: Array, y: Array) -> tuple[int, ...]:
    """Counts as (concordant, discordant, ties_x, ties_y, ties_xy, n), from every two rows."""
    counts = [0, 0, 0, 0, 0, len(x)]
    for i, j in combinations(range(len(x)), 2):
        tie_x, tie_y = x[i] == x[j], y[i] == y[j]
        alike = (x[i] < x[j]) == (y[i] < y[j])
        counts[0] += not tie_x and not tie_y and alike
        counts[1] += not tie_x and not tie_y and not alike
        counts[2] += tie_x
        counts[3] += tie_y
        counts[4] += tie_x and tie_y
    return tuple(counts)


def tau_by_definition(x: Array, y: Array, variant: Variant) -> float:
    concordant, discordant, ties_x, ties_y, _, n = definition(x, y)
    pairs, m = n * (n - 1) // 2, min(len(set(x.tolist())), len(set(y.tolist())))
    denominator = {
        "a": pairs,
        "b": ((pairs - ties_x) * (pairs - ties_y)) ** 0.5,
        "c": n * n * (m - 1) / (2 * m) if m else 0,
    }[variant]
    return (concordant - discordant) / denominator if denominator else np.nan


def random_lists(n_groups: int, max_length: int, levels: int) -> tuple[Array, Array, Array]:
    """Columns with ties and offsets with empty groups."""
    rng = np.random.default_rng(0)
    offsets = np.concatenate([[0], rng.integers(0, max_length + 1, n_groups).cumsum()])
    x, y = rng.integers(0, levels, (2, offsets[-1]))
    return x, y, offsets


def each(x: Array, y: Array, offsets: Array) -> list[tuple[Array, Array]]:
    return [(x[start:end], y[start:end]) for start, end in pairwise(offsets)]


@quick
@given(LISTS)
def test_counts_and_tau_match_the_definition(xy: Array) -> None:
    x, y = xy
    assert concordance_counts(x, y) == definition(x, y)
    for variant in VARIANTS:
        np.testing.assert_allclose(kendall_tau(x, y, variant=variant), tau_by_definition(x, y, variant), rtol=1e-14)
    concordant, discordant, *_ = definition(x, y)
    if concordant + discordant:
        gamma = (concordant - discordant) / (concordant + discordant)
        assert goodman_kruskal_gamma(x, y) == gamma
    else:
        assert np.isnan(goodman_kruskal_gamma(x, y))


@quick
@given(columns(20, st.integers(-3, 3) | st.integers(-(2**40), 2**40)).filter(lambda xy: xy.shape[1] >= 2))
def test_tau_b_and_c_equal_scipy(xy: Array) -> None:
    for variant in ("b", "c"):
        expected = scipy.stats.kendalltau(*xy, variant=variant).statistic
        np.testing.assert_allclose(kendall_tau(*xy, variant=variant), expected, rtol=1e-12, atol=1e-15)


# The last lists counted directly, the first ones sorted; many merges; sorted in blocks where there are threads.
@pytest.mark.parametrize("n", [63, 64, 65, 66, 1_000, 100_003])
@pytest.mark.parametrize("levels", [2, 40, 2**60])
def test_long_lists_match_scipy_and_the_definition(n: int, levels: int) -> None:
    x, y = np.random.default_rng(n).integers(-levels, levels, (2, n))
    for variant in ("b", "c"):
        expected = scipy.stats.kendalltau(x, y, variant=variant).statistic
        np.testing.assert_allclose(kendall_tau(x, y, variant=variant), expected, rtol=1e-12, atol=1e-15)
    if n <= 66:
        assert concordance_counts(x, y) == definition(x, y)


@pytest.mark.parametrize("variant", VARIANTS)
def test_groups_give_what_their_lists_give_alone(variant: Variant) -> None:
    x, y, offsets = random_lists(n_groups=60, max_length=80, levels=6)
    taus = kendall_tau(x, y, variant=variant, offsets=offsets)
    gammas = goodman_kruskal_gamma(x, y, offsets=offsets)
    counts = concordance_counts(x, y, offsets=offsets)
    for group, lists in enumerate(each(x, y, offsets)):
        np.testing.assert_array_equal(taus[group], kendall_tau(*lists, variant=variant))
        np.testing.assert_array_equal(gammas[group], goodman_kruskal_gamma(*lists))
        assert tuple(column[group] for column in counts) == concordance_counts(*lists)


def test_rows_of_a_matrix_are_groups_and_int32_offsets_are_offsets() -> None:
    x, y = np.random.default_rng(1).integers(0, 4, (2, 50, 7))
    by_row = kendall_tau(x, y)
    np.testing.assert_array_equal(by_row, [kendall_tau(*rows) for rows in zip(x, y, strict=True)])
    offsets = np.arange(0, 351, 7, dtype=np.int32)
    np.testing.assert_array_equal(by_row, kendall_tau(x.ravel(), y.ravel(), offsets=offsets))
    strided = np.asfortranarray(x)
    np.testing.assert_array_equal(by_row, kendall_tau(strided, y))


def test_one_group_gives_a_number_and_groups_an_array() -> None:
    one = kendall_tau([1, 2, 3], [1, 3, 2])
    assert type(one) is np.float64
    assert one == pytest.approx(1 / 3)
    np.testing.assert_array_equal(kendall_tau([1, 2], [1, 3], offsets=[0, 2]), [1.0])
    assert type(concordance_counts([1, 2], [1, 3]).concordant) is np.int64
    assert concordance_counts([1, 2], [1, 3], offsets=[0, 2]).n.dtype == np.int64
    assert kendall_tau([], [], offsets=[0]).shape == (0,)  # no group, which is not one empty group
    assert np.isnan(kendall_tau([], []))


def test_mean_over_defined_groups() -> None:
    """Record kendall/ragged: empty, single and constant groups are NaN, and left out of the mean."""
    x, y = [1.0, 2.0, 3.0, 1.0, 1.0, 5.0, 2.0, 2.0, 7.0], [1.0, 3.0, 2.0, 4.0, 4.0, 9.0, 1.0, 2.0, 2.0]
    taus = kendall_tau(x, y, offsets=[0, 3, 3, 4, 6, 9])
    assert np.nanmean(taus) == pytest.approx(0.611111111111111, rel=1e-12)
    assert np.isnan(taus).sum() == 2


@quick
@given(LISTS, st.sampled_from(VARIANTS))
def test_reversing_a_column_changes_the_sign_and_swapping_columns_nothing(xy: Array, variant: Variant) -> None:
    x, y = xy
    tau = kendall_tau(x, y, variant=variant)
    np.testing.assert_array_equal(kendall_tau(x, -y, variant=variant), -tau)
    np.testing.assert_array_equal(kendall_tau(-x, -y, variant=variant), tau)
    np.testing.assert_array_equal(kendall_tau(y, x, variant=variant), tau)


@quick
@given(columns(20, st.integers(-50, 50)), st.randoms(use_true_random=False))
def test_only_the_order_within_a_column_matters(xy: Array, random: Random) -> None:
    x, y = xy
    tau = kendall_tau(x, y)
    np.testing.assert_array_equal(kendall_tau(x**3 / 7, np.arctan(y)), tau)
    rows = random.sample(range(len(x)), len(x))
    np.testing.assert_array_equal(kendall_tau(x[rows], y[rows]), tau)


@quick
@given(npst.arrays(np.int32, st.tuples(st.just(2), st.integers(0, 70)), elements=st.integers(-9, 9)))
def test_every_two_dtypes_give_the_same_bits(xy: Array) -> None:
    dtypes = [np.float32, np.float64, np.int32, np.int64]
    expected = kendall_tau(*xy)
    for dtype_x in dtypes:
        for dtype_y in dtypes:
            x, y = xy[0].astype(dtype_x), xy[1].astype(dtype_y)
            np.testing.assert_array_equal(kendall_tau(x, y), expected)


def test_int64_is_compared_as_integers() -> None:
    x = np.array([2**53, 2**53 + 1, -(2**63), 2**63 - 1, 2**63 - 2])
    assert kendall_tau(x, [1.0, 2.0, 0.0, 4.0, 3.0]) == 1.0
    assert kendall_tau(x.astype(np.float64), [1.0, 2.0, 0.0, 4.0, 3.0]) < 1.0


def test_adjacent_float32_and_subnormal_numbers_differ() -> None:
    x = np.array([1.0, np.nextafter(np.float32(1), np.float32(2)), 0.0, 1e-45], dtype=np.float32)
    assert kendall_tau(x, [3, 4, 1, 2]) == 1.0


@quick
@given(columns(30, st.just(np.nan) | st.integers(0, 4)))
def test_omit_leaves_out_the_rows_with_a_nan_in_either_column(xy: Array) -> None:
    keep = ~np.isnan(xy).any(axis=0)
    for variant in VARIANTS:
        expected = kendall_tau(*xy[:, keep], variant=variant)
        np.testing.assert_array_equal(kendall_tau(*xy, variant=variant, nan="omit"), expected)
    assert concordance_counts(*xy, nan="omit") == concordance_counts(*xy[:, keep])


def test_propagate_makes_only_the_group_of_a_nan_undefined() -> None:
    x, y = [1.0, 2.0, np.nan, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 1.0, np.nan, 2.0]
    for metric in (kendall_tau, goodman_kruskal_gamma):
        values = metric(x, y, offsets=[0, 2, 4, 6], nan="propagate")
        np.testing.assert_array_equal(values, [1.0, np.nan, np.nan])


@pytest.mark.parametrize("metric", METRICS)
def test_nan_is_refused_by_name(metric: Callable[..., Any]) -> None:
    x, y = np.zeros(6), np.array([0, 0, 0, np.nan, 0, np.nan])
    expected = r'y\[3\] must be a number, or nan="omit" given, got NaN in group 2 \(2 NaN in all\)'
    with pytest.raises(DomainError, match=expected):
        metric(x, y, offsets=[0, 2, 2, 5, 6])
    x[5] = np.nan
    with pytest.raises(DomainError, match=r"x\[5\] must be .* got NaN in group 3 \(1 NaN in all\)"):
        metric(x, y, offsets=[0, 2, 2, 5, 6])


@pytest.mark.parametrize(
    ("error", "match", "x", "y", "options"),
    [
        (ShapeError, r"y must have shape \[2\] like x, got \[1\]", [1, 2], [1], {}),
        (ShapeError, r"y must have shape \[2, 1\] like x, got \[2\]", [[1], [2]], [1, 2], {}),
        (ShapeError, "x must be 1-D, or 2-D .* got 3-D", np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), {}),
        (ShapeError, "offsets must be None where x is 2-D", [[1]], [[1]], {"offsets": [0, 1]}),
        (ShapeError, "offsets must have at least one entry", [1], [1], {"offsets": []}),
        (DomainError, r"offsets\[0\] must be 0, got 1", [1], [1], {"offsets": [1, 1]}),
        (DomainError, r"offsets\[2\] must be at least offsets\[1\] = 2, got 1", [1, 2], [1, 2], {"offsets": [0, 2, 1]}),
        (DomainError, r"offsets\[1\] must be 2, the number of rows, got 3", [1, 2], [1, 2], {"offsets": [0, 3]}),
        (DomainError, 'nan must be "raise", "omit" or "propagate", got "drop"', [1], [1], {"nan": "drop"}),
        (TypeError, r"x must be float32 or float64, got float16", np.zeros(2, np.float16), [1, 2], {}),
        (TypeError, r"y must hold integers, float32 or float64", [1, 2], ["a", "b"], {}),
    ],
)
@pytest.mark.parametrize("metric", METRICS)
def test_bad_arguments_are_named(
    metric: Callable[..., Any], error: type[Exception], match: str, x: Any, y: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(error, match=match):
        metric(x, y, **options)


def test_unknown_variant_and_propagated_counts_are_refused() -> None:
    with pytest.raises(DomainError, match='variant must be "a", "b" or "c", got "d"'):
        kendall_tau([1, 2], [1, 2], variant="d")  # type: ignore[arg-type]
    with pytest.raises(DomainError, match='nan must be "raise" or "omit" where the results are integers'):
        concordance_counts([1, 2], [1, 2], nan="propagate")  # type: ignore[arg-type]


@pytest.fixture
def thread_count() -> Iterator[Callable[[int], None]]:
    before = prefcore.get_num_threads()
    yield prefcore.set_num_threads
    prefcore.set_num_threads(before)


def test_bits_do_not_depend_on_the_thread_count(thread_count: Callable[[int], None]) -> None:
    # Enough rows for several threads, and one list so long that it is sorted in blocks itself.
    x, y, offsets = random_lists(n_groups=3_000, max_length=90, levels=20)
    long = np.random.default_rng(2).integers(0, 1_000, (2, 150_000))
    x, y = np.concatenate([x, long[0]]), np.concatenate([y, long[1]])
    offsets = np.append(offsets, len(x))

    def results() -> list[bytes]:
        taus = [kendall_tau(x, y, variant=variant, offsets=offsets) for variant in VARIANTS]
        counts = concordance_counts(x, y, offsets=offsets)
        return [column.tobytes() for column in (*taus, *counts)]

    thread_count(1)
    one = results()
    for threads in (2, 3, 8):
        thread_count(threads)
        assert results() == one


def test_inputs_stay_as_they_were() -> None:
    x, y = np.array([3.0, -0.0, 1.0, np.nan]), np.array([1, 2, 2, 0])
    before = x.tobytes(), y.tobytes()
    kendall_tau(x, y, nan="omit", variant="c")
    assert (x.tobytes(), y.tobytes()) == before
