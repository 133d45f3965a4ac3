//! `LambdaRank`: `RankNet` with each pair weighted by what swapping it would change in NDCG.

use super::gains::{Gain, discounts, ideal_dcg};
use super::lists::{Float, ListLossMut, Order, check_positive, per_list, read};
use super::pair_sums::{PairSums, whole_steps};
use super::ranknet::whole;
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
        let ideal = if ideal > 0.0 { ideal } else { f64::INFINITY };
        let gains = self.gains.iter().zip(self.gains.iter().skip(skip));
        let discounts = self.discounts.iter().zip(self.discounts.iter().skip(skip));
        let weights = gains.zip(discounts);
        self.weights.clear();
        self.weights
            .extend(weights.map(|((g, h), (d, e))| (g - h).abs() * (d - e).abs() / ideal));
        let length = whole_steps(self.weights.len());
        self.weights.resize(length, 0.0);
    }
}
