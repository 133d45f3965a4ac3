//! Firth's likelihood, that of Jeffreys' prior: finite where the outcomes separate, and with less bias in small samples.

use super::answers::{Reader, predictor, scatter};
use super::pass::{Model, weighed};
use crate::cholesky::Cholesky;
use crate::newton::{End, Failure, Sums};
use crate::status::Status;

/// A sum of squares that rounding leaves of a step.
const ROUNDING: f64 = 1e-13;

/// Leverage of each entry list under an inverse Hessian: x'Bx. O(entries²)
#[must_use]
pub fn leverage(entries: &[(usize, f64)], inverse: &[f64], width: usize) -> f64 {
    let mut sum = 0.0;
    for &(row, sign) in entries {
        let line = inverse.get(row * width..(row + 1) * width);
        sum += sign * predictor(entries, line.unwrap_or_default());
    }
    sum
}

impl Model<'_> {
    /// Maximizes log-likelihood + log det(information) / 2 of tasks of one or two profiles by scoring.
    ///
    /// The residual falls by a factor a step, so steps go on until it is the cube of `tol`, or rounding. O(T P²) a
    /// step. Naive equivalent: solve X'(y − p + h(1/2 − p)) = 0, h the diagonal of the hat matrix.
    ///
    /// # Errors
    /// [`Failure::Dependent`] where the information is singular.
    pub fn firth(&self, start: Vec<f64>, tol: f64, max_iter: usize) -> Result<End, Failure> {
        let weight = weighed(self.answers).0.max(f64::MIN_POSITIVE);
        let (mut point, mut iterations, mut last) = (start, 0, f64::MAX);
        let (mut sums, mut factor) = self.jeffreys(&point)?;
        loop {
            let step = factor.solve(&sums.gradient);
            let decrement: f64 = step.iter().zip(&sums.gradient).map(|(d, g)| d * g).sum();
            let residual = decrement / 2.0 / weight;
            let floor = residual >= last && decrement <= ROUNDING * sums.objective.abs();
            let arrived = floor || residual <= tol.min(tol.powi(3));
            let next = if arrived || iterations == max_iter {
                None
            } else {
                self.uphill(&point, sums.objective, &step)
            };
            let Some((there, better, its_factor)) = next else {
                let status = match residual <= tol {
                    true => Status::Converged,
                    false if floor => Status::Floor,
                    false if iterations == max_iter => Status::MaxIter,
                    false => Status::Stalled,
                };
                return Ok(End {
                    point,
                    sums,
                    factor,
                    iterations,
                    residual,
                    status,
                });
            };
            (point, sums, factor, last) = (there, better, its_factor, residual);
            iterations += 1;
        }
    }

    /// The point a step further, or a half, a quarter, … of it, where the objective is not above the present one.
    fn uphill(
        &self,
        point: &[f64],
        value: f64,
        step: &[f64],
    ) -> Option<(Vec<f64>, Sums, Cholesky)> {
        let bound = value + ROUNDING * value.abs();
        (0..30).find_map(|halving| {
            let share = 0.5_f64.powi(halving);
            let next: Vec<f64> = point.iter().zip(step).map(|(x, d)| x - share * d).collect();
            let (sums, factor) = self.jeffreys(&next).ok()?;
            (sums.objective <= bound).then_some((next, sums, factor))
        })
    }

    /// The likelihood with the prior: its sums, and the factor of the information.
    fn jeffreys(&self, point: &[f64]) -> Result<(Sums, Cholesky), Failure> {
        let mut sums = self.sums(point, true);
        let factor = Cholesky::new(&sums.hessian, point.len()).map_err(Failure::Dependent)?;
        sums.objective -= 0.5 * factor.log_det();
        let inverse = factor.inverse();
        let mut reader = Reader::new(self.answers, self.columns);
        let mut entries = Vec::new();
        for task in (0..self.answers.tasks()).filter(|&task| self.answers.weight(task) > 0.0) {
            reader.difference(task, &mut entries);
            let pull = self.pull(task, &entries, point, &inverse);
            scatter(&entries, pull, &mut sums.gradient);
        }
        Ok((sums, factor))
    }

    /// Slope by the linear predictor of a task of what the prior adds to the objective: h (p − 1/2).
    #[must_use]
    pub fn pull(
        &self,
        task: usize,
        entries: &[(usize, f64)],
        point: &[f64],
        inverse: &[f64],
    ) -> f64 {
        let loss = self.link.loss(predictor(entries, point), 0.0); // its slope is p
        let share = self.answers.weight(task) * loss.curve;
        share * leverage(entries, inverse, point.len()) * (loss.slope - 0.5)
    }
}
