//! How strongly factors interact, and from which beta on the objective is proven concave.

use faer::{MatRef, Side};

use super::penalty::Penalty;
use crate::conjoint::Layout;
use crate::conjoint::expectation::Party;
use crate::elementary::float;

/// A bound of the largest eigenvalue of the Hessian of Q on the tangent of the simplices, over all policies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norm {
    /// Of directions of Euclidean length 1.
    pub euclidean: f64,
    /// Of directions of length 1 in Σ δ²/π, which is the curvature of KL.
    pub entropic: f64,
}

/// Exact and the same for both where the Hessian does not depend on the policy: of the identity link, and of two factors.
/// Else the largest sum over e of mixed second differences of factors d and e, times 1/4 or √(L_d L_e)/4: a signed measure
/// of sum 0 gives a level and its opposite at most half of its total |δ| <= √L |δ|₂, or <= √(Σ δ²/π).
#[must_use]
pub fn interaction_norm(party: &dyn Party, layout: &Layout, reference: &[f64]) -> Norm {
    if party.is_quadratic() {
        let largest = largest_eigenvalue(party, layout, reference);
        return Norm {
            euclidean: largest,
            entropic: largest,
        };
    }
    let factors = layout.factors();
    let mut bounds = vec![0.0; factors * factors];
    party.add_mixed_bounds(1.0, &mut bounds);
    let sizes: Vec<f64> = layout.ranges().map(|range| float(range.len())).collect();
    let (mut euclidean, mut entropic) = (0.0_f64, 0.0_f64);
    for (row, size) in bounds.chunks_exact(factors.max(1)).zip(&sizes) {
        entropic = entropic.max(row.iter().sum::<f64>() / 4.0);
        let lengths = row
            .iter()
            .zip(&sizes)
            .map(|(x, other)| x * (size * other).sqrt());
        euclidean = euclidean.max(lengths.sum::<f64>() / 4.0);
    }
    Norm {
        euclidean,
        entropic,
    }
}

impl Norm {
    /// The smallest beta at which the objective is proven concave.
    #[must_use]
    pub fn threshold(self, penalty: Penalty, reference: &[f64]) -> f64 {
        let least = reference
            .iter()
            .filter(|p| **p > 0.0)
            .fold(1.0_f64, |x, p| x.min(*p));
        match penalty {
            Penalty::Kl => self.entropic,
            Penalty::L2 => self.euclidean / 2.0,
            // p/π² >= min p/π
            Penalty::ReverseKl => self.entropic / least,
        }
    }
}

fn largest_eigenvalue(party: &dyn Party, layout: &Layout, reference: &[f64]) -> f64 {
    let m = layout.levels();
    let mut hessian = vec![0.0; m * m];
    party.add_curvature(reference, 1.0, &mut hessian);
    for _ in 0..2 {
        for row in hessian.chunks_exact_mut(m) {
            center(row, layout, reference);
        }
        hessian = transposed(&hessian, m);
    }
    let matrix = MatRef::from_row_major_slice(&hessian, m, m);
    let values = matrix
        .self_adjoint_eigenvalues(Side::Lower)
        .unwrap_or_default();
    values.into_iter().fold(0.0, f64::max)
}

/// Subtracts each factor's mean over the levels in use; the others become 0.
fn center(row: &mut [f64], layout: &Layout, reference: &[f64]) {
    for range in layout.ranges() {
        let (Some(own), Some(used)) = (row.get_mut(range.clone()), reference.get(range)) else {
            continue;
        };
        let count = used.iter().filter(|p| **p > 0.0).count();
        let total: f64 = own
            .iter()
            .zip(used)
            .filter(|(_, p)| **p > 0.0)
            .map(|(x, _)| x)
            .sum();
        for (x, p) in own.iter_mut().zip(used) {
            *x = if *p > 0.0 {
                *x - total / float(count)
            } else {
                0.0
            };
        }
    }
}

fn transposed(matrix: &[f64], m: usize) -> Vec<f64> {
    (0..m)
        .flat_map(|column| matrix.iter().skip(column).step_by(m.max(1)).copied())
        .collect()
}
