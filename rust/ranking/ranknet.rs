//! `RankNet`: logistic loss of every two rows with different labels.

use std::mem::swap;
use std::ops::Range;

use super::lists::{
    Float, ListLossMut, Order, check_labels, check_positive, check_weights, longest, per_list, read,
};
use super::pair_products::PairProducts;
use super::pair_sums::{PairSums, whole_steps};
use crate::error::{Error, Result};
use crate::ragged;

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
/// O(n · skips) time, O(n) memory and mostly O(n) exponentials; the naive equivalent holds all n² differences. `n_terms` counts the pairs.
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
    let bounds = ragged::bounds(offsets, scores.len())?;
    check_labels(labels, scores.len(), "a number", |label| !label.is_nan())?;
    check_positive("sigma", sigma)?;
    rule.check(&bounds)?;
    let cost = |rows: usize| rows * (16 + 4 * rule.skips(rows));
    per_list(&bounds, cost, out, |list: &mut List, rows, grad| {
        list.load(scores, labels, rows, rule.by_rank());
        let (loss, pairs) = list.sum(sigma, rule);
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

/// Scores and labels, in the order of the labels where it matters, and the derivatives by the scores.
#[derive(Debug, Default)]
struct List {
    order: Order,
    scores: Vec<f64>,
    labels: Vec<f64>,
    spare: Vec<f64>,
    weights: Vec<f64>,
    products: PairProducts,
    sums: PairSums,
    grad: Vec<f64>,
}

impl List {
    fn load<T: Float>(&mut self, scores: &[T], labels: &[f64], rows: Range<usize>, sort: bool) {
        read(&mut self.scores, scores, rows.clone());
        read(&mut self.labels, labels, rows);
        if sort {
            self.order.descending(&self.labels);
            for column in [&mut self.scores, &mut self.labels] {
                self.order.gather(&mut self.spare, column);
                swap(&mut self.spare, column);
            }
        }
    }

    /// Loss and number of pairs.
    fn sum(&mut self, sigma: f64, rule: &PairRule<'_>) -> (f64, f64) {
        let (n, skips) = (self.scores.len(), rule.skips(self.scores.len()));
        self.grad.clear();
        if rule.skip_weights.is_none() {
            let (scores, labels, grad) = (&self.scores, &self.labels, &mut self.grad);
            let fast = self
                .products
                .run(scores, labels, skips, sigma, rule.bound(), grad);
            if let Some(result) = fast {
                return result;
            }
        }
        self.sums.start(&self.scores, &self.labels);
        for skip in 1..=skips {
            self.weights.clear();
            self.weights
                .resize(whole_steps(n - skip), rule.weight(skip));
            self.sums.add(skip, &self.weights, sigma, rule.bound());
        }
        self.sums.finish(&mut self.grad)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::{List, PairRule};

    /// A million factors 1 + 1.2e-7, which all round in the same direction.
    #[test]
    fn many_small_terms_keep_their_digits() {
        let mut list = List {
            scores: [[15.9; 1000], [0.0; 1000]].concat(),
            labels: [[1.0; 1000], [0.0; 1000]].concat(),
            ..List::default()
        };
        let (loss, pairs) = list.sum(1.0, &PairRule::default());
        let want = 1e6 * (-15.9_f64).exp().ln_1p();
        assert!((loss - want).abs() <= 2e-13 * want, "{loss} {want}");
        assert_eq!(pairs, 1e6);
    }

    /// Both ways, on lists that the fast one takes: 50 rows with ties, close together and 38 apart.
    #[test]
    fn both_ways_agree() {
        let ones = [1.0; 49];
        for scale in [0.1, 1.0, 38.0] {
            for max_skip in [None, Some(3)] {
                let mut list = List {
                    scores: (0..50_u32)
                        .map(|i| f64::from(i * 37 % 101) / 100.0 * scale)
                        .collect(),
                    labels: (0..50_u32).map(|i| f64::from(i * 13 % 7)).collect(),
                    ..List::default()
                };
                let rule = PairRule {
                    max_skip,
                    ..PairRule::default()
                };
                let (fast, pairs) = list.sum(1.0, &rule);
                let slopes = list.grad.clone();
                let weighted = PairRule {
                    skip_weights: Some(&ones),
                    ..rule
                };
                let (slow, count) = list.sum(1.0, &weighted);
                assert!((fast - slow).abs() <= 1e-13 * slow, "{fast} {slow}");
                assert_eq!(pairs, count);
                for (a, b) in slopes.iter().zip(&list.grad) {
                    assert!((a - b).abs() <= 1e-13 * f64::from(50), "{a} {b}");
                }
            }
        }
    }
}
