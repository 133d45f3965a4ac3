//! `ApproxNDCG`: NDCG with ranks that are sums of sigmoids.

use std::f64::consts::LN_2;
use std::ops::Range;

use pulp::Arch;

use super::gains::{Gain, discount, discounts, ideal_dcg};
use super::lists::{Float, ListLossMut, Order, check_positive, per_list, per_row, read};
use crate::elementary::{dispatch, exp_nonpositive};
use crate::error::Result;
use crate::ragged;

/// Partial sums of a row: two vectors of four f64.
const LANES: usize = 8;

/// -DCG / ideal DCG, with `rank_i = 1 + Σ_{j != i} sigmoid((s_j - s_i) / temperature)` in the discounts of the DCG.
///
/// A score of -inf is below all others and equal to itself. A list without a positive gain has loss 0. O(n²) time, O(n) memory. `n_terms` counts the rows with a positive gain.
///
/// # Errors
/// Bad offsets, labels that are negative, not finite or too large, a temperature that is not above 0, columns of other
/// lengths.
pub fn approx_ndcg<T: Float>(
    scores: &[T],
    labels: &[f64],
    offsets: &[i64],
    temperature: f64,
    gain: Gain,
    out: ListLossMut<'_, T>,
) -> Result<()> {
    let bounds = ragged::bounds(offsets, scores.len())?;
    gain.check(labels, scores.len())?;
    check_positive("temperature", temperature)?;
    let cost = |rows: usize| rows * (32 + 8 * rows);
    per_list(&bounds, cost, out, |list: &mut List, rows, grad| {
        list.read(scores, rows.clone());
        list.gains.clear();
        let labels = labels.get(rows).unwrap_or_default();
        list.gains
            .extend(labels.iter().map(|&label| gain.of(label)));
        let ideal = ideal_dcg(&mut list.order, &list.gains, discounts(None));
        if ideal > 0.0 {
            list.negative_ndcg(temperature, ideal, grad)
        } else {
            grad.resize(labels.len(), 0.0);
            (0.0, 0)
        }
    })
}

/// `1 + Σ_{j != i} sigmoid((s_j - s_i) / temperature)`, the ranks of [`approx_ndcg`].
///
/// O(n²) time, O(n) memory for a list of n rows.
///
/// # Errors
/// Bad offsets, a temperature that is not above 0, `out` of another length.
pub fn approx_rank<T: Float>(
    scores: &[T],
    offsets: &[i64],
    temperature: f64,
    out: &mut [T],
) -> Result<()> {
    let bounds = ragged::bounds(offsets, scores.len())?;
    check_positive("temperature", temperature)?;
    let cost = |rows: usize| rows * (32 + 4 * rows);
    per_row(&bounds, cost, out, |list: &mut List, rows, ranks| {
        list.read(scores, rows);
        list.rank(temperature);
        ranks.extend_from_slice(&list.ranks);
    })
}

#[derive(Debug)]
struct List {
    arch: Arch,
    order: Order,
    scores: Vec<f64>,
    gains: Vec<f64>,
    ranks: Vec<f64>,
    /// The derivatives of the loss by the ranks.
    slopes: Vec<f64>,
}

impl Default for List {
    fn default() -> Self {
        Self {
            arch: Arch::new(),
            order: Order::default(),
            scores: Vec::new(),
            gains: Vec::new(),
            ranks: Vec::new(),
            slopes: Vec::new(),
        }
    }
}

impl List {
    fn read<T: Float>(&mut self, scores: &[T], rows: Range<usize>) {
        read(&mut self.scores, scores, rows);
        for score in &mut self.scores {
            if *score == f64::NEG_INFINITY {
                *score = f64::MIN; // which minus itself is 0
            }
        }
    }

    fn rank(&mut self, temperature: f64) {
        let Self {
            arch,
            scores,
            ranks,
            ..
        } = self;
        dispatch(
            *arch,
            #[inline(always)]
            || {
                ranks.clear();
                for &own in &*scores {
                    let rank = sum_over(scores, scores, own, 0.0, temperature, above);
                    ranks.push(0.5 + rank); // a row's own sigmoid is a half
                }
            },
        );
    }

    /// With `c_i` the derivative by rank i, `d_ij` that of a sigmoid: `slope_i = Σ_j (c_j - c_i) d_ij / temperature`.
    fn negative_ndcg(&mut self, temperature: f64, ideal: f64, grad: &mut Vec<f64>) -> (f64, usize) {
        self.rank(temperature);
        let Self {
            arch,
            scores,
            gains,
            ranks,
            slopes,
            ..
        } = self;
        slopes.clear();
        let mut loss = 0.0;
        for (&gain, &rank) in gains.iter().zip(&*ranks) {
            let share = gain / ideal;
            loss -= share * discount(rank);
            let log = (1.0 + rank).ln();
            slopes.push(share * LN_2 / ((1.0 + rank) * log * log));
        }
        dispatch(
            *arch,
            #[inline(always)]
            || {
                for (&own, &slope) in scores.iter().zip(&*slopes) {
                    let sum = sum_over(scores, slopes, own, slope, temperature, change);
                    grad.push(sum / temperature);
                }
            },
        );
        (loss, gains.iter().filter(|&&gain| gain > 0.0).count())
    }
}

/// Σ_j f((s_j - own) / temperature, values_j - value), in [`LANES`] partial sums.
#[inline(always)]
fn sum_over(
    scores: &[f64],
    values: &[f64],
    own: f64,
    value: f64,
    temperature: f64,
    f: impl Fn(f64, f64) -> f64,
) -> f64 {
    let mut sums = [0.0; LANES];
    let (steps, others) = (scores.chunks_exact(LANES), values.chunks_exact(LANES));
    let (tail, rest) = (steps.remainder(), others.remainder());
    for (scores, values) in steps.zip(others) {
        for ((sum, &score), &other) in sums.iter_mut().zip(scores).zip(values) {
            *sum += f((score - own) / temperature, other - value);
        }
    }
    for ((sum, &score), &other) in sums.iter_mut().zip(tail).zip(rest) {
        *sum += f((score - own) / temperature, other - value);
    }
    sums.iter().sum()
}

/// sigmoid(x)
#[inline(always)]
fn above(x: f64, _: f64) -> f64 {
    let v = exp_nonpositive(-x.abs());
    let inverse = 1.0 / (1.0 + v);
    if x > 0.0 { inverse } else { v * inverse }
}

/// sigmoid'(x) · difference
#[inline(always)]
fn change(x: f64, difference: f64) -> f64 {
    let v = exp_nonpositive(-x.abs());
    let inverse = 1.0 / (1.0 + v);
    v * inverse * inverse * difference
}
