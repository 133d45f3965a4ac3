//! Newton steps that keep a Hessian while it hardly changes, for the Hessian is most of the work of a step.

use super::likelihood::{Penalized, dot};
use super::robust::Clusters;
use crate::cholesky::Cholesky;
use crate::newton::{End, Objective};
use crate::status::Status;

/// A step of a residual above this changes the Hessian too much to keep it.
const FAR: f64 = 1e-6;
/// Share of the last residual that is left at most.
const LEFT: f64 = 0.25;
/// For the last residual before the first.
const FIRST: f64 = 4.0;
/// Residual that is expected after the last step: the Hessian there is the minimum's up to 1e-10.
const ARRIVED: f64 = 1e-21;

/// Where the steps begin.
#[derive(Debug)]
pub struct Guess {
    /// [P]
    pub point: Vec<f64>,
    /// Of a Hessian like that at the point, and the number by which its steps are multiplied.
    pub factor: Option<(Cholesky, f64)>,
}

impl Guess {
    /// A point alone.
    #[must_use]
    pub fn at(point: Vec<f64>) -> Self {
        Self {
            point,
            factor: None,
        }
    }
}

/// At the minimum.
#[derive(Debug)]
pub struct Arrival {
    /// Point, Hessian, residual.
    pub end: End,
    /// [P, P] middle of the sandwich.
    pub meat: Vec<f64>,
    /// Without the penalty.
    pub loss: f64,
}

impl Penalized<'_> {
    /// A point from which one Newton step is exact to rounding, and the number of steps to it; `None` where full steps
    /// do not lead there fast.
    #[must_use]
    pub fn approach(&self, guess: &Guess, most: usize) -> Option<(Vec<f64>, usize)> {
        let weight = self.total_weight();
        let (mut point, mut kept, mut last) = (guess.point.clone(), guess.factor.clone(), FIRST);
        for steps in 1..=most {
            let sums = self.at(&point, kept.is_none());
            let (factor, share) = match kept {
                Some(kept) => kept,
                None => (Cholesky::new(&sums.hessian, point.len()).ok()?, 1.0),
            };
            let step = factor.solve(&sums.gradient);
            let residual = share * dot(&step, &sums.gradient) / 2.0 / weight;
            if residual.is_nan() || residual > LEFT * last {
                return None;
            }
            point
                .iter_mut()
                .zip(&step)
                .for_each(|(x, d)| *x -= share * d);
            if residual * (residual / last) <= ARRIVED {
                return Some((point, steps));
            }
            kept = (residual <= FAR).then_some((factor, share));
            last = residual;
        }
        None
    }

    /// The step at hand from such a point: all that a fit has comes from one pass over the tasks. `None` where rounding
    /// leaves no Hessian.
    #[must_use]
    pub fn arrive(&self, clusters: &Clusters, fast: (Vec<f64>, usize)) -> Option<Arrival> {
        let (mut point, steps) = fast;
        let (meat, mut sums) = self.model.meat(clusters, &point, None, true);
        let loss = sums.objective;
        self.penalize(&mut sums, &point);
        let factor = Cholesky::new(&sums.hessian, point.len()).ok()?;
        let step = factor.solve(&sums.gradient);
        let decrement = dot(&step, &sums.gradient);
        point.iter_mut().zip(&step).for_each(|(x, d)| *x -= d);
        let end = End {
            point,
            sums,
            factor,
            iterations: steps, // the one at hand does not count, as in `minimize`
            residual: decrement / 2.0 / self.total_weight(),
            status: Status::Converged,
        };
        Some(Arrival { end, meat, loss })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Answers, Clusters, Method, Options, fit_outcome};
    use crate::conjoint::Codes;
    use crate::error::Result;
    use crate::newton::Failure;

    /// Of 12,000 choices between profiles of two factors: steps and coefficients.
    fn fitted(tol: f64) -> Result<std::result::Result<(usize, Vec<f64>), Failure>> {
        let tasks = 12_000_u32;
        let codes: Vec<u8> = (0..tasks)
            .flat_map(|t| [t % 3, t / 3 % 2, t / 7 % 3, t / 5 % 2])
            .filter_map(|level| u8::try_from(level).ok())
            .collect();
        let left = (0..tasks).map(|t| f64::from(u8::from(t * 7 % 11 < 4 + t % 3)));
        let answers = Answers {
            codes: Codes::U8(&codes),
            outcomes: &left.flat_map(|y| [y, 1.0 - y]).collect::<Vec<_>>(),
            offsets: &(0..=i64::from(tasks)).map(|t| 2 * t).collect::<Vec<_>>(),
            weights: None,
        };
        let options = Options {
            n_levels: &[3, 2],
            interacting: &[],
            intercept: true,
            method: Method::Logit,
            penalty: &[],
            adjusted: false,
            init: None,
            tol,
            max_iter: 100,
        };
        let fit = fit_outcome(answers, &Clusters::single(answers.tasks()), options)?;
        Ok(fit.map(|fit| (fit.iterations, fit.coef)))
    }

    #[test]
    fn both_ways_lead_to_the_same_minimum() -> Result<()> {
        // No last step of the fast way has so small a residual.
        let found = (fitted(1e-10)?, fitted(1e-40)?);
        let (Ok((steps, fast)), Ok((more, careful))) = found else {
            unreachable!("{found:?}");
        };
        assert!(steps <= 4 && more >= 4, "{steps} {more}");
        for (x, y) in fast.iter().zip(&careful) {
            assert!((x - y).abs() < 1e-14, "{x} {y}");
        }
        Ok(())
    }
}
