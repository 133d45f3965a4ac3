"""Strength of preferences: statistics of ensembles in a batch and as a stream, votes, orders, visits."""

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from prefcore._states import State
from prefcore.errors import DomainError, ShapeError
from prefcore.strength import (
    MarginState,
    MarginStats,
    ensemble_margin_stats,
    majority_vote,
    position_debiased,
    visit_confidence,
)

Array = NDArray[Any]
quick = settings(max_examples=80, deadline=None)
SHAPES = st.tuples(st.integers(2, 9), st.integers(1, 4))
#: members differ by far less than their mean, exact zeros among them
MARGINS = npst.arrays(np.float64, SHAPES, elements=st.just(0.0) | st.floats(-1e3, 1e3) | st.floats(1e6, 1e6 + 1))


def stream(margins: Array, ddof: int, **options: Any) -> State[MarginStats]:
    state = MarginState(ddof=ddof)
    for member in margins:
        state = state.update(member, **options)
    return state


def assert_same(got: MarginStats, want: MarginStats, margins: Array | None = None) -> None:
    """Equal, or with `margins` to 1e-15 of the largest: equal margins have no deviation but that of rounding."""
    for name, one, other in zip(MarginStats._fields, got, want, strict=True):
        scale = 0.0 if margins is None else np.abs(margins).max()
        np.testing.assert_allclose(one, other, rtol=1e-15 * (scale > 0), atol=1e-15 * scale, err_msg=name)


@quick
@given(MARGINS, st.integers(0, 2))
def test_batch_equals_numpy(margins: Array, ddof: int) -> None:
    stats = ensemble_margin_stats(margins, ddof=ddof)
    exact = margins.astype(np.longdouble)
    scale = np.abs(margins).max(axis=0)
    np.testing.assert_allclose(stats.mean, exact.mean(axis=0).astype(float), rtol=1e-15, atol=1e-16 * scale.max())
    if len(margins) > ddof:
        np.testing.assert_allclose(stats.std, exact.std(axis=0, ddof=ddof).astype(float), rtol=1e-12, atol=1e-150)
    assert np.isnan(stats.std).all() == (len(margins) <= ddof)
    np.testing.assert_array_equal(stats.sign_flip_fraction, (margins < 0).mean(axis=0))


@quick
@given(MARGINS, st.randoms(use_true_random=False))
def test_a_stream_in_any_order_and_any_split_equals_the_batch(margins: Array, random: Any) -> None:
    want = ensemble_margin_stats(margins, ddof=1)
    assert_same(stream(margins, 1).finish(), want)
    order = random.sample(range(len(margins)), len(margins))
    first = random.randrange(len(margins) + 1)
    one, other = stream(margins[order[:first]], 1), stream(margins[order[first:]], 1)
    assert_same(one.merge(other).finish(), want, margins)
    assert_same(one.merge(other).finish(), other.merge(one).finish())


@quick
@given(npst.arrays(np.float64, st.tuples(st.just(3), st.integers(1, 4)), elements=st.floats(-1e6, 1e6)))
def test_merging_is_associative(margins: Array) -> None:
    a, b, c = (stream(member[None], 0) for member in margins)
    assert_same(a.merge(b).merge(c).finish(), a.merge(b.merge(c)).finish(), margins)


def test_a_fresh_state_is_neutral_and_states_stay_as_they_are() -> None:
    state = MarginState(ddof=1).update([1.0, 2.0])
    before = pickle.dumps(state)
    more = state.update([3.0, -2.0])
    for merged in (more.merge(MarginState(ddof=1)), MarginState(ddof=1).merge(more)):
        assert_same(merged.finish(), more.finish())
    assert pickle.dumps(state) == before
    assert_same(MarginState(**dataclasses.asdict(more)).finish(), more.finish())
    assert MarginState(ddof=1).finish().mean.shape == (0,)


def test_a_large_common_offset_does_not_change_the_deviation() -> None:
    """Sums of squares in float64 would lose every digit at 1e8."""
    margins = np.array([[1.0, 2.0, 4.0, 7.0]]).T
    want = np.std([1, 2, 4, 7], ddof=1)
    assert ensemble_margin_stats(margins + 1e8, ddof=1).std[0] == pytest.approx(want, rel=1e-15)


def test_nan_is_left_out_or_spoils_its_pair() -> None:
    margins = [[1.0, np.nan, np.nan], [3.0, -2.0, np.nan]]
    omit = ensemble_margin_stats(margins, ddof=0, nan="omit")
    np.testing.assert_array_equal(omit.mean, [2.0, -2.0, np.nan])
    np.testing.assert_array_equal(omit.n, [2, 1, 0])
    np.testing.assert_array_equal(omit.agreement, [1.0, 0.0, np.nan])
    np.testing.assert_array_equal(omit.sign_flip_fraction, [0.0, 1.0, np.nan])
    spoiled = ensemble_margin_stats(margins, ddof=0, nan="propagate")
    assert_same(stream(np.array(margins), 0, nan="propagate").finish(), spoiled)
    np.testing.assert_array_equal(spoiled.n, [2, 1, 0])
    for column in (spoiled.mean, spoiled.std, spoiled.agreement, spoiled.sign_flip_fraction):
        np.testing.assert_array_equal(np.isnan(column), [False, True, True])


def test_infinite_margins_have_an_infinite_mean() -> None:
    stats = ensemble_margin_stats([[np.inf, 1.0], [2.0, 1.0]], ddof=1)
    assert stats.mean.tolist() == [np.inf, 1.0]
    assert np.isnan(stats.std[0])
    assert stats.agreement.tolist() == [1.0, 1.0]


