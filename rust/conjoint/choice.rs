//! Conditional logit: choices among sets of alternatives with numeric attributes, by Newton's method.

use std::ops::Range;

use crate::check;
use crate::error::{Error, Result};
use crate::newton::{self, Failure, Objective, Sums};
use crate::ragged;
use crate::status::Status;
use crate::threads;

/// Sums are those of so many parts, whatever the number of threads.
const PARTS: usize = 16;
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

/// Where the fit ended.
#[derive(Debug, Clone)]
pub struct ChoiceEnd {
    /// [F]
    pub coef: Vec<f64>,
    /// [F, F] inverse Hessian of the objective.
    pub inverse: Vec<f64>,
    /// Without the penalty.
    pub loglik: f64,
    /// Newton steps taken.
    pub iterations: usize,
    /// Newton decrement / total weight.
    pub residual: f64,
    /// How it ended.
    pub status: Status,
    /// [F] direction in which the likelihood rises for ever; empty where it has a maximum.
    pub endless: Vec<f64>,
    /// Columns that depend on others within the sets; empty where none does.
    pub dependent: Vec<usize>,
}

/// Checked choices: the rows of each set, and the row that was chosen.
struct Problem<'a> {
    choices: Choices<'a>,
    bounds: Vec<usize>,
    rows: Vec<usize>,
}

/// One set at a point: what its alternatives are from the chosen one on.
#[derive(Default)]
struct Set {
    /// [J, F] attributes less those of the chosen alternative: nothing that all share is left to cancel.
    differences: Vec<f64>,
    /// [J]
    probs: Vec<f64>,
    /// [F] mean of the differences.
    mean: Vec<f64>,
    loglik: f64,
}

