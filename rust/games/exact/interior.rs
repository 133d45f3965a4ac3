//! Primal-dual interior point (Mehrotra's predictor and corrector) for the skew system of an equilibrium.

use faer::Mat;
use faer::linalg::solvers::Solve;

use super::skew::Skew;
use crate::elementary::float;

/// Complementarity at which the support is certain.
const CENTRAL: f64 = 1e-14;
/// Total complementarity below which a support is tried.
const NEAR: f64 = 1e-2;
const LIMIT: usize = 80;
/// A step that leads nowhere.
const SHORT: f64 = 1e-8;
/// Share of the way to the boundary.
const STEP: f64 = 0.995;

/// A point near the center of all equilibria.
#[derive(Debug)]
pub struct Interior {
    pub x: Vec<f64>,
    /// v − K x
    pub slack: Vec<f64>,
    /// v of each player.
    pub values: Vec<f64>,
    pub steps: usize,
    /// Whether x is the only equilibrium, exact up to rounding.
    pub unique: bool,
}

/// Follows the central path from the uniform strategies: 6 to 20 factorizations of O(n³).
///
/// It ends as soon as the support of the iterate carries the only equilibrium; where there are several, at a strictly
/// complementary point in their interior. `None` where arithmetic fails.
pub fn follow(skew: &Skew) -> Option<Interior> {
    let mut point = start(skew);
    let all: Vec<usize> = (0..skew.n).collect();
    let (mut before, mut refuted) = (Vec::new(), Vec::new());
    while point.steps < LIMIT && central(&point) > CENTRAL {
        let length = step(skew, &all, &mut point)?;
        point.steps += 1;
        let support = point.support();
        let near = central(&point) * float(skew.n) < NEAR;
        if near && support == before && support != refuted {
            if let Some(x) = skew.certified(&support) {
                point.x = x;
                point.unique = true;
                return Some(point);
            }
            refuted.clone_from(&support);
        }
        before = support;
        if length < SHORT {
            break;
        }
    }
    Some(point)
}

impl Interior {
    /// Actions that are rather played than not.
    pub fn support(&self) -> Vec<usize> {
        let both = self.x.iter().zip(&self.slack).enumerate();
        both.filter(|(_, (x, s))| x > s).map(|(i, _)| i).collect()
    }

    /// The strategies without the actions that are rather not played.
    pub fn played(&self) -> Vec<f64> {
        let both = self.x.iter().zip(&self.slack);
        both.map(|(&x, &s)| if x > s { x } else { 0.0 }).collect()
    }
}

fn start(skew: &Skew) -> Interior {
    let x: Vec<f64> = (0..skew.n).map(|i| 1.0 / float(skew.choices(i))).collect();
    let earned = skew.apply(&x);
    let mut values = vec![f64::NEG_INFINITY; skew.players()];
    for (i, earned) in earned.iter().enumerate() {
        if let Some(value) = values.get_mut(skew.player(i)) {
            *value = value.max(earned + 0.1);
        }
    }
    let value = |i| values.get(skew.player(i)).copied().unwrap_or(0.0);
    let slack = earned
        .iter()
        .enumerate()
        .map(|(i, earned)| value(i) - earned)
        .collect();
    Interior {
        x,
        slack,
        values,
        steps: 0,
        unique: false,
    }
}

fn central(point: &Interior) -> f64 {
    let pairs = point.x.iter().zip(&point.slack);
    pairs.map(|(x, s)| x * s).sum::<f64>() / float(point.x.len())
}

/// One step; its length.
fn step(skew: &Skew, all: &[usize], point: &mut Interior) -> Option<f64> {
    let ratio: Vec<f64> = point
        .slack
        .iter()
        .zip(&point.x)
        .map(|(s, x)| s / x)
        .collect();
    let lu = skew
        .bordered(all, |i| ratio.get(i).copied().unwrap_or(0.0))
        .partial_piv_lu();
    // target holds (wanted change of x·s) / x
    let solve = |target: &[f64]| {
        let rhs = |i: usize, _| target.get(i).copied().unwrap_or(0.0);
        let solved = lu.solve(Mat::from_fn(skew.n + skew.players(), 1, rhs));
        let (dx, values) = solved.col_as_slice(0).split_at(skew.n);
        let ds = target
            .iter()
            .zip(dx.iter().zip(&ratio))
            .map(|(t, (dx, r))| t - r * dx);
        (dx.to_vec(), ds.collect::<Vec<f64>>(), values.to_vec())
    };
    let mu = central(point);
    let target: Vec<f64> = point.slack.iter().map(|s| -s).collect();
    let (dx, ds, _) = solve(&target);
    let length = longest(&point.x, &dx)
        .min(longest(&point.slack, &ds))
        .min(1.0);
    let ahead = point.x.iter().zip(&dx).zip(point.slack.iter().zip(&ds));
    let ahead: f64 = ahead
        .map(|((x, dx), (s, ds))| (x + length * dx) * (s + length * ds))
        .sum();
    let aim = mu * (ahead / float(skew.n) / mu).powi(3);
    let pairs = point.x.iter().zip(&point.slack).zip(dx.iter().zip(&ds));
    let target: Vec<f64> = pairs
        .map(|((x, s), (dx, ds))| (aim - dx * ds) / x - s)
        .collect();
    let (dx, ds, dv) = solve(&target);
    let length = (STEP * longest(&point.x, &dx).min(longest(&point.slack, &ds))).min(1.0);
    if !length.is_finite() || dx.iter().any(|dx| dx.is_nan()) {
        return None;
    }
    move_by(&mut point.x, &dx, length);
    move_by(&mut point.slack, &ds, length);
    move_by(&mut point.values, &dv, length);
    Some(length)
}

/// The length of the step to where the first entry is 0.
pub fn longest(x: &[f64], dx: &[f64]) -> f64 {
    let falling = x.iter().zip(dx).filter(|(_, dx)| **dx < 0.0);
    falling.map(|(x, dx)| -x / dx).fold(f64::INFINITY, f64::min)
}

pub fn move_by(x: &mut [f64], dx: &[f64], length: f64) {
    x.iter_mut().zip(dx).for_each(|(x, dx)| *x += length * dx);
}
