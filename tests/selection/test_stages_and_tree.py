"""`curriculum_stages`, `puct_scores` and `tree_backup` against loops in plain Python."""

import math
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefcore.errors import DomainError, ShapeError
from prefcore.selection import curriculum_stages, puct_scores, top_k, tree_backup

quick = settings(max_examples=100, deadline=None)
ragged = st.lists(st.lists(st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 2.0, 3.5]), max_size=7), max_size=6)


@quick
@given(ragged, st.one_of(st.none(), st.integers(0, 9)), st.booleans())
def test_a_stage_holds_the_row_of_that_rank_of_every_group(
    lists: list[list[float]], n_stages: int | None, descending: bool
) -> None:
    gaps, offsets = np.array(list(chain(*lists))), np.cumsum([0, *map(len, lists)])
    sign = -1 if descending else 1
    order = [sorted(range(start, end), key=lambda row: sign * gaps[row]) for start, end in pairwise(offsets)]
    stages = max(map(len, lists), default=0) if n_stages is None else n_stages
    want = [[rows[stage] for rows in order if stage < len(rows)] for stage in range(stages)]
    found = curriculum_stages(gaps, n_stages=n_stages, descending=descending, offsets=offsets)
    assert [found.rows[start:end].tolist() for start, end in pairwise(found.offsets)] == want
    assert len(found.offsets) == stages + 1


def test_stages_refuse_nan_and_negative_numbers() -> None:
    with pytest.raises(DomainError, match=r"gaps\[1\] must be a number"):
        curriculum_stages([1.0, np.nan])
    with pytest.raises(DomainError, match=r"n_stages must be 0 to "):
        curriculum_stages([1.0], n_stages=-1)


def test_puct_prefers_the_prior_before_visits_and_the_value_after() -> None:
    q, prior = [0.3, 0.1, 0.2], [0.1, 0.6, 0.3]
    assert top_k(puct_scores(q, prior, [0, 0, 0], 9), k=1).rows.tolist() == [1]
    assert top_k(puct_scores(q, prior, [900, 900, 900], 2_700), k=1).rows.tolist() == [0]
    assert puct_scores(q, prior, [1, 2, 3], 0).tolist() == q
    assert puct_scores(q, prior, [1, 2, 3], 7, c=0).tolist() == q


def test_puct_of_several_nodes_takes_a_count_for_each_candidate() -> None:
    got = puct_scores([0.5, 0.5], [0.2, 0.4], [1, 3], [4, 9], c=2.0)
    np.testing.assert_allclose(got, [0.5 + 2 * 0.2 * 2 / 2, 0.5 + 2 * 0.4 * 3 / 4], rtol=1e-15)


def recursive(node: int, tree: dict[str, list[float]], gamma: float) -> tuple[float, float]:
    """q and value of a node by the definition."""
    children = [child for child, parent in enumerate(tree["parents"]) if parent == node]
    value = tree["leaf_values"][node]
    if children:
        weights = [max(1, tree["visits"][child]) for child in children]
        value = sum(w * recursive(c, tree, gamma)[0] for w, c in zip(weights, children, strict=True)) / sum(weights)
    return tree["rewards"][node] + gamma * value, value


@quick
@given(st.integers(0, 14), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 2**32 - 1))
def test_values_are_those_of_the_recursion(n: int, gamma: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tree = {
        "parents": [int(rng.integers(-1, node)) if node else -1 for node in range(n)],
        "rewards": rng.normal(size=n).tolist(),
        "leaf_values": rng.normal(size=n).tolist(),
        "visits": rng.integers(0, 5, size=n).tolist(),
    }
    got = tree_backup(**tree, gamma=gamma)
    want = np.array([recursive(node, tree, gamma) for node in range(n)]).reshape(n, 2)
    np.testing.assert_allclose(np.stack(got, axis=1), want, rtol=0, atol=1e-14)


def test_a_chain_of_a_hundred_thousand_nodes_is_no_recursion() -> None:
    n = 100_000
    got = tree_backup(np.arange(-1, n - 1), np.ones(n), np.zeros(n), np.ones(n))
    assert got.q.tolist() == list(range(n, 0, -1))


def test_the_value_of_a_node_with_children_is_not_read() -> None:
    got = tree_backup([-1, 0, 0], [0.0, 0.0, 0.0], [np.nan, 1.0, 0.0], [2, 1, 1])
    assert got.value.tolist() == [0.5, 1.0, 0.0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"parents": [0, 0, 0]}, r"parents\[0\] must be -1, the root, got 0"),
        ({"parents": [-1, 1, 0]}, r"parents\[1\] must be -1 or a node of 0\.\.1, got 1"),
        ({"parents": [-1, 0, -2]}, r"parents\[2\] must be -1 or a node of 0\.\.2, got -2"),
        ({"rewards": [0.0, math.inf, 0.0]}, r"rewards\[1\] must be a finite number, got inf"),
        ({"leaf_values": [0.0, 0.0, math.nan]}, r"leaf_values\[2\] must be a finite number, .* leaf, got NaN"),
        ({"visits": [0, -1, 0]}, r"visits\[1\] must be at least 0, got -1"),
        ({"gamma": 1.5}, r"gamma must be in \[0, 1\], got 1\.5"),
    ],
)
def test_bad_trees_are_named(changed: dict[str, Any], message: str) -> None:
    tree = {"parents": [-1, 0, 0], "rewards": [0.0] * 3, "leaf_values": [0.0] * 3, "visits": [1, 1, 1]}
    with pytest.raises(DomainError, match=message):
        tree_backup(**{**tree, **changed})


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"q": [0.0, math.nan]}, DomainError, r"q\[1\] must be a finite number, got NaN"),
        ({"prior": [-0.5, 0.5]}, DomainError, r"prior\[0\] must be a finite number >= 0, got -0\.5"),
        ({"visits": [1, -1]}, DomainError, r"visits\[1\] must be a finite number >= 0, got -1"),
        ({"parent_visits": -4}, DomainError, r"parent_visits must be a finite number >= 0, got -4"),
        ({"c": -1.0}, DomainError, r"c must be a finite number >= 0, got -1"),
        ({"parent_visits": [1, 2, 3]}, ShapeError, r"parent_visits must be a number or \[2\], got \[3\]"),
        ({"visits": [1]}, ShapeError, r"visits must have shape \[2\] like q, got \[1\]"),
        ({"c": [1.0]}, TypeError, r"c must be a number, got \[1\.0\]"),
    ],
)
def test_bad_candidates_are_named(changed: dict[str, Any], error: Any, message: str) -> None:
    node = {"q": [0.1, 0.2], "prior": [0.5, 0.5], "visits": [1, 2], "parent_visits": 3}
    with pytest.raises(error, match=message):
        puct_scores(**{**node, **changed})
