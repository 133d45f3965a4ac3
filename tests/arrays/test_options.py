"""Plain options of the functions of arrays: numbers, whole numbers, flags and words, refused by name."""

from collections.abc import Callable
from typing import Any

import pytest

from prefcore import _arrays, games, metrics, pairs, ranking, selection
from prefcore.errors import DomainError
from prefcore.papers import (
    action_preference,
    aligndiff,
    anyprefer,
    delta_learning,
    drift,
    egpo,
    gpm,
    mcts_dpo,
    negotiative_alignment,
    preference_dissection,
    ranklist,
    rps,
    secrets_of_rlhf,
    value_drifts,
    videocomp,
    wimhf,
)

ROWS = [0.0, 1.0, 2.0, 3.0]
LABELS = [0, 1, 0, 1]

CALLS: dict[str, Callable[[Any], Any]] = {
    "k": lambda value: selection.top_k(ROWS, k=value),
    "seed": lambda value: selection.gumbel_top_k(ROWS, k=1, seed=value),
    "n": lambda value: metrics.best_of_n(ROWS, n=value),
    "max_iter": lambda value: metrics.fit_logit(ROWS, LABELS, max_iter=value),
    "bins": lambda value: aligndiff.relabel([[0.0], [1.0]], bins=value),
    "n_categories": lambda value: metrics.cohen_kappa([0, 1], [0, 1], n_categories=value),
    "n_draws": lambda value: metrics.laplace_logistic_regression(ROWS, LABELS, n_draws=value),
    "ridge": lambda value: metrics.fit_logit(ROWS, LABELS, ridge=value),
    "tol": lambda value: metrics.fit_logit(ROWS, LABELS, tol=value),
    "scale": lambda value: metrics.laplace_logistic_regression(ROWS, LABELS, scale=value),
    "offset": lambda value: metrics.fit_power_law([1.0, 2.0], [1.0, 0.5], offset=value),
    "undefined": lambda value: metrics.ndcg(ROWS, LABELS, undefined=value),
    "ties": lambda value: metrics.win_rate(ROWS[:2], ties=value),
    "temperature": lambda value: ranking.approx_rank(ROWS, temperature=value),
    "min_gap": lambda value: pairs.all_pairs(ROWS, min_gap=value),
    "fraction": lambda value: selection.top_fraction(ROWS, fraction=value, rounding="floor"),
    "tau": lambda value: drift.gradient_floor([0.0], [1.0], beta=0.1, tau=value),
    "share": lambda value: value_drifts.drift([[0.5], [0.7]], [0, 1], share=value),
    "low": lambda value: negotiative_alignment.summary([3.0], low=value, high=4.0),
    "percentile": lambda value: negotiative_alignment.summary([3.0], low=0.0, high=4.0, percentile=value),
    "limit": lambda value: preference_dissection.difference([1.0], limit=value),
    "theta_max": lambda value: rps.neighbors([1.0, 1.0], theta_max=value),
    "n_items": lambda value: games.pairwise_votes([0, 1], [0, 2], n_items=value),
    "constant": lambda value: games.symmetrize([[0.5]], constant=value),
    "bound": lambda value: games.extragradient_step_size(0.1, bound=value),
    "gap": lambda value: games.beta_for_gap([0.0, 0.0], gap=value),
    "step": lambda value: delta_learning.alignment([1.0], [1.0], [0.5], [1.0], step=value),
    "smoothing": lambda value: secrets_of_rlhf.denoise(ROWS, smoothing=value),
    "flip_fraction": lambda value: secrets_of_rlhf.denoise(ROWS, smoothing=0.0, flip_fraction=value),
    "smooth_below": lambda value: secrets_of_rlhf.denoise(ROWS, smoothing=0.0, smooth_below=value),
    "n_events": videocomp.disruptions,
    "lr": lambda value: egpo.tabular([[0.5]], [0.0], lr=value, steps=1),
    "noise": lambda value: egpo.tabular([[0.5]], [0.0], noise=value, steps=1),
    "steps": lambda value: egpo.tabular([[0.5]], [0.0], steps=value),
    "folds": lambda value: preference_dissection.fit([[1.0], [1.0]], [1, 0], folds=value),
    "budget": lambda value: negotiative_alignment.package([[1.0]], [1.0], value),
    "high": lambda value: negotiative_alignment.compare([3.0], [3.0], low=0.0, high=value),
    "threshold": lambda value: anyprefer.synthesize([1.0, 0.0], [0, 2], [1.0], threshold=value),
    "parent_visits": lambda value: mcts_dpo.select([1.0], [1.0], [0.0], value),
    "c": lambda value: mcts_dpo.select([1.0], [1.0], [0.0], 1, c=value),
    "correct": lambda value: action_preference.sample(["correct"], correct=value),
    "interaction": lambda value: action_preference.sample(["correct"], interaction=value),
    "n_select": lambda value: wimhf.select([[0.0], [1.0]], [[0.0], [1.0]], [0, 1], n_select=value),
    "feature": lambda value: wimhf.relabel([1], [[1.0]], value),
    "longest": lambda value: ranklist.skip_at(1, 2, value),
    "beta": lambda value: gpm.equilibrium([[1.0, 0.0]], [0.0], beta=value),
}
FLAGS: dict[str, Callable[[Any], Any]] = {
    "replace": lambda value: metrics.best_of_n(ROWS, n=1, replace=value),
    "intercept": lambda value: metrics.fit_logit(ROWS, LABELS, intercept=value),
    "inclusive": lambda value: pairs.all_pairs(ROWS, inclusive=value),
    "descending": lambda value: selection.curriculum_stages(ROWS, descending=value),
    "additive": lambda value: metrics.weighted_tau(ROWS, ROWS, additive=value),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("value", [True, "1", None, [1.0, 2.0]])
def test_what_is_no_number_is_refused_by_name(name: str, value: object) -> None:
    if (name == "n_categories" and value is None) or (name == "n" and isinstance(value, list)):
        return  # means something there
    with pytest.raises((TypeError, DomainError), match=rf"^{name} must "):
        CALLS[name](value)


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", ["no", 1, None])
def test_a_flag_is_true_or_false(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=rf"^{name} must be True or False, got "):
        FLAGS[name](value)


def test_a_range_holds_both_of_its_ends() -> None:
    assert _arrays.whole_number("folds", 5, 2, 6) == 5
    with pytest.raises(DomainError, match="folds must be 2 to 5, got 6"):
        _arrays.whole_number("folds", 6, 2, 6)
    with pytest.raises(DomainError, match=r"seed must be 0 to 2\^64 - 1, got -1"):
        _arrays.whole_number("seed", -1, 0, 1 << 64)
    with pytest.raises(DomainError, match="ridge must fit float64"):
        _arrays.number("ridge", 10**400)


@pytest.mark.parametrize("value", [None, 1, "x"])
def test_words_are_refused_by_name(value: Any) -> None:
    with pytest.raises((TypeError, DomainError), match="nan"):
        metrics.gini(ROWS, nan=value)
    with pytest.raises((TypeError, DomainError), match="level_of_measurement must be"):
        metrics.krippendorff_alpha([[1, 2], [1, 2]], level_of_measurement=value)
