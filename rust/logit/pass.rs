//! One pass over the rows: objective, gradient and Hessian at a point, in units in which columns are alike.

use std::ops::Range;

use pulp::Arch;

use super::{Fit, Problem, Status};
use crate::cholesky::Cholesky;
use crate::elementary::{dispatch, softplus_and_sigmoid};
use crate::threads;

/// Rows of one unit of work; a constant, so that sums are the same on any number of threads.
const BLOCK: usize = 4_096;
/// Rows whose columns stand side by side in the cache.
const TILE: usize = 256;
const LANES: usize = 8;

/// One row of a problem.
pub struct Row<'a> {
    features: &'a [f64],
    pub label: f64,
    pub weight: f64,
}

pub fn rows<'a>(problem: &Problem<'a>) -> impl Iterator<Item = Row<'a>> {
    let Problem {
        features,
        columns,
        labels,
        weights,
        ..
    } = *problem;
    labels.iter().enumerate().map(move |(row, &label)| Row {
        features: features
            .get(row * columns..(row + 1) * columns)
            .unwrap_or_default(),
        label,
        weight: weights.map_or(1.0, |weights| weights.get(row).copied().unwrap_or_default()),
    })
}

/// Objective, gradient and lower triangle of the Hessian; the intercept stands last.
pub struct Sums {
    pub objective: f64,
    pub gradient: Vec<f64>,
    pub hessian: Vec<f64>,
}

/// Center and scale of each column: z = (x − center) / scale. Centers are 0 without an intercept to absorb them.
pub struct Units {
    center: Vec<f64>,
    scale: Vec<f64>,
    /// Largest |z| of each column, and 1 for the intercept.
    reach: Vec<f64>,
    total_weight: f64,
}

impl Units {
    pub fn new(problem: &Problem<'_>) -> Self {
        let columns = problem.columns;
        let weighted = |value: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; columns];
            for row in rows(problem) {
                for (j, (sum, &x)) in sums.iter_mut().zip(row.features).enumerate() {
                    *sum += row.weight * value(j, x);
                }
            }
            sums
        };
        let total_weight: f64 = rows(problem).map(|row| row.weight).sum();
        let mut center = vec![0.0; columns];
        if problem.intercept {
            center = weighted(&|_, x| x)
                .into_iter()
                .map(|sum| sum / total_weight)
                .collect();
        }
        let spread = weighted(&|j, x| (x - center.get(j).copied().unwrap_or_default()).powi(2));
        // A constant column has a spread of rounding only.
        let scale: Vec<f64> = spread
            .into_iter()
            .zip(&center)
            .map(|(sum, center)| match (sum / total_weight).sqrt() {
                scale if scale > 1e-13 * center.abs() => scale,
                _ => f64::INFINITY,
            })
            .collect();
        let mut reach = vec![0.0_f64; columns];
        for row in rows(problem) {
            for (((reach, x), center), scale) in
                reach.iter_mut().zip(row.features).zip(&center).zip(&scale)
            {
                *reach = reach.max(((x - center) / scale).abs());
            }
        }
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

/// Objective, gradient and Hessian at a point.
pub fn sums(problem: &Problem<'_>, units: &Units, point: &[f64]) -> Sums {
    let n = problem.labels.len();
    let blocks: Vec<Range<usize>> = (0..n)
        .step_by(BLOCK)
        .map(|start| start..n.min(start + BLOCK))
        .collect();
    let size = point.len();
    let arch = Arch::new();
    let parts = threads::map(blocks, n * size * (size + 8), |block| {
        let mut scratch = Scratch::new(size);
        dispatch(
            arch,
            #[inline(always)]
            || scratch.add(problem, units, point, block),
        );
        scratch.sums
    });
    let mut total = Sums {
        objective: 0.0,
        gradient: vec![0.0; size],
        hessian: vec![0.0; size * size],
    };
    for part in parts {
        total.objective += part.objective;
        add(&mut total.gradient, &part.gradient);
        add(&mut total.hessian, &part.hessian);
    }
    penalize(problem, units, point, &mut total);
    total
}

/// Adds the ridge. Its own units keep a constant column at 0.
fn penalize(problem: &Problem<'_>, units: &Units, point: &[f64], total: &mut Sums) {
    let size = point.len();
    for (j, (&scale, &coef)) in units.scale.iter().zip(point).enumerate() {
        let penalty = match scale {
            _ if scale.is_finite() => problem.ridge / (scale * scale),
            _ => f64::from(u8::from(problem.ridge > 0.0)),
        };
        total.objective += 0.5 * penalty * coef * coef;
        if let (Some(slope), Some(curve)) = (
            total.gradient.get_mut(j),
            total.hessian.get_mut(j * size + j),
        ) {
            *slope += penalty * coef;
            *curve += penalty;
        }
    }
}

