"""`gumbel_top_k` and `balanced_indices`: the keys, the law of the draw, the sizes of the classes."""

import math
from itertools import permutations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefcore import _rust
from prefcore.errors import DomainError, ShapeError
from prefcore.selection import balanced_indices, gumbel_top_k

quick = settings(max_examples=100, deadline=None)


def gumbel(seed: int, group: int, place: int) -> float:
    uniform = ((_rust.random_keys(seed, group, place) >> 12) + 0.5) / 2**52
    return -math.log(-math.log(uniform))


def test_the_drawn_rows_are_those_of_the_documented_keys() -> None:
    rng = np.random.default_rng(0)
    offsets = np.array([0, 7, 7, 8, 30])
    log_weights = rng.normal(size=30)
    for seed in (0, 5, 2**64 - 1):
        found = gumbel_top_k(log_weights, k=3, seed=seed, offsets=offsets)
        want = []
        for group in range(4):
            rows = range(offsets[group], offsets[group + 1])
            keys = {row: log_weights[row] + gumbel(seed, group, row - offsets[group]) for row in rows}
            want += sorted(sorted(rows, key=lambda row: -keys[row])[:3])
        assert found.rows.tolist() == want
        assert found.offsets.tolist() == [0, 3, 3, 4, 7]


def test_a_set_is_drawn_as_often_as_drawing_one_by_one_would() -> None:
    """The law of sampling without replacement; 40 000 groups, 4.5 standard errors for ten sets."""
    weights, groups = np.array([0.1, 0.5, 0.2, 1.2, 2.0]), 40_000
    found = gumbel_top_k(np.tile(np.log(weights) - 700, (groups, 1)), k=2)
    drawn = found.rows.reshape(groups, 2) % 5
    for pair in {tuple(sorted(pair)) for pair in permutations(range(5), 2)}:
        p = 0.0
        for first, second in permutations(pair):
            p += weights[first] / weights.sum() * weights[second] / (weights.sum() - weights[first])
        share = (drawn == pair).all(axis=1).mean()
        assert abs(share - p) < 4.5 * math.sqrt(p * (1 - p) / groups)


def test_beta_dpo_keeps_the_pairs_near_the_mean_gap() -> None:
    """`std/beta_dpo`: three of the weights 3.7e-9, 0.08, 3.4e-6 and 3.4e-52 are drawn, never the last."""
    gap, mean, std = np.array([1.25, -0.5, 1.0, -3.25]), -0.0375, 0.20665994612728744
    log_weights = -0.5 * ((gap - mean) / std) ** 2
    for seed in range(50):
        assert gumbel_top_k(log_weights, k=3, seed=seed).rows.tolist() == [0, 1, 2]


@quick
@given(st.lists(st.sampled_from([-np.inf, -3.0, 0.0, 2.0]), max_size=9), st.integers(0, 9), st.integers(0, 2**64 - 1))
def test_draws_are_nested_and_never_hold_a_row_without_weight(weights: list[float], k: int, seed: int) -> None:
    small, large = (set(gumbel_top_k(weights, k=size, seed=seed).rows.tolist()) for size in (k, k + 1))
    possible = {row for row, weight in enumerate(weights) if weight > -np.inf}
    assert small <= large <= possible
    assert len(small) == min(k, len(possible))


def test_a_row_without_a_number_changes_no_other_draw() -> None:
    weights = np.zeros(20)
    whole = gumbel_top_k(weights, k=5).rows
    out = int(np.setdiff1d(np.arange(20), whole)[0])
    weights[out] = np.nan
    assert gumbel_top_k(weights, k=5, nan="omit").rows.tolist() == whole.tolist()


def test_classes_stand_in_the_ratios_and_rows_are_those_of_the_smallest_keys() -> None:
    labels = np.random.default_rng(1).integers(0, 4, size=500)
    found = balanced_indices(labels, ratios={2: 1, 0: 3}, seed=9, n=40)
    want = []
    for label, size in {2: 10, 0: 30}.items():
        rows = np.flatnonzero(labels == label).tolist()
        want += sorted(rows, key=lambda row: _rust.random_keys(9, row))[:size]
    assert found.tolist() == sorted(want)


