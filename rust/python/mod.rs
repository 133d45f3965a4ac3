//! The extension module `prefcore._rust`: bindings only. They borrow arrays, release the GIL, call, convert.

mod accuracy;
mod arrays;
mod calibration;
mod conjoint;
mod conjoint_choice;
mod conjoint_effects;
mod conjoint_game;
mod conjoint_outcome;
mod conjoint_policy;
mod conjoint_value;
mod correlation;
mod error;
mod games;
mod games_dynamics;
mod games_exact;
mod games_kl;
mod games_regret;
mod groups;
mod logps;
mod metrics;
mod paired;
mod pairs;
mod ranking;
mod ratings;
mod ratings_bt;
mod ratings_elo;
mod ratings_rankings;
mod regression;
mod retrieval;
mod scores;
mod selection;
mod threads;
mod trec;
mod voting;
mod win_rate;

#[pyo3::pymodule]
mod _rust {
    #[pymodule_export]
    use super::accuracy::{
        outcome_counts, pairwise_accuracy, pairwise_accuracy_with_ties, ranking_exact_match,
        roc_auc, tie_calibrated_accuracy,
    };
    #[pymodule_export]
    use super::calibration::{
        add_exact, brier_score, calibration_curve, calibration_sums, expected_calibration_error,
        log_loss, moments, round_exact,
    };
    #[pymodule_export]
    use super::conjoint_choice::{choice_probabilities, choice_score_products, fit_choices};
    #[pymodule_export]
    use super::conjoint_effects::{
        adjusted_scores, fisher_tail, gamma_tail, level_meat, level_products, level_scores,
        student_quantile, student_tails, symmetric_eigen,
    };
    #[pymodule_export]
    use super::conjoint_game::{
        game_equilibrium, game_groups, game_parameters, game_reply, game_reply_slopes,
        game_responses, game_slopes,
    };
    #[pymodule_export]
    use super::conjoint_outcome::fit_outcome;
    #[pymodule_export]
    use super::conjoint_policy::{best_policy, best_profiles, expected_slopes, profile_values};
    #[pymodule_export]
    use super::conjoint_value::expected_beside;
    #[pymodule_export]
    use super::correlation::{kendall_test, pearson, rank_biased_overlap, spearman, weighted_tau};
    #[pymodule_export]
    use super::games::{normalized_policies, payoff_constant};
    #[pymodule_export]
    use super::games_dynamics::game_dynamics;
    #[pymodule_export]
    use super::games_exact::{solve_nash, solve_zero_sum};
    #[pymodule_export]
    use super::games_kl::{proximal, solve_nash_kl, solve_zero_sum_kl};
    #[pymodule_export]
    use super::games_regret::{
        best_responses, duality_gaps, fictitious_play, pair_gaps, regret_matching, row_responses,
    };
    #[pymodule_export]
    use super::groups::{group_by_ids, offsets_from_ids, offsets_from_lengths, validate_offsets};
    #[pymodule_export]
    use super::logps::{token_stats_backward, token_stats_forward};
    #[pymodule_export]
    use super::metrics::{concordance_counts, goodman_kruskal_gamma, kendall_tau};
    #[pymodule_export]
    use super::paired::{paired_token_stats_backward, paired_token_stats_forward};
    #[pymodule_export]
    use super::pairs::{
        adjacent, all_pairs, best_vs_rest, best_worst, common_prefixes, count_pairs, fits_index,
        next_batch, pair_weights, step_pairs,
    };
    #[pymodule_export]
    use super::ranking::{
        approx_ndcg, approx_rank, lambda_weights, lambdarank, listmle, listnet, plackett_luce,
        plackett_luce_dense, rank, ranklist, ranknet, soft_rank, soft_rank_vjp, softmax_loss,
    };
    #[pymodule_export]
    use super::ratings::{
        cyclic_triples, fixed_point, fixed_width_codes, gathered, object_codes, round_fixed,
        strong_components, sum_fixed,
    };
    #[pymodule_export]
    use super::ratings_bt::{fit_ratings, rating_derivatives, rating_refits};
    #[pymodule_export]
    use super::ratings_elo::{centrality, elo, elo_permuted};
    #[pymodule_export]
    use super::ratings_rankings::{check_rankings, multinomial, plackett_luce_ratings};
    #[pymodule_export]
    use super::regression::{fit_logit, laplace_logistic_draws, laplace_logistic_moments};
    #[pymodule_export]
    use super::retrieval::{
        average_precision, dcg, expected_reciprocal_rank, ndcg, precision_at_k, r_precision,
        rank_biased_precision, recall_at_k, reciprocal_rank,
    };
    #[pymodule_export]
    use super::scores::{gae, group_advantage, kl_nash};
    #[pymodule_export]
    use super::selection::{
        balanced_indices, curriculum_stages, gumbel_top_k, thin_by_gap, top_fraction, top_k,
        top_k_cosine, tree_backup,
    };
    #[pymodule_export]
    use super::threads::{num_threads, random_keys, set_num_threads};
    #[pymodule_export]
    use super::trec::{TrecFile, trec_join};
    #[pymodule_export]
    use super::voting::{gpm_matvec, kemeny, lock_pairs, pairwise_votes, widest_paths};
    #[pymodule_export]
    use super::win_rate::{
        best_of_n, bootstrap_mean, clopper_pearson_interval, distinct_ngram_ratio, gini,
        kl_divergence, krippendorff_alpha, normal_quantile, pass_all_k, pass_at_k,
        percent_agreement, win_rate,
    };

    #[pymodule_init]
    #[allow(clippy::unnecessary_wraps)] // the signature that PyO3 asks for
    fn init(_module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        crate::threads::remember_process();
        Ok(())
    }
}
