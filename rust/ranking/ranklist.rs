//! `RankList`: one log-sum-exp over all pairs of a distance.

use pulp::Arch;

use super::lists::{
    Float, ListLossMut, Order, check_labels, check_positive, largest, per_list, read,
};
use super::ranknet::PairRule;
use crate::elementary::{dispatch, exp_nonpositive};
use crate::error::Result;
use crate::ragged;

/// `Σ_skip w_skip log(1 + Σ_i exp(-(s_i - s_{i+skip}) / temperature))` over rows in the order of their labels.
///
/// Only pairs that the rule lets through count. O(n · skips) time, O(n) memory. `n_terms` counts the pairs.
///
/// # Errors
/// Bad offsets, labels that are NaN, a temperature that is not above 0, a rule that does not fit, columns of other
/// lengths.
pub fn ranklist<T: Float>(
    scores: &[T],
    labels: &[f64],
    offsets: &[i64],
    temperature: f64,
    rule: &PairRule<'_>,
    out: ListLossMut<'_, T>,
) -> Result<()> {
    let bounds = ragged::bounds(offsets, scores.len())?;
    check_labels(labels, scores.len(), "a number", |label| !label.is_nan())?;
    check_positive("temperature", temperature)?;
    rule.check(&bounds)?;
    let cost = |rows: usize| rows * (16 + 4 * rule.skips(rows));
    per_list(&bounds, cost, out, |list: &mut List, rows, grad| {
        let n = rows.len();
        list.load(scores, labels, rows);
        let (mut loss, mut pairs) = (0.0, 0);
        for skip in 1..=rule.skips(n) {
            let count = list.keep(skip, rule.bound());
            pairs += count;
            if count > 0 {
                loss += list.add(skip, rule.weight(skip), temperature);
            }
        }
        list.order.scatter(grad, &list.grad);
        (loss, pairs)
    })
}

#[derive(Debug)]
struct List {
    arch: Arch,
    order: Order,
    input: [Vec<f64>; 2],
    scores: Vec<f64>,
    labels: Vec<f64>,
    grad: Vec<f64>,
    /// The exponent of each pair of a distance, -inf for one that does not count.
    terms: Vec<f64>,
}

impl Default for List {
    fn default() -> Self {
        Self {
            arch: Arch::new(),
            order: Order::default(),
            input: [Vec::new(), Vec::new()],
            scores: Vec::new(),
            labels: Vec::new(),
            grad: Vec::new(),
            terms: Vec::new(),
        }
    }
}

impl List {
    fn load<T: Float>(&mut self, scores: &[T], labels: &[f64], rows: std::ops::Range<usize>) {
        let [s, y] = &mut self.input;
        read(s, scores, rows.clone());
        read(y, labels, rows);
        self.order.descending(y);
        self.order.gather(&mut self.scores, s);
        self.order.gather(&mut self.labels, y);
        self.grad.clear();
        self.grad.resize(self.scores.len(), 0.0);
    }

    /// Fills in s_low - s_high of the pairs that count, and returns how many they are.
    fn keep(&mut self, skip: usize, gap: f64) -> usize {
        let rows = self.scores.iter().zip(&self.labels);
        let later = self.scores.iter().zip(&self.labels).skip(skip);
        let mut count = 0;
        self.terms.clear();
        self.terms
            .extend(rows.zip(later).map(|((high, y), (low, below))| {
                let pair = y - below > gap;
                count += usize::from(pair);
                if pair { low - high } else { f64::NEG_INFINITY }
            }));
        count
    }

    /// Adds the slopes of a distance and returns its value: with m = max(0, the largest exponent),
    /// m + log(exp(-m) + Σ exp(x - m)).
    fn add(&mut self, skip: usize, weight: f64, temperature: f64) -> f64 {
        let Self {
            arch, terms, grad, ..
        } = self;
        let top = largest(terms).max(0.0) / temperature;
        dispatch(
            *arch,
            #[inline(always)]
            || {
                for term in terms.iter_mut() {
                    *term = exp_nonpositive(*term / temperature - top);
                }
            },
        );
        let (one, sum) = (exp_nonpositive(-top), terms.iter().sum::<f64>());
        let scale = weight / (temperature * (one + sum));
        for (row, term) in terms.iter().enumerate() {
            if let Some(high) = grad.get_mut(row) {
                *high -= scale * term;
            }
            if let Some(low) = grad.get_mut(row + skip) {
                *low += scale * term;
            }
        }
        // Without an exponent above 0 nothing is taken out, and a small sum keeps its digits.
        weight
            * if top > 0.0 {
                top + (one + sum).ln()
            } else {
                sum.ln_1p()
            }
    }
}
