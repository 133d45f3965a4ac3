//! A payoff given for every profile: expectations are contractions of the table with the probabilities of the factors.

use super::party::{Party, Pass};
use crate::conjoint::Layout;

/// Payoff of each of the N profiles, the level of the last factor running fastest.
#[derive(Debug, Clone)]
pub struct Table {
    layout: Layout,
    values: Vec<f64>,
}

impl Table {
    /// `values` has one entry for each profile of `layout`.
    #[must_use]
    pub fn new(layout: Layout, values: Vec<f64>) -> Self {
        Self { layout, values }
    }
}

struct TablePass<'a> {
    layout: &'a Layout,
    /// Contracted with the factors that were left.
    rest: Vec<f64>,
}

impl Party for Table {
    fn begin(&self, _policy: &[f64]) -> Box<dyn Pass + '_> {
        Box::new(TablePass {
            layout: &self.layout,
            rest: self.values.clone(),
        })
    }

    /// O(D N) times a small constant.
    fn add_curvature(&self, policy: &[f64], weight: f64, out: &mut [f64]) {
        let m = self.layout.levels();
        let parts: Vec<&[f64]> = factors(&self.layout, policy);
        let mut before = self.values.clone();
        for (d, own) in self.layout.ranges().enumerate() {
            let size = before.len() / own.len();
            for (row, slice) in own.clone().zip(before.chunks_exact(size)) {
                let mut rest = slice.to_vec();
                for (e, range) in self.layout.ranges().enumerate().skip(d + 1) {
                    let mut slopes = vec![0.0; range.len()];
                    add_first(
                        &rest,
                        parts.get(e + 1..).unwrap_or_default(),
                        weight,
                        &mut slopes,
                    );
                    for (column, slope) in range.zip(slopes) {
                        add(out, row * m + column, slope);
                        add(out, column * m + row, slope);
                    }
                    rest = without_first(&rest, parts.get(e).copied().unwrap_or_default());
                }
            }
            before = without_first(&before, parts.get(d).copied().unwrap_or_default());
        }
    }

    /// O(N L D²)
    fn add_mixed_bounds(&self, weight: f64, out: &mut [f64]) {
        let factors = self.layout.factors();
        for d in 0..factors {
            for e in d + 1..factors {
                let bound = weight.abs() * self.mixed(d, e);
                add(out, d * factors + e, bound);
                add(out, e * factors + d, bound);
            }
        }
    }

    fn is_quadratic(&self) -> bool {
        self.layout.factors() <= 2
    }
}

impl Table {
    /// max over levels and other profiles of the mixed second difference: O(N L) a pair.
    fn mixed(&self, d: usize, e: usize) -> f64 {
        let size = |from: usize, to: usize| -> usize {
            (from..to)
                .map(|factor| self.layout.range(factor).len())
                .product()
        };
        let (middle, last) = (size(d + 1, e), size(e + 1, self.layout.factors()));
        let (rows, columns) = (size(d, d + 1), size(e, e + 1));
        let mut largest = 0.0_f64;
        for outer in self.values.chunks_exact(rows * middle * columns * last) {
            for rest in 0..middle * last {
                let start = rest / last * columns * last + rest % last;
                let row = |l: usize| {
                    let values = outer.iter().skip(l * middle * columns * last + start);
                    values.step_by(last).take(columns)
                };
                for one in 0..rows {
                    for other in 0..one {
                        let ends = row(one).zip(row(other)).map(|(x, y)| x - y);
                        let (low, high) = ends
                            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                                (low.min(x), high.max(x))
                            });
                        largest = largest.max(high - low);
                    }
                }
            }
        }
        largest
    }
}

impl Pass for TablePass<'_> {
    fn add_slopes(&mut self, d: usize, policy: &[f64], weight: f64, out: &mut [f64]) {
        let parts = factors(self.layout, policy);
        add_first(
            &self.rest,
            parts.get(d + 1..).unwrap_or_default(),
            weight,
            out,
        );
    }

    fn leave(&mut self, d: usize, policy: &[f64]) {
        let own = policy.get(self.layout.range(d)).unwrap_or_default();
        self.rest = without_first(&self.rest, own);
    }
}

/// Probabilities of each factor.
fn factors<'a>(layout: &Layout, policy: &'a [f64]) -> Vec<&'a [f64]> {
    let ranges = layout.ranges();
    ranges
        .map(|range| policy.get(range).unwrap_or_default())
        .collect()
}

/// Adds the table of the first factor that is left when all `later` ones are contracted.
fn add_first(table: &[f64], later: &[&[f64]], weight: f64, out: &mut [f64]) {
    let mut owned;
    let mut rest = table;
    for own in later.iter().rev() {
        owned = without_last(rest, own);
        rest = &owned;
    }
    for (out, value) in out.iter_mut().zip(rest) {
        *out += weight * value;
    }
}

/// Σ_l probability(l) · table[l, …]
fn without_first(table: &[f64], own: &[f64]) -> Vec<f64> {
    let size = table.len() / own.len().max(1);
    let mut rest = vec![0.0; size];
    for (p, slice) in own.iter().zip(table.chunks_exact(size.max(1))) {
        for (total, value) in rest.iter_mut().zip(slice) {
            *total += p * value;
        }
    }
    rest
}

/// Σ_l probability(l) · table[…, l]
fn without_last(table: &[f64], own: &[f64]) -> Vec<f64> {
    table
        .chunks_exact(own.len().max(1))
        .map(|row| row.iter().zip(own).map(|(x, p)| x * p).sum())
        .collect()
}

fn add(values: &mut [f64], place: usize, x: f64) {
    if let Some(value) = values.get_mut(place) {
        *value += x;
    }
}
