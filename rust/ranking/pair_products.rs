//! The logistic loss of all pairs of a list from one exponential a row.
//!
//! With e_i = exp(sigma s_i): log(1 + exp(-sigma (s_i - s_j))) = log(1 + e_j / e_i), so the sum over pairs is the logarithm
//! of a product, and a slope is e_j / (e_i + e_j). This needs scores whose exponentials f64 can hold, equal weights, and
//! a loss so large that the rounding of a product does not show; `PairSums` does the rest.

use std::ops::{Add, Div, Mul, Sub};

use pulp::Arch;

use super::lists::largest;
use super::pair_sums::{LANES, Lanes, fill, load};
use crate::elementary::{dispatch, exp_nonpositive};

/// Largest spread of sigma · score.
const SPREAD: f64 = 40.0;
/// Logarithm of the largest product.
const FULL: f64 = 700.0;
/// Below it the product has lost digits.
const SMALL: f64 = 0.1;

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
        if loss < SMALL {
            return None;
        }
        let slopes = self.first.iter().zip(&self.second).take(scores.len());
        grad.extend(slopes.map(|(first, second)| sigma * (second - first)));
        Some((loss, self.pairs.iter().sum()))
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
        dispatch(
            *arch,
            #[inline(always)]
            || {
                let rows = zip3(exps, inverses, labels);
                let others = zip3(exps_below, inverses_below, below);
                let outputs = products
                    .chunks_exact_mut(LANES)
                    .zip(pairs.chunks_exact_mut(LANES))
                    .zip(first.chunks_exact_mut(LANES))
                    .zip(second.chunks_exact_mut(LANES));
                for ((row, other), (((products, pairs), first), second)) in
                    rows.zip(others).zip(outputs)
                {
                    step(row, other, gap, products, [pairs, first, second]);
                }
            },
        );
    }

    fn take_logarithms(&mut self) -> f64 {
        let sum = self.products.iter().map(|product| product.ln()).sum();
        self.products.fill(1.0);
        sum
    }
}

/// Exponentials, their inverses, labels.
type Row<'a> = ((&'a [f64], &'a [f64]), &'a [f64]);

#[inline(always)]
fn zip3<'a>(
    exps: &'a [f64],
    inverses: &'a [f64],
    labels: &'a [f64],
) -> impl Iterator<Item = Row<'a>> {
    exps.chunks_exact(LANES)
        .zip(inverses.chunks_exact(LANES))
        .zip(labels.chunks_exact(LANES))
}

/// Works on copies, as the step of `PairSums` does.
#[inline(always)]
fn each(a: Lanes, b: Lanes, f: impl Fn(f64, f64) -> f64) -> Lanes {
    let mut out = a;
    for (out, b) in out.iter_mut().zip(b) {
        *out = f(*out, b);
    }
    out
}

#[inline(always)]
fn step(
    ((a, one_by_a), y): Row<'_>,
    ((b, one_by_b), z): Row<'_>,
    gap: f64,
    products: &mut [f64],
    [pairs, first, second]: [&mut [f64]; 3],
) {
    let (a, one_by_a, y) = (load(a), load(one_by_a), load(y));
    let (b, one_by_b, z) = (load(b), load(one_by_b), load(z));
    // 1 where a row is above the other, and below it: a selection of what follows would become a branch
    let up = each(y, z, |y, z| if y - z > gap { 1.0 } else { 0.0 });
    let down = each(y, z, |y, z| if z - y > gap { 1.0 } else { 0.0 });
    let (high, low) = (each(up, b, f64::mul), each(down, a, f64::mul));
    let ratios = each(
        each(high, one_by_a, f64::mul),
        each(low, one_by_b, f64::mul),
        f64::add,
    );
    let factors = each(ratios, [1.0; LANES], f64::add);
    let counts = each(up, down, f64::add);
    let slopes = each(each(high, low, f64::sub), each(a, b, f64::add), f64::div);
    for (product, factor) in products.iter_mut().zip(&factors) {
        *product *= factor;
    }
    for (column, values) in [(pairs, &counts), (first, &slopes), (second, &slopes)] {
        for (sum, value) in column.iter_mut().zip(values) {
            *sum += value;
        }
    }
}
