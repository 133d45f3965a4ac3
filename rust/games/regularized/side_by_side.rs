//! Newton's method on small games side by side, one in each lane of the vectors.
//!
//! The iteration of [`super::newton`] to its first stall: a game that needs a longer warm-up is left to that module.
//! A game that has arrived moves no more, so no neighbour changes a bit of it.

#![allow(clippy::inline_always)] // the loops must become part of the closure that `dispatch` compiles

use pulp::Arch;

use super::lane_newton::{Lanes, Scratch, newton_step};
use super::newton::{NEWTON, SHORTEST, WARM_UP, arrived, falls};
use super::{KlLimits, LEAST};
use crate::elementary::dispatch;
use crate::games::gaps::{Gaps, extragradient_step};
use crate::games::lane_gaps::{plain_gaps, pulled_gaps, replies};
use crate::games::payoff::Game;
use crate::games::policy::log_softmax;
use crate::games::solution::Solution;
use crate::lanes::{self, BLOCK, LANES, PerGame, lane, put, repeated};
use crate::status::Status;

/// A game, its normalised reference, and a start that replaces the warm-up.
pub type Task<'a> = (Game<'a>, &'a [f64], Option<&'a [f64]>);

/// How far the games of a block are; lanes without a game hold zeros.
struct Block {
    beta: f64,
    limits: KlLimits,
    bounds: Lanes,
    matrix: Vec<Lanes>,
    log_ref: Vec<Lanes>,
    /// Log-policies up to a constant.
    logits: Vec<Lanes>,
    policy: Vec<Lanes>,
    payoffs: Vec<Lanes>,
    /// Σ exp(logits)
    total: PerGame,
    /// log π − log BR(π), and the largest of it.
    off: Vec<Lanes>,
    residual: Lanes,
    reply: Vec<Lanes>,
    spare: Vec<Lanes>,
    /// A Newton step, and where it starts.
    step: Vec<Lanes>,
    from: Vec<Lanes>,
    iterations: [usize; BLOCK],
    status: [Option<Status>; BLOCK],
    given_up: [bool; BLOCK],
}

