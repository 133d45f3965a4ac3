//! One of many equilibria: the one of largest entropy, or the analytic center, of their convex set.

use faer::linalg::solvers::{Solve, Svd};
use faer::{Mat, Side};

use super::interior::{Interior, longest, move_by};
use super::skew::Skew;
use crate::elementary::float;

/// Singular values below this share of the largest are 0.
const RANK: f64 = 1e-10;
const LIMIT: usize = 100;
const STEP: f64 = 0.99;
/// Relative change at which Newton's method ends: the next would be below rounding.
const SMALL: f64 = 1e-11;
/// Mean complementarity at which the inequalities are done.
const CENTRAL: f64 = 1e-15;

/// What tells one of many equilibria.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// The largest entropy.
    Entropy,
    /// The largest product of probabilities of played actions and shortfalls of the others.
    Center,
}

/// The equilibria around a strictly complementary one: x = point + basis · w on their common support, as long as x and
/// slack = slack − fall · w stay positive.
struct Face {
    support: Vec<usize>,
    /// [support]
    x: Vec<f64>,
    /// Of the actions off the support.
    slack: Vec<f64>,
    /// [support, d] orthonormal.
    basis: Mat<f64>,
    /// [rest, d]
    fall: Mat<f64>,
}

/// The equilibrium that is asked for: strategies, whether they are the only ones, and steps taken.
///
/// O(n³) for the singular value decomposition on the support, then a few Newton steps of O(n·d²), d the dimension of the
/// set. `None` where the support that the interior point gives carries no equilibrium.
pub fn choose(skew: &Skew, interior: &Interior, aim: Aim) -> Option<(Vec<f64>, bool, usize)> {
    let mut face = Face::new(skew, interior)?;
    let unique = face.basis.ncols() == 0;
    let steps = if unique { 0 } else { face.climb(aim) };
    let mut x = vec![0.0; skew.n];
    for (&i, &p) in face.support.iter().zip(&face.x) {
        if let Some(x) = x.get_mut(i) {
            *x = p;
        }
    }
    Some((x, unique, steps))
}

impl Face {
    fn new(skew: &Skew, interior: &Interior) -> Option<Self> {
        let support = interior.support();
        let size = support.len();
        let system = skew.bordered(&support, |_| 0.0);
        let svd = system.svd().ok()?;
        let scale: Vec<f64> = svd.S().column_vector().iter().copied().collect();
        let most = scale.first().copied().unwrap_or(0.0);
        let rank = scale
            .iter()
            .take_while(|value| **value > RANK * most)
            .count();
        let point = nearest(skew, interior, (&support, &system), &svd, rank);
        let basis = svd.V().subcols(rank, scale.len() - rank);
        let basis = basis.subrows(0, size).to_owned();
        let (x, values) = point.col_as_slice(0).split_at(size);
        let mut full = vec![0.0; skew.n];
        for (&i, &p) in support.iter().zip(x) {
            full.iter_mut().skip(i).take(1).for_each(|x| *x = p);
        }
        let rest = (0..skew.n).filter(|i| support.binary_search(i).is_err());
        let rest: Vec<usize> = rest.collect();
        let earned = skew.apply(&full);
        let short = |&i: &usize| at(values, skew.player(i)) - at(&earned, i);
        let slack: Vec<f64> = rest.iter().map(short).collect();
        if x.iter().chain(&slack).any(|x| x.is_nan() || *x <= 0.0) {
            return None;
        }
        let others = Mat::from_fn(rest.len(), size, |i, j| {
            let row = rest.get(i).map_or(&[][..], |&i| skew.row(i));
            support.get(j).map_or(0.0, |&j| at(row, j))
        });
        Some(Self {
            x: x.to_vec(),
            slack,
            fall: others * &basis,
            basis,
            support,
        })
    }

