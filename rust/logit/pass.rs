//! One pass over the rows: objective, gradient and Hessian at a point, in units in which columns are alike.

use std::ops::Range;

use pulp::Arch;

use super::Problem;
use super::units::Units;
use crate::elementary::{add, dispatch, softplus_and_sigmoid};
use crate::threads;

/// Rows of one unit of work; a constant, so that sums are the same on any number of threads.
pub const BLOCK: usize = 4_096;
/// Rows whose columns stand side by side in the cache.
const TILE: usize = 256;
const LANES: usize = 8;

/// One row of a problem.
pub struct Row<'a> {
    pub features: &'a [f64],
    pub label: f64,
    pub weight: f64,
}

pub fn rows<'a>(problem: &Problem<'a>) -> impl Iterator<Item = Row<'a>> {
    rows_in(problem, 0..problem.labels.len())
}

pub fn rows_in<'a>(problem: &Problem<'a>, range: Range<usize>) -> impl Iterator<Item = Row<'a>> {
    let Problem {
        features,
        columns,
        labels,
        weights,
        ..
    } = *problem;
    let labels = labels.get(range.clone()).unwrap_or_default();
    range.zip(labels).map(move |(row, &label)| Row {
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
            _ if scale.is_finite() => problem.ridge / scale / scale,
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
