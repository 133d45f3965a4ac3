//! Logistic regression by Newton's method, the core of every logit in the crate.

mod pass;
mod units;

use std::fmt::Write;

use crate::check;
use crate::cholesky::Cholesky;
use crate::error::{Error, Result};
use crate::status::Status;
use pass::Sums;
use units::Units;

/// Squares of features must not overflow.
const LARGEST: f64 = 1e150;
/// A step that moves the linear predictor by more than this has not arrived, however small the gradient.
const ARRIVED: f64 = 1e-3;
/// A step that moves it by less is rounding.
const ROUNDING: f64 = 1e-9;
/// A step that moves it by this much at a vanishing gradient goes on for ever.
const ENDLESS: f64 = 0.1;

/// Rows, labels and penalty of a logit.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// [N, F], row by row.
    pub features: &'a [f64],
    /// Number F of columns.
    pub columns: usize,
    /// [N], in [0, 1].
    pub labels: &'a [f64],
    /// [N], >= 0; `None` is all ones.
    pub weights: Option<&'a [f64]>,
    /// Weight of ½·|coef|², which does not count the intercept.
    pub ridge: f64,
    /// Whether to fit an intercept.
    pub intercept: bool,
}

/// Where the iteration ended.
#[derive(Debug, Clone)]
pub struct Fit {
    /// [F]
    pub coef: Vec<f64>,
    /// 0 without an intercept.
    pub intercept: f64,
    /// [F] roots of the diagonal of the inverse Hessian.
    pub std_error: Vec<f64>,
    /// Σ weight·nll + ½·ridge·|coef|²
    pub objective: f64,
    /// Newton steps taken.
    pub iterations: usize,
    /// Largest absolute entry of the gradient / total weight.
    pub residual: f64,
    /// How it ended.
    pub status: Status,
}

/// Minimises Σ w·(softplus(η) − y·η) + ½·ridge·|coef|², η = features·coef + intercept, by Newton's method.
///
/// O(N·F²) a step on several threads, in blocks whose sums are added in order. Columns are centered and scaled inside,
/// so that their units do not matter. It stops where `residual <= tol`, after one more step. Naive equivalent:
/// scikit-learn's `LogisticRegression(C=1/ridge)` with every row given twice, weighted by y and 1 − y.
///
/// ```
/// use prefcore::logit::{Problem, fit};
/// let labels = [0.0, 1.0, 1.0, 0.0];
/// let problem = Problem {
///     features: &[0.0, 1.0, 2.0, 3.0],
///     columns: 1,
///     labels: &labels,
///     weights: None,
///     ridge: 1.0,
///     intercept: true,
/// };
/// assert!(fit(problem, 1e-10, 100)?.coef[0].abs() < 1e-12);
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// Lengths that do not fit, values outside their range, [`Error::RankDeficient`] for columns that depend on one
/// another, [`Error::Separation`] where the labels are separated and no ridge holds the coefficients.
pub fn fit(problem: Problem<'_>, tol: f64, max_iter: usize) -> Result<Fit> {
    check(&problem)?;
    let units = Units::new(&problem);
    let mut point = vec![0.0; units.unknowns()];
    let mut sums = pass::sums(&problem, &units, &point);
    let mut hessian = Cholesky::new(&sums.hessian, point.len())
        .map_err(|columns| dependent(&problem, &columns))?;
    let mut last = false;
    let mut iterations = 0;
    let status = loop {
        let residual = units.residual(&problem, &point, &sums);
        let step = hessian.solve(&sums.gradient);
        let moved = units.moved(&step);
        if residual <= tol && moved <= ARRIVED && last {
            break Status::Converged;
        }
        if moved <= ROUNDING && last && residual > tol {
            break Status::Floor;
        }
        last = (residual <= tol && moved <= ARRIVED) || moved <= ROUNDING;
        if residual <= tol && moved >= ENDLESS {
            refuse_separation(&problem, &units, &step)?;
        }
        if iterations == max_iter {
            break Status::MaxIter;
        }
        let Some((next, found)) = descend(&problem, &units, &point, &sums, &step) else {
            break Status::Stalled;
        };
        (point, sums) = (next, found);
        iterations += 1;
        let Ok(factor) = Cholesky::new(&sums.hessian, point.len()) else {
            refuse_separation(&problem, &units, &step)?;
            break Status::Stalled;
        };
        hessian = factor;
    };
    Ok(units.fit(&problem, &point, &sums, &hessian, (iterations, status)))
}

/// The point a step further, or a half, a quarter, … of it, where the objective is not above the present one.
fn descend(
    problem: &Problem<'_>,
    units: &Units,
    point: &[f64],
    sums: &Sums,
    step: &[f64],
) -> Option<(Vec<f64>, Sums)> {
    let rounding = 1e-13 * sums.objective.abs();
    (0..40).find_map(|halving| {
        let share = 0.5_f64.powi(halving);
        let next: Vec<f64> = point.iter().zip(step).map(|(x, d)| x - share * d).collect();
        let found = pass::sums(problem, units, &next);
        (found.objective <= sums.objective + rounding).then_some((next, found))
    })
}