def test_preference_strength_is_the_mean_and_deviation_within_the_ensemble() -> None:
    """papers_a secrets2.preference_strength, which has ddof 0."""
    stats = ensemble_margin_stats([[0.5], [1.0], [1.5]], ddof=0)
    assert stats.mean[0] == 1.0
    assert stats.std[0] == pytest.approx((1 / 6) ** 0.5, rel=1e-15)


def test_votes_of_groups_with_an_empty_one() -> None:
    """ranking.md 1.3 no. 20: add.reduceat gives an empty group its neighbor's value."""
    vote = majority_vote([1, -1, -1, 0, 0, 0], offsets=[0, 3, 3, 4, 6])
    assert vote.label.tolist() == [-1, 0, 0, 0]
    np.testing.assert_array_equal(vote.agreement, [2 / 3, np.nan, 0.0, 0.0])
    one = majority_vote([1, 0, 1])
    assert (type(one.label), one.label, one.agreement) == (np.int8, 1, 2 / 3)


@quick
@given(npst.arrays(np.int64, st.tuples(st.integers(1, 5), st.integers(1, 7)), elements=st.integers(-1, 1)))
def test_votes_match_their_definition(votes: Array) -> None:
    label, agreement = majority_vote(votes)
    np.testing.assert_array_equal(label, np.sign(votes.sum(axis=1)))
    largest = np.maximum((votes > 0).sum(axis=1), (votes < 0).sum(axis=1))
    np.testing.assert_array_equal(agreement, largest / votes.shape[1])


def test_labels_of_both_orders_and_their_consistency() -> None:
    """Record dissect.swap_label: ties go to B."""
    p, consistent = position_debiased([0.6, 0.2, 0.5], [0.3, 0.6, 0.5])
    assert np.where(p > 0.5, "A", "B").tolist() == ["A", "B", "B"]
    assert consistent.tolist() == [True, True, True]
    assert position_debiased([0.9, 0.5], [0.9, 0.4]).consistent.tolist() == [False, False]


def test_label_smoothing_of_visits() -> None:
    """Record mcts/label_smoothing."""
    smoothing = np.minimum(1 - visit_confidence([7, 3, 0, 2], [2, 3, 5, 0]), 0.5)
    np.testing.assert_allclose(smoothing, [0.2222222222222221, 0.5, 0.5, 0.0], rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: ensemble_margin_stats([1.0], ddof=0), ShapeError, r"margins must be \[M, N\], .* got \[1\]"),
        (lambda: ensemble_margin_stats([[1.0]], ddof=-1), DomainError, "ddof must be 0 to .*, got -1"),
        (lambda: ensemble_margin_stats([[1.0]], ddof=0.5), TypeError, "ddof must be an integer, got 0.5"),  # type: ignore[arg-type]
        (
            lambda: ensemble_margin_stats([[1.0, 2.0], [np.nan, np.nan]], ddof=0),
            DomainError,
            r'margins\[1, 0\] must be a number, or nan="omit" given, got NaN \(2 NaN in all\)',
        ),
        (
            lambda: MarginState(ddof=0).update([1.0]).update([1.0, 2.0]),
            ShapeError,
            "margins must have length 1 like those before, got 2",
        ),
        (lambda: MarginState(ddof=0).update([np.nan]), DomainError, r"margins\[0\] must be a number"),
        (lambda: MarginState(ddof=0).merge(MarginState(ddof=1)), DomainError, "other must have ddof 0, got 1"),
        (
            lambda: MarginState(ddof=0).update([1.0]).merge(MarginState(ddof=0).update([1.0, 2.0])),
            ShapeError,
            "other must have 1 pairs, got 2",
        ),
        (lambda: position_debiased([0.5, 1.5], [0.5, 0.5]), DomainError, r"p_ab\[1\] must be in \[0, 1\], got 1.5"),
        (lambda: position_debiased([0.5], [np.nan]), DomainError, r"p_ba\[0\] must be in \[0, 1\], got NaN"),
        (lambda: position_debiased([0.5], [0.5, 0.5]), ShapeError, r"p_ba must have shape \[1\] like p_ab, got \[2\]"),
        (lambda: majority_vote([1, 2]), DomainError, r"votes\[1\] must be \+1, 0 or -1, got 2"),
        (lambda: majority_vote([1, 1], offsets=[0, 1]), DomainError, r"offsets\[1\] must be 2"),
        (
            lambda: visit_confidence([-1], [0]),
            DomainError,
            r"visits_better\[0\] must be a finite number >= 0, got -1",
        ),
        (
            lambda: visit_confidence([1], [np.inf]),
            DomainError,
            r"visits_worse\[0\] must be a finite .*, got inf",
        ),
    ],
)
def test_bad_arguments_are_named(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()


def test_equal_members_have_no_deviation() -> None:
    """Sums of squares about 0 would leave 9e-14 of 981.35; the numbers are those of a rounded sum."""
    margins = np.array([[981.35279358, 0.1, 1e300]] * 5)
    assert ensemble_margin_stats(margins, ddof=0).std[:2].tolist() == [0.0, 0.0]
    np.testing.assert_array_equal(ensemble_margin_stats(margins, ddof=0).mean, margins[0])


def test_equal_answers_in_both_orders_are_one_half() -> None:
    p = np.linspace(0, 1, 101)
    assert (position_debiased(p, p).p == 0.5).all()


def test_only_states_are_merged() -> None:
    with pytest.raises(TypeError, match="other must be a MarginState, got a NoneType"):
        MarginState(ddof=1).merge(None)  # type: ignore[arg-type]
