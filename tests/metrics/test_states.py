"""Mergeable states: their laws, and the batch functions that they stand for, bit for bit."""

import dataclasses
import pickle
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prefcore
from prefcore import _rust
from prefcore.errors import DomainError, ShapeError
from prefcore.metrics import CalibrationState, Mean, MeanState, OutcomeState, calibration_curve, outcome_counts

if TYPE_CHECKING:
    from prefcore._states import State

quick = settings(max_examples=60, deadline=None)
Rows = list[tuple[Any, ...]]

VALUES = st.sampled_from([0.0, -0.0, 1e16, 1.0, -1e16, 1e-30, 5e-324, 1e150, np.nan, np.inf]) | st.floats(-1e9, 1e9)
PAIRS = st.tuples(st.integers(-2, 2), st.integers(-2, 2))
PREDICTIONS = st.tuples(st.floats(0, 1), st.integers(0, 1), st.sampled_from([0.0, 0.1, 1.0, 3e7]))


def mean(state: MeanState, rows: Rows) -> MeanState:
    return state.update([value for (value,) in rows])


def outcomes(state: OutcomeState, rows: Rows) -> OutcomeState:
    return state.update(*np.array(rows, dtype=np.float64).reshape(-1, 2).T)


def calibration(state: CalibrationState, rows: Rows) -> CalibrationState:
    probs, labels, weights = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return state.update(probs, labels, weights=weights)


def unweighted(state: CalibrationState, rows: Rows) -> CalibrationState:
    probs, labels, _ = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return state.update(probs, labels)


KINDS: dict[str, tuple[Callable[[], Any], Callable[[Any, Rows], Any], st.SearchStrategy[tuple[Any, ...]]]] = {
    "mean": (MeanState, mean, st.tuples(VALUES)),
    "outcomes": (OutcomeState, outcomes, PAIRS),
    "calibration": (partial(CalibrationState, n_bins=3), calibration, PREDICTIONS),
    "unweighted": (partial(CalibrationState, n_bins=3, closed="right"), unweighted, PREDICTIONS),
}
EVERY = pytest.mark.parametrize(("fresh", "update", "rows"), KINDS.values(), ids=KINDS)


def wire(state: Any) -> dict[str, Any]:
    """What is sent, in a form that compares."""
    return {name: np.asarray(value).tolist() for name, value in dataclasses.asdict(state).items()}


def record(state: Any) -> list[bytes]:
    return [np.asarray(value).tobytes() for value in state.finish()]


@EVERY
@quick
@given(data=st.data())
def test_laws(fresh: Any, update: Any, rows: st.SearchStrategy[Any], data: st.DataObject) -> None:
    """Merging is associative and commutative, a fresh state is neutral, and any split gives the bits of the whole."""
    table = data.draw(st.lists(rows, max_size=25))
    first, second = sorted(data.draw(st.tuples(*[st.integers(0, len(table))] * 2)))
    parts = [update(fresh(), part) for part in (table[:first], table[first:second], table[second:])]
    a, b, c = parts
    before = [wire(part) for part in parts]
    whole = update(fresh(), table)
    for merged in (a.merge(b).merge(c), a.merge(b.merge(c)), c.merge(a).merge(b), update(a.merge(b), table[second:])):
        assert wire(merged) == wire(whole)
        assert record(merged) == record(whole)
    assert wire(a.merge(fresh())) == wire(fresh().merge(a)) == wire(a)
    assert wire(update(fresh(), data.draw(st.permutations(table)))) == wire(whole)
    assert [wire(part) for part in parts] == before
    back = type(whole)(**dataclasses.asdict(whole))
    assert wire(back) == wire(pickle.loads(pickle.dumps(whole))) == wire(whole)  # noqa: S301
    assert record(back) == record(whole)


@quick
@given(st.lists(st.floats(-1e150, 1e150), max_size=20))
def test_mean_and_its_error_are_those_of_exact_numbers(values: list[float]) -> None:
    got, exact, n = MeanState().update(values).finish(), [Fraction(value) for value in values], len(values)
    assert (got.n, got.n_undefined) == (n, 0)
    if n == 0:
        assert np.isnan(got.mean)
        return
    assert got.mean == float(sum(exact) / n)
    if n == 1:
        assert np.isnan(got.std_error)
        return
    variance = sum((value - sum(exact) / n) ** 2 for value in exact) / (n - 1) / n
    if variance == 0 or variance > Fraction(1, 10**250):  # squares below 1e-290 underflow
        np.testing.assert_allclose(got.std_error, float(variance) ** 0.5, rtol=1e-15)


