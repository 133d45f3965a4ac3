//! Units in which the columns of a problem are alike, and the way back from them.

use std::ops::Add;

use super::pass::{BLOCK, Sums, rows, rows_in};
use super::{Fit, Problem};
use crate::cholesky::Cholesky;
use crate::status::Status;
use crate::threads;

/// Center and scale of each column: z = (x − center) / scale. Centers are 0 without an intercept to absorb them.
pub struct Units {
    pub center: Vec<f64>,
    pub scale: Vec<f64>,
    /// Largest |z| of each column, and 1 for the intercept.
    reach: Vec<f64>,
    total_weight: f64,
}

impl Units {
    pub fn new(problem: &Problem<'_>) -> Self {
        let total_weight: f64 = rows(problem).map(|row| row.weight).sum();
        let mut center = vec![0.0; problem.columns];
        let mut unit = vec![1.0; problem.columns];
        if problem.intercept {
            // The mean distance from one of the rows: 0 for a constant column, whatever the number of rows.
            if let Some(row) = rows(problem).find(|row| row.weight > 0.0) {
                center.copy_from_slice(row.features);
            }
            let sums = per_column(
                problem,
                (&center, &unit),
                |sum, x, weight| sum + weight * x,
                Add::add,
            );
            for (center, sum) in center.iter_mut().zip(sums) {
                *center += sum / total_weight;
            }
        }
        let mut reach = per_column(
            problem,
            (&center, &unit),
            |most, x, _| x.abs().max(most),
            f64::max,
        );
        for (unit, &reach) in unit.iter_mut().zip(&reach) {
            *unit = if reach > 0.0 { reach } else { 1.0 }; // squares of tiny numbers would vanish
        }
        let spread = per_column(
            problem,
            (&center, &unit),
            |sum, x, weight| sum + weight * x * x,
            Add::add,
        );
        // A column that is constant but for the last bit has a spread of rounding only, and one that is tiny beside the
        // ridge has a coefficient of 0: both are held at 0.
        let counts = |scale: f64, center: f64| {
            scale > 4.0 * f64::EPSILON * center.abs()
                && scale > f64::MIN_POSITIVE
                && (problem.ridge / scale / scale).is_finite()
        };
        let scales = spread
            .iter()
            .zip(&unit)
            .zip(&center)
            .map(
                |((sum, unit), center)| match unit * (sum / total_weight).sqrt() {
                    scale if counts(scale, *center) => scale,
                    _ => f64::INFINITY,
                },
            );
        let scale: Vec<f64> = scales.collect();
        reach
            .iter_mut()
            .zip(&scale)
            .for_each(|(most, scale)| *most /= scale);
        reach.extend(problem.intercept.then_some(1.0));
        Self {
            center,
            scale,
            reach,
            total_weight,
        }
    }

    /// Number of coefficients, the intercept included.
    pub fn unknowns(&self) -> usize {
        self.reach.len()
    }

    /// Most by which each part of a step moves a linear predictor.
    pub fn moves(&self, step: &[f64]) -> Vec<f64> {
        step.iter()
            .zip(&self.reach)
            .map(|(d, reach)| (d * reach).abs())
            .collect()
    }

    /// A bound of the most by which a step moves a linear predictor.
    pub fn moved(&self, step: &[f64]) -> f64 {
        self.moves(step).into_iter().sum()
    }

    /// Largest absolute entry of the gradient in the caller's units, per weight.
    pub fn residual(&self, problem: &Problem<'_>, point: &[f64], sums: &Sums) -> f64 {
        let intercept = if problem.intercept {
            sums.gradient.last().copied().unwrap_or_default()
        } else {
            0.0
        };
        let columns = self
            .scale
            .iter()
            .zip(&self.center)
            .zip(sums.gradient.iter().zip(point));
        let largest = columns.fold(
            intercept.abs(),
            |largest, ((&scale, &center), (&slope, &coef))| {
                // The penalty of a unit of this column is ridge / scale².
                let penalty = if scale.is_finite() {
                    problem.ridge * coef / scale
                } else {
                    0.0
                };
                let likelihood = if scale.is_finite() {
                    slope * scale - penalty
                } else {
                    0.0
                };
                largest.max((likelihood + center * intercept + penalty).abs())
            },
        );
        largest / self.total_weight
    }

