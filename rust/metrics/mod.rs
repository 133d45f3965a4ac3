//! Metrics of two columns, one value per group.

mod concordance;
mod correlation;
mod inversions;
mod kendall_test;
mod laplace;
mod moments;
mod overlap;
mod retrieval;
mod weighted_tau;

pub use concordance::Concordance;
pub use correlation::{
    Variant, concordance_counts, goodman_kruskal_gamma, kendall_tau, kendall_test,
};
pub use kendall_test::{Alternative, Method};
pub use laplace::{Posterior, posterior_draws, posterior_moments};
pub use moments::{pearson, spearman};
pub use overlap::{RankBiasedOverlap, rank_biased_overlap};
pub use retrieval::{
    Denominator, Discounting, Judged, Ties, average_precision, dcg, expected_reciprocal_rank, ndcg,
    precision_at_k, r_precision, rank_biased_precision, recall_at_k, reciprocal_rank,
};
pub use weighted_tau::{PairWeight, weighted_tau};
