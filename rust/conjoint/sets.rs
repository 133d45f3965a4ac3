//! The likelihood of choices from sets of alternatives, and its derivatives.

use std::ops::Range;

use crate::check;
use crate::elementary::add;
use crate::error::{Error, Result};
use crate::newton::{Objective, Sums};
use crate::ragged;
use crate::threads;

/// Sums are those of so many parts, whatever the number of threads.
pub const PARTS: usize = 16;
/// Squares of features must not overflow.
const LARGEST: f64 = 1e150;
/// Moves below this share of the largest are none.
const NOTHING: f64 = 1e-6;

/// Sets of alternatives, and which one was chosen.
#[derive(Debug, Clone, Copy)]
pub struct Choices<'a> {
    /// [N, F], row by row.
    pub features: &'a [f64],
    /// Number F of columns.
    pub columns: usize,
    /// [T + 1] boundaries of the sets among the rows.
    pub offsets: &'a [i64],
    /// [T] place of the chosen row in its set.
    pub chosen: &'a [i64],
    /// [T], >= 0; `None` is all ones.
    pub weights: Option<&'a [f64]>,
    /// [F] weight of ½·coef².
    pub ridge: &'a [f64],
}

/// Checked choices: the rows of each set, and the row that was chosen.
pub struct Problem<'a> {
    choices: Choices<'a>,
    bounds: Vec<usize>,
    rows: Vec<usize>,
}

/// One set at a point: what its alternatives are from the chosen one on.
#[derive(Default)]
pub struct Set {
    /// [J, F] attributes less those of the chosen alternative: nothing that all share is left to cancel.
    differences: Vec<f64>,
    /// [J]
    probs: Vec<f64>,
    /// [F] mean of the differences.
    pub mean: Vec<f64>,
    loglik: f64,
}

