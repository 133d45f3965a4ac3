//! `RankNet`: logistic loss of every two rows with different labels.

use super::lists::{
    self, Float, ListLossMut, Order, check_labels, check_positive, check_weights, longest,
    per_list, read,
};
use super::pair_sums::{PairSums, whole_steps};
use crate::error::{Error, Result};

/// Which two rows of a list form a pair, and how much it weighs.
#[derive(Debug, Clone, Copy, Default)]
pub struct PairRule<'a> {
    /// Largest distance of two rows in the order of the labels; `None`: any.
    pub max_skip: Option<usize>,
    /// Weights of the distances 1, 2, …; `None`: 1 each.
    pub skip_weights: Option<&'a [f64]>,
    /// The labels differ by more than this.
    pub min_gap: f64,
    /// A difference of exactly `min_gap` counts too; equal labels never do.
    pub inclusive: bool,
}

impl PairRule<'_> {
    /// Distances that occur in a list of so many rows.
    pub(super) fn skips(&self, rows: usize) -> usize {
        rows.saturating_sub(1).min(self.max_skip.unwrap_or(rows))
    }

    pub(super) fn weight(&self, skip: usize) -> f64 {
        let weight = |weights: &[f64]| weights.get(skip - 1).copied().unwrap_or(0.0);
        self.skip_weights.map_or(1.0, weight)
    }

    /// The number that a difference of labels must exceed.
    pub(super) fn bound(&self) -> f64 {
        if self.inclusive && self.min_gap > 0.0 {
            f64::from_bits(self.min_gap.to_bits() - 1) // the next number below
        } else {
            self.min_gap
        }
    }

    /// Whether it matters which rows stand between two others.
    fn by_rank(&self) -> bool {
        self.max_skip.is_some() || self.skip_weights.is_some()
    }

    pub(super) fn check(&self, bounds: &[usize]) -> Result<()> {
        if !(self.min_gap >= 0.0 && self.min_gap < f64::INFINITY) {
            return Err(Error::domain("min_gap", "finite and >= 0", self.min_gap));
        }
        let needed = self.skips(longest(bounds));
        check_weights("skip_weights", self.skip_weights, needed)
    }
}

/// Σ w_skip log(1 + exp(-sigma (s_i - s_j))) over the pairs with `labels_i` above `labels_j`.
///
/// O(n · skips) time and O(n) memory; the naive equivalent holds all n² differences. `n_terms` counts the pairs.
///
/// # Errors
/// Bad offsets, labels that are NaN, a sigma that is not above 0, a rule that does not fit, columns of other lengths.
pub fn ranknet<T: Float>(
    scores: &[T],
    labels: &[f64],
    offsets: &[i64],
    sigma: f64,
    rule: &PairRule<'_>,
    out: ListLossMut<'_, T>,
) -> Result<()> {
    let bounds = lists::bounds(offsets, scores.len())?;
    check_labels(labels, scores.len(), "a number", |label| !label.is_nan())?;
    check_positive("sigma", sigma)?;
    rule.check(&bounds)?;
    let cost = |rows: usize| rows * (16 + 4 * rule.skips(rows));
    per_list(&bounds, cost, out, |list: &mut List, rows, grad| {
        let n = rows.len();
        list.load(scores, labels, rows, rule.by_rank());
        for skip in 1..=rule.skips(n) {
            list.weights.clear();
            list.weights
                .resize(whole_steps(n - skip), rule.weight(skip));
            list.sums.add(skip, &list.weights, sigma, rule.bound());
        }
        let (loss, pairs) = list.sums.finish(&mut list.grad);
        if rule.by_rank() {
            list.order.scatter(grad, &list.grad);
        } else {
            grad.extend_from_slice(&list.grad);
        }
        (loss, whole(pairs))
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count below 2^53
pub(super) fn whole(count: f64) -> usize {
    count as usize
}

#[derive(Debug, Default)]
struct List {
    order: Order,
    input: [Vec<f64>; 2],
    sorted: [Vec<f64>; 2],
    weights: Vec<f64>,
    sums: PairSums,
    grad: Vec<f64>,
}

impl List {
    fn load<T: Float>(
        &mut self,
        scores: &[T],
        labels: &[f64],
        rows: std::ops::Range<usize>,
        sort: bool,
    ) {
        let [s, y] = &mut self.input;
        read(s, scores, rows.clone());
        read(y, labels, rows);
        self.grad.clear();
        if sort {
            self.order.descending(y);
            let [sorted_s, sorted_y] = &mut self.sorted;
            self.order.gather(sorted_s, s);
            self.order.gather(sorted_y, y);
            self.sums.start(sorted_s, sorted_y);
        } else {
            self.sums.start(s, y);
        }
    }
}