impl<'a> Problem<'a> {
    fn new(choices: Choices<'a>) -> Result<Self> {
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

    fn weight(&self, set: usize) -> f64 {
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

    fn penalty(&self, point: &[f64]) -> f64 {
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
    fn load(&mut self, problem: &Problem<'_>, set: usize, point: &[f64]) {
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
fn softmax(utilities: &mut [f64]) -> f64 {
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

fn add(total: &mut [f64], part: &[f64]) {
    total.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
}

/// Maximizes Σ w·(u − ln Σ e^u) − ½·Σ ridge·coef², u = features·coef of the chosen alternative, by Newton's method.
///
/// O(N·F²) a step on several threads. It stops as [`newton::minimize`] does.
/// Naive equivalent: the softmax of each set, and `scipy.optimize.minimize`.
///
/// ```
/// use prefcore::conjoint::{Choices, fit_choices};
/// let choices = Choices {
///     features: &[1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
///     columns: 1,
///     offsets: &[0, 2, 4, 6],
///     chosen: &[0, 0, 1],
///     weights: None,
///     ridge: &[0.0],
/// };
/// let found = fit_choices(choices, None, 1e-10, 100)?; // two of three took the 1
/// assert!((found.coef[0] - 2.0_f64.ln()).abs() < 1e-12);
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// Lengths that do not fit, values outside their range. Separation and dependence are told in the result.
pub fn fit_choices(
    choices: Choices<'_>,
    init: Option<&[f64]>,
    tol: f64,
    max_iter: usize,
) -> Result<ChoiceEnd> {
    let problem = Problem::new(choices)?;
    let start = init.map_or_else(|| vec![0.0; choices.columns], <[f64]>::to_vec);
    check::same_length("init", start.len(), "the columns", choices.columns)?;
    let failed = |endless, dependent| ChoiceEnd {
        coef: Vec::new(),
        inverse: Vec::new(),
        loglik: f64::NAN,
        iterations: 0,
        residual: f64::NAN,
        status: Status::Stalled,
        endless,
        dependent,
    };
    let end = match newton::minimize(&problem, start, tol, max_iter) {
        Ok(end) => end,
        Err(Failure::Separated(direction)) => return Ok(failed(direction, Vec::new())),
        Err(Failure::Dependent(columns)) => return Ok(failed(Vec::new(), columns)),
    };
    let size = end.point.len();
    let unit = |j: usize| (0..size).map(move |i| f64::from(u8::from(i == j)));
    let columns = (0..size).map(|j| end.factor.solve(&unit(j).collect::<Vec<f64>>()));
    Ok(ChoiceEnd {
        inverse: columns.flatten().collect(),
        loglik: problem.penalty(&end.point) - end.sums.objective,
        coef: end.point,
        iterations: end.iterations,
        residual: end.residual,
        status: end.status,
        endless: Vec::new(),
        dependent: Vec::new(),
    })
}

/// [F, F] sum over clusters of score score', a score being the sum of w·(x − Σ p x), x the chosen one, over the sets of a cluster.
///
/// `sets` are in the order of the clusters, `bounds` [G + 1] the boundaries of the clusters among them. O(N·F + G·F²)
///
/// # Errors
/// Lengths that do not fit, values outside their range.
pub fn score_products(
    choices: Choices<'_>,
    coef: &[f64],
    sets: &[i64],
    bounds: &[i64],
) -> Result<Vec<f64>> {
    let problem = Problem::new(choices)?;
    let f = choices.columns;
    check::same_length("coef", coef.len(), "the columns", f)?;
    let bounds = ragged::bounds(bounds, sets.len())?;
    let clusters: Vec<Range<usize>> = ragged::ranges(&bounds).collect();
    let size = clusters.len().div_ceil(PARTS).max(1);
    let work = choices.features.len() * (f + 4);
    let parts = threads::map(clusters.chunks(size).collect(), work, |clusters| {
        let (mut total, mut scratch) = (vec![0.0; f * f], Set::default());
        for cluster in clusters {
            let mut score = vec![0.0; f];
            for &set in sets.get(cluster.clone()).unwrap_or_default() {
                let set = usize::try_from(set).unwrap_or(usize::MAX - 2);
                scratch.load(&problem, set, coef);
                let slopes = score.iter_mut().zip(&scratch.mean);
                slopes.for_each(|(score, mean)| *score -= problem.weight(set) * mean);
            }
            for (line, x) in total.chunks_exact_mut(f).zip(&score) {
                line.iter_mut()
                    .zip(&score)
                    .for_each(|(sum, y)| *sum += x * y);
            }
        }
        total
    });
    let mut total = vec![0.0; f * f];
    for part in &parts {
        add(&mut total, part);
    }
    Ok(total)
}

/// Softmax of the utilities within each set. O(N)
///
/// ```
/// use prefcore::conjoint::choice_probabilities;
/// assert_eq!(choice_probabilities(&[800.0, 800.0, 1.0], &[0, 2, 3])?, [0.5, 0.5, 1.0]);
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// NaN or +inf, a set in which every utility is -inf, offsets that do not rise from 0 to the number of rows.
pub fn choice_probabilities(utility: &[f64], offsets: &[i64]) -> Result<Vec<f64>> {
    let bounds = ragged::bounds(offsets, utility.len())?;
    if let Some(row) = utility
        .iter()
        .position(|&u| u.is_nan() || u == f64::INFINITY)
    {
        let came = utility.get(row).copied().unwrap_or(f64::NAN);
        return Err(Error::domain_at("utility", [row], "a number or -inf", came));
    }
    let mut probs = vec![0.0; utility.len()];
    let cost = |n: usize| n * 16;
    ragged::fill(&bounds, cost, &mut probs, |(): &mut (), rows, out| {
        let start = rows.start;
        out.copy_from_slice(utility.get(rows).unwrap_or_default());
        if !out.is_empty() && out.iter().all(|&u| u == f64::NEG_INFINITY) {
            let expected = "above -inf somewhere in its set";
            return Err(Error::domain_at(
                "utility",
                [start],
                expected,
                f64::NEG_INFINITY,
            ));
        }
        softmax(out);
        Ok(())
    })?;
    Ok(probs)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Choices, Objective, Problem, fit_choices, score_products};

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

    #[test]
    fn scores_add_up_to_the_gradient() {
        let problem = choices(&[2, 0, 1], &[0.0, 0.0]);
        let coef = [0.3, -0.7];
        let sums = Problem::new(problem).unwrap().sums(&coef);
        let all = score_products(problem, &coef, &[2, 0, 1], &[0, 3]).unwrap();
        for i in 0..2 {
            for j in 0..2 {
                let want = sums.gradient[i] * sums.gradient[j];
                assert!((all[i * 2 + j] - want).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn what_has_no_maximum_is_told() {
        let separated = Choices {
            features: &[1.0, 0.0, 2.0, 1.0],
            columns: 1,
            offsets: &[0, 2, 4],
            chosen: &[0, 0],
            weights: None,
            ridge: &[0.0],
        };
        let found = fit_choices(separated, None, 1e-10, 100).unwrap();
        assert!(found.endless[0] > 0.0);
        let constant = Choices {
            features: &[1.0, 1.0, 2.0, 2.0],
            ..separated
        };
        let found = fit_choices(constant, None, 1e-10, 100).unwrap();
        assert_eq!(found.dependent, [0]);
        let beyond = Choices {
            chosen: &[0, 2],
            ..separated
        };
        assert_eq!(
            fit_choices(beyond, None, 1e-10, 100)
                .unwrap_err()
                .to_string(),
            "chosen[1] must be a place in its set of 2, got 2"
        );
    }
}
