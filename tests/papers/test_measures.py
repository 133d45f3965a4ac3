"""What single papers measure: properties and errors (numbers: tests/vectors/papers_metrics.json)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefcore.errors import DomainError, ShapeError
from prefcore.papers import (
    aligndiff,
    delta_learning,
    dpo_3d,
    drift,
    grao,
    negotiative_alignment,
    preference_dissection,
    value_drifts,
    vbench,
    weak_to_strong_deception,
)

quick = settings(max_examples=60, deadline=None)
RNG = np.random.default_rng(0)


@given(st.integers(0, 10**6))
@quick
def test_a_small_step_helps_where_the_theory_says_so(seed: int) -> None:
    """delta.teacher_delta_signal: cos(delta, truth) > cos(student, truth) cos(delta, student)."""
    vectors = np.random.default_rng(seed).normal(size=(4, 5))
    found = delta_learning.alignment(*vectors, step=1e-6)
    delta, student = found.delta, vectors[3]
    bound = found.cos_student_before * delta @ student / np.linalg.norm(delta) / np.linalg.norm(student)
    if abs(found.cos_delta_star - bound) > 1e-3:
        assert (found.cos_student_after > found.cos_student_before) == (found.cos_delta_star > bound)


def test_a_vector_of_zeros_has_no_direction() -> None:
    found = delta_learning.alignment([1.0, 0.0], [1.0, 2.0], [1.0, 2.0], [0.0, 3.0], step=1.0)
    assert np.isnan(found.cos_delta_star)
    assert found.cos_student_after == found.cos_student_before == 0.0


def test_match_area_is_the_mean_of_its_definition() -> None:
    strength, target = RNG.random((2, 50, 4))
    mask = RNG.random((50, 4)) < 0.5
    mask[:, 0] |= ~mask.any(1)
    errors = np.array([np.abs(s - t)[m].mean() for s, t, m in zip(strength, target, mask, strict=True)])
    thresholds = [*np.exp(np.linspace(0, -4.6, 90)), *np.linspace(np.exp(-4.6), 0, 10)]
    want = np.mean([(errors < threshold).mean() for threshold in thresholds])
    assert aligndiff.match_area(strength, target, mask) == pytest.approx(want, rel=1e-12)
    assert aligndiff.match_area(target, target, mask) == 0.99  # strict: an error of 0 is not below 0
    with pytest.raises(DomainError, match=r"mask\[1\] must ask for an attribute"):
        aligndiff.match_area([[1.0], [1.0]], [[1.0], [1.0]], [[True], [False]])


def test_bias_is_zero_for_equal_shares_and_largest_for_one_class() -> None:
    assert vbench.bias([3, 3, 3]) == pytest.approx(0.0, abs=1e-15)
    assert vbench.bias([0, 9, 0]) == pytest.approx(2 - 2 / 3, rel=1e-15)
    assert np.isnan(vbench.bias([0, 0]))
    with pytest.raises(DomainError, match=r"counts\[1\] must be a finite number >= 0, got -1"):
        vbench.bias([1, -1])


def test_subject_consistency_ignores_lengths_and_opposite_frames() -> None:
    frames = RNG.normal(size=(6, 8))
    want = vbench.subject_consistency(frames)
    assert vbench.subject_consistency(frames * np.arange(1, 7)[:, None]) == pytest.approx(want, rel=1e-12)
    assert vbench.subject_consistency([[1.0, 0.0], [-2.0, 0.0]]) == 0.0
    assert vbench.subject_consistency(np.ones((3, 2))) == pytest.approx(1.0)
    assert vbench.subject_consistency([[1.0, 0.0], [0.0, 0.0]]) == 0.0
    with pytest.raises(ShapeError, match=r"features must be \[T, d\] with T > 1, got \[1, 2\]"):
        vbench.subject_consistency([[1.0, 2.0]])


def test_relative_gain_needs_something_to_gain_on() -> None:
    assert np.isnan(grao.relative_gain([], []))
    with pytest.raises(DomainError, match=r"theirs\[1\] must not be 0"):
        grao.relative_gain([1.0, 2.0], [1.0, 0.0])


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=1, max_size=40))
@quick
def test_length_feature_is_antisymmetric_and_grows_with_the_gap(words: list[tuple[int, int]]) -> None:
    first, second = np.array(words).T
    feature = preference_dissection.length_feature(first, second)
    np.testing.assert_array_equal(preference_dissection.length_feature(second, first), -feature)
    assert (feature * (first - second) >= 0).all()
    longer = preference_dissection.length_feature(np.minimum(first, second), 2 * np.maximum(first, second) + 40)
    assert (longer == -1).all()


def test_length_feature_by_hand_beyond_its_table() -> None:
    """12 words against 22, 70 against 100 and 90 percent with 40 words more are enough; one word less is not."""
    assert preference_dissection.length_feature([12, 70, 360], [22, 100, 400]).tolist() == [-1, -1, -1]
    assert preference_dissection.length_feature([12, 81, 360], [21, 100, 399]).tolist() == [0, 0, 0]
    with pytest.raises(DomainError, match=r"second_words\[0\] must be a number of words >= 0, got -1"):
        preference_dissection.length_feature([1], [-1])


def test_differences_are_odd_and_end_at_one() -> None:
    d = np.linspace(-1000, 1000, 41)
    for feature in (preference_dissection.difference, preference_dissection.log_difference):
        np.testing.assert_array_equal(feature(-d), -feature(d))
        assert feature([1e6]).tolist() == [1.0]
        assert feature([0.0]).tolist() == [0.0]
    with pytest.raises(DomainError, match="limit must be a finite number > 0, got 0"):
        preference_dissection.difference([1.0], limit=0)


def test_similarity_is_a_mean_and_equality_21_gives_the_other_kinds() -> None:
    """dissect.similarity: -L1 / n and -L2 / n of the coefficients."""
    u, v = np.array([0.1, 0.3, -0.2, 0.5]), np.array([0.2, 0.25, -0.1, 0.3])
    assert -np.abs(u - v).mean() == pytest.approx(-0.1125, rel=1e-12)
    assert -np.linalg.norm(u - v) / len(u) == pytest.approx(-0.0625, rel=1e-12)
    one = preference_dissection.similarity([u], [v])
    assert preference_dissection.similarity([u, u], [v, -v]) == pytest.approx(0.0, abs=1e-12)
    assert preference_dissection.similarity([v * 7], [u]) == pytest.approx(one, rel=1e-12)


def test_values_are_a_distribution_and_magnitudes_sum_to_zero() -> None:
    stance = RNG.dirichlet([1, 1, 1], size=(4, 5))
    assert value_drifts.values(stance).sum() == pytest.approx(1.0, rel=1e-14)
    path = RNG.dirichlet([1, 1, 1], size=7)
    assert value_drifts.drift(path, np.arange(7)).magnitude.sum() == pytest.approx(0.0, abs=1e-15)
    with pytest.raises(DomainError, match=r"sums of stance\[0, 1\] must be 1, got 0.9"):
        value_drifts.values([[[0.5, 0.5], [0.5, 0.4]]])


def test_drift_time_by_level_and_without_change() -> None:
    """valuedrift/level_matters: the lower the share, the earlier; a stance that never moves has time 0."""
    path = [[0.0, 0.3], [0.5, 0.3], [0.96, 0.3], [1.0, 0.3], [0.2, 0.3]]
    steps = [100, 200, 300, 400, 500]
    times = [value_drifts.drift(path, steps, share=share).time.tolist() for share in (0.5, 0.95, 1.0)]
    assert times == [[0.25, 0.0], [0.5, 0.0], [0.75, 0.0]]
    assert value_drifts.drift([[0.4, 0.6]], [7]).time.tolist() == [0.0, 0.0]
    with pytest.raises(DomainError, match=r"steps\[2\] must be above steps\[1\] = 5, got 5"):
        value_drifts.drift([[1.0]] * 3, [0, 5, 5])
    with pytest.raises(DomainError, match=r"share must be in \(0, 1\], got 0"):
        value_drifts.drift([[1.0]], [0], share=0)


@given(st.integers(0, 10**6), st.floats(0.01, 1.0))
@quick
def test_the_floor_lies_below_the_gradient(seed: int, tau: float) -> None:
    rng = np.random.default_rng(seed)
    floor = drift.gradient_floor(rng.normal(size=30) * 3, rng.random(30), tau=tau)
    assert floor.bound <= floor.actual
    with pytest.raises(DomainError, match=r"tau must be in \(0, 1\], got 2"):
        drift.gradient_floor([1.0], [1.0], tau=2)


def test_deception_needs_a_case_and_the_tax_is_a_difference_of_accuracies() -> None:
    """data.md (1) 22: the conflict tax is accuracy without minus accuracy with the conflict."""
    weak, ceiling, plain, conflict = RNG.random((4, 100)) < 0.5
    found = weak_to_strong_deception.evaluate(weak, ceiling, plain, conflict)
    assert found.tax == pytest.approx(plain.mean() - conflict.mean(), abs=1e-15)
    cases = plain & ~conflict
    assert found.score == (cases & ceiling & ~weak).sum() / cases.sum()
    assert found.region_size.sum() == 100
    np.testing.assert_allclose(found.region_rate @ found.region_size, cases.sum(), rtol=1e-14)
    nothing = weak_to_strong_deception.evaluate(weak, ceiling, plain, plain)
    assert np.isnan(nothing.score)
    assert nothing.tax == 0.0
    with pytest.raises(TypeError, match="weak_ok must be bool, got dtype float64; call"):
        weak_to_strong_deception.evaluate([1.0], [True], [True], [True])


def test_masses_of_a_pair_of_responses() -> None:
    found = dpo_3d.track(np.log([0.5, 0.2]), np.log([0.25, 0.1]))
    np.testing.assert_allclose(found.unseen_mass, [0.25, 0.7], rtol=1e-14)
    np.testing.assert_allclose(found.gradient_ratio, [2.0, 2.0], rtol=1e-14)
    assert found.rejected_drop == pytest.approx(np.log(0.4))
    assert dpo_3d.track([0.0], [-1e4]).gradient_ratio.tolist() == [np.inf]
    with pytest.raises(DomainError, match=r"rejected_logps\[0\] must be a log-prob <= 0, got 1"):
        dpo_3d.track([-1.0], [1.0])


def test_welfare_on_a_scale_without_length_satisfies_all() -> None:
    found = negotiative_alignment.summary([2.0, 2.0], low=2.0, high=2.0)
    assert found.satisfaction.tolist() == [1.0, 1.0]
    assert (found.total, found.worst, found.p20, found.gini) == (4.0, 2.0, 1.0, 0.0)
    with pytest.raises(DomainError, match=r"low and high must be finite, low <= high, got 3.0 and 2.0"):
        negotiative_alignment.summary([2.0], low=3, high=2)
    with pytest.raises(DomainError, match=r"percentile must be in \[0, 100\], got 101"):
        negotiative_alignment.summary([2.0], low=0, high=2, percentile=101)
