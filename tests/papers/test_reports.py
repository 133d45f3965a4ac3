"""Reports and choices of single papers on arrays: by their definitions, and their errors."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from prefcore import games, metrics, pairs, ratings
from prefcore.papers import (
    action_preference,
    anyprefer,
    curry_dpo,
    follow_up_likelihood,
    gpm,
    mcts_dpo,
    medical_rpo,
    negotiative_alignment,
    psychocounsel,
    ranklist,
    regularized_relevance,
    themis,
    weak_to_strong_deception,
    wimhf,
    worldpm,
)

RNG = np.random.default_rng(0)
SHARED = json.loads((Path(__file__).parents[1] / "vectors" / "papers_reports.json").read_text())
INPUTS = {record["id"]: record["inputs"] for record in SHARED}
CYCLE = INPUTS["gpm/cycle.rank"]["embeddings"]


def test_ranks_of_the_official_script_are_of_twice_the_scores() -> None:
    """gpo/table: its scores are S - S^T = 2 S, averaged; its probabilities are ours at temperature 1/2."""
    found = gpm.rank(INPUTS["gpo/table.rank"]["embeddings"])
    np.testing.assert_allclose(2 * found.score, [0.116, -0.36, -0.388, 0.38, 0.252], rtol=1e-12)


def test_no_single_score_tells_a_cycle() -> None:
    """gpm/cycle: P = 0.7039 each way round, where every Bradley-Terry model says 1/2."""
    p = games.gpm_preferences(CYCLE, tau=1.0)
    fit = ratings.bradley_terry(ratings.Comparisons.from_matrix(p * (1 - np.eye(3))))
    np.testing.assert_allclose(fit.theta, 0.0, atol=1e-10)
    np.testing.assert_allclose(p[[0, 1, 2], [1, 2, 0]], 0.7039179947206429, rtol=1e-12)


def test_no_policy_beats_the_equilibrium() -> None:
    np.testing.assert_allclose(gpm.equilibrium(CYCLE, np.zeros(3), beta=0.05).policy, 1 / 3, rtol=1e-9)
    embeddings, log_ref = RNG.normal(size=(6, 4)), RNG.normal(size=6)
    found = gpm.equilibrium(embeddings, log_ref, beta=0.3)
    payoff = games.gpm_scores(embeddings) @ found.policy
    ref = log_ref - np.log(np.exp(log_ref).sum())
    response = ref + payoff / 0.3
    np.testing.assert_allclose(found.log_policy, response - np.log(np.exp(response).sum()), rtol=1e-8)


def test_curriculum_of_one_prompt() -> None:
    """curry/pairs, curry/ties: the easiest comparison first; of equal gaps the first."""
    for ratings_, want, gaps in (
        ([5.0, 4.0, 3.5, 2.0], [(0, 3), (0, 2), (0, 1)], [3.0, 1.5, 1.0]),
        ([4.0, 5.0, 5.0, 2.0, 4.0], [(1, 3), (1, 0), (1, 4)], [3.0, 1.0, 1.0]),
    ):
        stages = curry_dpo.stages([ratings_])
        assert [(*stage.chosen.tolist(), *stage.rejected.tolist()) for stage in stages] == want
        assert [stage.margin.item() for stage in stages] == gaps


def test_a_tie_is_half_a_win() -> None:
    found = curry_dpo.adjusted_win_rate([1, 0.5, 0, 1, 0.5, 0.5], [0, 3, 6, 6])
    np.testing.assert_array_equal(found, [0.5, 2 / 3, np.nan])


def test_report_of_ranks_by_pairs() -> None:
    scores, labels = RNG.integers(0, 4, size=30) / 2, RNG.integers(0, 3, size=30)
    offsets = np.array([0, 9, 10, 30])
    found = ranklist.evaluate(scores, labels, offsets)
    np.testing.assert_array_equal(found.tau, metrics.kendall_tau(scores, labels, offsets=offsets))
    for group, (start, end) in enumerate(itertools.pairwise(offsets)):
        gaps = [
            (scores[i] - scores[j]) * (labels[i] - labels[j])
            for i, j in itertools.combinations(range(start, end), 2)
            if labels[i] != labels[j]
        ]
        want = np.mean([(gap > 0) + (gap == 0) / 2 for gap in gaps]) if gaps else np.nan
        np.testing.assert_allclose(found.accuracy[group], want, rtol=1e-14)


def test_a_proxy_that_overshoots_is_not_monotone() -> None:
    assert regularized_relevance.monotonicity([1, 2, 3, 4], [0.1, 0.5, 0.6, 0.9]) == pytest.approx(1.0)
    assert regularized_relevance.monotonicity([1, 2, 3, 4], [0.1, 0.9, 0.5, 0.2]) < 0.5
    assert np.isnan(regularized_relevance.monotonicity([1.0, 1.0], [0.0, 1.0]))


def test_six_parties_alone_fit_the_numbers_of_the_abstract() -> None:
    """welfare/abstract_consistency: the most equal utilities of a total and a worst have the least Gini index."""

    def least(n: int, total: float, worst: float) -> float:
        rest = [(total - worst) / (n - 1)] * (n - 1)
        return negotiative_alignment.summary([worst, *rest], low=0.0, high=5.0).gini

    plans = [(21.1, 3.2, 0.036), (24.55, 3.9, 0.025)]
    fits = [
        all(total / n >= worst and least(n, total, worst) <= gini for total, worst, gini in plans) for n in range(3, 12)
    ]
    assert [n for n, fit in zip(range(3, 12), fits, strict=True) if fit] == [6]
    got = [least(6, total, worst) for total, worst, _ in plans]
    np.testing.assert_allclose(got, [0.01500789889415483, 0.007807196198234924], rtol=1e-9)


def test_who_loses_by_a_change() -> None:
    found = negotiative_alignment.compare([3.0, 3.5, 4.0], [3.5, 3.25, 4.0], low=3.0, high=4.0)
    assert found.losers.tolist() == [1]
    assert found.difference.tolist() == [0.5, -0.25, 0.0]
    assert (found.before.worst, found.after.worst) == (3.0, 3.25)


def test_disagreement_of_raters_who_left_gaps() -> None:
    table = RNG.integers(1, 6, size=(4, 20)).astype(float)
    table[RNG.random((4, 20)) < 0.2] = np.nan
    found = negotiative_alignment.disagreement(table)
    taus = []
    for a, b in itertools.combinations(table, 2):
        both = ~np.isnan(a) & ~np.isnan(b)
        taus.append(metrics.kendall_tau(a[both], b[both]))
    assert found.tau == pytest.approx(np.mean(taus), rel=1e-13)
    assert found.alpha == metrics.krippendorff_alpha(table, level_of_measurement="ordinal")
    assert negotiative_alignment.disagreement([[1, 2, 3], [1, 2, 3]]) == (1.0, 1.0)
    assert np.isnan(negotiative_alignment.disagreement([[1.0, np.nan], [np.nan, 2.0]])).all()


@pytest.mark.parametrize("seed", range(5))
def test_packages_by_their_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    u, cost, budget = rng.integers(0, 5, size=(3, 7)), rng.integers(1, 6, size=7), 10
    sets = [s for n in range(8) for s in itertools.combinations(range(7), n) if cost[list(s)].sum() <= budget]
    worth = {s: u[:, list(s)].sum(1) for s in sets}
    found = negotiative_alignment.package(u, cost, budget)
    for bought in found:
        np.testing.assert_array_equal(bought.utilities, u[:, bought.items].sum(1))
        assert bought.cost == cost[bought.items].sum() <= budget
    assert found.total.utilities.sum() == max(w.sum() for w in worth.values())
    assert sorted(found.leximin.utilities) == max(sorted(w) for w in worth.values())
    assert found.nash.utilities.prod() == pytest.approx(max(w.prod() for w in worth.values()), rel=1e-12)


def test_of_equal_packages_the_cheapest() -> None:
    found = negotiative_alignment.package([[1.0, 1.0, 0.0]], [2.0, 1.0, 0.0], 2.0)
    assert [bought.items.tolist() for bought in found] == [[1]] * 3
    nobody = negotiative_alignment.package(np.zeros((2, 0)), np.zeros(0), 0.0)
    assert [(bought.items.tolist(), bought.cost) for bought in nobody] == [([], 0.0)] * 3
    # no set pleases all three: two above 0 beat one, whatever the product
    found = negotiative_alignment.package([[9.0, 1.0], [0.0, 1.0], [0.0, 0.0]], [1.0, 1.0], 1.0)
    assert found.nash.items.tolist() == [1]
    assert found.total.items.tolist() == [0]


def test_a_search_step_by_step() -> None:
    """mcts/puct_backprop: select, count, back up; the official root counts twice an iteration."""
    values, visits, root = np.array([0.6, -0.25, 0.9]), np.zeros(3), 1
    prior = mcts_dpo.prior([-0.7, -1.4, -1.15], [3, 2, 4])
    trace = []
    for _ in range(3):
        child = mcts_dpo.select(values, prior, visits, root)
        visits[child] += 1
        root += 2
        found = mcts_dpo.back_up([-1, 0, 0, 0], [0, *values], np.zeros(4), [root, *visits])
        trace.append((child, found.value[0]))
    np.testing.assert_allclose(trace, [(2, 0.4166666666666667), (0, 0.4166666666666667), (2, 0.5375)], rtol=1e-12)


def test_step_pairs_of_a_tree() -> None:
    columns = RNG.integers(0, 3, size=(5, 12)) / 2
    offsets = [0, 4, 5, 12]
    found = mcts_dpo.pairs(*columns, offsets, worse="random", seed=3)
    want = pairs.step_pairs(*columns, worse="random", seed=3, offsets=offsets)
    np.testing.assert_array_equal(found.chosen, want.chosen)
    np.testing.assert_array_equal(found.rejected, want.rejected)
    np.testing.assert_array_equal(found.rejected_visits, columns[4][want.rejected])


def test_a_prompt_without_a_pair_goes_another_round() -> None:
    found = anyprefer.synthesize([1.0, 1.0, 2.0, 0.0], [0, 2, 4, 4], [np.nan, 3.0, np.nan], threshold=3.0)
    assert found.retry.tolist() == [True, False, True]
    assert [column.tolist() for column in found.pairs[:2]] == [[2], [3]]


def test_accuracy_with_style_counts_half_for_a_half() -> None:
    labels = np.array([1, 0, 1, 0, 0.5, 1, 0, 1])
    score, style = RNG.normal(size=8), RNG.integers(0, 5, size=(2, 8, 2)).astype(float)
    found = worldpm.style_adjusted(score, *style, labels, folds=4, seed=2)
    fit = metrics.style_controlled_bt(score, *style, labels, folds=4, seed=2)
    np.testing.assert_array_equal(found.probability, fit.probs)
    told = labels != 0.5
    assert found.accuracy == pytest.approx(np.mean((fit.probs > 0.5)[told] == (labels > 0.5)[told]))


def test_sections_of_tools() -> None:
    found = themis.evaluate([1.0, 0.0, 2.0, 1.0], [0.0, 1.0, 1.0, 1.0], ["wiki", "wiki", "map", "map"])
    assert list(found.sections) == ["wiki", "map"]
    assert found.accuracy.tolist() == [0.5, 0.5]
    assert found.mean == 0.5


def test_features_are_fitted_one_by_one_beside_the_controls() -> None:
    code, controls = RNG.normal(size=(80, 3)) * (RNG.random((80, 3)) < 0.5), RNG.normal(size=(80, 2))
    y = (RNG.random(80) < 1 / (1 + np.exp(-2 * code[:, 1]))).astype(float)
    found = wimhf.features(code, controls, y)
    x = np.column_stack([controls, code])
    x = (x - x.mean(0)) / x.std(0)
    for m in range(3):
        fit = metrics.fit_logit(x[:, [0, 1, 2 + m]], y)
        assert found.coef[m] == pytest.approx(fit.coef[-1], rel=1e-12)
        assert found.win_positive[m] == pytest.approx(y[code[:, m] > 0].mean(), rel=1e-14)
        assert found.win_negative[m] == pytest.approx(y[code[:, m] < 0].mean(), rel=1e-14)
        assert found.auc[m] == metrics.roc_auc(code[:, m], y)
    assert np.argmax(found.coef) == 1


@pytest.mark.parametrize("n_select", [1, 3, 6])
def test_the_lasso_solves_its_problem_and_spares_the_controls(n_select: int) -> None:
    """By the conditions of the optimum: correlations of what is in equal the penalty, of what is out are below it."""
    code, controls = RNG.normal(size=(60, 6)), RNG.normal(size=(60, 2))
    y = (code[:, 2] - code[:, 4] + 2 * controls[:, 0] + RNG.normal(size=60) > 0).astype(float)
    found = wimhf.select(code, controls, y, n_select=n_select)
    assert len(found.features) == n_select
    x = (code - code.mean(0)) / code.std(0)
    held = np.column_stack([np.ones(60), controls])
    left = y - x[:, found.features] @ found.coef
    left -= held @ np.linalg.lstsq(held, left, rcond=None)[0]
    slope = x.T @ left / 60
    np.testing.assert_allclose(slope[found.features], found.penalty * np.sign(found.coef), atol=1e-10)
    assert (np.abs(np.delete(slope, found.features)) <= found.penalty + 1e-10).all()
    if n_select == 1:
        assert found.features[0] in {2, 4}


def test_relabeling_turns_what_the_feature_decided() -> None:
    labels, code = [1, 0, 1, 0, 1], [[2.0], [2.0], [-1.0], [-1.0], [0.0]]
    assert wimhf.relabel(labels, code, 0).tolist() == [0, 0, 1, 1, 1]


def test_follow_ups_agree_with_people() -> None:
    chosen, rejected, rating = RNG.normal(size=(3, 20))
    found = follow_up_likelihood.evaluate(chosen, rejected, rating)
    assert found.accuracy == np.mean(chosen > rejected)
    assert found.spearman == metrics.spearman(chosen - rejected, rating)


def test_confidence_has_two_sides() -> None:
    assert weak_to_strong_deception.confident([0.0, 0.25, 0.26, 0.75, 0.74]).tolist() == [
        True,
        True,
        False,
        True,
        False,
    ]


def test_drop_and_its_interval() -> None:
    plain, explained = RNG.random((2, 200)) < [[0.868], [0.7]]
    found = medical_rpo.stability(plain, explained)
    assert found.drop == pytest.approx(found.accuracy - found.explained, rel=1e-12)
    drop = metrics.bootstrap_mean(plain.astype(float) - explained)
    assert found.interval == (drop.lower, drop.upper)
    assert found.interval.lower < found.drop < found.interval.upper
    assert medical_rpo.stability(plain, plain)[2:] == (0.0, (0.0, 0.0))


def test_expert_pairs_at_the_edge() -> None:
    """psycho/pairs_gap: sums 30, 23, 22, 14 over 7 principles; a mean gap of exactly 1 counts."""
    principles = [[5, 5, 4, 4, 4, 4, 4], [4, 4, 3, 3, 3, 3, 3], [4, 3, 3, 3, 3, 3, 3], [2] * 7]
    found = psychocounsel.pairs(principles, [0, 4])
    assert list(zip(found.chosen, found.rejected, strict=True)) == [(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)]
    np.testing.assert_allclose(found.margin, np.array([7, 8, 16, 9, 8]) / 7, rtol=1e-15)
    assert len(psychocounsel.pairs(principles, [0, 4], min_gap=0).chosen) == 6
    assert len(psychocounsel.pairs([[3], [3]], [0, 2], min_gap=0).chosen) == 0


def test_actions_in_fixed_shares() -> None:
    labels = np.array(["correct"] * 40 + ["interaction"] * 30 + ["failure"] * 10)
    rows = action_preference.sample(labels, seed=5)
    kinds = labels[rows]
    assert [int((kinds == kind).sum()) for kind in ("correct", "interaction", "failure")] == [20, 10, 10]
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, action_preference.sample(labels, seed=5))
    assert not np.array_equal(rows, action_preference.sample(labels, seed=6))
