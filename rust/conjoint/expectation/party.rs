//! What a solver needs of one party's payoff while the other party's policy is fixed.

use crate::conjoint::Layout;

/// The expectation Q(π) of a payoff over a profile drawn from the product policy π, flat [M].
///
/// Q is linear in the probabilities of each factor. The slope of level l of factor d is the conditional expectation given
/// that factor d has level l, constants included, so that Q = Σ_l π_d(l) · slope_d(l) for every d.
pub trait Party: Send + Sync {
    /// Starts a pass over the factors in their order, at the policy.
    fn begin(&self, policy: &[f64]) -> Box<dyn Pass + '_>;

    /// Adds `weight` times the conditional expectations given two levels, to the blocks of different factors of [M, M].
    fn add_curvature(&self, policy: &[f64], weight: f64, out: &mut [f64]);

    /// Adds |weight| · a bound of |Q(l, m) − Q(l', m) − Q(l, m') + Q(l', m')| over all levels of two factors and all
    /// policies of the others, to [D, D].
    fn add_mixed_bounds(&self, weight: f64, out: &mut [f64]);

    /// Whether the second derivatives do not depend on the policy.
    fn is_quadratic(&self) -> bool {
        false
    }

    /// Whether expectations are exact; those over sampled profiles jump, and have no useful second derivatives.
    fn is_exact(&self) -> bool {
        true
    }
}

/// A pass over the factors: `slopes` of factor d, then `leave` it, with d = 0, 1, …; its probabilities may change between
/// the two, those of later factors may not.
pub trait Pass {
    /// Adds `weight` times the slopes of factor `d`.
    fn add_slopes(&mut self, d: usize, policy: &[f64], weight: f64, out: &mut [f64]);
    /// Takes the probabilities of factor `d` as they are now.
    fn leave(&mut self, d: usize, policy: &[f64]);
}

/// A weighted sum of payoffs: of voter groups.
pub struct Sum<'a>(pub Vec<(f64, Box<dyn Party + 'a>)>);

struct SumPass<'a>(Vec<(f64, Box<dyn Pass + 'a>)>);

impl Party for Sum<'_> {
    fn begin(&self, policy: &[f64]) -> Box<dyn Pass + '_> {
        let parts = self.0.iter();
        Box::new(SumPass(
            parts.map(|(w, part)| (*w, part.begin(policy))).collect(),
        ))
    }

    fn add_curvature(&self, policy: &[f64], weight: f64, out: &mut [f64]) {
        for (share, part) in &self.0 {
            part.add_curvature(policy, weight * share, out);
        }
    }

    fn add_mixed_bounds(&self, weight: f64, out: &mut [f64]) {
        for (share, part) in &self.0 {
            part.add_mixed_bounds(weight * share, out);
        }
    }

    fn is_quadratic(&self) -> bool {
        self.0.iter().all(|(_, part)| part.is_quadratic())
    }

    fn is_exact(&self) -> bool {
        self.0.iter().all(|(_, part)| part.is_exact())
    }
}

impl Pass for SumPass<'_> {
    fn add_slopes(&mut self, d: usize, policy: &[f64], weight: f64, out: &mut [f64]) {
        for (share, part) in &mut self.0 {
            part.add_slopes(d, policy, weight * *share, out);
        }
    }

    fn leave(&mut self, d: usize, policy: &[f64]) {
        for (_, part) in &mut self.0 {
            part.leave(d, policy);
        }
    }
}

/// Q and its slopes [M].
#[must_use]
pub fn value_and_slopes(party: &dyn Party, layout: &Layout, policy: &[f64]) -> (f64, Vec<f64>) {
    let mut slopes = vec![0.0; layout.levels()];
    let mut pass = party.begin(policy);
    let mut value = 0.0;
    for (d, range) in layout.ranges().enumerate() {
        if let (Some(out), Some(own)) = (slopes.get_mut(range.clone()), policy.get(range)) {
            pass.add_slopes(d, policy, 1.0, out);
            value = out.iter().zip(own).map(|(g, p)| g * p).sum();
        }
        pass.leave(d, policy);
    }
    (value, slopes)
}
