//! Ratings by maximum likelihood: Bradley-Terry, with ties of their own or with features.

use super::likelihood::{Duels, Model};
use super::problem::Problem;
use crate::check;
use crate::error::{Error, Result};
use crate::status::Status;

/// Squares of features, times weights, must not overflow.
const LARGEST: f64 = 1e100;
/// A step that moves a difference by more than this has not arrived, however small the gradient.
const ARRIVED: f64 = 1e-3;
/// A step that moves it by less is rounding.
const ROUNDING: f64 = 1e-9;
/// A step that moves it by this much at a vanishing gradient goes on for ever.
const ENDLESS: f64 = 0.1;
/// Weights of the penalties and where to stop.
#[derive(Debug, Clone, Copy)]
pub struct FitOptions<'a> {
    /// Weight of ½·|theta|²; at 0 the mean of theta is 0.
    pub ridge: f64,
    /// Weight of ½·|coefficients|².
    pub ridge_features: f64,
    /// [n] where theta starts.
    pub init: Option<&'a [f64]>,
    /// Bound of the residual.
    pub tol: f64,
    /// Most Newton steps.
    pub max_iter: usize,
}

/// Where the iteration ended.
#[derive(Debug, Clone)]
pub struct RatingFit {
    /// [n]
    pub theta: Vec<f64>,
    /// ln nu or ln kappa, or [F] coefficients of the features.
    pub extra: Vec<f64>,
    /// Without the penalties.
    pub loglik: f64,
    /// Newton steps taken.
    pub iterations: usize,
    /// Largest absolute entry of the gradient / total weight.
    pub residual: f64,
    /// How it ended.
    pub status: Status,
    /// [n + extra] the way on which the likelihood rises for ever; else empty.
    pub endless: Vec<f64>,
    /// Features that depend on the items and on one another; else empty.
    pub dependent: Vec<usize>,
}

/// Maximizes `Σ ln p(outcome | theta_i − theta_j) − ½·ridge·|theta|²` by Newton's method.
///
/// Features add features·coefficients to the difference. Of a model with a tie parameter some but not all rows must
/// hold ties, and none features. A step costs O(R + n³) to n = 2000, above O(R) for each of the conjugate gradients; it
/// stops where `residual <= tol`, after one more step. Naive equivalent: a logit on the differences of the items'
/// indicators. Without a ridge the maximum exists where every item can be reached from every other by wins and ties
/// (and rows with features are not separated), which the caller sees to: else it ends as [`Status::Stalled`], with the
/// direction in `endless` where it is found.
///
/// ```
/// use prefcore::ratings::{Duels, FitOptions, Model, fit_ratings};
/// let rows = Duels {
///     n_items: 2,
///     first: &[0],
///     second: &[1],
///     wins: &[3.0],
///     losses: &[1.0],
///     ties: &[0.0],
///     features: &[],
///     columns: 0,
/// };
/// let options = FitOptions { ridge: 0.0, ridge_features: 0.0, init: None, tol: 1e-10, max_iter: 100 };
/// let found = fit_ratings(Model::BradleyTerry, &rows, options)?;
/// assert!((found.theta[0] - found.theta[1] - 3.0_f64.ln()).abs() < 1e-12);
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// Lengths that do not fit, values outside their range.
pub fn fit_ratings(model: Model, rows: &Duels<'_>, options: FitOptions<'_>) -> Result<RatingFit> {
    check(model, rows, options)?;
    let problem = Problem::new(model, rows, options)?;
    let FitOptions { tol, max_iter, .. } = options;
    let mut point = problem.start(options.init);
    let mut here = problem.evaluate(&point);
    let mut last = rows.first.is_empty();
    let mut iterations = 0;
    loop {
        let gradient = problem.gradient(&point, &here);
        let residual = problem.residual(&gradient);
        let end = |status| {
            RatingFit::new(
                rows.n_items,
                &point,
                here.loglik,
                (iterations, residual, status),
            )
        };
        if last && residual <= tol {
            return Ok(end(Status::Converged));
        }
        let step = match problem.step(&here, &gradient) {
            Ok(step) => step,
            Err(dependent) => {
                return Ok(RatingFit {
                    dependent,
                    ..end(Status::Stalled)
                });
            }
        };
        let moved = problem.moved(&step);
        let arrived = residual <= tol && moved <= ARRIVED;
        if last && moved <= ROUNDING {
            return Ok(end(Status::Floor));
        }
        if residual <= tol && moved >= ENDLESS && problem.separates(&step) {
            return Ok(RatingFit {
                endless: step,
                ..end(Status::Stalled)
            });
        }
        if iterations == max_iter {
            return Ok(end(Status::MaxIter));
        }
        let Some(next) = problem.ascend(&point, &here, &step) else {
            return Ok(end(Status::Stalled));
        };
        (point, here) = next;
        last = arrived || moved <= ROUNDING;
        iterations += 1;
    }
}

impl RatingFit {
    fn new(
        n: usize,
        point: &[f64],
        loglik: f64,
        (iterations, residual, status): (usize, f64, Status),
    ) -> Self {
        let (theta, extra) = point.split_at_checked(n).unwrap_or_default();
        Self {
            theta: theta.to_vec(),
            extra: extra.to_vec(),
            loglik,
            iterations,
            residual,
            status,
            endless: Vec::new(),
            dependent: Vec::new(),
        }
    }
}

