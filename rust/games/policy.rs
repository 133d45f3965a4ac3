//! Policies as normalised log-probabilities.

use crate::error::{Error, Result};
use crate::ragged;

/// logits ← logits − log Σ exp(logits); −inf stays.
pub fn log_softmax(logits: &mut [f64]) {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return;
    }
    let total: f64 = logits.iter().map(|x| (x - largest).exp()).sum();
    let shift = largest + total.ln();
    for x in logits.iter_mut() {
        *x -= shift;
    }
}

/// log p; −inf for 0.
#[must_use]
pub fn log_probabilities(policy: &[f64]) -> Vec<f64> {
    policy.iter().map(|p| p.ln()).collect()
}

/// The log-softmax of every group: policies as users give them.
///
/// # Errors
/// NaN, +inf, or a group whose entries are all −inf.
pub fn normalized(argument: &'static str, values: &[f64], bounds: &[usize]) -> Result<Vec<f64>> {
    if let Some(at) = values
        .iter()
        .position(|x| x.is_nan() || *x == f64::INFINITY)
    {
        let expected = "a number below inf (-inf: probability 0)";
        let came = values.get(at).copied().unwrap_or_default();
        return Err(Error::domain_at(argument, [at], expected, came));
    }
    let mut policies = values.to_vec();
    for (group, rows) in ragged::ranges(bounds).enumerate() {
        let policy = policies.get_mut(rows).unwrap_or_default();
        if policy.iter().all(|x| *x == f64::NEG_INFINITY) {
            let expected = "at least one entry above -inf";
            return Err(Error::domain(
                argument,
                expected,
                format!("none in game {group}"),
            ));
        }
        log_softmax(policy);
    }
    Ok(policies)
}
