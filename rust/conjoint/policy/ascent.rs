//! One party's best product policy against a fixed payoff: exact steps factor by factor, finished by Newton's method.

use super::newton::newton;
use super::penalty::Penalty;
use crate::conjoint::Layout;
use crate::conjoint::expectation::{Party, value_and_slopes};
use crate::status::Status;

/// Policies this close are the same.
const FINE: f64 = 4e-16;
/// Changes below this that do not fall are rounding: that of a probability is up to 1e-16/beta.
const ROUNDING: f64 = 1e-9;
/// Where a sweep gains less than this, Newton's method takes over.
const NEAR: f64 = 1e-4;

/// Q(π) − Σ_d beta_d · distance(π_d, p_d), to be maximized over the levels that p gives any probability.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// Q
    pub party: &'a dyn Party,
    /// Levels of π.
    pub layout: &'a Layout,
    /// p, flat [M].
    pub reference: &'a [f64],
    /// [D]
    pub beta: &'a [f64],
    /// The distance.
    pub penalty: Penalty,
}

/// Where an ascent ended.
#[derive(Debug, Clone)]
pub struct Ascent {
    /// π, flat [M].
    pub policy: Vec<f64>,
    /// Q
    pub value: f64,
    /// Q less the pull.
    pub objective: f64,
    /// dQ/dπ: conditional expectations given each level.
    pub slopes: Vec<f64>,
    /// What the best change of one factor's probabilities would gain.
    pub gain: f64,
    /// Sweeps over the factors.
    pub iterations: usize,
    /// How it ended.
    pub status: Status,
}

impl Problem<'_> {
    /// Each factor's place, reference and beta.
    fn factors(&self) -> impl Iterator<Item = (std::ops::Range<usize>, &[f64], f64)> {
        let ranges = self.layout.ranges().zip(self.beta);
        ranges.map(|(range, &beta)| {
            let reference = self.reference.get(range.clone()).unwrap_or_default();
            (range, reference, beta)
        })
    }

    /// Σ_d beta_d · distance_d
    #[must_use]
    pub fn pull(&self, policy: &[f64]) -> f64 {
        let factors = self.factors();
        factors
            .map(|(range, reference, beta)| {
                let own = policy.get(range).unwrap_or_default();
                self.pull_of(own, reference, beta)
            })
            .sum()
    }

    fn pull_of(&self, own: &[f64], reference: &[f64], beta: f64) -> f64 {
        if beta == 0.0 {
            0.0
        } else {
            beta * self.penalty.distance(own, reference)
        }
    }

    /// Value, slopes and the gain of the best change of one factor.
    #[must_use]
    pub fn measure(&self, policy: Vec<f64>, iterations: usize, status: Status) -> Ascent {
        let (value, slopes) = value_and_slopes(self.party, self.layout, &policy);
        let mut gain = 0.0_f64;
        for (range, reference, beta) in self.factors() {
            let (Some(own), Some(slopes)) = (policy.get(range.clone()), slopes.get(range)) else {
                continue;
            };
            let mut best = own.to_vec();
            gain = gain.max(self.improve(reference, beta, slopes, &mut best));
        }
        Ascent {
            objective: value - self.pull(&policy),
            policy,
            value,
            slopes,
            gain,
            iterations,
            status,
        }
    }

    /// Replaces the probabilities of a factor by the best ones; returns what that gains.
    fn improve(&self, reference: &[f64], beta: f64, slopes: &[f64], own: &mut [f64]) -> f64 {
        let worth = |own: &[f64]| {
            let value: f64 = own.iter().zip(slopes).map(|(x, g)| x * g).sum();
            value - self.pull_of(own, reference, beta)
        };
        let before = worth(own);
        self.penalty.respond(beta, reference, slopes, own);
        (worth(own) - before).max(0.0)
    }

    /// Each factor's best reply in turn. Returns the largest gain and the largest change of a probability.
    pub fn sweep(&self, policy: &mut [f64]) -> (f64, f64) {
        let mut pass = self.party.begin(policy);
        let (mut gain, mut change) = (0.0_f64, 0.0_f64);
        for (d, (range, reference, beta)) in self.factors().enumerate() {
            let mut slopes = vec![0.0; range.len()];
            pass.add_slopes(d, policy, 1.0, &mut slopes);
            if let Some(own) = policy.get_mut(range) {
                let before = own.to_vec();
                gain = gain.max(self.improve(reference, beta, &slopes, own));
                let moves = own.iter().zip(&before).map(|(x, y)| (x - y).abs());
                change = moves.fold(change, f64::max);
            }
            pass.leave(d, policy);
        }
        (gain, change)
    }

    /// Ascends from a policy until no change of one factor gains more than `tol`, and on while that still moves it.
    #[must_use]
    pub fn ascend(&self, start: &[f64], tol: f64, max_iter: usize) -> Ascent {
        let mut policy = start.to_vec();
        let (mut last, mut status) = (f64::INFINITY, Status::MaxIter);
        let mut iterations = 0;
        while iterations < max_iter {
            let (gain, change) = self.sweep(&mut policy);
            iterations += 1;
            let settled = change <= FINE || (change < ROUNDING && change >= 0.5 * last);
            if gain <= tol && settled {
                status = Status::Converged;
                break;
            }
            last = change;
            if gain <= NEAR
                && let Some(next) = newton(self, &policy)
            {
                policy = next;
            }
        }
        let mut end = self.measure(policy, iterations, status);
        if end.gain <= tol {
            end.status = Status::Converged;
        }
        end
    }
}