fn check(model: Model, rows: &Duels<'_>, options: FitOptions<'_>) -> Result<()> {
    for (name, values) in [
        ("wins", rows.wins),
        ("losses", rows.losses),
        ("ties", rows.ties),
    ] {
        if let Some((row, x)) = entry(values, |x| !(0.0..=LARGEST).contains(&x)) {
            return Err(Error::domain_at(name, [row], "a number in [0, 1e100]", x));
        }
    }
    if let Some((place, x)) = entry(rows.features, |x| x.is_nan() || x.abs() > LARGEST) {
        let index = [place / rows.columns, place % rows.columns];
        return Err(Error::domain_at(
            "features",
            index,
            "a number within 1e100",
            x,
        ));
    }
    if let Some(init) = options.init {
        check::same_length("init", init.len(), "the items", rows.n_items)?;
        if let Some((item, x)) = entry(init, |x| !x.is_finite()) {
            return Err(Error::domain_at("init", [item], "a finite number", x));
        }
    }
    for (name, ridge) in [
        ("ridge", options.ridge),
        ("ridge_features", options.ridge_features),
    ] {
        if !(0.0..=LARGEST).contains(&ridge) {
            return Err(Error::domain(name, "a number in [0, 1e100]", ridge));
        }
    }
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let ties = sum(rows.ties);
    let some = ties > 0.0 && sum(rows.wins) + sum(rows.losses) > 0.0;
    if model.has_tie_parameter() && !(some && rows.columns == 0) {
        let expected = "some comparisons but not all, and no features in a model of ties";
        return Err(Error::domain("ties", expected, format!("{ties} in all")));
    }
    Ok(())
}

/// The first entry that passes the test, and its place.
fn entry(values: &[f64], test: impl Fn(f64) -> bool) -> Option<(usize, f64)> {
    values.iter().copied().enumerate().find(|&(_, x)| test(x))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{FitOptions, RatingFit, fit_ratings};
    use crate::ratings::{Duels, Model};
    use crate::status::Status;

    const ROWS: Duels<'_> = Duels {
        n_items: 3,
        first: &[0, 0, 1],
        second: &[1, 2, 2],
        wins: &[5.0, 4.0, 2.0],
        losses: &[2.0, 3.0, 4.0],
        ties: &[1.0, 0.0, 3.0],
        features: &[],
        columns: 0,
    };
    const OPTIONS: FitOptions<'_> = FitOptions {
        ridge: 0.0,
        ridge_features: 0.0,
        init: None,
        tol: 1e-10,
        max_iter: 100,
    };

    fn run(model: Model, rows: &Duels<'_>) -> RatingFit {
        fit_ratings(model, rows, OPTIONS).unwrap()
    }

    #[test]
    fn expected_wins_are_the_wins() {
        let found = run(Model::BradleyTerry, &ROWS);
        assert_eq!(found.status, Status::Converged);
        assert!(found.theta.iter().sum::<f64>().abs() < 1e-14);
        let p = |i: usize, j: usize| 1.0 / (1.0 + (found.theta[j] - found.theta[i]).exp());
        assert!((8.0 * p(0, 1) + 7.0 * p(0, 2) - 9.5).abs() < 1e-12);
        assert!((8.0 * p(1, 0) + 9.0 * p(1, 2) - 6.0).abs() < 1e-12);
    }

    #[test]
    fn expected_ties_are_the_ties() {
        let found = run(Model::Davidson, &ROWS);
        let p: Vec<f64> = found.theta.iter().map(|x| x.exp()).collect();
        let nu = found.extra[0].exp();
        let expected = |i: usize, j: usize, n: f64| {
            let draw = nu * f64::sqrt(p[i] * p[j]);
            n * draw / (p[i] + p[j] + draw)
        };
        let ties = expected(0, 1, 8.0) + expected(0, 2, 7.0) + expected(1, 2, 9.0);
        assert!((ties - 4.0).abs() < 1e-12, "{ties}");
        assert!(run(Model::RaoKupper, &ROWS).extra[0] > 0.0);
    }

    #[test]
    fn a_feature_without_a_maximum_is_found() {
        let rows = Duels {
            losses: &[0.0, 3.0, 0.0],
            wins: &[5.0, 4.0, 2.0],
            ties: &[0.0; 3],
            features: &[1.0, 0.0, 2.0],
            columns: 1,
            ..ROWS
        };
        let found = run(Model::BradleyTerry, &rows);
        assert_eq!(found.status, Status::Stalled);
        assert_eq!(found.endless.len(), 4);
        let twice = Duels {
            losses: ROWS.losses,
            features: &[1.0, 0.0, -1.0],
            ..rows
        };
        assert_eq!(run(Model::BradleyTerry, &twice).dependent, [0]);
    }

    #[test]
    fn conjugate_gradients_find_what_the_table_does() {
        // the same three items among 2,100, the others in a ring of draws around them
        let ring: Vec<(i64, i64)> = (0..2_100).map(|i| (i, (i + 1) % 2_100)).collect();
        let (first, second): (Vec<_>, Vec<_>) = ring.into_iter().chain([(0, 9), (4, 70)]).unzip();
        let count = first.len();
        let wins: Vec<f64> = (0..count).map(|r| [3.0, 1.0, 2.0, 5.0][r % 4]).collect();
        let rows = Duels {
            n_items: 2_100,
            first: &first,
            second: &second,
            wins: &wins,
            losses: &vec![2.0; count],
            ties: &vec![1.0; count],
            ..ROWS
        };
        let found = run(Model::BradleyTerry, &rows);
        assert_eq!(found.status, Status::Converged);
        assert!(found.residual < 1e-14, "{}", found.residual);
    }
}
