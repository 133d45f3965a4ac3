"""Types of the extension. `make lint` checks them against the built module."""

from collections.abc import Sequence
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "TrecFile",
    "add_exact",
    "adjacent",
    "adjusted_scores",
    "all_pairs",
    "approx_ndcg",
    "approx_rank",
    "average_precision",
    "balanced_indices",
    "best_of_n",
    "best_policy",
    "best_profiles",
    "best_responses",
    "best_vs_rest",
    "best_worst",
    "bootstrap_mean",
    "brier_score",
    "calibration_curve",
    "calibration_sums",
    "centrality",
    "check_rankings",
    "choice_probabilities",
    "choice_score_products",
    "clopper_pearson_interval",
    "common_prefixes",
    "concordance_counts",
    "count_pairs",
    "curriculum_stages",
    "cyclic_triples",
    "dcg",
    "distinct_ngram_ratio",
    "duality_gaps",
    "elo",
    "elo_permuted",
    "expected_beside",
    "expected_calibration_error",
    "expected_reciprocal_rank",
    "expected_slopes",
    "fictitious_play",
    "fisher_tail",
    "fit_choices",
    "fit_logit",
    "fit_outcome",
    "fit_ratings",
    "fits_index",
    "fixed_point",
    "fixed_width_codes",
    "gae",
    "game_dynamics",
    "game_equilibrium",
    "game_groups",
    "game_parameters",
    "game_reply",
    "game_reply_slopes",
    "game_responses",
    "game_slopes",
    "gamma_tail",
    "gathered",
    "gini",
    "goodman_kruskal_gamma",
    "gpm_matvec",
    "group_advantage",
    "group_by_ids",
    "gumbel_top_k",
    "kemeny",
    "kendall_tau",
    "kendall_test",
    "kl_divergence",
    "kl_nash",
    "krippendorff_alpha",
    "lambda_weights",
    "lambdarank",
    "laplace_logistic_draws",
    "laplace_logistic_moments",
    "level_meat",
    "level_products",
    "level_scores",
    "listmle",
    "listnet",
    "lock_pairs",
    "log_loss",
    "moments",
    "multinomial",
    "ndcg",
    "next_batch",
    "normal_quantile",
    "normalized_policies",
    "num_threads",
    "object_codes",
    "offsets_from_ids",
    "offsets_from_lengths",
    "outcome_counts",
    "pair_gaps",
    "pair_weights",
    "paired_token_stats_backward",
    "paired_token_stats_forward",
    "pairwise_accuracy",
    "pairwise_accuracy_with_ties",
    "pairwise_votes",
    "pass_all_k",
    "pass_at_k",
    "payoff_constant",
    "pearson",
    "percent_agreement",
    "plackett_luce",
    "plackett_luce_dense",
    "plackett_luce_ratings",
    "precision_at_k",
    "profile_values",
    "proximal",
    "r_precision",
    "random_keys",
    "rank",
    "rank_biased_overlap",
    "rank_biased_precision",
    "ranking_exact_match",
    "ranklist",
    "ranknet",
    "rating_derivatives",
    "rating_refits",
    "recall_at_k",
    "reciprocal_rank",
    "regret_matching",
    "roc_auc",
    "round_exact",
    "round_fixed",
    "row_responses",
    "set_num_threads",
    "soft_rank",
    "soft_rank_vjp",
    "softmax_loss",
    "solve_nash",
    "solve_nash_kl",
    "solve_zero_sum",
    "solve_zero_sum_kl",
    "spearman",
    "step_pairs",
    "strong_components",
    "student_quantile",
    "student_tails",
    "sum_fixed",
    "symmetric_eigen",
    "thin_by_gap",
    "tie_calibrated_accuracy",
    "token_stats_backward",
    "token_stats_forward",
    "top_fraction",
    "top_k",
    "top_k_cosine",
    "trec_join",
    "tree_backup",
    "validate_offsets",
    "weighted_tau",
    "widest_paths",
    "win_rate",
]