/// The solutions of at most [`BLOCK`] games of equal size, whose references hold all actions.
///
/// `None` where Newton's method stalls after the first warm-up.
pub fn solve(tasks: &[Task<'_>], beta: f64, limits: KlLimits) -> Vec<Option<Solution>> {
    let n = tasks.first().map_or(0, |(game, ..)| game.n);
    let mut block = Block::new(tasks, beta, limits);
    block.measure();
    block.settle();
    let cold = tasks.iter().any(|(.., init)| init.is_none());
    if cold && block.moving().contains(&true) {
        block.warm_up();
        block.measure();
        block.settle();
    }
    let mut scratch = Scratch::new(n);
    for _ in 0..NEWTON.min(limits.max_iter) {
        if !block.moving().contains(&true) {
            break;
        }
        block.newton(&mut scratch);
        block.settle();
    }
    block.solutions(tasks.len())
}

impl Block {
    fn new(tasks: &[Task<'_>], beta: f64, limits: KlLimits) -> Self {
        let n = tasks.first().map_or(0, |(game, ..)| game.n);
        let mut matrix = vec![[0.0; BLOCK]; n * n];
        let (mut log_ref, mut logits) = (vec![[0.0; BLOCK]; n], vec![[0.0; BLOCK]; n]);
        let mut bounds = [0.0; BLOCK];
        let (mut entries, mut start) = (Vec::new(), Vec::new());
        for (k, ((game, own_ref, init), bound)) in tasks.iter().zip(&mut bounds).enumerate() {
            game.write(&mut entries);
            *bound = entries.iter().fold(0.0, |most, x| x.abs().max(most));
            put(matrix.as_flattened_mut(), k, BLOCK, entries.iter().copied());
            put(
                log_ref.as_flattened_mut(),
                k,
                BLOCK,
                own_ref.iter().copied(),
            );
            start.clear();
            start.extend(init.unwrap_or(own_ref).iter().map(|l| l.max(LEAST)));
            put(logits.as_flattened_mut(), k, BLOCK, start.iter().copied());
        }
        let column = || vec![[0.0; BLOCK]; n];
        let mut block = Self {
            beta,
            limits,
            bounds,
            matrix,
            log_ref,
            logits,
            policy: column(),
            payoffs: column(),
            total: [0.0; LANES],
            off: column(),
            residual: [0.0; BLOCK],
            reply: column(),
            spare: column(),
            step: column(),
            from: column(),
            iterations: [0; BLOCK],
            status: [None; BLOCK],
            given_up: [false; BLOCK],
        };
        block.exponentiate();
        block
    }

    fn exponentiate(&mut self) {
        let (logits, policy) = (&mut self.logits, &mut self.policy);
        self.total =
            lanes::exponentiate(logits.as_flattened_mut(), policy.as_flattened_mut(), BLOCK);
    }

    /// Payoffs and residuals of the policies.
    fn measure(&mut self) {
        lanes::apply(
            self.matrix.as_flattened(),
            self.policy.as_flattened(),
            self.payoffs.as_flattened_mut(),
        );
        let shift = replies(
            self.payoffs.as_flattened(),
            &self.total,
            (self.beta, self.log_ref.as_flattened()),
            (self.reply.as_flattened_mut(), self.spare.as_flattened_mut()),
            BLOCK,
        );
        let (logits, reply, off) = (&self.logits, &self.reply, &mut self.off);
        self.residual = dispatch(
            Arch::new(),
            #[inline(always)]
            || {
                let mut most = [0.0; BLOCK];
                for ((off, l), reply) in off.iter_mut().zip(logits).zip(reply) {
                    let numbers = off.iter_mut().zip(l).zip(reply);
                    for (((off, l), reply), (most, shift)) in
                        numbers.zip(most.iter_mut().zip(&shift))
                    {
                        *off = l - reply - shift;
                        // NaN stays
                        *most = if off.abs() <= *most { *most } else { off.abs() };
                    }
                }
                most
            },
        );
    }

    /// Takes down which games have arrived.
    fn settle(&mut self) {
        let found = self.residual.iter().zip(&self.bounds);
        let parts = self.status.iter_mut().zip(&self.given_up).zip(found);
        for ((status, given_up), (residual, bound)) in parts {
            if status.is_none() && !given_up {
                *status = arrived(*residual, self.limits.tol, (*bound, self.beta));
            }
        }
    }

    /// Which games move on.
    fn moving(&self) -> [bool; BLOCK] {
        let mut moving = [false; BLOCK];
        let parts = self.status.iter().zip(&self.given_up);
        for (moving, (status, given_up)) in moving.iter_mut().zip(parts) {
            *moving = status.is_none() && !given_up;
        }
        moving
    }

    /// The extragradient steps before the first Newton step.
    fn warm_up(&mut self) {
        let mut step = [0.0; BLOCK];
        let parts = step.iter_mut().zip(self.moving()).zip(&self.bounds);
        for ((step, _), bound) in parts.filter(|((_, moving), _)| *moving) {
            *step = extragradient_step(self.beta, *bound);
        }
        let step = repeated(step);
        let pull = step.map(|step| step * self.beta);
        let weights = (&pull.map(|pull| 1.0 - pull), &pull, &step);
        for _ in 0..WARM_UP {
            for _half in 0..2 {
                lanes::apply(
                    self.matrix.as_flattened(),
                    self.policy.as_flattened(),
                    self.payoffs.as_flattened_mut(),
                );
                lanes::combine(
                    self.reply.as_flattened_mut(),
                    (
                        self.logits.as_flattened(),
                        self.log_ref.as_flattened(),
                        self.payoffs.as_flattened(),
                    ),
                    weights,
                );
                self.total = lanes::exponentiate(
                    self.reply.as_flattened_mut(),
                    self.policy.as_flattened_mut(),
                    BLOCK,
                );
            }
            std::mem::swap(&mut self.logits, &mut self.reply);
        }
    }

    /// A Newton step of the games that move on, each halved until its residual falls; one that never does is given up.
    fn newton(&mut self, scratch: &mut Scratch) {
        let (mut moving, before) = (self.moving(), self.residual);
        for (iterations, moving) in self.iterations.iter_mut().zip(&moving) {
            *iterations += usize::from(*moving);
        }
        let at = (self.policy.as_slice(), self.off.as_slice());
        newton_step(&self.matrix, at, self.beta, scratch, &mut self.step);
        self.from.clone_from(&self.logits);
        let mut length = 1.0;
        while moving.contains(&true) && length >= SHORTEST {
            self.advance(moving, length);
            let residuals = self.residual.iter().zip(&before);
            for (moving, (residual, before)) in moving.iter_mut().zip(residuals) {
                *moving &= !falls(*residual, *before, length);
            }
            length /= 2.0;
        }
        for (given_up, moving) in self.given_up.iter_mut().zip(moving) {
            *given_up |= moving;
        }
    }

    /// Takes a part of a step from where the games were before it.
    fn advance(&mut self, moving: [bool; BLOCK], length: f64) {
        let parts = self.logits.iter_mut().zip(&self.from).zip(&self.step);
        for ((l, from), step) in parts {
            let numbers = l.iter_mut().zip(from).zip(step);
            for (((l, from), step), moving) in numbers.zip(&moving) {
                *l = if *moving { from + length * step } else { *l };
            }
        }
        self.exponentiate();
        self.measure();
    }

    /// What is found of each game that has arrived.
    fn solutions(&mut self, games: usize) -> Vec<Option<Solution>> {
        let state = (
            self.logits.as_flattened(),
            self.policy.as_flattened(),
            self.payoffs.as_flattened(),
        );
        let gap = pulled_gaps(
            state,
            &self.total,
            (self.beta, self.log_ref.as_flattened()),
            (self.reply.as_flattened_mut(), self.spare.as_flattened_mut()),
            BLOCK,
        );
        let gap0 = plain_gaps(state.1, state.2, BLOCK);
        let ends = self.status.iter().zip(self.iterations).zip(self.residual);
        let both = gap.into_iter().zip(gap0);
        let all = ends.zip(both).take(games).enumerate();
        all.map(|(k, (((status, iterations), residual), (gap, gap0)))| {
            let mut log_policy: Vec<f64> = lane(state.0, k, BLOCK).collect();
            log_softmax(&mut log_policy);
            let references = lane(self.log_ref.as_flattened(), k, BLOCK);
            let terms = lane(state.1, k, BLOCK).zip(log_policy.iter().zip(references));
            let kl_ref: f64 = terms.map(|(p, (l, r))| p * (l - r)).sum();
            Some(Solution {
                log_policy,
                gaps: Gaps {
                    gap,
                    gap0,
                    kl_ref: kl_ref.max(0.0),
                },
                unique: Some(true),
                min_slack: f64::NAN,
                iterations,
                residual,
                status: (*status)?,
                path: Vec::new(),
            })
        })
        .collect()
    }
}
