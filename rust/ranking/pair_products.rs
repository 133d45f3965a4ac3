//! The logistic loss of all pairs of a list from one exponential a row.
//!
//! With e_i = exp(sigma s_i): log(1 + exp(-sigma (s_i - s_j))) = log(1 + e_j / e_i), so the sum over pairs is the logarithm
//! of a product, and a slope is e_j / (e_i + e_j). This needs scores whose exponentials f64 can hold, equal weights, and
//! a loss so large that the rounding of a product does not show; `PairSums` does the rest.

use pulp::{Arch, Simd, WithSimd};

use super::lists::largest;
use super::pair_sums::{LANES, fill};
use crate::elementary::{dispatch, exp_nonpositive};

/// Largest spread of sigma · score.
const SPREAD: f64 = 40.0;
/// Logarithm of the largest product.
const FULL: f64 = 700.0;
/// Below it the product has lost digits.
const SMALL: f64 = 0.1;
/// The same for the mean loss of a pair: each factor rounds by up to 2.2e-16, and equal ones in the same direction.
const SMALL_MEAN: f64 = 2e-3;

#[derive(Debug)]
pub(super) struct PairProducts {
    arch: Arch,
    labels: Vec<f64>,
    exps: Vec<f64>,
    inverses: Vec<f64>,
    products: Vec<f64>,
    pairs: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Default for PairProducts {
    fn default() -> Self {
        let column = Vec::new;
        Self {
            arch: Arch::new(),
            labels: column(),
            exps: column(),
            inverses: column(),
            products: column(),
            pairs: column(),
            first: column(),
            second: column(),
        }
    }
}

impl PairProducts {
    /// Loss and number of pairs at distances up to `skips` whose labels differ by more than `gap`; the gradient goes to
    /// `grad`. `None`, and nothing written, where this way would be inexact.
    pub fn run(
        &mut self,
        scores: &[f64],
        labels: &[f64],
        skips: usize,
        sigma: f64,
        gap: f64,
        grad: &mut Vec<f64>,
    ) -> Option<(f64, f64)> {
        let top = largest(scores);
        let near = |&score: &f64| sigma * (top - score) < SPREAD;
        if !scores.iter().all(near) {
            return None;
        }
        self.start(scores, labels, sigma, top);
        let spread = scores.iter().fold(0.0, |most: f64, s| most.max(top - s));
        let mut room = FULL;
        let mut loss = 0.0;
        for distance in 1..=skips {
            self.multiply(scores.len() - distance, distance, gap);
            room -= sigma * spread + 1.0;
            if room < sigma * spread + 1.0 {
                loss += self.take_logarithms();
                room = FULL;
            }
        }
        loss += self.take_logarithms();
        let pairs = self.pairs.iter().sum();
        if loss < SMALL.max(SMALL_MEAN * pairs) {
            return None;
        }
        let slopes = self.first.iter().zip(&self.second).take(scores.len());
        grad.extend(slopes.map(|(first, second)| sigma * (second - first)));
        Some((loss, pairs))
    }

    fn start(&mut self, scores: &[f64], labels: &[f64], sigma: f64, top: f64) {
        let length = scores.len() + LANES;
        fill(&mut self.exps, scores, length, top);
        fill(&mut self.labels, labels, length, f64::NAN);
        fill(&mut self.inverses, &[], length, 0.0);
        fill(&mut self.products, &[], length, 1.0);
        for column in [&mut self.pairs, &mut self.first, &mut self.second] {
            fill(column, &[], length, 0.0);
        }
        let Self {
            arch,
            exps,
            inverses,
            ..
        } = self;
        dispatch(
            *arch,
            #[inline(always)]
            || {
                for (exp, inverse) in exps.iter_mut().zip(inverses) {
                    *exp = exp_nonpositive(sigma * (*exp - top));
                    *inverse = 1.0 / *exp;
                }
            },
        );
    }

    fn multiply(&mut self, rows: usize, distance: usize, gap: f64) {
        let Self {
            arch,
            labels,
            exps,
            inverses,
            products,
            pairs,
            first,
            second,
        } = self;
        let later = distance..distance + rows.next_multiple_of(LANES);
        let columns = (
            exps.get(later.clone()),
            inverses.get(later.clone()),
            labels.get(later.clone()),
            second.get_mut(later),
        );
        let (Some(exps_below), Some(inverses_below), Some(below), Some(second)) = columns else {
            return;
        };
        arch.dispatch(Multiply {
            exps,
            inverses,
            labels,
            exps_below,
            inverses_below,
            below,
            gap,
            products,
            pairs,
            first,
            second,
        });
    }

    fn take_logarithms(&mut self) -> f64 {
        let sum = self.products.iter().map(|product| product.ln()).sum();
        self.products.fill(1.0);
        sum
    }
}

/// One step for the pairs of a distance, row by row. With vectors by name: left to itself the compiler takes half the
/// width.
struct Multiply<'a> {
    exps: &'a [f64],
    inverses: &'a [f64],
    labels: &'a [f64],
    exps_below: &'a [f64],
    inverses_below: &'a [f64],
    below: &'a [f64],
    gap: f64,
    products: &'a mut [f64],
    pairs: &'a mut [f64],
    first: &'a mut [f64],
    second: &'a mut [f64],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let read = |column| S::as_simd_f64s(column).0.iter();
        let rows = read(self.exps)
            .zip(read(self.inverses))
            .zip(read(self.labels));
        let others = read(self.exps_below)
            .zip(read(self.inverses_below))
            .zip(read(self.below));
        let write = |column| S::as_mut_simd_f64s(column).0.iter_mut();
        let sums = (write(self.pairs).zip(write(self.first))).zip(write(self.second));
        let outputs = write(self.products).zip(sums);
        let (gap, one, zero) = (
            simd.splat_f64s(self.gap),
            simd.splat_f64s(1.0),
            simd.splat_f64s(0.0),
        );
        for ((((&a, &one_by_a), &y), ((&b, &one_by_b), &z)), outputs) in
            rows.zip(others).zip(outputs)
        {
            let (product, ((pairs, first), second)) = outputs;
            let up = simd.less_than_f64s(gap, simd.sub_f64s(y, z));
            let down = simd.less_than_f64s(gap, simd.sub_f64s(z, y));
            let (high, low) = (
                simd.select_f64s(up, b, zero),
                simd.select_f64s(down, a, zero),
            );
            let ratio = simd.add_f64s(simd.mul_f64s(high, one_by_a), simd.mul_f64s(low, one_by_b));
            let slope = simd.div_f64s(simd.sub_f64s(high, low), simd.add_f64s(a, b));
            let count = simd.select_f64s(up, one, simd.select_f64s(down, one, zero));
            *product = simd.mul_f64s(*product, simd.add_f64s(one, ratio));
            *pairs = simd.add_f64s(*pairs, count);
            *first = simd.add_f64s(*first, slope);
            *second = simd.add_f64s(*second, slope);
        }
    }
}
