//! A game with a pull to references, of one player against himself or of two, as one skew matrix.

use faer::linalg::solvers::{PartialPivLu, Solve};
use faer::{MatMut, MatRef};
use pulp::Arch;

use super::LEAST;
use super::gradients::Gradients;
use super::lu::Lu;
use crate::elementary::{dispatch, exp_nonpositive};
use crate::games::gaps::extragradient_step;
use crate::games::payoff::row_payoffs;
use crate::games::policy::log_softmax;

/// Systems to this size are eliminated in place; larger ones by faer.
const SMALL: usize = 32;
/// Systems from this size on are solved by products with the matrix while these are fewer than an elimination costs.
const ITERATIVE: usize = 256;

/// S is skew; actions 0..split are those of the first player, the others of the second.
#[derive(Debug, Clone, Default)]
pub struct System {
    /// [n, n], row by row.
    pub matrix: Vec<f64>,
    /// Log-references, finite.
    pub log_ref: Vec<f64>,
    /// Pull of each action's player, > 0.
    pub beta: Vec<f64>,
    /// Number of actions of the first player; n where he plays against himself.
    pub split: usize,
    /// Largest |S|.
    pub bound: f64,
}

/// Work space for a system.
#[derive(Debug, Default)]
pub struct Scratch {
    pub policy: Vec<f64>,
    pub payoffs: Vec<f64>,
    pub reply: Vec<f64>,
    pub half: Vec<f64>,
    pub residual: Vec<f64>,
    pub step: Vec<f64>,
    /// Whether products with the matrix have solved every system so far; true at the start.
    pub iterative: bool,
    /// Of the conjugate gradients.
    pub gradients: Gradients,
    lu: Lu,
    sides: Vec<f64>,
}

impl System {
    /// Number of actions.
    pub fn len(&self) -> usize {
        self.log_ref.len()
    }

    /// Measures the matrix, and returns the start of the iteration: an `init` gets weight on every action.
    pub fn start(&mut self, init: Option<Vec<f64>>) -> Vec<f64> {
        self.bound = self.matrix.iter().fold(0.0, |most, x| x.abs().max(most));
        let mut logs = match init {
            Some(init) => init.into_iter().map(|l| l.max(LEAST)).collect(),
            None => self.log_ref.clone(),
        };
        self.normalize(&mut logs);
        logs
    }

    /// Log-softmax of each player's part.
    pub fn normalize(&self, logits: &mut [f64]) {
        let (first, second) = logits.split_at_mut(self.split.min(logits.len()));
        log_softmax(first);
        log_softmax(second);
    }

    /// payoffs = S · exp(logs).
    pub fn payoffs(&self, logs: &[f64], policy: &mut Vec<f64>, payoffs: &mut Vec<f64>) {
        policy.clear();
        policy.extend_from_slice(logs);
        payoffs.resize(logs.len(), 0.0);
        dispatch(
            Arch::new(),
            #[inline(always)]
            || policy.iter_mut().for_each(|p| *p = exp_nonpositive(*p)),
        );
        row_payoffs(&self.matrix, 0.0, policy, payoffs);
    }

    /// `iterations` steps of the extragradient iteration: h = lsm((1−ηβ) l + ηβ ρ + η S e^l), l from S e^h.
    pub fn extragradient(&self, logs: &mut [f64], iterations: usize, scratch: &mut Scratch) {
        let beta = self.beta.iter().copied().fold(0.0, f64::max); // the larger one keeps the step proven
        let eta = extragradient_step(beta, self.bound);
        for _ in 0..iterations {
            self.payoffs(logs, &mut scratch.policy, &mut scratch.payoffs);
            scratch.half.clear();
            scratch.half.extend_from_slice(logs);
            self.mix(eta, logs, &scratch.payoffs, &mut scratch.half);
            self.payoffs(&scratch.half, &mut scratch.policy, &mut scratch.payoffs);
            scratch.reply.clear();
            scratch.reply.extend_from_slice(logs);
            self.mix(eta, &scratch.reply, &scratch.payoffs, logs);
        }
    }

    /// out = lsm((1−ηβ) from + ηβ ρ + η payoffs).
    fn mix(&self, eta: f64, from: &[f64], payoffs: &[f64], out: &mut [f64]) {
        let parts = from
            .iter()
            .zip(payoffs)
            .zip(self.log_ref.iter().zip(&self.beta));
        for (out, ((l, payoff), (log_ref, beta))) in out.iter_mut().zip(parts) {
            *out = l + eta * (beta * (log_ref - l) + payoff);
        }
        self.normalize(out);
    }

