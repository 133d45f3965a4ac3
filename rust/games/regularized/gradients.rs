//! The Newton system by conjugate gradients: well-conditioned where the pull is not far below the payoffs.

use super::system::{Scratch, System};
use crate::games::payoff::row_payoffs;

/// One step for so many actions costs about half of an elimination.
const PER_ACTIONS: usize = 16;

/// Work space: vectors of one entry per action.
#[derive(Debug, Default)]
pub struct Gradients {
    /// √(π / β), and √π.
    weights: Vec<f64>,
    roots: Vec<f64>,
    solution: Vec<f64>,
    direction: Vec<f64>,
    /// What is left of the right side.
    rest: Vec<f64>,
    /// The slope of |rest|²; then the image of the direction.
    image: Vec<f64>,
    weighted: Vec<f64>,
}

impl System {
    /// Fills `half` with π d, of the Newton step d at the point whose residual is in the scratch; false where `tol` costs
    /// more products than an elimination.
    ///
    /// With w = √(π / β), y = π d / w and K = w S w: (I − P K P) y = −P √(β π) r, where P takes out of each player's part
    /// what is parallel to √π, as Σ π d = 0. K is skew, so the condition number is √(1 + |K|²), |K| <= bound / β.
    /// Conjugate gradients on the normal equations: O(n²) a step.
    pub fn conjugate_gradients(&self, tol: f64, scratch: &mut Scratch) -> bool {
        let (at, policy) = (&mut scratch.gradients, &scratch.policy);
        let each = || policy.iter().zip(&self.beta).zip(&scratch.residual);
        fill(&mut at.roots, policy.iter().map(|p| p.sqrt()));
        fill(
            &mut at.weights,
            each().map(|((p, beta), _)| (p / beta).sqrt()),
        );
        fill(
            &mut at.rest,
            each().map(|((p, beta), r)| -(p * beta).sqrt() * r),
        );
        self.project(&at.roots, &mut at.rest);
        fill(&mut at.solution, policy.iter().map(|_| 0.0));
        fill(&mut at.direction, policy.iter().map(|_| 0.0));
        let enough = tol * tol * square(&at.rest);
        let mut slope = f64::INFINITY;
        for _ in 0..self.len() / PER_ACTIONS {
            if square(&at.rest) <= enough {
                let parts = at.weights.iter().zip(&at.solution);
                fill(&mut scratch.half, parts.map(|(w, y)| w * y));
                return true;
            }
            self.image(at, 1.0);
            let last = std::mem::replace(&mut slope, square(&at.image));
            turn(&mut at.direction, slope / last, &at.image);
            self.image(at, -1.0);
            let length = slope / square(&at.image);
            add(&mut at.solution, length, &at.direction);
            add(&mut at.rest, -length, &at.image);
        }
        false
    }

    /// image ← (I + P K) rest, or (I − P K) direction.
    fn image(&self, at: &mut Gradients, sign: f64) {
        let from = if sign > 0.0 { &at.rest } else { &at.direction };
        let weighted = from.iter().zip(&at.weights).map(|(x, w)| x * w);
        fill(&mut at.weighted, weighted);
        at.image.resize(from.len(), 0.0);
        row_payoffs(&self.matrix, 0.0, &at.weighted, &mut at.image);
        for (image, w) in at.image.iter_mut().zip(&at.weights) {
            *image *= sign * w;
        }
        self.project(&at.roots, &mut at.image);
        add(&mut at.image, 1.0, from);
    }

    /// Takes out of each player's part what is parallel to √π.
    fn project(&self, roots: &[f64], x: &mut [f64]) {
        let split = self.split.min(x.len()).min(roots.len());
        let ((first, second), (own, other)) = (x.split_at_mut(split), roots.split_at(split));
        for (x, roots) in [(first, own), (second, other)] {
            let along: f64 = x.iter().zip(roots).map(|(x, root)| x * root).sum();
            add(x, -along, roots);
        }
    }
}

fn fill(out: &mut Vec<f64>, values: impl Iterator<Item = f64>) {
    out.clear();
    out.extend(values);
}

fn square(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}

/// x ← x + length · y
fn add(x: &mut [f64], length: f64, y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += length * y);
}

/// x ← share · x + y
fn turn(x: &mut [f64], share: f64, y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x = share * *x + y);
}
