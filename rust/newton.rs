//! Newton's method for smooth convex objectives that are sums over rows, and what stops it: separation, dependence.

use crate::cholesky::Cholesky;
use crate::status::Status;

/// A step that moves a row's linear predictor by this much at a vanishing gradient goes on for ever.
const ENDLESS: f64 = 0.1;
/// Of two values of the objective, a difference below this share is rounding.
const ROUNDING: f64 = 1e-13;

/// Objective, gradient and Hessian at a point.
#[derive(Debug, Clone)]
pub struct Sums {
    /// What is minimized.
    pub objective: f64,
    /// [P]
    pub gradient: Vec<f64>,
    /// [P, P], of which the lower triangle is read.
    pub hessian: Vec<f64>,
}

/// A convex objective of P unknowns: a negative log-likelihood, with or without a penalty.
pub trait Objective {
    /// Everything at a point.
    fn sums(&self, point: &[f64]) -> Sums;
    /// The objective alone.
    fn value(&self, point: &[f64]) -> f64;
    /// What the decrement is divided by: the weight of all rows.
    fn total_weight(&self) -> f64;
    /// A bound of the most by which a step moves a row's linear predictor.
    fn moved(&self, step: &[f64]) -> f64;
    /// Whether a direction makes no row less likely and some more, with no penalty against it.
    fn separates(&self, direction: &[f64]) -> bool;
}

/// Where it ended.
#[derive(Debug)]
pub struct End {
    /// [P]
    pub point: Vec<f64>,
    /// At the point, or at the one before, from which it cannot be told.
    pub sums: Sums,
    /// Of the Hessian there.
    pub factor: Cholesky,
    /// Newton steps taken.
    pub iterations: usize,
    /// Newton decrement g'H⁻¹g / 2, per weight.
    pub residual: f64,
    /// How it ended.
    pub status: Status,
}

/// Why there is no minimum, or more than one.
#[derive(Debug)]
pub enum Failure {
    /// Unknowns whose columns depend on others at the start.
    Dependent(Vec<usize>),
    /// The direction in which the objective falls for ever.
    Separated(Vec<f64>),
}

/// Minimizes by full Newton steps, halved while they do not descend; stops where the residual is <= `tol`.
///
/// O(P³) a step beside the sums. After the residual is small enough one more step is taken: it costs little, and squares
/// the error. So does the step that is at hand then, which needs no sums of its own.
///
/// # Errors
/// [`Failure`] where the minimum does not exist, or is not unique.
pub fn minimize(
    objective: &impl Objective,
    start: Vec<f64>,
    tol: f64,
    max_iter: usize,
) -> Result<End, Failure> {
    let mut point = start;
    let mut sums = objective.sums(&point);
    let mut factor = Cholesky::new(&sums.hessian, point.len()).map_err(Failure::Dependent)?;
    let (mut iterations, mut last) = (0, false);
    let weight = objective.total_weight().max(f64::MIN_POSITIVE);
    let (status, residual) = loop {
        let step = factor.solve(&sums.gradient);
        let decrement: f64 = step.iter().zip(&sums.gradient).map(|(d, g)| d * g).sum();
        let residual = decrement / 2.0 / weight;
        if residual <= tol {
            if objective.moved(&step) >= ENDLESS {
                refuse_separation(objective, &step)?;
            }
            if last {
                point.iter_mut().zip(&step).for_each(|(x, d)| *x -= d);
                break (Status::Converged, residual);
            }
            last = true;
        }
        if iterations == max_iter {
            break (Status::MaxIter, residual);
        }
        let Some(next) = descend(objective, &point, sums.objective, &step) else {
            // A decrement that no step realizes is rounding.
            let status = if decrement <= ROUNDING * sums.objective.abs() {
                Status::Floor
            } else {
                Status::Stalled
            };
            break (status, residual);
        };
        (point, sums) = next;
        iterations += 1;
        let Ok(found) = Cholesky::new(&sums.hessian, point.len()) else {
            refuse_separation(objective, &step)?;
            break (Status::Stalled, residual);
        };
        factor = found;
    };
    Ok(End {
        point,
        sums,
        factor,
        iterations,
        residual,
        status,
    })
}

/// A direction in which no row gets less likely and some get more is one that the objective follows for ever.
fn refuse_separation(objective: &impl Objective, step: &[f64]) -> Result<(), Failure> {
    let down: Vec<f64> = step.iter().map(|d| -d).collect();
    if objective.separates(&down) {
        return Err(Failure::Separated(down));
    }
    Ok(())
}

/// The point a step further, or a half, a quarter, … of it, where the objective is not above the present one, with its
/// sums.
fn descend(
    objective: &impl Objective,
    point: &[f64],
    value: f64,
    step: &[f64],
) -> Option<(Vec<f64>, Sums)> {
    let bound = value + ROUNDING * value.abs();
    let at = |share: f64| point.iter().zip(step).map(move |(x, d)| x - share * d);
    // A full step nearly always descends: no pass for its value alone.
    let full: Vec<f64> = at(1.0).collect();
    let sums = objective.sums(&full);
    if sums.objective <= bound {
        return Some((full, sums));
    }
    (1..40).find_map(|halving| {
        let next: Vec<f64> = at(0.5_f64.powi(halving)).collect();
        (objective.value(&next) <= bound).then(|| (next.clone(), objective.sums(&next)))
    })
}

#[cfg(test)]
mod tests {
    use super::{End, Failure, Objective, Sums, minimize};
    use crate::status::Status;

    /// cosh of each unknown, whose minimum is 0.
    struct Cosh;

    impl Objective for Cosh {
        fn sums(&self, point: &[f64]) -> Sums {
            let n = point.len();
            let mut hessian = vec![0.0; n * n];
            let diagonal = hessian.iter_mut().step_by(n + 1);
            diagonal.zip(point).for_each(|(h, x)| *h = x.cosh());
            Sums {
                objective: self.value(point),
                gradient: point.iter().map(|x| x.sinh()).collect(),
                hessian,
            }
        }
        fn value(&self, point: &[f64]) -> f64 {
            point.iter().map(|x| x.cosh()).sum()
        }
        fn total_weight(&self) -> f64 {
            1.0
        }
        fn moved(&self, step: &[f64]) -> f64 {
            step.iter().map(|d| d.abs()).sum()
        }
        fn separates(&self, _direction: &[f64]) -> bool {
            false
        }
    }

    #[test]
    fn the_minimum_is_found_to_rounding() -> Result<(), Failure> {
        let End {
            point,
            iterations,
            status,
            ..
        } = minimize(&Cosh, vec![3.0, -2.0], 1e-12, 100)?;
        assert!(point.iter().all(|x| x.abs() < 1e-14));
        assert!(iterations < 10);
        assert_eq!(status, Status::Converged);
        Ok(())
    }
}
