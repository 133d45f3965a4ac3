//! Second order at a policy: Newton's step, and how the best policy answers to a change of the slopes.
//!
//! With D = diag(beta · bend) the curvature of the pull, scaled steps y = D^{1/2} δ turn the condition on the tangent of the
//! simplices into K y = P D^{-1/2} r with K = I − P D^{-1/2} H D^{-1/2} P, where P projects each factor on Σ δ = 0. K is
//! positive definite where the objective is concave on the tangent, and well scaled at probabilities near 0.

use super::ascent::Problem;
use super::penalty::Penalty;
use crate::cholesky::Cholesky;
use crate::conjoint::expectation::value_and_slopes;

/// The scaled second-order system at a policy.
pub struct Tangent {
    /// D^{-1/2}: 0 where a level is not used.
    scale: Vec<f64>,
    /// Unit normals of the tangent, factor by factor.
    normal: Vec<f64>,
    factor: Cholesky,
    sizes: Vec<usize>,
}

impl Tangent {
    /// None where the objective is not strictly concave there, or a pull is 0.
    #[must_use]
    pub fn new(problem: &Problem<'_>, policy: &[f64]) -> Option<Self> {
        let m = problem.layout.levels();
        let sizes: Vec<usize> = problem.layout.ranges().map(|range| range.len()).collect();
        let scale = scales(problem, policy)?;
        let mut normal = scale.clone();
        by_factor(&mut normal, &sizes, |own| {
            let length = own.iter().map(|x| x * x).sum::<f64>().sqrt();
            for x in own.iter_mut() {
                *x /= length.max(f64::MIN_POSITIVE);
            }
        });
        let mut scaled = vec![0.0; m * m];
        problem.party.add_curvature(policy, -1.0, &mut scaled);
        for (row, s) in scaled.chunks_exact_mut(m).zip(&scale) {
            row.iter_mut().zip(&scale).for_each(|(x, t)| *x *= s * t);
            project(row, &normal, &sizes);
        }
        let mut turned = transposed(&scaled, m);
        for (place, row) in turned.chunks_exact_mut(m).enumerate() {
            project(row, &normal, &sizes);
            row.iter_mut().skip(place).take(1).for_each(|x| *x += 1.0);
        }
        let factor = Cholesky::new(&turned, m).ok()?;
        Some(Self {
            scale,
            normal,
            factor,
            sizes,
        })
    }

    /// The change of the policy that answers to a change of the slopes (less those of the pull).
    #[must_use]
    pub fn solve(&self, slopes: &[f64]) -> Vec<f64> {
        let mut right: Vec<f64> = slopes
            .iter()
            .zip(&self.scale)
            .map(|(g, s)| if *s > 0.0 { g * s } else { 0.0 })
            .collect();
        project(&mut right, &self.normal, &self.sizes);
        let mut step = self.factor.solve(&right);
        project(&mut step, &self.normal, &self.sizes);
        step.iter().zip(&self.scale).map(|(y, s)| y * s).collect()
    }
}

/// D^{-1/2}: 0 where a level is not used, and where it is the only one. None where a pull is 0.
fn scales(problem: &Problem<'_>, policy: &[f64]) -> Option<Vec<f64>> {
    let mut scales = Vec::with_capacity(policy.len());
    for (range, &beta) in problem.layout.ranges().zip(problem.beta) {
        let free = range.len() > 1;
        if beta == 0.0 && free {
            return None;
        }
        let reference = problem.reference.get(range.clone())?;
        let own = policy.get(range)?.iter().zip(reference);
        scales.extend(own.map(|(&x, &p)| {
            let bend = beta * problem.penalty.bend(x, p);
            if free && x > 0.0 && bend.is_finite() {
                bend.sqrt().recip()
            } else {
                0.0
            }
        }));
    }
    Some(scales)
}

/// Newton's step in logarithms, or none where the objective is not concave or does not rise.
#[must_use]
pub fn newton(problem: &Problem<'_>, policy: &[f64]) -> Option<Vec<f64>> {
    if !problem.party.is_exact() {
        return None;
    }
    let tangent = Tangent::new(problem, policy)?;
    let (value, mut slopes) = value_and_slopes(problem.party, problem.layout, policy);
    let betas = problem.layout.ranges().zip(problem.beta);
    let betas = betas.flat_map(|(range, beta)| range.map(move |_| *beta));
    for ((slope, beta), (&x, &p)) in slopes
        .iter_mut()
        .zip(betas)
        .zip(policy.iter().zip(problem.reference))
    {
        if x > 0.0 {
            *slope -= beta * problem.penalty.slope(x, p);
        }
    }
    let step = tangent.solve(&slopes);
    let mut next: Vec<f64> = match problem.penalty {
        Penalty::L2 => policy
            .iter()
            .zip(&step)
            .map(|(x, d)| (x + d).max(0.0))
            .collect(),
        _ => policy
            .iter()
            .zip(&step)
            .map(|(&x, d)| {
                if x > 0.0 {
                    x * (d / x).clamp(-50.0, 50.0).exp()
                } else {
                    0.0
                }
            })
            .collect(),
    };
    by_factor(&mut next, &tangent.sizes, |own| {
        let total: f64 = own.iter().sum();
        for x in own.iter_mut() {
            *x /= total;
        }
    });
    let rises = |next: &[f64]| {
        let (after, _) = value_and_slopes(problem.party, problem.layout, next);
        let (before, after) = (value - problem.pull(policy), after - problem.pull(next));
        after >= before - 1e-14 * (1.0 + before.abs())
    };
    rises(&next).then_some(next)
}

fn by_factor(values: &mut [f64], sizes: &[usize], mut change: impl FnMut(&mut [f64])) {
    let mut rest = values;
    for &size in sizes {
        let Some((own, others)) = rest.split_at_mut_checked(size) else {
            return;
        };
        change(own);
        rest = others;
    }
}

/// Removes the part of each factor along its normal.
fn project(values: &mut [f64], normal: &[f64], sizes: &[usize]) {
    let mut normals = normal;
    by_factor(values, sizes, |own| {
        let (mine, rest) = normals.split_at_checked(own.len()).unwrap_or_default();
        normals = rest;
        let along: f64 = own.iter().zip(mine).map(|(x, n)| x * n).sum();
        own.iter_mut().zip(mine).for_each(|(x, n)| *x -= along * n);
    });
}

fn transposed(matrix: &[f64], m: usize) -> Vec<f64> {
    (0..m)
        .flat_map(|column| matrix.iter().skip(column).step_by(m.max(1)).copied())
        .collect()
}