def test_nothing_cancels() -> None:
    assert MeanState().update([1e16, 1.0, -1e16]).finish().mean == 1 / 3
    shifted = MeanState().update(np.array([1.0, 2.0, 4.0]) + 2.0**40).finish()
    assert shifted.std_error == MeanState().update([1.0, 2.0, 4.0]).finish().std_error


def test_nan_infinite_and_huge_values_are_counted() -> None:
    finish = lambda values: MeanState().update(values).finish()  # noqa: E731
    assert finish([1.0, np.nan, 3.0]) == Mean(2.0, 1.0, 2, 1)
    assert finish([1.0, np.inf])[0] == np.inf
    assert finish([1.0, -np.inf])[0] == -np.inf
    assert np.isnan(finish([np.inf, -np.inf])[0])
    assert np.isnan(finish([1.0, np.inf])[1])
    assert finish([1.7e308, 1.7e308, -1.0]) == Mean(float(Fraction(2 * Fraction(1.7e308) - 1, 3)), np.inf, 3, 0)
    assert finish([[1, 2], [3, 4]])[0] == 2.5
    with pytest.raises(TypeError, match="values must hold integers, float32 or float64"):
        finish(["a"])


@quick
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30))
def test_sums_round_once(values: list[float]) -> None:
    """The nearest double of an exact sum, which Fraction finds too."""
    total = MeanState().update(values).total
    exact = sum(map(Fraction, values))
    try:
        expected = float(exact)
    except OverflowError:
        expected = np.inf if exact > 0 else -np.inf
    assert _rust.round_exact(total)[0] == expected


@pytest.mark.parametrize("closed", ["left", "right"])
@pytest.mark.parametrize("weighted", [False, True])
def test_calibration_of_parts_has_the_bits_of_the_batch(closed: Any, weighted: bool) -> None:
    rng = np.random.default_rng(0)
    probs, labels = rng.random(60_000) ** 9, rng.integers(0, 2, 60_000)
    weights = rng.random(60_000) if weighted else None
    batch = calibration_curve(probs, labels, n_bins=11, closed=closed, weights=weights)
    state = CalibrationState(n_bins=11, closed=closed)
    for part in np.array_split(np.arange(60_000), 7)[::-1]:
        state = state.update(probs[part], labels[part], weights=None if weights is None else weights[part])
    for got, want in zip(state.finish(), batch, strict=True):
        assert got.tobytes() == want.tobytes()
        assert got.dtype == want.dtype


def test_outcomes_of_parts_are_those_of_the_batch() -> None:
    chosen, rejected = [1.0, 2.0, np.nan, 0.0], [0.0, 2.0, 1.0, 1.0]
    state = OutcomeState().update(chosen[:3], rejected[:3], nan="omit").update(chosen[3:], 1.0)
    assert state.finish() == outcome_counts(chosen, rejected, nan="omit") == (1, 1, 1, 1)


def test_sums_do_not_depend_on_threads() -> None:
    values = np.random.default_rng(1).normal(size=100_000)
    before, results = prefcore.get_num_threads(), []
    for threads in (1, 2, 5):
        prefcore.set_num_threads(threads)
        results.append(wire(MeanState().update(values)))
    prefcore.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_other_hyper_parameters_do_not_merge() -> None:
    state = CalibrationState(n_bins=3)
    with pytest.raises(DomainError, match="n_bins must be 3 in both states, got 4"):
        state.merge(CalibrationState(n_bins=4))
    with pytest.raises(DomainError, match="closed must be 'left' in both states, got 'right'"):
        state.merge(CalibrationState(n_bins=3, closed="right"))
    with pytest.raises(DomainError, match=r"n_bins must be 1 to 10000, got 0"):
        CalibrationState(n_bins=0)
    with pytest.raises(DomainError, match="closed must be 'left' or 'right', got 'both'"):
        CalibrationState(n_bins=1, closed="both")  # type: ignore[arg-type]


def test_updates_take_rows_of_one_group() -> None:
    for update, name in (
        (partial(OutcomeState().update, [[1]]), "chosen"),
        (partial(CalibrationState(n_bins=1).update, [[1]]), "probs"),
    ):
        with pytest.raises(ShapeError, match=f"{name} must be 1-D, got 2-D"):
            update([[1]])
    with pytest.raises(DomainError, match=r"chosen\[0\] must be a number"):
        OutcomeState().update([np.nan], [0.0])


def test_classes_are_states() -> None:
    """For mypy: that they fit the protocol."""
    states: list[State[Any]] = [MeanState(), OutcomeState(), CalibrationState(n_bins=2)]
    assert all(callable(state.update) for state in states)
