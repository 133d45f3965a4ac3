"""How single papers label and evaluate: properties, published numbers, errors (records: papers_recipes.json)."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prefcore import games
from prefcore.errors import DomainError, ShapeError
from prefcore.papers import (
    dr_sow,
    egpo,
    evolve,
    fusechat3,
    grao,
    osp,
    pref_grpo,
    preference_dissection,
    preference_rankings,
    rps,
    secrets_of_rlhf,
    self_reference_feedback,
    skywork_reward_v2,
    vbench,
    videocomp,
)
from surveys import read

RNG = np.random.default_rng(0)
CYCLE = np.array([[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]])
REF = np.array([0.2, -0.1, 0.0])
NAN = float("nan")


def test_strength_by_hand() -> None:
    """Two models, deviation over the two; the agreement is of those that have a preference."""
    found = secrets_of_rlhf.strength([[1.0, 0.0], [3.0, 0.5]], [[0.5, 1.0], [1.5, 0.5]])
    assert found.mean.tolist() == [1.0, -0.5]
    assert found.std.tolist() == [0.5, 0.5]
    assert found.agreement.tolist() == [1.0, 0.0]


def test_denoised_pairs_are_flipped_from_below_and_softened_after() -> None:
    mean = RNG.normal(size=50)
    found = secrets_of_rlhf.denoise(mean, smoothing=0.2)
    assert found.flip.sum() == 5
    assert mean[found.flip].max() < mean[~found.flip].min()
    np.testing.assert_array_equal(found.margin, np.where(found.flip, -mean, mean))
    np.testing.assert_array_equal(found.prob, np.where(found.margin < 0, 0.8, 1.0))
    assert secrets_of_rlhf.denoise([0.3, 0.2], flip_fraction=0.5, smoothing=0.0).margin.tolist() == [0.3, -0.2]


def test_strength_of_a_verdict_does_not_see_padding_or_the_length_of_the_other() -> None:
    a, b = -RNG.random((3, 2, 4)), -RNG.random((3, 2, 5))
    mask_a, mask_b = np.ones(a.shape, dtype=bool), np.ones(b.shape, dtype=bool)
    mask_a[..., 2:] = False
    want = (a[..., :2].mean(2) - b.mean(2)).mean(1)
    np.testing.assert_allclose(self_reference_feedback.strength(a, b, mask_a, mask_b), want, rtol=1e-14)
    swapped = self_reference_feedback.strength(b, a, mask_b, mask_a)
    np.testing.assert_allclose(swapped, -want, rtol=1e-14)
    low = np.full((1, 1, 3), -1e308)
    assert self_reference_feedback.strength(low, 0.0 * low, low < 0, low < 0).tolist() == [-1e308]


def test_probabilities_of_osp_in_both_orders() -> None:
    """osp.position_debiased_prob: three pairs, a matrix for each; p < 1/2 is the other way round."""
    for p_ab, p_ba, p in ((0.8, 0.4, 0.7), (0.55, 0.5, 0.525), (0.3, 0.6, 0.65)):
        found = osp.ranked_pairs([[0.5, p_ab], [p_ba, 0.5]])
        assert found.prob.tolist() == pytest.approx([p], rel=1e-12)
        assert found.chosen.tolist() == [int(p_ab < p_ba)]


def test_disrupted_texts_are_what_they_are_called() -> None:
    for seed in range(200):
        n = 3 + seed % 4
        found = videocomp.disruptions(n, seed=seed)
        true, reordered, partial, both = np.split(found.rows, found.offsets[1:-1])
        assert true.tolist() == sorted(reordered.tolist()) == list(range(n))
        assert reordered.tolist() != true.tolist()
        assert 2 <= len(partial) < n
        assert partial.tolist() == sorted(set(partial.tolist())) == sorted(both.tolist()) != both.tolist()
    assert videocomp.disruptions(5, seed=3).rows.tolist() == videocomp.disruptions(5, seed=3).rows.tolist()


def test_every_other_order_is_as_likely() -> None:
    drawn = [tuple(videocomp.disruptions(3, seed=seed).rows[3:6].tolist()) for seed in range(2000)]
    counts = [drawn.count(order) for order in itertools.permutations(range(3))]
    assert counts[0] == 0
    assert max(abs(count - 400) for count in counts[1:]) < 4 * np.sqrt(2000 * 0.2 * 0.8)  # four standard deviations


def test_win_rates_of_groups_add_up_to_half_their_images() -> None:
    """All pairs met once: an image of 4 has 3 comparisons, which are rounded to three digits."""
    i, j = np.triu_indices(4, 1)
    outcomes = RNG.integers(0, 3, 12) / 2
    found = pref_grpo.rewards(np.concatenate([i, i + 4]), np.concatenate([j, j + 4]), outcomes, [0, 4, 8, 9])
    np.testing.assert_allclose(found[:8].reshape(2, 4).sum(1), 2.0, atol=4 * 5e-4)
    assert found[8] == 0.0
    np.testing.assert_array_equal(found, found.round(3))


def test_tabular_egpo_reaches_the_solution() -> None:
    """egpo.tabular_extragradient: the policy after 4000 steps, and a gap of 0."""
    found = egpo.tabular(CYCLE, REF)
    want = [0.2789374285595211, 0.25378485915046006, 0.46727771229001897]
    np.testing.assert_allclose(np.exp(found.log_policy), want, rtol=0, atol=1e-10)
    assert found.gap.shape == found.kl.shape == (4001,)
    assert 0 <= max(found.gap[-1], found.kl[-1]) < 1e-14
    assert (np.diff(found.kl[:50]) < 0).all()


def test_tabular_egpo_is_extragradient_with_four_times_the_rate() -> None:
    """Papers.md 5.1: 4 lr / (beta n), where the official script says 2."""
    found = egpo.tabular(CYCLE, REF, beta=0.2, lr=0.05, steps=40)
    step = 4 * 0.05 / (0.2 * 3)
    want = games.extragradient(
        CYCLE, beta=0.2, step_size=step, log_ref=REF, tol=None, max_iter=40, record_at=[0, 7, 40]
    )
    assert want.path is not None
    np.testing.assert_allclose(found.log_policy, want.log_policy, rtol=0, atol=1e-13)
    gaps = games.duality_gap(CYCLE, want.path.log_policy, beta=0.2, log_ref=REF)
    np.testing.assert_allclose(found.gap[[0, 7, 40]], gaps, rtol=0, atol=1e-13)


def test_noise_keeps_tabular_egpo_near_the_solution() -> None:
    """Errors of the win rates reach the logits divided by beta and times 4 lr / n: the gap ends near their variance."""
    still, noisy = (egpo.tabular(CYCLE, REF, steps=2000, noise=noise, seed=1) for noise in (0.0, 0.1))
    assert still.gap[-1] < 1e-12
    assert 1e-4 < noisy.gap[1000:].mean() < still.gap[0]
    again = egpo.tabular(CYCLE, REF, steps=2000, noise=0.1, seed=1)
    np.testing.assert_array_equal(noisy.gap, again.gap)
    assert (egpo.tabular(CYCLE, REF, steps=5, noise=0.1).gap[1:] != noisy.gap[1:6]).all()


ALPACA = {
    "FuseChat-Gemma-2-9B-Instruct": (70.50, 1.343, 70.18),
    "FuseChat-Llama-3.1-8B-Instruct": (63.33, 1.423, 65.39),
    "FuseChat-Qwen-2.5-7B-Instruct": (64.64, 1.430, 63.58),
    "FuseChat-Llama-3.2-3B-Instruct": (51.30, 1.483, 54.00),
    "FuseChat-Llama-3.2-1B-Instruct": (29.92, 1.393, 25.27),
}


@pytest.mark.parametrize("model", ALPACA)
def test_published_alpaca_eval_of_fusechat(model: str) -> None:
    """Leaderboard of AlpacaEval 2 over 805 prompts; the file holds 797. Without its penalty a fit keeps a point."""
    outcomes, lengths = read("alpaca_win_probabilities.csv.gz"), read("alpaca_lengths.csv.gz")
    given = [np.array(table[name], dtype=float) for table, name in (
        (outcomes, model), (lengths, model), (lengths, "gpt4_1106_preview"),
    )]  # fmt: skip
    assert len(given[0]) == 797
    rate, error, controlled = ALPACA[model]
    found = fusechat3.alpaca_eval(*given)
    assert 100 * found.win_rate == pytest.approx(rate, abs=0.25)
    assert 100 * found.std_error == pytest.approx(error, abs=0.015)
    assert 100 * found.length_controlled == pytest.approx(controlled, abs=1.0)
    assert evolve.evaluate(*given) == found


@pytest.mark.parametrize(
    ("n", "sft", "dpo"), [(51_098, 20_439, 30_659), (20_374, 8_149, 12_225), (9_435, 3_774, 5_661)]
)
def test_published_split_of_fusechat(n: int, sft: int, dpo: int) -> None:
    """Data sources of the README."""
    assert fusechat3.split(n) == (sft, dpo)


def test_best_of_n_is_the_mean_over_all_choices() -> None:
    reward, gold = RNG.random((2, 9))
    offsets, n = [0, 4, 9], 3
    means = [
        np.mean([gold[max(rows, key=lambda row: reward[row])] for rows in itertools.combinations(range(a, b), n)])
        for a, b in itertools.pairwise(offsets)
    ]
    assert skywork_reward_v2.best_of_n(reward, gold, offsets, n=n) == pytest.approx(np.mean(means), rel=1e-13)
    assert np.isnan(skywork_reward_v2.best_of_n([], [], [0], n=1))


def test_a_metric_that_votes_like_people_is_aligned() -> None:
    scores = np.array([[0.9, 0.7, 0.8, 0.4]])
    i, j = np.triu_indices(4, 1)
    found = vbench.human_alignment(i, j, (scores[0, i] > scores[0, j]).astype(float), scores)
    np.testing.assert_array_equal(found.human, found.metric)
    assert (found.spearman, found.pearson) == (pytest.approx(1.0), pytest.approx(1.0))
    against = vbench.human_alignment(i, j, (scores[0, i] < scores[0, j]).astype(float), scores)
    assert against.pearson == pytest.approx(-1.0)


def test_scores_of_videos() -> None:
    assert vbench.i2v_subject([1.0, 0.5, 0.5], [0.8, 0.4]) == pytest.approx(0.4 + 0.3 * 0.6 + 0.3 * 0.4, rel=1e-15)
    still = np.full((4, 2, 3, 3), 77, dtype=np.uint8)
    assert vbench.flicker(still) == 1.0
    blinking = np.zeros((3, 1, 1, 1), dtype=np.uint8)
    blinking[1] = 255  # unsigned pixels would wrap around
    assert vbench.flicker(blinking) == 0.0
    assert vbench.final_score([vbench.HIGH], weights=np.arange(1.0, 17.0)).total.tolist() == [pytest.approx(1.0)]


def test_evaluation_of_grao_counts_gains_and_losses() -> None:
    post, pre = RNG.integers(0, 4, (2, 40))
    found = grao.evaluate(post - pre, post, pre)
    assert found.ras == (post > pre).mean()
    assert found.nag == pytest.approx((post > pre).mean() - (post < pre).mean(), abs=1e-15)
    assert grao.evaluate([0.0], [1.0], [2.0]) == (0.0, -1.0)


def test_win_rates_of_both_sides_add_up_to_one() -> None:
    ours, theirs = RNG.integers(0, 3, (2, 30))
    assert rps.evaluate(ours, theirs) + rps.evaluate(theirs, ours) == pytest.approx(1.0, rel=1e-15)


def test_ranking_accuracies_of_the_perfect_policy_have_no_gap() -> None:
    """Its own ratio as the tuned model; no pair is a tie."""
    ref = RNG.normal(size=(2, 50))
    prob = RNG.uniform(0.05, 0.95, 50)
    ratio = preference_rankings.idealized_log_ratio(*ref, prob, beta=0.5)
    found = preference_rankings.evaluate(ratio, np.zeros(50), *ref, prob, betas=(0.5,))
    assert found.accuracy == found.idealized_min == found.idealized_max == (ratio > 0).mean()
    assert found.gap == 0.0


def test_labels_are_those_of_debiased_probabilities() -> None:
    shown, swapped = RNG.random((2, 50))
    labels = preference_dissection.labels(np.stack([shown, 1 - shown], 1), np.stack([swapped, 1 - swapped], 1))
    np.testing.assert_array_equal(labels, shown > swapped)


def test_fit_is_the_mean_of_posteriors_without_a_fold() -> None:
    """One property, on a fine grid."""
    x, y = np.array([1.0, 1.0, -1.0, 0.0, 1.0, -1.0, 1.0]), np.array([1, 1, 0, 1, 0.5, 1, 1])
    grid = np.linspace(-8, 8, 400_001)

    def posterior_mean(rows: Any) -> float:
        fit = -np.logaddexp(0, -np.outer(grid, x[rows])) @ y[rows] - np.logaddexp(0, np.outer(grid, x[rows])) @ (
            1 - y[rows]
        )
        weight = np.exp(fit - np.abs(grid) / 0.2)
        return float(grid @ weight / weight.sum())

    want = np.mean([posterior_mean(rows) for rows in ([3, 4, 5, 6], [0, 1, 2, 5, 6], [0, 1, 2, 3, 4])])
    got = preference_dissection.fit(x[:, None], y, scale=0.2, folds=3)
    np.testing.assert_allclose(got, [want], rtol=1e-6)


def test_sections_count_the_same_whatever_their_size() -> None:
    found = dr_sow.evaluate([1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0], ["a", "a", "a", "b"])
    assert found.sections.tolist() == ["a", "b"]
    assert found.accuracy.tolist() == [pytest.approx(2 / 3), 0.0]
    assert found.mean == pytest.approx(1 / 3)
    assert np.isnan(dr_sow.evaluate([], [], []).mean)


ONES = np.ones((1, 1, 2), dtype=bool)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: secrets_of_rlhf.strength([1.0], [1.0]),
            ShapeError,
            r"chosen must be \[M, N\], a reward model in each",
        ),
        (
            lambda: secrets_of_rlhf.strength([[1e308]], [[-1e308]]),
            DomainError,
            r"\(chosen - rejected\)\[0, 0\] must be a finite number, got inf",
        ),
        (lambda: secrets_of_rlhf.denoise([1.0], smoothing=1.5), DomainError, r"smoothing must be in \[0, 1\], got 1.5"),
        (
            lambda: secrets_of_rlhf.denoise([1.0], smoothing=0.0, flip_fraction=-0.1),
            DomainError,
            r"flip_fraction must be in \[0, 1\], got -0.1",
        ),
        (
            lambda: secrets_of_rlhf.denoise([1.0], smoothing=0.0, smooth_below=NAN),
            DomainError,
            "smooth_below must be a number, got NaN",
        ),
        (
            lambda: self_reference_feedback.strength(0.0 * ONES, 0.0 * ONES, ONES, ~ONES),
            DomainError,
            r"mask_b\[0, 0\] must count a token, got False in all",
        ),
        (
            lambda: self_reference_feedback.strength(
                0.0 * ONES, np.zeros((1, 2, 2)), ONES, np.ones((1, 2, 2), dtype=bool)
            ),
            ShapeError,
            r"the same N pairs in the same O orders, got \[1, 1\] and \[1, 2\]",
        ),
        (lambda: self_reference_feedback.labels([1, -1]), ShapeError, r"votes must be \[N, K\], got \[2\]"),
        (lambda: self_reference_feedback.labels([[1, 2]]), DomainError, r"votes.*2"),
        (
            lambda: videocomp.evaluate([1.0], [1.0]),
            ShapeError,
            r"expected true \[N\] and disrupted \[D, N\], got \[1\]",
        ),
        (lambda: videocomp.disruptions(2), DomainError, "n_events must be 3 to .*got 2"),
        (
            lambda: pref_grpo.rewards([0, 1], [1, 2], [1.0, 1.0], [0, 2, 3]),
            DomainError,
            r"second\[1\] must be in the group of first\[1\], got groups \[0 1\]",
        ),
        (lambda: pref_grpo.rewards([0], [5], [1.0], [0, 2]), DomainError, r"second\[0\] must be"),
        (lambda: pref_grpo.rewards([0], [1], [2.0], [0, 2]), DomainError, r"outcomes\[0\] must be .*got 2"),
        (
            lambda: egpo.tabular(CYCLE, [0.0]),
            ShapeError,
            r"expected payoff \[n, n\] and log_ref \[n\], got \[3, 3\] and",
        ),
        (lambda: egpo.tabular(CYCLE, REF, lr=1.0), DomainError, "lr must be > 0 and at most n / 4 = 0.75, got 1"),
        (lambda: egpo.tabular(CYCLE, REF, beta=0.0), DomainError, "beta must be finite and > 0, got 0"),
        (lambda: egpo.tabular(CYCLE, REF, noise=-1.0), DomainError, "noise must be finite and >= 0, got -1"),
        (lambda: egpo.tabular(CYCLE - 0.3, REF), DomainError, r"payoff\[0, 2\] must be in \[0, 1\], got -0.0"),
        (lambda: egpo.tabular(np.triu(CYCLE), REF), DomainError, "payoff"),
        (
            lambda: evolve.evaluate([1.5, 0.0], [1, 2], [2, 1]),
            DomainError,
            r"preference\[0\] must be a number in \[0, 1\], got 1.5",
        ),
        (lambda: fusechat3.split(-1), DomainError, "n must be 0 to .*got -1"),
        (
            lambda: skywork_reward_v2.best_of_n([1.0, 2.0], [0.0, 1.0], [0, 2], n=3),
            DomainError,
            "prompt 0 must have at least n = 3 responses",
        ),
        (lambda: vbench.final_score([[1.0]]), ShapeError, r"raw must be \[M, 16\], got \[1, 1\]"),
        (
            lambda: vbench.human_alignment([0], [1], [1.0], [[1.0, 2.0, 3.0]]),
            DomainError,
            "first and second must name every model, got no vote on model 2",
        ),
        (
            lambda: vbench.human_alignment([0], [1], [1.0], [1.0, 2.0]),
            ShapeError,
            r"metric must be \[V, M\] with V > 0",
        ),
        (
            lambda: vbench.i2v_subject([1.0, 1.0], [1.0, 1.0]),
            ShapeError,
            r"expected conformity \[T\] and consecutive \[T - 1\] with T > 1, got \[2\] and \[2\]",
        ),
        (
            lambda: vbench.i2v_subject([1.0, -1.0], [1.0]),
            DomainError,
            r"conformity\[1\] must be a cosine in \[0, 1\], got -1",
        ),
        (lambda: vbench.flicker(np.zeros((1, 2, 2, 3))), ShapeError, r"frames must be \[T, H, W, C\] with T > 1, got"),
        (
            lambda: vbench.flicker(np.full((2, 1, 1, 1), 256.0)),
            DomainError,
            r"frames\[0, 0, 0, 0\] must be in 0 to 255, got 256",
        ),
        (lambda: rps.evaluate([1.0], [1.0, 2.0]), ShapeError, r"baseline must have shape \[1\] like scores, got \[2\]"),
        (
            lambda: preference_rankings.evaluate([1.0], [1.0], [1.0], [1.0], [0.5], betas=()),
            DomainError,
            "betas must hold a number, got none",
        ),
        (
            lambda: preference_rankings.evaluate([1.0], [1.0], [1.0], [1.0], [0.5], betas=(0.1, 0.0)),
            DomainError,
            r"betas\[1\] must be > 0, got 0",
        ),
        (
            lambda: preference_rankings.evaluate([1.0], [1.0], [1.0], [1.0], [1.5]),
            DomainError,
            r"prob\[0\] must be in \[0, 1\], got 1.5",
        ),
        (lambda: preference_rankings.exact_match([1.0], [1]), ShapeError, r"scores must be \[N, n\], got \[1\]"),
        (lambda: preference_dissection.labels([[0.1]], [[0.1]]), ShapeError, r"p_shown must be \[N, 2\], got \[1, 1\]"),
        (
            lambda: preference_dissection.fit([[1.0], [1.0]], [1, 0], folds=3),
            DomainError,
            "folds must be 2 to 2, got 3",
        ),
        (
            lambda: preference_dissection.fit([[1.0], [1.0]], [1]),
            ShapeError,
            r"expected features \[N, F\] and labels \[N\], got \[2, 1\] and \[1\]",
        ),
        (
            lambda: dr_sow.evaluate([1.0], [0.0], ["a", "b"]),
            ShapeError,
            r"section must have shape \[1\] like chosen, got \[2\]",
        ),
    ],
)
def test_bad_arguments_are_named(call: Callable[[], Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()
