//! Metrics: one value per group.

mod agreement;
mod bootstrap;
mod categorical;
mod concordance;
mod correlation;
mod distribution;
mod inversions;
mod kendall_test;
mod laplace;
mod moments;
mod overlap;
mod retrieval;
mod sampling;
mod weighted_tau;
mod win_rate;

pub use agreement::{Level, krippendorff_alpha, percent_agreement};
pub use bootstrap::{BootstrapMean, Resampling, bootstrap_mean};
pub use concordance::Concordance;
pub use correlation::{
    Variant, concordance_counts, goodman_kruskal_gamma, kendall_tau, kendall_test,
};
pub use distribution::{distinct_ngram_ratio, gini, kl_divergence};
pub use kendall_test::{Alternative, Method};
pub use laplace::{Posterior, posterior_draws, posterior_moments};
pub use moments::{pearson, spearman};
pub use overlap::{RankBiasedOverlap, rank_biased_overlap};
pub use retrieval::{
    Denominator, Discounting, Judged, Ties, average_precision, dcg, expected_reciprocal_rank, ndcg,
    precision_at_k, r_precision, rank_biased_precision, recall_at_k, reciprocal_rank,
};
pub use sampling::{best_of_n, pass_all_k, pass_at_k};
pub use weighted_tau::{PairWeight, weighted_tau};
pub use win_rate::{clopper_pearson_interval, win_rate};
