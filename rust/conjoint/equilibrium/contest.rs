//! The game as one problem: the levels of party A, then those of party B.

use std::ops::Range;

use super::replies::Duel;
use crate::conjoint::Layout;
use crate::conjoint::expectation::value_and_slopes;
use crate::conjoint::policy::Penalty;

/// A probability of 0 starts here.
const SMALL: f64 = 1e-12;

/// A maximizes Q(π, ρ) less its pull, B maximizes −Q(π, ρ) less its own.
pub struct Contest<'a> {
    /// Q
    pub duel: &'a dyn Duel,
    /// Levels of the factors of A, then of B.
    pub both: Layout,
    /// Slates of A and of B, [2 M].
    pub reference: Vec<f64>,
    /// Pulls of the factors of A and of B, [2 D], > 0.
    pub beta: Vec<f64>,
    /// The distance to the slates.
    pub penalty: Penalty,
}

/// Policies with their slopes; `duals` are the slopes that the policies are the best answer to.
#[derive(Debug, Clone)]
pub struct Point {
    /// [2 M]
    pub duals: Vec<f64>,
    /// π, then ρ: [2 M]
    pub policy: Vec<f64>,
    /// dQ/dπ, then −dQ/dρ: [2 M]
    pub slopes: Vec<f64>,
    /// Q
    pub value: f64,
    /// Σ over factors of what the best change of its probabilities gains.
    pub gap: f64,
    /// That of A and of B.
    pub gaps: (f64, f64),
    /// Largest change of a probability by such changes.
    pub change: f64,
}

impl<'a> Contest<'a> {
    /// `slates` and `beta` of A and of B.
    #[must_use]
    pub fn new(
        duel: &'a dyn Duel,
        slates: [&[f64]; 2],
        beta: [&[f64]; 2],
        penalty: Penalty,
    ) -> Self {
        let sizes: Vec<usize> = duel.layout().ranges().map(|range| range.len()).collect();
        Self {
            duel,
            both: Layout::new(&[sizes.as_slice(), &sizes].concat()),
            reference: slates.concat(),
            beta: beta.concat(),
            penalty,
        }
    }

    /// With all pulls times a number.
    #[must_use]
    pub fn scaled(&self, multiple: f64) -> Self {
        Self {
            both: self.both.clone(),
            reference: self.reference.clone(),
            beta: self.beta.iter().map(|beta| beta * multiple).collect(),
            ..*self
        }
    }

    /// Place, slate and pull of each factor of both.
    pub fn factors(&self) -> impl Iterator<Item = (Range<usize>, &[f64], f64)> {
        self.both.ranges().zip(&self.beta).map(|(range, &beta)| {
            let reference = self.reference.get(range.clone()).unwrap_or_default();
            (range, reference, beta)
        })
    }

    /// The two halves of numbers of both parties.
    #[must_use]
    pub fn split<'b>(&self, both: &'b [f64]) -> (&'b [f64], &'b [f64]) {
        both.split_at(self.duel.layout().levels().min(both.len()))
    }

    /// The best answer of each factor to slopes.
    #[must_use]
    pub fn respond(&self, slopes: &[f64]) -> Vec<f64> {
        let mut policy = vec![0.0; slopes.len()];
        for (range, reference, beta) in self.factors() {
            if let (Some(slopes), Some(own)) = (slopes.get(range.clone()), policy.get_mut(range)) {
                self.penalty.respond(beta, reference, slopes, own);
            }
        }
        policy
    }

    /// Slopes that given policies answer best to.
    #[must_use]
    pub fn duals(&self, policy: &[f64]) -> Vec<f64> {
        let mut duals = Vec::with_capacity(policy.len());
        for (range, reference, beta) in self.factors() {
            let own = policy.get(range).unwrap_or_default().iter().zip(reference);
            duals.extend(own.map(|(x, &p)| {
                if p > 0.0 {
                    beta * self.penalty.slope(x.max(SMALL), p)
                } else {
                    0.0
                }
            }));
        }
        duals
    }

    /// Pulls of both parties, Σ beta · distance.
    #[must_use]
    pub fn pulls(&self, policy: &[f64]) -> (f64, f64) {
        let each = self.factors().map(|(range, reference, beta)| {
            let own = policy.get(range).unwrap_or_default();
            beta * self.penalty.distance(own, reference)
        });
        self.halves(&each.collect::<Vec<f64>>())
    }

    /// Everything at the policies that answer best to `duals`: two passes of the payoff.
    #[must_use]
    pub fn at(&self, duals: Vec<f64>) -> Point {
        let policy = self.respond(&duals);
        self.measure(duals, policy)
    }

    /// Everything at policies.
    #[must_use]
    pub fn measure(&self, duals: Vec<f64>, policy: Vec<f64>) -> Point {
        let (own, other) = self.split(&policy);
        let layout = self.duel.layout();
        let (value, mut slopes) = value_and_slopes(self.duel.against(other).as_ref(), layout, own);
        let (_, theirs) = value_and_slopes(self.duel.facing(own).as_ref(), layout, other);
        slopes.extend(theirs.iter().map(|slope| -slope));
        let reply = self.respond(&slopes);
        let moves = reply.iter().zip(&policy).map(|(x, y)| (x - y).abs());
        let gaps = self.gaps(&policy, &reply, &slopes);
        Point {
            change: moves.fold(0.0, f64::max),
            gap: gaps.0 + gaps.1,
            gaps,
            duals,
            policy,
            slopes,
            value,
        }
    }

    fn gaps(&self, policy: &[f64], reply: &[f64], slopes: &[f64]) -> (f64, f64) {
        let gains = self.factors().map(|(range, reference, beta)| {
            let slopes = slopes.get(range.clone()).unwrap_or_default();
            let worth = |policy: &[f64]| {
                let own = policy.get(range.clone()).unwrap_or_default();
                let value: f64 = own.iter().zip(slopes).map(|(x, g)| x * g).sum();
                value - beta * self.penalty.distance(own, reference)
            };
            (worth(reply) - worth(policy)).max(0.0)
        });
        self.halves(&gains.collect::<Vec<f64>>())
    }

    /// Sums over the factors of A and of B.
    fn halves(&self, each: &[f64]) -> (f64, f64) {
        let (own, other) = each.split_at(self.duel.layout().factors().min(each.len()));
        (own.iter().sum(), other.iter().sum())
    }
}
