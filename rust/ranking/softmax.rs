//! Cross-entropy between labels and the softmax of scores.

use pulp::Arch;

use super::lists::{
    Float, ListLossMut, check_labels, check_positive, exps_below, largest, per_list, read,
};
use crate::elementary::{dispatch, exp_nonpositive};
use crate::error::Result;
use crate::ragged;

/// Work of a row in compares.
const WORK_PER_ROW: usize = 16;

/// -Σ y_i log softmax(s)_i, with the labels y as they are.
///
/// A row of label 0 may have a score of -inf; a list of such scores only has loss 0. O(n) time.
///
/// # Errors
/// Bad offsets, labels that are not finite, columns of other lengths.
pub fn softmax_loss<T: Float>(
    scores: &[T],
    labels: &[f64],
    offsets: &[i64],
    out: ListLossMut<'_, T>,
) -> Result<()> {
    let bounds = ragged::bounds(offsets, scores.len())?;
    check_labels(labels, scores.len(), "finite", f64::is_finite)?;
    per_list(&bounds, cost, out, |list: &mut List, rows, grad| {
        read(&mut list.scores, scores, rows.clone());
        read(&mut list.weights, labels, rows);
        list.cross_entropy(grad)
    })
}

/// [`softmax_loss`] with y = softmax(labels / temperature): the cross-entropy of the top-one probabilities.
///
/// A label of -inf has probability 0; a list of such labels only has loss 0. O(n) time.
///
/// # Errors
/// Bad offsets, labels that are NaN or +inf, a temperature that is not above 0, columns of other lengths.
pub fn listnet<T: Float>(
    scores: &[T],
    labels: &[f64],
    offsets: &[i64],
    temperature: f64,
    out: ListLossMut<'_, T>,
) -> Result<()> {
    let bounds = ragged::bounds(offsets, scores.len())?;
    let pass = |label: f64| label < f64::INFINITY;
    check_labels(labels, scores.len(), "a number below inf", pass)?;
    check_positive("temperature", temperature)?;
    per_list(&bounds, cost, out, |list: &mut List, rows, grad| {
        read(&mut list.scores, scores, rows.clone());
        read(&mut list.weights, labels, rows);
        list.normalize_weights(temperature);
        list.cross_entropy(grad)
    })
}

fn cost(rows: usize) -> usize {
    rows * WORK_PER_ROW
}

#[derive(Debug)]
struct List {
    arch: Arch,
    scores: Vec<f64>,
    weights: Vec<f64>,
    exps: Vec<f64>,
}

impl Default for List {
    fn default() -> Self {
        Self {
            arch: Arch::new(),
            scores: Vec::new(),
            weights: Vec::new(),
            exps: Vec::new(),
        }
    }
}

impl List {
    fn normalize_weights(&mut self, temperature: f64) {
        let top = largest(&self.weights);
        if top == f64::NEG_INFINITY {
            self.weights.fill(0.0);
            return;
        }
        let Self { arch, weights, .. } = self;
        dispatch(
            *arch,
            #[inline(always)]
            || {
                for weight in weights.iter_mut() {
                    *weight = exp_nonpositive((*weight - top) / temperature);
                }
            },
        );
        let total: f64 = weights.iter().sum();
        for weight in weights {
            *weight /= total;
        }
    }

    /// With p = softmax(s), Y = Σ y: slope_i = (Y - y_i) p_i - y_i (1 - p_i). What is not of the largest score is added
    /// up apart, so that neither log Σ exp nor 1 - p loses its digits where one row holds nearly all.
    fn cross_entropy(&mut self, grad: &mut Vec<f64>) -> (f64, usize) {
        if self.scores.iter().all(|&score| score == f64::NEG_INFINITY) {
            grad.resize(self.scores.len(), 0.0); // nothing to choose from
            return (0.0, 0);
        }
        let top = largest(&self.scores);
        let Self {
            arch,
            scores,
            weights,
            exps,
        } = self;
        exps_below(*arch, scores, top, exps);
        let best = scores.iter().position(|&score| score >= top).unwrap_or(0);
        let first = exps.get(best).copied().unwrap_or(0.0);
        let others = exps.iter().enumerate().filter(|&(row, _)| row != best);
        let rest: f64 = others.map(|(_, exp)| exp).sum();
        let (log_sum, total) = (rest.ln_1p(), weights.iter().sum::<f64>());
        let (sum, mut loss) = (first + rest, 0.0);
        for (row, ((&score, &weight), &exp)) in scores.iter().zip(&*weights).zip(&*exps).enumerate()
        {
            let p = exp / sum;
            let miss = if row == best { rest / sum } else { 1.0 - p };
            if weight != 0.0 {
                loss += weight * (log_sum + (top - score));
            }
            grad.push((total - weight) * p - weight * miss);
        }
        let terms = weights.iter().filter(|&&weight| weight != 0.0).count();
        (loss, if scores.len() < 2 { 0 } else { terms })
    }
}