class _PairOptions(Protocol):
    @property
    def min_gap(self) -> float: ...
    @property
    def max_gap(self) -> float | None: ...
    @property
    def inclusive(self) -> bool: ...
    @property
    def by(self) -> NDArray[np.int64] | None: ...
    @property
    def max_pairs_per_group(self) -> int | None: ...
    @property
    def seed(self) -> int: ...
    @property
    def nan(self) -> str: ...

# threads
def num_threads() -> int: ...
def set_num_threads(threads: int) -> None: ...
def random_keys(seed: int, *counters: int) -> int: ...

# groups
def offsets_from_lengths(lengths: NDArray[np.int64]) -> NDArray[np.int64]: ...
def offsets_from_ids(ids: NDArray[np.int64]) -> NDArray[np.int64]: ...
def group_by_ids(ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def validate_offsets(offsets: NDArray[np.int64], n: int) -> int: ...

# pairs: columns chosen, rejected, margin, group, and the number of pairs at their front
def all_pairs(
    scores: NDArray[Any],
    offsets: NDArray[np.int64],
    options: _PairOptions,
    narrow: bool,
    out: tuple[NDArray[Any], ...] | None = None,
) -> tuple[list[NDArray[Any]], int]: ...
def best_vs_rest(
    scores: NDArray[Any], offsets: NDArray[np.int64], options: _PairOptions, narrow: bool
) -> tuple[list[NDArray[Any]], int]: ...
def best_worst(
    scores: NDArray[Any],
    offsets: NDArray[np.int64],
    options: _PairOptions,
    narrow: bool,
    k: int,
    correct: NDArray[np.bool_] | None,
    ties: bool,
) -> tuple[list[NDArray[Any]], int]: ...
def adjacent(
    scores: NDArray[Any],
    offsets: NDArray[np.int64],
    options: _PairOptions,
    narrow: bool,
    skips: tuple[int, int | None],
    ties: bool,
) -> tuple[list[NDArray[Any]], int]: ...
def step_pairs(
    q: NDArray[Any],
    others: list[NDArray[Any]],
    offsets: NDArray[np.int64],
    worse: str,
    seed: int,
    narrow: bool,
) -> tuple[list[NDArray[Any]], int]: ...
def count_pairs(scores: NDArray[Any], offsets: NDArray[np.int64], options: _PairOptions) -> list[NDArray[np.int64]]: ...
def next_batch(
    scores: NDArray[Any],
    offsets: NDArray[np.int64],
    options: _PairOptions,
    narrow: bool,
    start: list[int],
    size: int,
) -> tuple[list[NDArray[Any]], list[int]]: ...
def fits_index(n: int, narrow: bool) -> None: ...
def common_prefixes(
    chosen: NDArray[Any],
    chosen_offsets: NDArray[np.int64],
    rejected: NDArray[Any],
    rejected_offsets: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]: ...
def pair_weights(group: NDArray[np.int64], values: NDArray[np.float64] | None) -> NDArray[np.float64]: ...

# metrics
def kendall_tau(
    x: NDArray[Any], y: NDArray[Any], offsets: NDArray[np.int64], variant: str, nan: str
) -> NDArray[np.float64]: ...
def goodman_kruskal_gamma(
    x: NDArray[Any], y: NDArray[Any], offsets: NDArray[np.int64], nan: str
) -> NDArray[np.float64]: ...
def concordance_counts(
    x: NDArray[Any], y: NDArray[Any], offsets: NDArray[np.int64], nan: str
) -> list[NDArray[np.int64]]: ...

# ratings: duels = n_items, first, second, wins, losses, ties, features; options = ridge, ridge_features, tol, max_iter
_Duels = tuple[
    int,
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64] | None,
]

# method: logit, firth, linear; terms: n_levels, interacting, intercept, adjusted; clusters: numbers and count;
# limits: tol, max_iter.
# The fit, the direction in which it would go for ever, coefficients that depend on others. Of the fit: coef, inverse,
# meat, (loss, loss_null, weight), (tasks, clusters), (paired, intercept), (converged, iterations, residual, status).
def fit_outcome(
    method: str,
    answers: tuple[
        NDArray[np.uint8] | NDArray[np.uint16], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64] | None
    ],
    clusters: tuple[NDArray[np.int64], int] | None,
    terms: tuple[list[int], list[tuple[int, int]], bool, bool],
    penalty: NDArray[np.float64] | None,
    init: NDArray[np.float64] | None,
    limits: tuple[float, int],
) -> tuple[
    tuple[
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        tuple[float, float, float],
        tuple[int, int],
        tuple[bool, bool],
        tuple[bool, int, float, str],
    ]
    | None,
    list[float],
    list[int],
]: ...