    /// Whether −step makes no row's label less likely and some row's more.
    pub fn separates(&self, problem: &Problem<'_>, step: &[f64]) -> bool {
        const NOTHING: f64 = 1e-6;
        let last = if problem.intercept {
            step.last().copied().unwrap_or_default()
        } else {
            0.0
        };
        let mut gain = 0.0_f64;
        let holds = rows(problem).filter(|row| row.weight > 0.0).all(|row| {
            let parts = row
                .features
                .iter()
                .zip(&self.center)
                .zip(self.scale.iter().zip(step));
            let up = -parts
                .map(|((x, center), (scale, d))| (x - center) / scale * d)
                .sum::<f64>()
                - last;
            gain = gain.max(up.abs());
            (row.label > 0.0 || up <= NOTHING)
                && (row.label < 1.0 || up >= -NOTHING)
                && (row.label == 0.0 || row.label >= 1.0 || up.abs() <= NOTHING)
        });
        holds && gain > 0.01
    }

    /// The result in the caller's units.
    pub fn fit(
        &self,
        problem: &Problem<'_>,
        point: &[f64],
        sums: &Sums,
        hessian: &Cholesky,
        (iterations, status): (usize, Status),
    ) -> Fit {
        let coef: Vec<f64> = point
            .iter()
            .zip(&self.scale)
            .map(|(b, scale)| b / scale)
            .collect();
        let shift: f64 = coef
            .iter()
            .zip(&self.center)
            .map(|(b, center)| b * center)
            .sum();
        let variance = |j: usize| {
            let unit: Vec<f64> = (0..point.len())
                .map(|i| f64::from(u8::from(i == j)))
                .collect();
            hessian.solve(&unit).get(j).copied().unwrap_or(f64::NAN)
        };
        let errors = self
            .scale
            .iter()
            .enumerate()
            .map(|(j, &scale)| match scale {
                _ if scale.is_finite() => variance(j).sqrt() / scale,
                _ => problem.ridge.sqrt().recip(), // a constant column: the penalty alone holds it
            });
        Fit {
            std_error: errors.collect(),
            intercept: if problem.intercept {
                point.last().copied().unwrap_or_default() - shift
            } else {
                0.0
            },
            objective: sums.objective,
            residual: self.residual(problem, point, sums),
            coef,
            iterations,
            status,
        }
    }
}

/// Folds the distances (x − center) / unit of each column, with the weights of the rows, in blocks on several threads.
fn per_column(
    problem: &Problem<'_>,
    (center, unit): (&[f64], &[f64]),
    fold: impl Fn(f64, f64, f64) -> f64 + Sync + Send,
    join: impl Fn(f64, f64) -> f64,
) -> Vec<f64> {
    let n = problem.labels.len();
    let blocks: Vec<_> = (0..n)
        .step_by(BLOCK)
        .map(|start| start..n.min(start + BLOCK))
        .collect();
    let parts = threads::map(blocks, n * problem.columns, |block| {
        let mut folded = vec![0.0; problem.columns];
        for row in rows_in(problem, block) {
            let units = center.iter().zip(unit);
            for ((folded, x), (center, unit)) in folded.iter_mut().zip(row.features).zip(units) {
                *folded = fold(*folded, (x - center) / unit, row.weight);
            }
        }
        folded
    });
    let mut total = vec![0.0; problem.columns];
    for part in parts {
        total
            .iter_mut()
            .zip(part)
            .for_each(|(total, part)| *total = join(*total, part));
    }
    total
}
