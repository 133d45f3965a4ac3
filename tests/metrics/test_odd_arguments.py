"""Odd arguments of metrics, which newcomers tried: plain numbers of NumPy, words that are none, float32 thresholds."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from prefcore import metrics, ranking, selection
from prefcore.errors import DomainError, ShapeError

WORDS: dict[str, Any] = {
    "nan": lambda word: metrics.kendall_tau([1, 2], [1, 2], nan=word),
    "variant": lambda word: metrics.kendall_tau([1, 2], [1, 2], variant=word),
    "alternative": lambda word: metrics.kendall_test([1, 2], [1, 2], alternative=word),
    "gain": lambda word: metrics.ndcg([1, 2], [1, 2], gain=word),
    "ties": lambda word: metrics.dcg([1, 2], [1, 2], ties=word),
    "denominator": lambda word: metrics.average_precision([1, 2], [1, 0], denominator=word),
    "strategy": lambda word: metrics.calibration_curve([0.5], [1], n_bins=2, strategy=word),
    "closed": lambda word: metrics.expected_calibration_error([0.5], [1], n_bins=2, closed=word),
    "norm": lambda word: metrics.expected_calibration_error([0.5], [1], n_bins=2, norm=word),
    "tie_band": lambda word: metrics.pairwise_accuracy_with_ties([1.0], [1], eps=0.1, tie_band=word),
    "method": lambda word: ranking.rank([1.0], method=word),
    "rounding": lambda word: selection.top_fraction([1.0], fraction=0.5, rounding=word),
}


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("word", [None, 3, "never"])
def test_what_is_no_such_word_is_refused_by_name(name: str, word: Any) -> None:
    with pytest.raises((DomainError, TypeError), match=f"^{name} must be "):
        WORDS[name](word)


@pytest.mark.parametrize("one", [2, np.int64(2), np.float32(2), np.array(2.0), np.array([1, 2]).max()])
def test_a_number_of_any_kind_is_the_other_side(one: Any) -> None:
    assert tuple(metrics.outcome_counts([1.0, 2.0, 3.0], one)) == (1, 1, 1, 0)


def test_what_is_no_number_is_not_the_other_side() -> None:
    with pytest.raises(TypeError, match="rejected must be a number, got True"):
        metrics.outcome_counts([1.0, 2.0], True)
    for eps in ("x", True):
        with pytest.raises(TypeError, match="eps must be a number"):
            metrics.pairwise_accuracy_with_ties([0.1], [0], eps=eps, tie_band="all")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="eps must be a number"):
            metrics.tie_calibrated_accuracy([0.1, 0.2], [0, 1], eps=eps)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="k must be an integer, got True"):
        metrics.precision_at_k([0.1], [1], k=True)


def test_a_threshold_beside_float32_is_the_float32_next_to_it() -> None:
    labels = np.array([0.7, 0.0], dtype=np.float32)
    assert metrics.average_precision([3.0, 2.0], labels, threshold=0.7) == 1
    assert metrics.recall_at_k([3.0, 2.0], labels, k=1, threshold=0.7) == 1
    scores = np.array([0.0, 0.1], dtype=np.float32)
    assert metrics.tie_calibrated_accuracy(scores, [1, 1], eps=0.1).accuracy == 1


def test_a_miss_is_no_minus_zero() -> None:
    misses = [
        metrics.ndcg([0.9, 0.8], [0, 1], k=1),
        metrics.average_precision([0.9, 0.8], [0, 1], k=1),
        metrics.dcg([1, 2], [0, 0]),
        metrics.rank_biased_precision([0.9], [0], p=0.5),
    ]
    assert [str(float(miss)) for miss in misses] == ["0.0"] * 4


def test_item_ids_of_any_width_and_none_at_all() -> None:
    for dtype in (np.int32, np.int64, np.uint8):
        got = metrics.rank_biased_overlap(np.array([1, 2], dtype=dtype), np.array([2, 1]), p=0.5)
        assert got.truncated == 0.25
    for a, b in (([], [1, 2]), ([1, 2], []), ([], [])):
        assert np.isnan(metrics.rank_biased_overlap(a, b, p=0.5).extrapolated)
    with pytest.raises(ShapeError, match="b must be many rankings like a, got one ranking"):
        metrics.rank_biased_overlap([[1, 2]], [1, 2], p=0.5)


def test_states_of_another_kind_do_not_merge() -> None:
    states = metrics.MeanState(), metrics.OutcomeState(), metrics.CalibrationState(n_bins=2)
    for state, other in zip(states, (states[1], None, states[0]), strict=True):
        with pytest.raises(TypeError, match=f"^other must be a {type(state).__name__}, got a {type(other).__name__}$"):
            state.merge(other)  # type: ignore[arg-type]


def test_what_a_state_hands_out_is_a_copy() -> None:
    state = metrics.CalibrationState(n_bins=2).update([0.1], [1])
    state.finish().n[:] = 7
    assert state.finish().n.tolist() == [1, 0]


def test_pairs_that_do_not_fit_memory_are_an_error_not_an_abort() -> None:
    """In a process with 2 GB: 60,000 rows have 1.8e9 pairs."""
    resource = pytest.importorskip("resource")
    program = """
import resource, sys
import numpy as np
from prefcore import metrics
from prefcore.errors import DomainError
metrics.tie_calibrated_accuracy([0.0, 1.0], [0, 1])
resource.setrlimit(resource.RLIMIT_AS, (int(2e9), int(2e9)))
try:
    metrics.tie_calibrated_accuracy(np.arange(60_000.0), np.arange(60_000))
except DomainError as error:
    print(error)
"""
    assert resource.RLIMIT_AS
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert (
        "scores must be in groups whose pairs fit memory, or eps given (1799970000 pairs), got a group of"
        in done.stdout
    )