    /// Fills `residual` = l − log BR(l), and `payoffs`; returns the largest |entry|.
    pub fn residual(&self, logs: &[f64], scratch: &mut Scratch) -> f64 {
        self.payoffs(logs, &mut scratch.policy, &mut scratch.payoffs);
        let parts = self.log_ref.iter().zip(&self.beta).zip(&scratch.payoffs);
        scratch.reply.clear();
        scratch
            .reply
            .extend(parts.map(|((log_ref, beta), payoff)| log_ref + payoff / beta));
        self.normalize(&mut scratch.reply);
        scratch.residual.clear();
        scratch
            .residual
            .extend(logs.iter().zip(&scratch.reply).map(|(l, reply)| l - reply));
        scratch
            .residual
            .iter()
            .fold(0.0, |most, r| if r.abs() <= most { most } else { r.abs() })
    }

    /// Fills `step` with the Newton step at the point whose residual is in the scratch, accurate to `tol` of its size;
    /// false where it is not finite.
    ///
    /// d = S (π d) / β − r, which stays accurate where π vanishes; a constant of each player does not count.
    pub fn newton(&self, tol: f64, scratch: &mut Scratch) -> bool {
        scratch.iterative &= self.len() >= ITERATIVE;
        if scratch.iterative {
            scratch.iterative = self.conjugate_gradients(tol, scratch);
        }
        if !scratch.iterative {
            self.eliminate(scratch);
        }
        scratch.step.resize(self.len(), 0.0);
        row_payoffs(&self.matrix, 0.0, &scratch.half, &mut scratch.step);
        let parts = self.beta.iter().zip(&scratch.residual);
        for (d, (beta, r)) in scratch.step.iter_mut().zip(parts) {
            *d = *d / beta - r;
        }
        scratch.step.iter().all(|d| d.is_finite())
    }

    /// Fills `half` with π d by elimination. O(n³)
    ///
    /// (diag β − K) z = β √π (s − r), K = √π S √π; s makes Σ π d = 0 of each player, z = √π d.
    fn eliminate(&self, scratch: &mut Scratch) {
        let n = self.len();
        let players = if self.split < n { 2 } else { 1 };
        let roots: Vec<f64> = scratch.policy.iter().map(|p| p.sqrt()).collect();
        scratch.lu.matrix.clear();
        for ((row, root), (i, beta)) in self
            .matrix
            .chunks_exact(n)
            .zip(&roots)
            .zip(self.beta.iter().enumerate())
        {
            let start = scratch.lu.matrix.len();
            scratch
                .lu
                .matrix
                .extend(row.iter().zip(&roots).map(|(x, other)| -root * x * other));
            if let Some(own) = scratch.lu.matrix.get_mut(start + i) {
                *own += beta;
            }
        }
        scratch.sides.clear();
        let weighted = |i: usize| {
            roots.get(i).copied().unwrap_or(0.0) * self.beta.get(i).copied().unwrap_or(0.0)
        };
        scratch.sides.extend(
            scratch
                .residual
                .iter()
                .enumerate()
                .map(|(i, r)| weighted(i) * r),
        );
        for player in 0..players {
            let own = |i: usize| (i < self.split) == (player == 0);
            scratch
                .sides
                .extend((0..n).map(|i| if own(i) { weighted(i) } else { 0.0 }));
        }
        if n <= SMALL {
            scratch.lu.solve(n, &mut scratch.sides);
        } else {
            let matrix = MatRef::from_row_major_slice(&scratch.lu.matrix, n, n);
            let factor = PartialPivLu::new(matrix);
            factor.solve_in_place(MatMut::from_column_major_slice_mut(
                &mut scratch.sides,
                n,
                1 + players,
            ));
        }
        self.combine(&roots, players, scratch);
    }

    /// Mixes the solutions so that each player's step has mean 0, and takes the roots out.
    fn combine(&self, roots: &[f64], players: usize, scratch: &mut Scratch) {
        let n = self.len();
        let (residual_part, player_parts) = scratch.sides.split_at(n);
        let part = |player: usize| {
            player_parts
                .get(player * n..(player + 1) * n)
                .unwrap_or_default()
        };
        let mean = |z: &[f64], player: usize| -> f64 {
            let own = z.iter().zip(roots).enumerate();
            let own = own.filter(|(i, _)| (*i < self.split) == (player == 0));
            own.map(|(_, (z, root))| z * root).sum()
        };
        let shifts = if players == 1 {
            [mean(residual_part, 0) / mean(part(0), 0), 0.0]
        } else {
            // The mean of each player's step is 0: two equations in the two shifts.
            let [first, second] = [0, 1].map(|player| {
                [part(0), part(1), residual_part].map(|solution| mean(solution, player))
            });
            let determinant = first[0] * second[1] - first[1] * second[0];
            [
                (first[2] * second[1] - first[1] * second[2]) / determinant,
                (first[0] * second[2] - first[2] * second[0]) / determinant,
            ]
        };
        scratch.half.clear();
        scratch.half.extend((0..n).map(|i| {
            let at = |z: &[f64]| z.get(i).copied().unwrap_or(0.0);
            let mixed: f64 = (0..players)
                .map(|p| shifts.get(p).unwrap_or(&0.0) * at(part(p)))
                .sum();
            at(roots) * (mixed - at(residual_part))
        }));
    }
}