fn check(problem: &Problem<'_>) -> Result<()> {
    let Problem {
        features,
        columns,
        labels,
        weights,
        ridge,
        intercept,
    } = *problem;
    if columns == 0 && !intercept {
        return Err(Error::shape(
            "features",
            "at least one column, or intercept=True",
            "none",
        ));
    }
    let rows = labels.len();
    if features.len() != rows * columns {
        return Err(Error::shape(
            "features",
            format!("{rows} rows of {columns} like labels"),
            features.len(),
        ));
    }
    if let Some((place, x)) = features
        .iter()
        .enumerate()
        .find(|(_, x)| !x.is_finite() || x.abs() > LARGEST)
    {
        return Err(Error::domain_at(
            "features",
            [place / columns, place % columns],
            "a number within 1e150",
            x,
        ));
    }
    if let Some((row, label)) = labels
        .iter()
        .enumerate()
        .find(|(_, label)| !(0.0..=1.0).contains(*label))
    {
        return Err(Error::domain_at(
            "labels",
            [row],
            "a number in [0, 1]",
            label,
        ));
    }
    if let Some(weights) = weights {
        check::same_length("weights", weights.len(), "labels", rows)?;
        if let Some((row, weight)) = weights
            .iter()
            .enumerate()
            .find(|(_, w)| !(0.0..f64::INFINITY).contains(*w))
        {
            return Err(Error::domain_at(
                "weights",
                [row],
                "a finite number >= 0",
                weight,
            ));
        }
    }
    if !(0.0..f64::INFINITY).contains(&ridge) {
        return Err(Error::domain("ridge", "a finite number >= 0", ridge));
    }
    refuse_one_label(problem)
}

/// With an intercept, labels that are all 0 or all 1 have no finite fit, whatever the ridge.
fn refuse_one_label(problem: &Problem<'_>) -> Result<()> {
    let mut counted = pass::rows(problem)
        .filter(|row| row.weight > 0.0)
        .map(|row| row.label);
    let Some(first) = counted.next() else {
        return Err(Error::shape(
            "labels",
            "at least one row of positive weight",
            "none",
        ));
    };
    #[allow(clippy::float_cmp)]
    if problem.intercept && (first == 0.0 || first == 1.0) && counted.all(|label| label == first) {
        return Err(Error::Separation(format!(
            "labels must not all be {first}: the intercept would be infinite"
        )));
    }
    Ok(())
}

/// A direction in which no row gets worse and some get better is one that the likelihood follows for ever.
fn refuse_separation(problem: &Problem<'_>, units: &Units, step: &[f64]) -> Result<()> {
    if problem.ridge > 0.0 || !units.separates(problem, step) {
        return Ok(());
    }
    let parts = units.moves(step);
    let largest = parts.iter().copied().fold(0.0, f64::max);
    let named = parts.iter().take(problem.columns).enumerate();
    let columns: Vec<usize> = named
        .filter(|(_, part)| **part > 1e-3 * largest)
        .map(|(j, _)| j)
        .collect();
    Err(Error::Separation(format!(
        "labels are separated by features column{}: the coefficients would be infinite; give ridge > 0",
        listed(&columns)
    )))
}

fn dependent(problem: &Problem<'_>, columns: &[usize]) -> Error {
    let features: Vec<usize> = columns
        .iter()
        .copied()
        .filter(|&j| j < problem.columns)
        .collect();
    let what = if problem.intercept {
        "the others, nor be constant beside the intercept"
    } else {
        "the others"
    };
    Error::RankDeficient(format!(
        "features column{} must not depend on {what}; drop them or give ridge > 0",
        listed(&features)
    ))
}

/// " 3", or "s 0, 2".
fn listed(columns: &[usize]) -> String {
    let mut text = String::from(if columns.len() == 1 { "" } else { "s" });
    for (place, column) in columns.iter().enumerate() {
        let _ = write!(text, "{} {column}", if place == 0 { "" } else { "," });
    }
    text
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Fit, Problem, Status, fit};
    use crate::Error;

    fn logit(
        features: &[f64],
        labels: &[f64],
        weights: Option<&[f64]>,
        ridge: f64,
    ) -> Result<Fit, Error> {
        let columns = features.len() / labels.len();
        fit(
            Problem {
                features,
                columns,
                labels,
                weights,
                ridge,
                intercept: true,
            },
            1e-10,
            100,
        )
    }

    #[test]
    fn two_proportions_give_their_log_odds() {
        // one of four among the zeros, three of five among the ones
        let features = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        let labels = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0];
        let found = logit(&features, &labels, None, 0.0).unwrap();
        assert!((found.intercept - (1.0_f64 / 3.0).ln()).abs() < 1e-13);
        assert!((found.coef[0] - (1.5_f64 * 3.0).ln()).abs() < 1e-13);
        let variance = 1.0 + 1.0 / 3.0 + 1.0 / 3.0 + 1.0 / 2.0;
        assert!((found.std_error[0] - f64::sqrt(variance)).abs() < 1e-12);
        assert_eq!(found.status, Status::Converged);
        let grouped = logit(&[0.0, 1.0], &[0.25, 0.6], Some(&[4.0, 5.0]), 0.0).unwrap();
        assert!((grouped.coef[0] - found.coef[0]).abs() < 1e-12);
    }

    #[test]
    fn separation_and_dependence_are_told_apart() {
        let x = [1.0, 2.0, 3.0, 4.0];
        let separated = logit(&x, &[0.0, 0.0, 1.0, 1.0], None, 0.0);
        assert!(matches!(separated, Err(Error::Separation(_))));
        let twice = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0];
        let dependent = logit(&twice, &[0.0, 1.0, 0.0, 1.0], None, 0.0);
        assert!(matches!(dependent, Err(Error::RankDeficient(text)) if text.contains("column 1 ")));
        assert!(logit(&x, &[0.0, 0.0, 1.0, 1.0], None, 1e-6).is_ok());
        assert!(matches!(
            logit(&x, &[1.0; 4], None, 1.0),
            Err(Error::Separation(_))
        ));
    }
}
