//! Brier score and log loss of probabilities.

use super::rows::{self, weighted_mean};
use crate::check::NanPolicy;
use crate::column::Column;
use crate::error::{Error, Result};

/// The mean of (prob - label)^2 of every group, weighted; NaN for no row.
///
/// O(n), several threads for a long list.
///
/// # Errors
/// Columns of different lengths, bad offsets, probabilities outside [0, 1], labels other than 0 and 1, weights that are
/// negative or not finite, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::brier_score;
/// let (probs, labels) = (Column::F64(&[0.5, 1.0]), Column::I64(&[0, 1]));
/// assert_eq!(brier_score(probs, labels, &[0, 2], None, NanPolicy::Raise), Ok(vec![0.125]));
/// ```
pub fn brier_score(
    probs: Column<'_>,
    labels: Column<'_>,
    offsets: &[i64],
    weights: Option<&[f64]>,
    nan: NanPolicy,
) -> Result<Vec<f64>> {
    rows::probabilities(probs)?;
    rows::binary_labels(labels)?;
    let square = |prob: f64, label: f64| (prob - label) * (prob - label);
    let named = [("probs", probs), ("labels", labels)];
    weighted_mean(named, offsets, weights, nan, 4, square)
}

/// The mean of -log max(probability of the label, eps) of every group, weighted, in nats; NaN for no row.
///
/// O(n), several threads for a long list. `eps` 0 makes a label of probability 0 cost +inf.
///
/// # Errors
/// As [`brier_score`]; `eps` outside [0, 1).
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::log_loss;
/// let (probs, labels) = (Column::F64(&[0.5, 1.0]), Column::I64(&[0, 0]));
/// let loss = |eps| log_loss(probs, labels, &[0, 1, 2], eps, None, NanPolicy::Raise);
/// assert_eq!(loss(0.0), Ok(vec![2_f64.ln(), f64::INFINITY]));
/// assert_eq!(loss(0.25), Ok(vec![2_f64.ln(), 4_f64.ln()]));
/// ```
pub fn log_loss(
    probs: Column<'_>,
    labels: Column<'_>,
    offsets: &[i64],
    eps: f64,
    weights: Option<&[f64]>,
    nan: NanPolicy,
) -> Result<Vec<f64>> {
    rows::probabilities(probs)?;
    rows::binary_labels(labels)?;
    if !(0.0..1.0).contains(&eps) {
        return Err(Error::domain("eps", "in [0, 1)", eps));
    }
    let loss = |prob: f64, label: f64| {
        let positive = label != 0.0;
        let of_label = if positive { prob } else { 1.0 - prob };
        if of_label <= eps {
            -eps.ln()
        } else if positive {
            -prob.ln()
        } else {
            -(-prob).ln_1p()
        }
    };
    let named = [("probs", probs), ("labels", labels)];
    weighted_mean(named, offsets, weights, nan, 16, loss)
}
