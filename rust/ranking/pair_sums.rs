//! Sums over the pairs of a list, in loops that the compiler can vectorize: one loop for each distance of two rows.

use pulp::Arch;

use crate::elementary::{dispatch, softplus_and_sigmoid};

/// Rows of a step: two vectors of four f64.
pub(super) const LANES: usize = 8;

/// The columns of a list, filled up so that every loop runs over whole steps.
#[derive(Debug)]
pub(super) struct PairSums {
    arch: Arch,
    scores: Vec<f64>,
    /// NaN, which is neither above nor below anything, behind the last row.
    labels: Vec<f64>,
    terms: Vec<f64>,
    pairs: Vec<f64>,
    /// Derivatives by the scores, from the pairs in which a row is the first, and the second; apart, because a loop that
    /// wrote both into one column would have to go row by row.
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Default for PairSums {
    fn default() -> Self {
        let column = Vec::new;
        Self {
            arch: Arch::new(),
            scores: column(),
            labels: column(),
            terms: column(),
            pairs: column(),
            first: column(),
            second: column(),
        }
    }
}

impl PairSums {
    /// Begins with a list.
    pub fn start(&mut self, scores: &[f64], labels: &[f64]) {
        let length = scores.len() + LANES;
        fill(&mut self.scores, scores, length, 0.0);
        fill(&mut self.labels, labels, length, f64::NAN);
        for column in [
            &mut self.terms,
            &mut self.pairs,
            &mut self.first,
            &mut self.second,
        ] {
            fill(column, &[], length, 0.0);
        }
    }

    /// Adds weight · softplus(-sigma (s_high - s_low)) for the rows at a distance whose labels differ by more than `gap`.
    ///
    /// `weights` has a number for each row of a whole step, `weights(n - distance)` at least.
    pub fn add(&mut self, distance: usize, weights: &[f64], sigma: f64, gap: f64) {
        let Self {
            arch,
            scores,
            labels,
            terms,
            pairs,
            first,
            second,
        } = self;
        let rows = scores.len() - LANES - distance;
        let length = rows.next_multiple_of(LANES);
        let Some((later_scores, later_labels)) = later(scores, labels, distance, length) else {
            return;
        };
        let Some(second) = second.get_mut(distance..distance + length) else {
            return;
        };
        dispatch(
            *arch,
            #[inline(always)]
            || {
                let left = scores.chunks_exact(LANES).zip(labels.chunks_exact(LANES));
                let right = later_scores
                    .chunks_exact(LANES)
                    .zip(later_labels.chunks_exact(LANES));
                let sums = terms
                    .chunks_exact_mut(LANES)
                    .zip(pairs.chunks_exact_mut(LANES));
                let slopes = first
                    .chunks_exact_mut(LANES)
                    .zip(second.chunks_exact_mut(LANES));
                let steps = left
                    .zip(right)
                    .zip(weights.chunks_exact(LANES))
                    .zip(sums)
                    .zip(slopes);
                for ((((left, right), weights), sums), slopes) in steps {
                    step(left, right, weights, (sums, slopes), sigma, gap);
                }
            },
        );
    }

    /// Loss and number of pairs; the gradient goes to `grad`.
    pub fn finish(&self, grad: &mut Vec<f64>) -> (f64, f64) {
        let rows = self.scores.len() - LANES;
        let slopes = self.first.iter().zip(&self.second);
        grad.extend(slopes.take(rows).map(|(first, second)| second - first));
        (self.terms.iter().sum(), self.pairs.iter().sum())
    }
}

/// Room for the weights of rows up to the end of a whole step.
pub(super) fn whole_steps(rows: usize) -> usize {
    rows.next_multiple_of(LANES)
}

type Columns<'a> = (&'a [f64], &'a [f64]);
type ColumnsMut<'a> = (&'a mut [f64], &'a mut [f64]);

fn later<'a>(
    scores: &'a [f64],
    labels: &'a [f64],
    distance: usize,
    length: usize,
) -> Option<Columns<'a>> {
    let rows = distance..distance + length;
    Some((scores.get(rows.clone())?, labels.get(rows)?))
}

type Lanes = [f64; LANES];

/// Works on copies, in one simple loop after the other: through the slices the compiler would have to expect that one
/// row's result is the next row's input.
#[inline(always)]
fn step(
    left: Columns<'_>,
    right: Columns<'_>,
    weights: &[f64],
    (sums, slopes): (ColumnsMut<'_>, ColumnsMut<'_>),
    sigma: f64,
    gap: f64,
) {
    let (mut x, mut counts, mut signs) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    let rows = load(left.0).into_iter().zip(load(left.1));
    let others = load(right.0).into_iter().zip(load(right.1));
    let outputs = x.iter_mut().zip(&mut counts).zip(&mut signs);
    for (((x, count), sign), ((score, label), (other, below))) in outputs.zip(rows.zip(others)) {
        let difference = label - below;
        let pair = difference.abs() > gap;
        *sign = if difference > 0.0 { sigma } else { -sigma };
        *x = if pair { *sign * (other - score) } else { 0.0 };
        *count = if pair { 1.0 } else { 0.0 };
    }
    let (mut values, mut chances) = ([0.0; LANES], [0.0; LANES]);
    for ((value, chance), &x) in values.iter_mut().zip(&mut chances).zip(&x) {
        (*value, *chance) = softplus_and_sigmoid(x);
    }
    let inputs = values.iter_mut().zip(&mut chances).zip(&counts);
    for (((value, chance), count), (weight, sign)) in inputs.zip(load(weights).iter().zip(&signs)) {
        let weight = weight * count;
        *value *= weight;
        *chance *= weight * sign;
    }
    add_to(sums.0, &values);
    add_to(sums.1, &counts);
    add_to(slopes.0, &chances);
    add_to(slopes.1, &chances);
}

#[inline(always)]
fn load(step: &[f64]) -> Lanes {
    step.try_into().unwrap_or([0.0; LANES])
}

#[inline(always)]
fn add_to(sums: &mut [f64], values: &Lanes) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

pub(super) fn fill(column: &mut Vec<f64>, values: &[f64], length: usize, rest: f64) {
    column.clear();
    column.extend_from_slice(values);
    column.resize(length, rest);
}