# theta, extra, loglik, converged, iterations, residual, status, endless, dependent
def fit_ratings(
    model: str,
    duels: _Duels,
    init: NDArray[np.float64] | None,
    options: tuple[float, float, float, int],
) -> tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    float,
    bool,
    int,
    float,
    str,
    NDArray[np.float64],
    list[int],
]: ...

# slope, curve, tie_slope, tie_curve, mixed
def rating_refits(
    cells: tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
    units: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]],
    counts: NDArray[np.int64],
    init: NDArray[np.float64],
    options: tuple[float, int],
) -> tuple[NDArray[np.float64], bytes]: ...
def rating_derivatives(
    model: str, duels: _Duels, differences: NDArray[np.float64], tie: float
) -> list[NDArray[np.float64]]: ...

# metrics, regression: options = ridge, intercept, tol, max_iter; lengths = n_chains, n_warmup, n_draws
def fit_logit(
    features: NDArray[np.float64],
    labels: NDArray[np.float64],
    weights: NDArray[np.float64] | None,
    options: tuple[float, bool, float, int],
) -> tuple[NDArray[np.float64], float, NDArray[np.float64], float, bool, int, float, str]: ...
def laplace_logistic_moments(
    features: NDArray[np.float64], labels: NDArray[np.float64], scale: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def laplace_logistic_draws(
    features: NDArray[np.float64],
    labels: NDArray[np.float64],
    scale: float,
    seed: int,
    lengths: tuple[int, int, int],
) -> NDArray[np.float64]: ...

# metrics: correlation
def kendall_test(
    x: NDArray[Any], y: NDArray[Any], offsets: NDArray[np.int64], alternative: str, method: str, nan: str
) -> list[NDArray[np.float64]]: ...
def weighted_tau(
    x: NDArray[Any],
    y: NDArray[Any],
    ranks: NDArray[Any] | None,
    additive: bool,
    offsets: NDArray[np.int64],
    nan: str,
) -> NDArray[np.float64]: ...
def spearman(x: NDArray[Any], y: NDArray[Any], offsets: NDArray[np.int64], nan: str) -> NDArray[np.float64]: ...
def pearson(x: NDArray[Any], y: NDArray[Any], offsets: NDArray[np.int64], nan: str) -> NDArray[np.float64]: ...
def rank_biased_overlap(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    a_offsets: NDArray[np.int64],
    b_offsets: NDArray[np.int64],
    p: float,
) -> list[NDArray[np.float64]]: ...

# metrics: retrieval; lists = scores, labels, offsets, nan
_Lists = tuple[NDArray[Any], NDArray[Any], NDArray[np.int64], str]

def dcg(lists: _Lists, k: int | None, gain: str, ties: str) -> NDArray[np.float64]: ...
def ndcg(lists: _Lists, k: int | None, gain: str, ties: str, undefined: float) -> NDArray[np.float64]: ...
def average_precision(
    lists: _Lists, k: int | None, threshold: float, denominator: str, undefined: float
) -> NDArray[np.float64]: ...
def reciprocal_rank(lists: _Lists, k: int | None, threshold: float, undefined: float) -> NDArray[np.float64]: ...
def precision_at_k(lists: _Lists, k: int, threshold: float) -> NDArray[np.float64]: ...
def recall_at_k(lists: _Lists, k: int, threshold: float, undefined: float) -> NDArray[np.float64]: ...
def r_precision(lists: _Lists, threshold: float, undefined: float) -> NDArray[np.float64]: ...
def expected_reciprocal_rank(lists: _Lists, k: int | None, max_grade: float) -> NDArray[np.float64]: ...
def rank_biased_precision(lists: _Lists, p: float, threshold: float) -> NDArray[np.float64]: ...
def win_rate(
    outcomes: NDArray[Any],
    weights: NDArray[np.float64] | None,
    offsets: NDArray[np.int64],
    ties: float | None,
    nan: str,
) -> NDArray[np.float64]: ...
def normal_quantile(p: float) -> float: ...
def clopper_pearson_interval(
    wins: NDArray[np.float64], n: NDArray[np.float64], confidence_level: float
) -> list[NDArray[np.float64]]: ...
def bootstrap_mean(
    values: NDArray[Any],
    clusters: NDArray[np.int64] | None,
    repeats: NDArray[np.int64] | None,
    seed: int,
    options: tuple[int, float],
    nan: str,
) -> list[float]: ...
def best_of_n(
    scores: NDArray[Any],
    gold: NDArray[Any],
    n: NDArray[np.int64],
    replace: bool,
    offsets: NDArray[np.int64],
    nan: str,
) -> NDArray[np.float64]: ...
def pass_at_k(n_samples: NDArray[np.int64], n_correct: NDArray[np.int64], k: int) -> NDArray[np.float64]: ...
def pass_all_k(n_samples: NDArray[np.int64], n_correct: NDArray[np.int64], k: int) -> NDArray[np.float64]: ...
def krippendorff_alpha(ratings: NDArray[Any], items: int, level: str, undefined: float) -> float: ...
def percent_agreement(ratings: NDArray[Any], items: int) -> float: ...
def kl_divergence(
    p: NDArray[np.float64], q: NDArray[np.float64], offsets: NDArray[np.int64]
) -> NDArray[np.float64]: ...
def gini(values: NDArray[Any], offsets: NDArray[np.int64], nan: str) -> NDArray[np.float64]: ...
def distinct_ngram_ratio(tokens: NDArray[np.int64], n: int, offsets: NDArray[np.int64]) -> NDArray[np.float64]: ...

# accuracy: ties None = dropped; rule = eps, tie band
def outcome_counts(
    chosen: NDArray[Any], rejected: NDArray[Any], offsets: NDArray[np.int64], nan: str
) -> list[NDArray[np.int64]]: ...
def pairwise_accuracy(
    chosen: NDArray[Any],
    rejected: NDArray[Any],
    offsets: NDArray[np.int64],
    ties: float | None,
    weights: NDArray[np.float64] | None,
    nan: str,
) -> NDArray[np.float64]: ...
def pairwise_accuracy_with_ties(
    margins: NDArray[Any],
    labels: NDArray[Any],
    offsets: NDArray[np.int64],
    rule: tuple[float, str],
    weights: NDArray[np.float64] | None,
    nan: str,
) -> NDArray[np.float64]: ...
def tie_calibrated_accuracy(
    scores: NDArray[Any], labels: NDArray[Any], offsets: NDArray[np.int64], eps: float | None, nan: str
) -> list[NDArray[np.float64]]: ...
def ranking_exact_match(
    scores: NDArray[Any], ranks: NDArray[Any], offsets: NDArray[np.int64], nan: str
) -> NDArray[np.float64]: ...
def roc_auc(
    scores: NDArray[Any],
    labels: NDArray[Any],
    offsets: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    nan: str,
) -> NDArray[np.float64]: ...

# calibration: columns = probs, labels, weights; rule = number of bins, strategy, closed
def calibration_curve(
    columns: tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None],
    offsets: NDArray[np.int64],
    rule: tuple[int, str, str],
    nan: str,
) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]: ...
def expected_calibration_error(
    columns: tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None],
    offsets: NDArray[np.int64],
    rule: tuple[int, str, str],
    norm: str,
    nan: str,
) -> NDArray[np.float64]: ...
def brier_score(
    columns: tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None], offsets: NDArray[np.int64], nan: str
) -> NDArray[np.float64]: ...
def log_loss(
    columns: tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None],
    offsets: NDArray[np.int64],
    eps: float,
    nan: str,
) -> NDArray[np.float64]: ...