fn add(total: &mut [f64], part: &[f64]) {
    total
        .iter_mut()
        .zip(part)
        .for_each(|(total, part)| *total += part);
}

/// Columns of a tile side by side, and the sums of the tiles so far.
struct Scratch {
    /// [size, TILE]
    columns: Vec<f64>,
    sums: Sums,
}

impl Scratch {
    fn new(size: usize) -> Self {
        Self {
            columns: vec![0.0; size * TILE],
            sums: Sums {
                objective: 0.0,
                gradient: vec![0.0; size],
                hessian: vec![0.0; size * size],
            },
        }
    }

    #[allow(clippy::inline_always)] // compiled for AVX as a part of `dispatch`
    #[inline(always)]
    fn add(&mut self, problem: &Problem<'_>, units: &Units, point: &[f64], block: Range<usize>) {
        let mut start = block.start;
        while start < block.end {
            let end = block.end.min(start + TILE);
            self.add_tile(problem, units, point, start..end);
            start = end;
        }
    }

    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn add_tile(
        &mut self,
        problem: &Problem<'_>,
        units: &Units,
        point: &[f64],
        tile: Range<usize>,
    ) {
        let (mut eta, mut slope, mut curve) = ([0.0; TILE], [0.0; TILE], [0.0; TILE]);
        self.load(problem, units, tile.clone());
        for (column, &coef) in self.columns.chunks_exact(TILE).zip(point) {
            eta.iter_mut()
                .zip(column)
                .for_each(|(eta, x)| *eta = x.mul_add(coef, *eta));
        }
        let labels = problem.labels.get(tile.clone()).unwrap_or_default();
        let weights = problem
            .weights
            .map(|weights| weights.get(tile).unwrap_or_default());
        let mut losses = [0.0; TILE];
        for ((((eta, loss), slope), curve), &label) in eta
            .iter()
            .zip(&mut losses)
            .zip(&mut slope)
            .zip(&mut curve)
            .zip(labels)
        {
            let (softplus, p) = softplus_and_sigmoid(*eta);
            let (other, q) = softplus_and_sigmoid(-*eta);
            // y·softplus(−η) + (1 − y)·softplus(η): no difference of large numbers
            *loss = label.mul_add(other, (1.0 - label) * softplus);
            *slope = (1.0 - label).mul_add(p, -(label * q));
            *curve = p * q;
        }
        if let Some(weights) = weights {
            for (((loss, slope), curve), weight) in losses
                .iter_mut()
                .zip(&mut slope)
                .zip(&mut curve)
                .zip(weights)
            {
                *loss *= weight;
                *slope *= weight;
                *curve *= weight;
            }
        }
        let size = point.len();
        let Sums {
            objective,
            gradient,
            hessian,
        } = &mut self.sums;
        *objective += dot(&losses, &[1.0; TILE]);
        for (j, (column, total)) in self
            .columns
            .chunks_exact(TILE)
            .zip(gradient.iter_mut())
            .enumerate()
        {
            *total += dot(column, &slope);
            let mut bent = [0.0; TILE];
            for ((bent, x), curve) in bent.iter_mut().zip(column).zip(&curve) {
                *bent = x * curve;
            }
            let row = hessian.get_mut(j * size..=j * size + j).unwrap_or_default();
            for (total, other) in row.iter_mut().zip(self.columns.chunks_exact(TILE)) {
                *total += dot(&bent, other);
            }
        }
    }

    /// Fills the columns of a tile; a last tile that is not full ends in zeros, which add nothing.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn load(&mut self, problem: &Problem<'_>, units: &Units, tile: Range<usize>) {
        let columns = problem.columns;
        let rows = problem
            .features
            .get(tile.start * columns..tile.end * columns)
            .unwrap_or_default();
        let length = tile.len();
        for (j, column) in self.columns.chunks_exact_mut(TILE).enumerate() {
            let (full, rest) = column.split_at_mut(length.min(TILE));
            rest.fill(0.0);
            let (Some(center), Some(scale)) = (units.center.get(j), units.scale.get(j)) else {
                full.fill(1.0);
                continue;
            };
            let inverse = scale.recip();
            for (z, row) in full.iter_mut().zip(rows.chunks_exact(columns)) {
                *z = (row.get(j).copied().unwrap_or_default() - center) * inverse;
            }
        }
    }
}

#[allow(clippy::inline_always)]
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane = a.mul_add(*b, *lane);
        }
    }
    lanes.iter().sum()
}
