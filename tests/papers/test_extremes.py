"""Numbers at the ends of float64 and int64 in the functions of papers."""

import numpy as np
import pytest

from prefcore.errors import DomainError
from prefcore.papers import aligndiff, delta_learning, preference_dissection, value_drifts, vbench


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_cosines_do_not_depend_on_the_size_of_vectors(size: float) -> None:
    assert vbench.subject_consistency(size * np.array([[1.0, 0.0], [1.0, 0.0]])) == 1.0
    vectors = ([1.0, 0.5, 0.0], [0.5, 0.1, 0.6], [0.2, -0.1, 0.6], [1.2, 0.2, -0.5])
    want = delta_learning.alignment(*vectors, step=0.5)
    got = delta_learning.alignment(*(size * np.array(vector) for vector in vectors), step=0.5)
    np.testing.assert_allclose(got[1:], want[1:], rtol=1e-14)


def test_shares_and_bins_of_the_largest_numbers() -> None:
    assert vbench.bias([1e308, 1e308]) == 0.0
    assert aligndiff.relabel([[1e308], [-1e308], [0.0]]).tolist() == [[99], [0], [50]]
    with pytest.raises(DomainError, match=r"strength\[:, 1\] must not be the same everywhere, got 3\.0$"):
        aligndiff.relabel([[1.0, 3.0], [2.0, 3.0]])


def test_words_up_to_the_largest_integer() -> None:
    """2^62 is the half of 2^63 - 1, and two texts of 7 and 10 in units of 2^59 differ by just the share that counts."""
    first = [2**62, 7 * 2**59, 7 * 2**59 + 1]
    second = [2**63 - 1, 10 * 2**59, 10 * 2**59]
    assert preference_dissection.length_feature(first, second).tolist() == [-1, -1, -1]
    assert preference_dissection.length_feature([9 * 2**59 + 1], [10 * 2**59]).tolist() == [0]


def test_steps_are_integers_and_sums_have_the_precision_of_their_dtype() -> None:
    steps = 2**60 + np.array([0, 1, 4])
    assert value_drifts.drift([[0.5], [0.7], [0.6]], steps).time.tolist() == [0.25]
    assert value_drifts.drift([[0.5], [0.7]], [-1e308, 1e308]).time.tolist() == [1.0]
    with pytest.raises(DomainError, match=r"values - values\[0\]\)\[1, 0\] must be a finite number"):
        value_drifts.drift([[-1e308], [1e308]], [0, 1])
    logits = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    probs = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert value_drifts.values(probs).sum() == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(DomainError, match="sums of stance"):
        value_drifts.values(probs.astype(np.float64) * (1 + 1e-5))
