//! The extension module `prefcore._rust`: bindings only. They borrow arrays, release the GIL, call, convert.

mod accuracy;
mod arrays;
mod calibration;
mod error;
mod groups;
mod logps;
mod metrics;
mod paired;
mod pairs;
mod ranking;
mod scores;
mod threads;

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
    use super::groups::{
        group_by_ids, offsets_from_ids, offsets_from_lengths, offsets_from_mask, validate_offsets,
    };
    #[pymodule_export]
    use super::logps::{token_stats_backward, token_stats_forward};
    #[pymodule_export]
    use super::metrics::{concordance_counts, goodman_kruskal_gamma, kendall_tau};
    #[pymodule_export]
    use super::paired::{paired_token_stats_backward, paired_token_stats_forward};
    #[pymodule_export]
    use super::pairs::{all_pairs, best_vs_rest, pair_weights};
    #[pymodule_export]
    use super::ranking::{
        approx_ndcg, lambdarank, listmle, listnet, plackett_luce, plackett_luce_dense, ranklist,
        ranknet, soft_rank, soft_rank_vjp, softmax_loss,
    };
    #[pymodule_export]
    use super::scores::{gae, group_advantage};
    #[pymodule_export]
    use super::threads::{num_threads, random_keys, set_num_threads};

    #[pymodule_init]
    #[allow(clippy::unnecessary_wraps)] // the signature that PyO3 asks for
    fn init(_module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        crate::threads::remember_process();
        Ok(())
    }
}