impl<'a> Problem<'a> {
    pub fn new(choices: Choices<'a>) -> Result<Self> {
        let rows = choices.features.len().checked_div(choices.columns);
        let Some(rows) = rows.filter(|rows| rows * choices.columns == choices.features.len())
        else {
            let expected = format!("rows of {} columns, at least one", choices.columns);
            return Err(Error::shape("features", expected, choices.features.len()));
        };
        for (place, x) in choices.features.iter().enumerate() {
            if x.is_nan() || x.abs() > LARGEST {
                let index = [place / choices.columns, place % choices.columns];
                let expected = format!("a number between -{LARGEST:e} and {LARGEST:e}");
                return Err(Error::domain_at("features", index, expected, x));
            }
        }
        let bounds = ragged::bounds(choices.offsets, rows)?;
        let sets = bounds.len() - 1;
        check::same_length("chosen", choices.chosen.len(), "the sets", sets)?;
        check::same_length("ridge", choices.ridge.len(), "the columns", choices.columns)?;
        if let Some(weights) = choices.weights {
            check::same_length("weights", weights.len(), "the sets", sets)?;
            check::finite_nonnegative("weights", weights)?;
        }
        let places = ragged::ranges(&bounds).zip(choices.chosen).enumerate();
        let chosen = places.map(|(set, (rows, &place))| {
            let row = usize::try_from(place).ok().map(|place| rows.start + place);
            row.filter(|row| rows.contains(row)).ok_or_else(|| {
                let expected = format!("a place in its set of {}", rows.len());
                Error::domain_at("chosen", [set], expected, place)
            })
        });
        let rows = chosen.collect::<Result<_>>()?;
        Ok(Self {
            choices,
            bounds,
            rows,
        })
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn weight(&self, set: usize) -> f64 {
        let weights = self.choices.weights;
        weights.map_or(1.0, |weights| weights.get(set).copied().unwrap_or(0.0))
    }

    fn row(&self, row: usize) -> &[f64] {
        let f = self.choices.columns;
        let features = self.choices.features;
        features.get(row * f..(row + 1) * f).unwrap_or_default()
    }

    /// Rows of a set, and the chosen one.
    fn set(&self, set: usize) -> (Range<usize>, usize) {
        match self.bounds.get(set..set + 2) {
            Some(&[start, end]) => (start..end, self.rows.get(set).copied().unwrap_or(start)),
            _ => (0..0, 0),
        }
    }

    /// Sums over all sets, in parts that do not depend on the number of threads.
    fn parts<S: Send>(
        &self,
        cost: usize,
        part: impl Fn(Range<usize>) -> S + Sync + Send,
    ) -> Vec<S> {
        let size = self.len().div_ceil(PARTS).max(1);
        let parts = (0..self.len())
            .step_by(size)
            .map(|start| start..self.len().min(start + size));
        threads::map(parts.collect(), self.choices.features.len() * cost, part)
    }

    pub fn penalty(&self, point: &[f64]) -> f64 {
        let terms = point.iter().zip(self.choices.ridge);
        terms.map(|(b, ridge)| 0.5 * ridge * b * b).sum()
    }

    /// Largest and smallest move of an alternative against the chosen one, over the sets that count.
    fn moves(&self, direction: &[f64]) -> (f64, f64) {
        let ends = self.parts(1, |sets| {
            let mut ends = (f64::NEG_INFINITY, f64::INFINITY);
            for set in sets.filter(|&set| self.weight(set) > 0.0) {
                let (rows, chosen) = self.set(set);
                for row in rows.filter(|&row| row != chosen) {
                    let pairs = self.row(row).iter().zip(self.row(chosen));
                    let moved: f64 = pairs.zip(direction).map(|((x, c), d)| (x - c) * d).sum();
                    ends = (ends.0.max(moved), ends.1.min(moved));
                }
            }
            ends
        });
        let (high, low) = ends.into_iter().fold(
            (f64::NEG_INFINITY, f64::INFINITY),
            |(high, low), (most, least)| (high.max(most), low.min(least)),
        );
        if high < low { (0.0, 0.0) } else { (high, low) }
    }
}

impl Set {
    /// Everything of a set at a point. O(J·F)
    pub fn load(&mut self, problem: &Problem<'_>, set: usize, point: &[f64]) {
        let (rows, chosen) = problem.set(set);
        let own = problem.row(chosen);
        self.differences.clear();
        self.probs.clear();
        for row in rows {
            let pairs = problem.row(row).iter().zip(own);
            self.differences.extend(pairs.map(|(x, c)| x - c));
        }
        for difference in self.differences.chunks_exact(point.len()) {
            let lead: f64 = difference.iter().zip(point).map(|(x, b)| x * b).sum();
            self.probs.push(lead);
        }
        self.loglik = -softmax(&mut self.probs);
        self.mean.clear();
        self.mean.resize(point.len(), 0.0);
        for (difference, p) in self.differences.chunks_exact(point.len()).zip(&self.probs) {
            let mean = self.mean.iter_mut().zip(difference);
            mean.for_each(|(mean, x)| *mean += p * x);
        }
    }