@quick
@given(
    st.lists(st.integers(0, 2), min_size=3, max_size=40).filter(lambda x: set(x) == {0, 1, 2}),
    st.tuples(*[st.integers(0, 5)] * 3).filter(any),
)
def test_as_many_rows_as_fit_are_drawn_and_no_class_is_off_by_a_row(labels: list[int], ratios: tuple[int, ...]) -> None:
    rows = balanced_indices(labels, ratios=dict(enumerate(ratios)))
    there, total = np.bincount(labels, minlength=3), sum(ratios)
    fits = [
        all(n * ratio <= total * rows for ratio, rows in zip(ratios, there, strict=True))
        for n in range(len(labels) + 2)
    ]
    assert len(rows) == fits.index(False) - 1
    assert balanced_indices(labels, ratios=dict(enumerate(ratios)), n=len(rows)).tolist() == rows.tolist()
    for label, size in enumerate(np.bincount(np.array(labels)[rows], minlength=3)):
        assert abs(size * total - len(rows) * ratios[label]) < total


def test_every_row_of_a_class_is_equally_likely() -> None:
    """20 000 seeds, a half of eight rows: 5 standard errors."""
    labels = np.array([0, 1] * 8)
    counts = sum(
        np.isin(np.arange(16), balanced_indices(labels, ratios={0: 1}, n=4, seed=seed)) for seed in range(20_000)
    )
    assert not counts[1::2].any()
    assert np.abs(counts[::2] / 20_000 - 0.5).max() < 5 * math.sqrt(0.25 / 20_000)


def test_labels_may_be_strings_or_booleans() -> None:
    words = ["good", "bad", "bad", "good", "bad", "so-so"]
    want = balanced_indices([1, 0, 0, 1, 0, 2], ratios={0: 1, 1: 1}).tolist()
    assert len(want) == 4
    for labels in (words, np.array(words), pl.Series(words)):
        assert balanced_indices(labels, ratios={"bad": 1, "good": 1}).tolist() == want
    assert balanced_indices(np.array([True, False, True]), ratios={True: 1}).tolist() == [0, 2]
    assert balanced_indices([], ratios={0: 1}).tolist() == []
    assert balanced_indices([1, 1], ratios={1: 1, 0: 1}).tolist() == []  # no class 0, so no row fits


@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (DomainError, lambda: gumbel_top_k([0.0, np.inf], k=1), r"log_weights\[1\] must be below inf, got inf"),
        (DomainError, lambda: gumbel_top_k([0.0], k=1, seed=-1), r"seed must be 0 to "),
        (DomainError, lambda: balanced_indices([0, 1], ratios={}), "ratios must hold at least one label, got none"),
        (DomainError, lambda: balanced_indices([0, 1], ratios={0: 0}), "ratios must have one above 0"),
        (DomainError, lambda: balanced_indices([0, 1], ratios={0: 1, 1: -2}), r"ratios\[1\] must be .* >= 0, got -2"),
        (DomainError, lambda: balanced_indices([0, 1], ratios={0: 1, 7: 1}, n=2), r"at most 0 rows of label 7, got 2"),
        (DomainError, lambda: balanced_indices([0], ratios={0: 1}, n=-1), r"n must be 0 to "),
        (TypeError, lambda: balanced_indices([0, 1], ratios=[1, 1]), "ratios must be a mapping .* got a list"),
        (TypeError, lambda: balanced_indices([0.5], ratios={0: 1}), "labels must hold integers or strings"),
        (ShapeError, lambda: balanced_indices([[0, 1]], ratios={0: 1}), "labels must be 1-D, got 2-D"),
    ],
)
def test_bad_arguments_are_named(error: Any, call: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