# exact sums: 34 limbs each, lowest first, two's complement in units of 2^-1074
def calibration_sums(
    columns: tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None],
    offsets: NDArray[np.int64],
    rule: tuple[int, str, str],
    nan: str,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def moments(values: NDArray[np.float64]) -> tuple[list[int], NDArray[np.int64], NDArray[np.int64]]: ...
def add_exact(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]: ...
def round_exact(limbs: NDArray[np.int64]) -> NDArray[np.float64]: ...

# ranking: columns loss, n_terms, gradient; a rule is max_skip, skip_weights, min_gap, inclusive
def plackett_luce(
    scores: NDArray[Any], rows: NDArray[np.int64], offsets: NDArray[np.int64], k: int | None
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def plackett_luce_dense(
    scores: NDArray[Any], ranking: NDArray[np.int64], lists: Sequence[int], k: int | None
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def listmle(
    scores: NDArray[Any],
    labels: NDArray[np.float64],
    offsets: NDArray[np.int64],
    k: int | None,
    position_weights: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def softmax_loss(
    scores: NDArray[Any], labels: NDArray[np.float64], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def listnet(
    scores: NDArray[Any], labels: NDArray[np.float64], offsets: NDArray[np.int64], temperature: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def ranknet(
    scores: NDArray[Any],
    labels: NDArray[np.float64],
    offsets: NDArray[np.int64],
    sigma: float,
    rule: tuple[int | None, NDArray[np.float64] | None, float, bool],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def ranklist(
    scores: NDArray[Any],
    labels: NDArray[np.float64],
    offsets: NDArray[np.int64],
    temperature: float,
    rule: tuple[int | None, NDArray[np.float64] | None, float, bool],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def lambdarank(
    scores: NDArray[Any],
    labels: NDArray[np.float64],
    offsets: NDArray[np.int64],
    k: int | None,
    gain: str,
    sigma: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def approx_ndcg(
    scores: NDArray[Any],
    labels: NDArray[np.float64],
    offsets: NDArray[np.int64],
    temperature: float,
    gain: str,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]: ...
def soft_rank(scores: NDArray[Any], offsets: NDArray[np.int64], strength: float, descending: bool) -> NDArray[Any]: ...
def soft_rank_vjp(
    scores: NDArray[Any],
    upstream: NDArray[Any],
    offsets: NDArray[np.int64],
    strength: float,
    descending: bool,
) -> NDArray[Any]: ...
def rank(
    x: NDArray[Any], offsets: NDArray[np.int64], method: str, descending: bool, nan: str
) -> NDArray[np.float64]: ...
def approx_rank(scores: NDArray[np.float64], offsets: NDArray[np.int64], temperature: float) -> NDArray[np.float64]: ...
def lambda_weights(
    scores: NDArray[np.float64], labels: NDArray[np.float64], k: int | None, gain: str
) -> NDArray[np.float64]: ...

# logps: uint16 logits are bf16 bit patterns; rest = mask, row_temperature, temperature, softcap, logit_scale
def paired_token_stats_backward(
    columns: Sequence[NDArray[Any]],
    logits: NDArray[Any],
    ref_logits: NDArray[Any],
    targets: NDArray[np.int64],
    rest: tuple[NDArray[np.bool_] | None, NDArray[np.float64] | None, float, float | None, float],
    out: NDArray[Any],
) -> None: ...
def paired_token_stats_forward(
    logits: NDArray[Any],
    ref_logits: NDArray[Any],
    targets: NDArray[np.int64],
    rest: tuple[NDArray[np.bool_] | None, NDArray[np.float64] | None, float, float | None, float],
) -> list[NDArray[Any]]: ...
def token_stats_backward(
    upstream: Sequence[NDArray[Any] | None],
    logits: NDArray[Any] | None,
    targets: NDArray[np.int64],
    rest: tuple[NDArray[np.bool_] | None, NDArray[np.float64] | None, float, float | None, float],
    out: NDArray[Any],
) -> None: ...
def token_stats_forward(
    logits: NDArray[Any],
    targets: NDArray[np.int64],
    rest: tuple[NDArray[np.bool_] | None, NDArray[np.float64] | None, float, float | None, float],
    extras: Sequence[bool],
) -> list[NDArray[Any]]: ...

# scores: scale = (ddof, eps), None = only centered; rewards and values f32 or f64, [N] or [B, T]
def group_advantage(
    rewards: NDArray[Any], offsets: NDArray[np.int64], scale: tuple[int, float] | None, out: NDArray[Any]
) -> None: ...
def gae(
    rewards: NDArray[Any], values: NDArray[Any], mask: NDArray[np.bool_], gamma: float, lam: float
) -> list[NDArray[Any]]: ...
def kl_nash(preferences: NDArray[Any], reference: NDArray[Any], steps: tuple[float, float, int]) -> NDArray[Any]: ...

# selection: rows and offsets; balanced_indices rows, top_k_cosine rows and similarity (flat), tree_backup q and value
def balanced_indices(classes: NDArray[np.int64], sizes: NDArray[np.int64], seed: int) -> NDArray[np.int64]: ...
def curriculum_stages(
    gaps: NDArray[Any], n_stages: int, descending: bool, offsets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def gumbel_top_k(
    log_weights: NDArray[Any], k: int, seed: int, offsets: NDArray[np.int64], nan: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def thin_by_gap(
    scores: NDArray[Any], min_gap: float, offsets: NDArray[np.int64], nan: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def top_fraction(
    scores: NDArray[Any], fraction: float, rounding: str, offsets: NDArray[np.int64], nan: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def top_k(
    scores: NDArray[Any], k: int, offsets: NDArray[np.int64], nan: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def top_k_cosine(
    pool: NDArray[Any], queries: NDArray[Any], columns: int, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]: ...
def tree_backup(
    parents: NDArray[np.int64],
    rewards: NDArray[np.float64],
    leaf_values: NDArray[np.float64],
    visits: NDArray[np.float64],
    gamma: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

_Payoff = NDArray[np.float64] | NDArray[np.float32]
#: values, offsets, half the pair constant, form, gate
_Games = tuple[_Payoff, NDArray[np.int64], float, str, NDArray[np.float64] | None]
#: log_policy, gap, gap0, kl_ref, unique, min_slack, iterations, residual, converged, status, path
_Solutions = tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.int8],
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.bool_],
    NDArray[np.str_],
    NDArray[np.float64],
]
#: log_row, log_column, value, gap, gap0, unique, iterations, residual, converged, status
_ZeroSums = tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.int8],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.bool_],
    NDArray[np.str_],
]

def payoff_constant(values: _Payoff, offsets: NDArray[np.int64], layout: str) -> float: ...
def normalized_policies(
    argument: str, values: NDArray[np.float64], offsets: NDArray[np.int64]
) -> NDArray[np.float64]: ...

#: log-policies, log-references of those who reply, beta
_Players = tuple[NDArray[np.float64], NDArray[np.float64], float]

def game_dynamics(
    games: _Games,
    update: tuple[str, int],
    pull: tuple[float, float | None],
    policies: tuple[NDArray[np.float64], NDArray[np.float64] | None],
    limits: tuple[float | None, int, list[int]],
) -> _Solutions: ...
def regret_matching(
    games: _Games, rule: str, average: bool, limits: tuple[float | None, int, list[int]]
) -> _Solutions: ...
def fictitious_play(games: _Games, limits: tuple[float | None, int, list[int]]) -> _Solutions: ...
def best_responses(games: _Games, bounds: NDArray[np.int64], policies_argument: _Players) -> NDArray[np.float64]: ...
def row_responses(payoff: _Payoff, shape: tuple[int, int], policies_argument: _Players) -> NDArray[np.float64]: ...
def duality_gaps(games: _Games, bounds: NDArray[np.int64], policies_argument: _Players) -> NDArray[np.float64]: ...
def pair_gaps(payoff: _Payoff, shape: tuple[int, int], row: _Players, column: _Players) -> NDArray[np.float64]: ...
def gathered(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    outcomes: NDArray[np.float64],
    options: tuple[NDArray[np.float64] | None, NDArray[np.int64] | None, int | None],
) -> tuple[
    int,
    list[NDArray[np.int64]],
    list[NDArray[np.float64]],
    tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]],
]: ...
def strong_components(n: int, winners: NDArray[np.int64], losers: NDArray[np.int64]) -> NDArray[np.int64]: ...
def cyclic_triples(n: int, winners: NDArray[np.int64], losers: NDArray[np.int64]) -> tuple[int, int]: ...
def fixed_point(values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.int64]: ...
def sum_fixed(numbers: NDArray[np.int64], places: NDArray[np.int64], n: int) -> NDArray[np.int64]: ...
def round_fixed(sums: NDArray[np.int64]) -> NDArray[np.float64]: ...
def fixed_width_codes(characters: NDArray[np.uint32], width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def object_codes(objects: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def pairwise_votes(
    rankings: NDArray[np.int64],
    offsets: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    last: bool,
    n_items: int,
) -> NDArray[np.float64]: ...
def widest_paths(strengths: NDArray[np.float64], n: int) -> NDArray[np.float64]: ...
def lock_pairs(strengths: NDArray[np.float64], n: int) -> tuple[NDArray[np.bool_], NDArray[np.int64], bool]: ...
def kemeny(votes: NDArray[np.float64], n: int) -> tuple[float, float, NDArray[np.int64]]: ...
def gpm_matvec(
    embeddings: _Payoff,
    gate: NDArray[np.float64],
    policy: NDArray[np.float64],
) -> NDArray[np.float64]: ...

#: first, second, outcomes, weights
_Rows = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64] | None]

def elo(rows: _Rows, n_items: int | None, scale: tuple[float, float, float, float]) -> NDArray[np.float64]: ...
def elo_permuted(
    rows: _Rows, n_items: int | None, scale: tuple[float, float, float, float], n_permutations: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def centrality(
    rule: str,
    items: int,
    cells: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]],
    damping: float,
    limits: tuple[float, int],
) -> tuple[NDArray[np.float64], bool, int, float, str]: ...
def plackett_luce_ratings(
    data: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None],
    options: tuple[int, float, NDArray[np.float64] | None, float, int],
) -> tuple[NDArray[np.float64], float, bool, int, float, str, NDArray[np.float64], NDArray[np.float64]]: ...
def multinomial(weights: NDArray[np.float64], draws: int, seed: int, samples: tuple[int, int]) -> NDArray[np.int64]: ...
def check_rankings(
    data: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None], items: int
) -> None: ...
def solve_nash(payoff: _Games, selection: str, tol: float) -> _Solutions: ...
def solve_zero_sum(values: NDArray[np.float64], m: int, n: int, selection: str, tol: float) -> _ZeroSums: ...
def solve_nash_kl(
    games: _Games,
    beta: float,
    log_ref: NDArray[np.float64],
    init: NDArray[np.float64] | None,
    limits: tuple[float, int],
) -> _Solutions: ...
def solve_zero_sum_kl(
    payoff: tuple[NDArray[np.float64], int, int],
    beta: tuple[float, float],
    references: tuple[NDArray[np.float64], NDArray[np.float64]],
    init: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    limits: tuple[float, int],
) -> _ZeroSums: ...
def proximal(
    games: _Games,
    beta: float,
    policies: tuple[NDArray[np.float64], NDArray[np.float64]],
    limits: tuple[float | None, int, list[int]],
) -> _Solutions: ...

_Model = tuple[
    list[int],
    NDArray[np.float64],
    list[tuple[int, int, NDArray[np.float64]]],
    tuple[float, bool, bool, bool],
    tuple[int, int] | None,
]

def expected_slopes(
    model: _Model, own: NDArray[np.float64], other: NDArray[np.float64] | None
) -> tuple[float, NDArray[np.float64]]: ...
def profile_values(model: _Model, other: NDArray[np.float64] | None) -> NDArray[np.float64]: ...
def best_policy(
    model: _Model,
    references: tuple[NDArray[np.float64], NDArray[np.float64] | None],
    pull: tuple[list[float], str],
    starts: list[NDArray[np.float64]],
    limits: tuple[float, int],
    errors: bool,
) -> tuple[
    NDArray[np.float64],
    tuple[float, float, float, float],
    tuple[bool, float],
    int,
    str,
    NDArray[np.float64] | None,
]: ...
def best_profiles(
    model: _Model, rules: tuple[list[bool], list[tuple[int, int, int, int]]], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]: ...

# conjoint: a model is levels, scores of levels, tables of pairs, and (intercept, is it a parameter, logit, paired)
def expected_beside(
    model: Any, policy: NDArray[np.float64], scores: NDArray[np.float64], first: bool
) -> NDArray[np.float64]: ...

_Profiles = tuple[NDArray[np.uint8] | NDArray[np.uint16], list[int], NDArray[np.float64], NDArray[np.float64] | None]
_Clusters = tuple[NDArray[np.int64], NDArray[np.int64] | None, NDArray[np.int64]]

def level_products(rows: _Profiles) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def level_scores(
    rows: _Profiles, coef: NDArray[np.float64], separate: bool, clusters: _Clusters
) -> NDArray[np.float64]: ...
def level_meat(
    rows: _Profiles, coef: NDArray[np.float64], separate: bool, clusters: _Clusters
) -> NDArray[np.float64]: ...
def adjusted_scores(
    rows: _Profiles, coef: NDArray[np.float64], basis: NDArray[np.float64], clusters: _Clusters
) -> NDArray[np.float64]: ...
def symmetric_eigen(matrix: NDArray[np.float64], n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def student_tails(t: NDArray[np.float64], df: float) -> NDArray[np.float64]: ...
def student_quantile(p: float, df: float) -> float: ...
def fisher_tail(f: float, df: float, df_denominator: float) -> float: ...
def gamma_tail(x: float, a: float) -> float: ...

_Choices = tuple[
    NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None, NDArray[np.float64]
]

def fit_choices(
    choices: _Choices, init: NDArray[np.float64] | None, limits: tuple[float, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float, bool, int, float, str, NDArray[np.float64], list[int]]: ...
def choice_score_products(
    choices: _Choices, coef: NDArray[np.float64], sets: NDArray[np.int64], bounds: NDArray[np.int64]
) -> NDArray[np.float64]: ...
def choice_probabilities(utility: NDArray[np.float64], offsets: NDArray[np.int64]) -> NDArray[np.float64]: ...

_Game = list[tuple[float, _Model]] | tuple[list[int], NDArray[np.float64]]
_Two = tuple[NDArray[np.float64], NDArray[np.float64]]
_Three = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
_Pulls = tuple[_Two, tuple[list[float], list[float]], str]

def game_equilibrium(
    game: _Game, pulls: _Pulls, init: NDArray[np.float64] | None, limits: tuple[float, int]
) -> tuple[
    NDArray[np.float64],
    tuple[float, float, float],
    tuple[float, float, float],
    tuple[tuple[float, float], tuple[bool, bool], tuple[float, float]],
    tuple[int, str],
]: ...
def game_reply(
    game: _Game,
    facing: bool,
    policies: _Two,
    pull: tuple[list[float], str],
    init: NDArray[np.float64] | None,
    limits: tuple[float, int],
) -> tuple[NDArray[np.float64], tuple[float, float, float, float], tuple[bool, float], int, str]: ...
def game_reply_slopes(
    game: _Game,
    facing: bool,
    policies: _Three,
    pull: tuple[list[float], str],
    by: tuple[int, NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.float64] | None: ...
def game_responses(
    game: _Game, pulls: _Pulls, policies: NDArray[np.float64], slopes: tuple[NDArray[np.float64], int]
) -> NDArray[np.float64] | None: ...
def game_slopes(
    game: _Game, own: NDArray[np.float64], other: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]: ...
def game_groups(
    groups: list[tuple[float, _Model]], own: NDArray[np.float64], other: NDArray[np.float64]
) -> list[float]: ...
def game_parameters(
    groups: list[tuple[float, _Model]], own: NDArray[np.float64], other: NDArray[np.float64]
) -> _Three: ...

# trec: lines by number, reason and text, which is None where a document comes twice
_BadLines = list[tuple[int, str, str | None]]

@final
class TrecFile:
    def __new__(cls, form: str) -> TrecFile: ...
    @property
    def form(self) -> str: ...
    @property
    def read(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    def push(self, block: bytes) -> None: ...
    def finish(self) -> None: ...

# topics, offsets, graded rows, grades of those, all grades, their offsets, topics left out; bad lines of both files
def trec_join(
    run: TrecFile, qrels: TrecFile
) -> tuple[
    tuple[
        list[str],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.int64],
        int,
    ],
    _BadLines,
    _BadLines,
]: ...
