//! One block of games under one update map.

use super::{Map, Plan};
use crate::elementary::{add, float};
use crate::games::lane_gaps::{plain_gaps, pulled_gaps};
use crate::lanes::{self, LANES, PerGame};

/// Of the policy, of the magnet and of the payoffs.
type Weights = (PerGame, PerGame, PerGame);

/// A policy and what is known of it.
#[derive(Debug, Clone)]
pub struct Iterate {
    /// Log-probabilities up to a constant of the game.
    pub logits: Vec<f64>,
    pub policy: Vec<f64>,
    payoffs: Vec<f64>,
    /// Σ exp(logits)
    total: PerGame,
    /// Whether `payoffs` are of this policy.
    fresh: bool,
}

impl Iterate {
    fn new(logits: Vec<f64>, width: usize) -> Self {
        let size = logits.len();
        let mut start = Self {
            logits,
            policy: vec![0.0; size],
            payoffs: vec![0.0; size],
            total: [0.0; LANES],
            fresh: false,
        };
        start.exponentiate(width);
        start
    }

    fn exponentiate(&mut self, width: usize) {
        self.total = lanes::exponentiate(&mut self.logits, &mut self.policy, width);
        self.fresh = false;
    }

    fn refresh(&mut self, apply: &impl Fn(&[f64], &mut [f64])) {
        if !self.fresh {
            apply(&self.policy, &mut self.payoffs);
            self.fresh = true;
        }
    }
}

/// A block of games on its way; `apply` is policy ↦ A policy.
pub struct Run<'a, F> {
    plan: &'a Plan<'a>,
    width: usize,
    apply: F,
    steps: PerGame,
    log_ref: Vec<f64>,
    magnet: Vec<f64>,
    at: Iterate,
    /// The half step, extrapolation or mixture.
    ahead: Iterate,
    spare: Vec<f64>,
    /// Sums of the policies so far and of their payoffs, where the answer is their mean.
    sums: Option<(Vec<f64>, Vec<f64>)>,
    taken: usize,
}

impl<'a, F: Fn(&[f64], &mut [f64])> Run<'a, F> {
    /// `start` and `log_ref` interleaved; an action that the start lacks stays absent.
    pub fn new(
        plan: &'a Plan<'a>,
        width: usize,
        apply: F,
        steps: PerGame,
        (start, log_ref): (Vec<f64>, Vec<f64>),
    ) -> Self {
        let absent = |x: f64, other: f64| if other > f64::NEG_INFINITY { x } else { other };
        let both = || start.iter().zip(&log_ref);
        let magnet: Vec<f64> = both().map(|(s, r)| absent(*r, *s)).collect();
        let at = Iterate::new(both().map(|(s, r)| absent(*s, *r)).collect(), width);
        let size = magnet.len();
        let average = matches!(plan.map, Map::Mirror { average: true });
        Self {
            plan,
            width,
            apply,
            steps,
            log_ref,
            magnet,
            ahead: at.clone(),
            at,
            spare: vec![0.0; size],
            sums: average.then(|| (vec![0.0; size], vec![0.0; size])),
            taken: 0,
        }
    }

    /// Whether the gap of the answer costs no product with the payoff beyond those of the steps.
    pub fn known(&self) -> bool {
        !matches!(
            self.plan.map,
            Map::NashMd | Map::Optimistic { played: false }
        )
    }

    /// Log-probabilities of the answer so far, each up to a constant of the game.
    pub fn answer(&self) -> Vec<f64> {
        match &self.sums {
            Some((sums, _)) if self.taken > 0 => sums.iter().map(|p| p.ln()).collect(),
            _ if matches!(self.plan.map, Map::Optimistic { played: true }) => {
                self.ahead.logits.clone()
            }
            _ => self.at.logits.clone(),
        }
    }