    /// Adds to the sums of minus the log-likelihood.
    fn add(&self, weight: f64, sums: &mut Sums) {
        sums.objective -= weight * self.loglik;
        let slopes = sums.gradient.iter_mut().zip(&self.mean);
        slopes.for_each(|(slope, mean)| *slope += weight * mean);
        let f = self.mean.len();
        for (difference, p) in self.differences.chunks_exact(f).zip(&self.probs) {
            let centered = |j: usize| {
                let pair = difference.get(j).zip(self.mean.get(j));
                pair.map_or(0.0, |(x, mean)| x - mean)
            };
            for (i, line) in sums.hessian.chunks_exact_mut(f).enumerate() {
                let scale = weight * p * centered(i);
                let lower = line.iter_mut().zip(difference.iter().zip(&self.mean));
                for (entry, (x, mean)) in lower.take(i + 1) {
                    *entry += scale * (x - mean);
                }
            }
        }
    }
}

/// Turns utilities into probabilities, and returns ln Σ e^u; the largest is taken out first.
pub fn softmax(utilities: &mut [f64]) -> f64 {
    let most = utilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for u in utilities.iter_mut() {
        *u = (*u - most).exp();
        sum += *u;
    }
    for p in utilities.iter_mut() {
        *p /= sum;
    }
    most + sum.ln()
}

impl Objective for Problem<'_> {
    fn sums(&self, point: &[f64]) -> Sums {
        let f = point.len();
        let empty = || Sums {
            objective: 0.0,
            gradient: vec![0.0; f],
            hessian: vec![0.0; f * f],
        };
        let parts = self.parts(f, |sets| {
            let (mut sums, mut scratch) = (empty(), Set::default());
            for set in sets.filter(|&set| self.weight(set) > 0.0) {
                scratch.load(self, set, point);
                scratch.add(self.weight(set), &mut sums);
            }
            sums
        });
        let mut total = empty();
        for part in parts {
            total.objective += part.objective;
            add(&mut total.gradient, &part.gradient);
            add(&mut total.hessian, &part.hessian);
        }
        total.objective += self.penalty(point);
        let slopes = total.gradient.iter_mut().zip(point);
        let diagonal = total.hessian.iter_mut().step_by(f + 1);
        for (((slope, b), curve), ridge) in slopes.zip(diagonal).zip(self.choices.ridge) {
            *slope += ridge * b;
            *curve += ridge;
        }
        total
    }

    fn value(&self, point: &[f64]) -> f64 {
        let parts = self.parts(2, |sets| {
            let mut scratch = Set::default();
            let mut sum = 0.0;
            for set in sets.filter(|&set| self.weight(set) > 0.0) {
                scratch.load(self, set, point);
                sum -= self.weight(set) * scratch.loglik;
            }
            sum
        });
        parts.iter().sum::<f64>() + self.penalty(point)
    }

    fn total_weight(&self) -> f64 {
        (0..self.len()).map(|set| self.weight(set)).sum()
    }

    fn moved(&self, step: &[f64]) -> f64 {
        let (high, low) = self.moves(step);
        high.max(-low)
    }

    fn separates(&self, direction: &[f64]) -> bool {
        let (high, low) = self.moves(direction);
        let most = direction.iter().fold(0.0_f64, |most, d| most.max(d.abs()));
        let mut parts = direction.iter().zip(self.choices.ridge);
        let held = parts.any(|(d, &ridge)| ridge > 0.0 && d.abs() > NOTHING * most);
        !held && low < 0.0 && high <= -NOTHING * low
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Choices, Objective, Problem};

    const FEATURES: [f64; 14] = [
        1.0, 0.5, 0.0, 1.0, 2.0, -1.0, 0.0, 0.0, 1.0, 3.0, -1.0, 0.2, 0.4, 0.9,
    ];

    fn choices<'a>(chosen: &'a [i64], ridge: &'a [f64]) -> Choices<'a> {
        Choices {
            features: &FEATURES,
            columns: 2,
            offsets: &[0, 3, 5, 7],
            chosen,
            weights: Some(&[1.0, 0.5, 2.0]),
            ridge,
        }
    }

    #[test]
    fn derivatives_are_those_of_the_value() {
        let problem = Problem::new(choices(&[2, 0, 1], &[0.3, 0.0])).unwrap();
        let (point, h) = ([0.3, -0.7], 1e-5);
        let sums = problem.sums(&point);
        assert!((sums.objective - problem.value(&point)).abs() < 1e-14);
        for j in 0..2 {
            let (mut up, mut down) = (point, point);
            up[j] += h;
            down[j] -= h;
            let slope = (problem.value(&up) - problem.value(&down)) / (2.0 * h);
            assert!((sums.gradient[j] - slope).abs() < 1e-9);
            let (high, low) = (problem.sums(&up), problem.sums(&down));
            for i in j..2 {
                let curve = (high.gradient[i] - low.gradient[i]) / (2.0 * h);
                assert!((sums.hessian[i * 2 + j] - curve).abs() < 1e-9);
            }
        }
    }
}
