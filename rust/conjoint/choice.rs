//! Conditional logit: choices among sets of alternatives with numeric attributes, by Newton's method.

use std::ops::Range;

use super::sets::{Choices, PARTS, Problem, Set, softmax};
use crate::check;
use crate::elementary::add;
use crate::error::{Error, Result};
use crate::newton::{self, Failure};
use crate::ragged;
use crate::status::Status;
use crate::threads;

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
    Ok(ChoiceEnd {
        inverse: end.factor.inverse(),
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
    use super::{Choices, Problem, fit_choices, score_products};
    use crate::newton::Objective;

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
