//! Metrics of columns, one value per group.

mod bins;
mod calibration;
mod concordance;
mod correlation;
mod exact_match;
mod inversions;
mod moments;
mod outcomes;
mod proper;
mod roc_auc;
mod rows;
mod sign;
mod tie_calibrated;

pub use bins::{Binning, Closed, MAX_BINS, Strategy, Sums};
pub use calibration::{
    CalibrationBin, Norm, Predictions, calibration_curve, calibration_sums,
    expected_calibration_error,
};
pub use concordance::Concordance;
pub use correlation::{Variant, concordance_counts, goodman_kruskal_gamma, kendall_tau};
pub use exact_match::ranking_exact_match;
pub use moments::{Moments, moments};
pub use outcomes::{
    Outcomes, TieBand, outcome_counts, pairwise_accuracy, pairwise_accuracy_with_ties,
};
pub use proper::{brier_score, log_loss};
pub use roc_auc::roc_auc;
pub use tie_calibrated::{TieCalibrated, tie_calibrated_accuracy};