    /// Newton's method on the barrier, with a multiplier for each inequality; steps taken.
    fn climb(&mut self, aim: Aim) -> usize {
        let mut multiplier: Vec<f64> = self.slack.iter().map(|s| 0.1 / s).collect();
        for steps in 0..LIMIT {
            let pairs = multiplier.iter().zip(&self.slack);
            let central = pairs.map(|(z, s)| z * s).sum::<f64>() / float(self.slack.len().max(1));
            let mu = match aim {
                Aim::Entropy => 0.1 * central,
                Aim::Center => 1.0,
            };
            if aim == Aim::Center {
                multiplier = self.slack.iter().map(|s| 1.0 / s).collect();
            }
            let Some(along) = self.newton(aim, mu, &multiplier) else {
                return steps;
            };
            let dx = (&self.basis * &along).col_as_slice(0).to_vec();
            let fall = &self.fall * &along;
            let ds: Vec<f64> = fall.col_as_slice(0).iter().map(|fall| -fall).collect();
            let pairs = multiplier.iter().zip(self.slack.iter().zip(&ds));
            let dz: Vec<f64> = pairs.map(|(z, (s, ds))| (mu - z * ds) / s - z).collect();
            let mut length = longest(&self.x, &dx).min(longest(&self.slack, &ds));
            if aim == Aim::Entropy {
                length = length.min(longest(&multiplier, &dz));
            }
            let length = (STEP * length).min(1.0);
            move_by(&mut self.x, &dx, length);
            move_by(&mut self.slack, &ds, length);
            move_by(&mut multiplier, &dz, length);
            let change = self
                .x
                .iter()
                .zip(&dx)
                .map(|(x, dx)| (dx / x).abs())
                .fold(0.0, f64::max);
            let done = aim == Aim::Center || central <= CENTRAL;
            if change.is_nan() || (done && change < SMALL) {
                return steps + 1;
            }
        }
        LIMIT
    }

    /// The step w of Newton's method for Σ φ(x) − mu Σ log(slack), φ = x log x or −log x.
    fn newton(&self, aim: Aim, mu: f64, multiplier: &[f64]) -> Option<Mat<f64>> {
        let curved = |x: f64| match aim {
            Aim::Entropy => 1.0 / x,
            Aim::Center => 1.0 / (x * x),
        };
        let slope = |x: f64| match aim {
            Aim::Entropy => x.ln() + 1.0,
            Aim::Center => -1.0 / x,
        };
        let column = |values: Vec<f64>| {
            Mat::from_fn(values.len(), 1, |i, _| {
                values.get(i).copied().unwrap_or(0.0)
            })
        };
        let down = self.basis.transpose() * column(self.x.iter().map(|&x| slope(x)).collect());
        let push = self.fall.transpose() * column(self.slack.iter().map(|s| mu / s).collect());
        let weights: Vec<f64> = multiplier
            .iter()
            .zip(&self.slack)
            .map(|(z, s)| z / s)
            .collect();
        let bends: Vec<f64> = self.x.iter().map(|&x| curved(x)).collect();
        let hessian = self.basis.transpose() * scaled(&self.basis, &bends)
            + self.fall.transpose() * scaled(&self.fall, &weights);
        let factor = hessian.llt(Side::Lower).ok()?;
        Some(factor.solve(-(down + push)))
    }
}

/// The solution of the system on the support that is nearest to the interior point.
fn nearest(
    skew: &Skew,
    interior: &Interior,
    (support, system): (&[usize], &Mat<f64>),
    svd: &Svd<f64>,
    rank: usize,
) -> Mat<f64> {
    let size = support.len();
    let mut point = Mat::from_fn(size + skew.players(), 1, |i, _| match support.get(i) {
        Some(&i) => at(&interior.x, i),
        None => at(&interior.values, i - size),
    });
    for _ in 0..2 {
        let wrong = skew.sums(size) - system * &point;
        let mut along = svd.U().subcols(0, rank).transpose() * &wrong;
        let scale = svd.S().column_vector();
        for (x, scale) in along.col_as_slice_mut(0).iter_mut().zip(scale.iter()) {
            *x /= scale;
        }
        point += svd.V().subcols(0, rank) * &along;
    }
    point
}

fn at(values: &[f64], place: usize) -> f64 {
    values.get(place).copied().unwrap_or(0.0)
}

/// Each row times its weight.
fn scaled(matrix: &Mat<f64>, weights: &[f64]) -> Mat<f64> {
    let mut scaled = matrix.clone();
    for column in 0..scaled.ncols() {
        let cells = scaled.col_as_slice_mut(column).iter_mut();
        cells
            .zip(weights)
            .for_each(|(cell, weight)| *cell *= weight);
    }
    scaled
}
