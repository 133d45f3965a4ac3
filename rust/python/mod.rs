//! The extension module `prefcore._rust`: bindings only. They borrow arrays, release the GIL, call, convert.

mod arrays;
mod error;
mod groups;
mod logps;
mod metrics;
mod paired;
mod pairs;
mod ranking;
mod scores;
mod selection;
mod threads;

#[pyo3::pymodule]
mod _rust {
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
    use super::selection::{
        balanced_indices, curriculum_stages, gumbel_top_k, thin_by_gap, top_fraction, top_k,
        top_k_cosine, tree_backup,
    };
    #[pymodule_export]
    use super::threads::{num_threads, random_keys, set_num_threads};

    #[pymodule_init]
    #[allow(clippy::unnecessary_wraps)] // the signature that PyO3 asks for
    fn init(_module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        crate::threads::remember_process();
        Ok(())
    }
}
