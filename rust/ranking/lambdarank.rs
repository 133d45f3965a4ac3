//! `LambdaRank`: `RankNet` with each pair weighted by what swapping it would change in NDCG.

use super::gains::{Gain, discounts, ideal_dcg};
use super::lists::{Float, ListLossMut, Order, check_positive, per_list, read};
use super::pair_sums::{PairSums, whole_steps};
use super::ranknet::whole;
use crate::check;
use crate::error::Result;
use crate::ragged;

/// `Σ w_ij log(1 + exp(-sigma (s_i - s_j)))` over the pairs with `labels_i` above `labels_j`, where `w_ij` is the absolute
/// change of NDCG@k when i and j swap places.
///
/// Places follow the scores, equal ones the order of the input; the weights are constants for the gradient. A list
/// without a positive gain has loss 0. O(n²) time, O(n) memory. `n_terms` counts the pairs.
///
/// # Errors
/// Bad offsets, labels that are negative, not finite or too large, a sigma that is not above 0, columns of other
/// lengths.
pub fn lambdarank<T: Float>(
    scores: &[T],
    labels: &[f64],
    offsets: &[i64],
    k: Option<usize>,
    gain: Gain,
    sigma: f64,
    out: ListLossMut<'_, T>,
) -> Result<()> {
    let bounds = ragged::bounds(offsets, scores.len())?;
    gain.check(labels, scores.len())?;
    check_positive("sigma", sigma)?;
    let discount = discounts(k);
    let cost = |rows: usize| rows * (32 + 4 * rows);
    per_list(&bounds, cost, out, |list: &mut List, rows, grad| {
        let n = rows.len();
        read(&mut list.scores, scores, rows.clone());
        read(&mut list.labels, labels, rows);
        let ideal = list.rank(gain, &discount);
        list.sums.start(&list.scores, &list.labels);
        for skip in 1..n {
            list.weigh(skip, ideal);
            list.sums.add(skip, &list.weights, sigma, 0.0);
        }
        let (loss, pairs) = list.sums.finish(grad);
        (loss, if ideal > 0.0 { whole(pairs) } else { 0 })
    })
}

/// The weights of [`lambdarank`] of one list, for every two rows: n rows of n numbers, 0 on the diagonal and for rows of
/// equal labels; all 0 for a list without a positive gain.
///
/// O(n²) time and memory.
///
/// # Errors
/// Labels that are negative, not finite or too large, or not as many as scores; an `out` of another length.
///
/// ```
/// use prefcore::ranking::{Gain, lambda_weights};
/// let mut weights = [0.0; 4];
/// lambda_weights(&[0.0, 1.0], &[1.0, 0.0], Some(1), Gain::Linear, &mut weights)?;
/// assert_eq!(weights, [0.0, 1.0, 1.0, 0.0]);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn lambda_weights<T: Float>(
    scores: &[T],
    labels: &[f64],
    k: Option<usize>,
    gain: Gain,
    out: &mut [f64],
) -> Result<()> {
    gain.check(labels, scores.len())?;
    check::same_length(
        "out",
        out.len(),
        "n times n weights",
        scores.len().saturating_mul(scores.len()),
    )?;
    let mut list = List::default();
    read(&mut list.scores, scores, 0..scores.len());
    read(&mut list.labels, labels, 0..scores.len());
    let ideal = list.rank(gain, &discounts(k));
    let places = || {
        list.gains
            .iter()
            .copied()
            .zip(list.discounts.iter().copied())
    };
    let row = |one| places().map(move |other| change(one, other, ideal));
    for (weight, change) in out.iter_mut().zip(places().flat_map(row)) {
        *weight = change;
    }
    Ok(())
}

/// What swapping two rows of these gains and discounts would change in NDCG.
fn change((g, d): (f64, f64), (h, e): (f64, f64), ideal: f64) -> f64 {
    let ideal = if ideal > 0.0 { ideal } else { f64::INFINITY };
    (g - h).abs() * (d - e).abs() / ideal
}

#[derive(Debug, Default)]
struct List {
    order: Order,
    scores: Vec<f64>,
    labels: Vec<f64>,
    gains: Vec<f64>,
    by_place: Vec<f64>,
    discounts: Vec<f64>,
    weights: Vec<f64>,
    sums: PairSums,
}

impl List {
    /// Gains and the discounts of the present places; returns the ideal DCG.
    fn rank(&mut self, gain: Gain, discount: &impl Fn(usize) -> f64) -> f64 {
        self.gains.clear();
        self.gains.extend(self.labels.iter().map(|&y| gain.of(y)));
        let ideal = ideal_dcg(&mut self.order, &self.gains, discount);
        self.order.descending(&self.scores);
        self.by_place.clear();
        self.by_place.extend((0..self.scores.len()).map(discount));
        self.order.scatter(&mut self.discounts, &self.by_place);
        ideal
    }

    fn weigh(&mut self, skip: usize, ideal: f64) {
        let places = || {
            self.gains
                .iter()
                .copied()
                .zip(self.discounts.iter().copied())
        };
        let weights = places().zip(places().skip(skip));
        self.weights.clear();
        self.weights
            .extend(weights.map(|(one, other)| change(one, other, ideal)));
        let length = whole_steps(self.weights.len());
        self.weights.resize(length, 0.0);
    }
}
