//! Metrics: one value per group.

mod agreement;
mod bins;
mod bootstrap;
mod calibration;
mod concordance;
mod correlation;
mod distribution;
mod exact_match;
mod exact_moments;
mod inversions;
mod kendall_test;
mod laplace;
mod moments;
mod outcomes;
mod overlap;
mod proper;
mod quadrature;
mod retrieval;
mod roc_auc;
mod rows;
mod sampling;
mod sign;
mod tie_calibrated;
mod weighted_tau;
mod win_rate;

pub use agreement::{Level, krippendorff_alpha, percent_agreement};
pub use bins::{Binning, Closed, MAX_BINS, Strategy, Sums};
pub use bootstrap::{BootstrapMean, Resampling, bootstrap_mean};
pub use calibration::{
    CalibrationBin, Norm, Predictions, calibration_curve, calibration_sums,
    expected_calibration_error,
};
pub use concordance::Concordance;
pub use correlation::{
    Variant, concordance_counts, goodman_kruskal_gamma, kendall_tau, kendall_test,
};
pub use distribution::{distinct_ngram_ratio, gini, kl_divergence};
pub use exact_match::ranking_exact_match;
pub use exact_moments::{Moments, moments};
pub use kendall_test::{Alternative, Method};
pub use laplace::{Posterior, posterior_draws, posterior_moments};
pub use moments::{pearson, spearman};
pub use outcomes::{
    Outcomes, TieBand, outcome_counts, pairwise_accuracy, pairwise_accuracy_with_ties,
};
pub use overlap::{RankBiasedOverlap, rank_biased_overlap};
pub use proper::{brier_score, log_loss};
pub use retrieval::{
    Denominator, Discounting, Judged, Ties, average_precision, dcg, expected_reciprocal_rank, ndcg,
    precision_at_k, r_precision, rank_biased_precision, recall_at_k, reciprocal_rank,
};
pub use roc_auc::roc_auc;
pub use sampling::{best_of_n, pass_all_k, pass_at_k};
pub use tie_calibrated::{TieCalibrated, tie_calibrated_accuracy};
pub use weighted_tau::{PairWeight, weighted_tau};
pub use win_rate::{clopper_pearson_interval, win_rate};
