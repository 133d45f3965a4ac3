"""Papers that select: their rules against the words of the papers, and bad arguments."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prefcore.errors import DomainError, ShapeError
from prefcore.papers import aligndiff, curry_dpo, mcts_dpo, rps, skywork_reward_v2, sphere, spo_degree
from prefcore.papers import suboptimal_on_policy as suboptimal


def as_rows(stages: Any, width: int) -> list[list[list[int]]]:
    """(prompt, chosen, rejected) of each stage, responses counted within their prompt."""
    return [[[int(g), int(c) % width, int(r) % width] for c, r, _, g in zip(*stage, strict=True)] for stage in stages]


def test_curry_stages() -> None:
    """Record curry/stages: stage k holds the k-th largest gap of each prompt."""
    ratings = [[5.0, 4.0, 3.5, 2.0], [3.0, 1.0, 2.0, 5.0]]
    stages = curry_dpo.stages(ratings)
    assert as_rows(stages, 4) == [[[0, 0, 3], [1, 3, 1]], [[0, 0, 2], [1, 3, 2]], [[0, 0, 1], [1, 3, 0]]]
    np.testing.assert_array_equal(np.concatenate([stage.margin for stage in stages]), [3, 4, 1.5, 3, 1, 2])
    ragged = curry_dpo.stages(np.ravel(ratings), [0, 4, 8], n_stages=2)
    assert as_rows(ragged, 4) == as_rows(stages[:2], 4)


def test_curry_stages_by_log_prob() -> None:
    """Record curry/logp_difficulty, and a prompt whose best responses tie, which form no pair."""
    stages = curry_dpo.stages_by_logp([[5.0, 4.0, 3.5, 2.0]], [[-20.0, -26.0, -19.0, -41.0]])
    assert as_rows(stages, 4) == [[[0, 0, 3]], [[0, 0, 1]], [[0, 0, 2]]]
    assert sum(len(stage.chosen) for stage in curry_dpo.stages([[5.0, 5.0, 4.0, 4.0]])) == 2


def test_sphere_rewards_follow_the_path_and_the_path_does_not_follow_alpha() -> None:
    scores = np.random.default_rng(0).random((6, 5))
    plain, progress = sphere.step_paths(scores, alpha=0.0), sphere.step_paths(scores, alpha=2.0)
    np.testing.assert_array_equal(plain.best_reward, scores)
    np.testing.assert_array_equal(plain.best, progress.best)
    np.testing.assert_array_equal(progress.best, progress.best_reward.argmax(1))
    np.testing.assert_array_equal(progress.worst, progress.worst_reward.argmin(1))
    t, e = 3, 1
    want = scores[t, e] + 2.0 * (scores[t, e] - scores[t - 1, progress.best[t - 1]])
    assert progress.best_reward[t, e] == pytest.approx(want)


def test_skywork_retrieves_more_where_the_model_is_surer_of_its_error() -> None:
    rng = np.random.default_rng(1)
    pool, queries = rng.normal(size=(40, 6)), rng.normal(size=(3, 6))
    found = skywork_reward_v2.retrieve([0.2, 0.8, 1.0], queries, pool, k_max=8)
    assert np.diff(found.offsets).tolist() == [8, 2, 0]
    cosine = (pool @ queries[0]) / np.linalg.norm(pool, axis=1)
    assert found.rows[:8].tolist() == np.argsort(-cosine)[:8].tolist()
    small = skywork_reward_v2.retrieve([0.2], queries[:1], pool[:3], k_max=8)
    assert small.offsets.tolist() == [0, 3]


def test_skywork_relabels_what_the_best_model_doubts_and_flips_what_it_does_not_keep() -> None:
    rng = np.random.default_rng(2)
    best, gold = rng.random((2, 50))
    found = skywork_reward_v2.curate(best, gold, rng.integers(0, 2, 50))
    np.testing.assert_array_equal(found.relabel, ~found.confident)
    np.testing.assert_array_equal(found.flip, ~found.keep)
    assert not found.keep[gold <= 0.5].any()


def test_rps_puts_the_lower_of_two_equal_distances_first() -> None:
    found = rps.neighbors([np.cos(np.radians(10)), np.sin(np.radians(10))], k=5)
    assert found.angle.tolist() == [10, 5, 15, 0, 20]
    assert rps.neighbors([1.0, 0.0], theta_max=0.0, k=3).angle.tolist() == [0]
    assert len(rps.neighbors([-1.0, 0.0]).angle) == 0


def test_aligndiff_bins_cover_the_range_and_the_plan_ignores_what_is_not_asked_for() -> None:
    strength = np.random.default_rng(3).random((500, 2))
    bins = aligndiff.relabel(strength, bins=4)
    assert {*bins.ravel().tolist()} == {0, 1, 2, 3}
    target = np.array([0.4, 0.6])
    one = aligndiff.plan(strength, target, [True, False])
    assert one == np.abs(strength[:, 0] - 0.4).argmin()
    assert aligndiff.plan(strength, target, [True, True]) == np.square(strength - target).sum(1).argmin()


def test_spo_variants_are_nested_and_lose_the_most_important_first() -> None:
    importance = np.array([0.3, 0.9, 0.3, 0.1])
    found = spo_degree.variants(importance, levels=5)
    rows = [found.rows[a:b].tolist() for a, b in zip(found.offsets[:-1], found.offsets[1:], strict=True)]
    assert rows == [[0, 1, 2, 3], [0, 2, 3], [2, 3], [3], []]


def test_weights_neither_overflow_nor_pass_their_limit() -> None:
    got = suboptimal.weights([-1e4, 0.0, 1e4], temperature=0.5, limit=20.0)
    np.testing.assert_allclose(got, [0.0, 1.0, 20.0], rtol=1e-15)
    assert suboptimal.weights([1e308, 50.0], temperature=1e-10, limit=3.0).tolist() == [3.0, 3.0]
    found = suboptimal.pairs([0.0, 0.1, 0.5], threshold=0.1)
    assert list(zip(found.chosen, found.rejected, strict=True)) == [(2, 0), (2, 1)]


NAN = float("nan")


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: sphere.step_paths([1.0]), ShapeError, r"scores must be \[T, E\] with E > 0, got \[1\]"),
        (lambda: sphere.step_paths([[1.0, NAN]]), DomainError, r"scores\[0, 1\] must be a finite number, got NaN"),
        (lambda: sphere.route([1, 0], [True, True]), TypeError, "best_correct must be bool, got dtype int64"),
        (
            lambda: skywork_reward_v2.retrieve([1.5], [[1.0]], [[1.0]]),
            DomainError,
            r"prob\[0\] must be in \[0, 1\], got 1.5",
        ),
        (
            lambda: skywork_reward_v2.retrieve([0.5, 0.5], [[1.0]], [[1.0]]),
            ShapeError,
            "queries must have 2 rows like prob, got 1",
        ),
        (
            lambda: skywork_reward_v2.curate([0.5], [0.5], [2.0]),
            DomainError,
            r"llm_agrees\[0\] must be 1, 0 or NaN, got 2",
        ),
        (lambda: skywork_reward_v2.evaluate([1.0]), ShapeError, r"scores must be \[models, benchmarks\]"),
        (lambda: rps.neighbors([0.0, 0.0]), DomainError, r"target must have a direction, got \[0, 0\]"),
        (lambda: rps.neighbors([1.0, 0.0], step=0.0), DomainError, "step must be > 0, high >= low"),
        (lambda: rps.neighbors([1.0, 0.0], k=0), DomainError, r"k must be .*got 0"),
        (lambda: curry_dpo.stages([1.0, 2.0], n_stages=0), DomainError, r"n_stages must be .*got 0"),
        (lambda: rps.select([[1.0, 2.0]], [1.0, 0.0]), ShapeError, r"rewards must be \[B, K, 2\] with K > 0"),
        (lambda: aligndiff.relabel([[1.0], [1.0]]), DomainError, r"strength\[:, 0\] must not be the same everywhere"),
        (lambda: aligndiff.plan([[1.0]], [1.0], [False]), DomainError, "mask must ask for an attribute"),
        (lambda: aligndiff.plan([[1.0]], [1.0, 2.0], [True]), ShapeError, r"expected strength \[C, A\]"),
        (lambda: spo_degree.variants([1.0], levels=3), DomainError, r"levels must be 1 to 2, got 3"),
        (lambda: mcts_dpo.prior([0.5], [1]), DomainError, r"logps\[0\] must be <= 0, got 0.5"),
        (lambda: mcts_dpo.prior([-0.5], [0]), DomainError, r"lengths\[0\] must be a finite number >= 1, got 0"),
        (
            lambda: mcts_dpo.value([-0.1], [0], [0.0], [False], [0.0]),
            DomainError,
            r"confidence\[0\] must be a finite number >= 0, got -0.1",
        ),
        (lambda: suboptimal.weights([0.1], temperature=0.0, limit=1.0), DomainError, "temperature must be finite"),
        (
            lambda: curry_dpo.stages_by_logp([1.0, 2.0], [0.1]),
            ShapeError,
            r"ref_logps must have shape \[2\] like ratings",
        ),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()