    /// Duality gap of the answer, of each game.
    pub fn residuals(&mut self) -> PerGame {
        let beta = if matches!(self.plan.map, Map::Mpo { .. }) {
            0.0
        } else {
            self.plan.beta
        };
        let mut mean;
        let answer = match &self.sums {
            Some((policies, payoffs)) if self.taken > 0 => {
                let count = float(self.taken);
                mean = Iterate::new(policies.iter().map(|p| p.ln()).collect(), self.width);
                mean.payoffs = payoffs.iter().map(|u| u / count).collect();
                mean.fresh = true;
                &mut mean
            }
            _ if matches!(self.plan.map, Map::Optimistic { played: true }) => &mut self.ahead,
            _ => &mut self.at,
        };
        answer.refresh(&self.apply);
        if beta > 0.0 {
            let mut probabilities = vec![0.0; self.spare.len()];
            pulled_gaps(
                (&answer.logits, &answer.policy, &answer.payoffs),
                &answer.total,
                (beta, &self.log_ref),
                (&mut self.spare, &mut probabilities),
                self.width,
            )
        } else {
            plain_gaps(&answer.policy, &answer.payoffs, self.width)
        }
    }

    /// One iteration.
    pub fn step(&mut self) {
        match self.plan.map {
            Map::Mirror { .. } => {
                self.at.refresh(&self.apply);
                if let Some((policies, payoffs)) = &mut self.sums {
                    add(policies, &self.at.policy);
                    add(payoffs, &self.at.payoffs);
                }
                self.advance(&self.mirror_weights(), false);
            }
            Map::Extragradient => {
                self.at.refresh(&self.apply);
                self.look(&self.mirror_weights(), false);
                self.advance(&self.mirror_weights(), true);
            }
            Map::Optimistic { .. } => {
                self.ahead.refresh(&self.apply);
                self.look(&self.mirror_weights(), true);
                self.advance(&self.mirror_weights(), true);
            }
            Map::Magnetic | Map::Mpo { .. } => {
                self.at.refresh(&self.apply);
                let c = self.steps.map(|step| 1.0 + step * self.plan.beta);
                let weights = (
                    c.map(f64::recip),
                    c.map(|c| (c - 1.0) / c),
                    divided(&self.steps, &c),
                );
                self.advance(&weights, false);
            }
            Map::NashMd => {
                if self.plan.step.is_none() {
                    self.steps = [2.0 / (self.plan.beta * float(self.taken + 2)); LANES];
                }
                let (own, pull, step) = self.mirror_weights();
                self.look(&(own, pull, [0.0; LANES]), false);
                lanes::combine(
                    &mut self.spare,
                    (&self.ahead.logits, &self.magnet, &self.ahead.payoffs),
                    (&[1.0; LANES], &[0.0; LANES], &step),
                );
                std::mem::swap(&mut self.spare, &mut self.at.logits);
                self.at.exponentiate(self.width);
            }
        }
        self.taken += 1;
        if let Map::Mpo { refresh } = self.plan.map
            && self.taken.is_multiple_of(refresh.max(1))
        {
            self.magnet.clone_from(&self.at.logits);
        }
    }

    fn mirror_weights(&self) -> Weights {
        let pull = self.steps.map(|step| step * self.plan.beta);
        (pull.map(|c| 1.0 - c), pull, self.steps)
    }

    /// ahead ← the step from here, with payoffs from there or from here; its payoffs.
    fn look(&mut self, weights: &Weights, there: bool) {
        self.combine(weights, there);
        std::mem::swap(&mut self.spare, &mut self.ahead.logits);
        self.ahead.exponentiate(self.width);
        self.ahead.refresh(&self.apply);
    }

    /// at ← the step from here, with payoffs from there or from here.
    fn advance(&mut self, weights: &Weights, there: bool) {
        self.combine(weights, there);
        std::mem::swap(&mut self.spare, &mut self.at.logits);
        self.at.exponentiate(self.width);
    }

    /// spare ← logits of the step from here.
    fn combine(&mut self, (own, pull, step): &Weights, there: bool) {
        let payoffs = if there {
            &self.ahead.payoffs
        } else {
            &self.at.payoffs
        };
        lanes::combine(
            &mut self.spare,
            (&self.at.logits, &self.magnet, payoffs),
            (own, pull, step),
        );
    }
}

fn divided(a: &PerGame, b: &PerGame) -> PerGame {
    let mut out = *a;
    for (out, b) in out.iter_mut().zip(b) {
        *out /= b;
    }
    out
}
