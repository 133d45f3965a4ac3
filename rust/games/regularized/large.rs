//! Games that are not factored: extragradient steps alone, on the game in the form in which it came.

use super::newton::arrived;
use super::{KlLimits, LEAST};
use crate::games::gaps::{best_reply, extragradient_step};
use crate::games::payoff::Game;
use crate::games::policy::log_softmax;
use crate::games::solution::Solution;
use crate::status::Status;

/// Extragradient steps alone, on the game as it is: two products an iteration.
pub fn large(
    game: &Game<'_>,
    beta: f64,
    log_ref: &[f64],
    init: &[f64],
    limits: KlLimits,
) -> Solution {
    let bound = game.bound();
    let eta = extragradient_step(beta, bound);
    let mut logs = inside(init, log_ref);
    let (mut policy, mut payoffs) = (vec![0.0; game.n], vec![0.0; game.n]);
    let mut reply = vec![0.0; game.n];
    let mut apply = |logs: &[f64], payoffs: &mut [f64]| {
        policy.iter_mut().zip(logs).for_each(|(p, l)| *p = l.exp());
        game.apply(&policy, payoffs);
    };
    apply(&logs, &mut payoffs);
    let mut iterations = 0;
    loop {
        best_reply(&payoffs, beta, log_ref, &mut reply);
        let off = logs
            .iter()
            .zip(&reply)
            .filter(|(l, _)| **l > f64::NEG_INFINITY);
        let residual = off.map(|(l, reply)| (l - reply).abs()).fold(0.0, f64::max);
        let status = arrived(residual, limits.tol, (bound, beta));
        if status.is_some() || iterations >= limits.max_iter {
            let end = (iterations, residual, status.unwrap_or(Status::MaxIter));
            return Solution {
                unique: Some(true),
                ..Solution::new(game, logs, (beta, log_ref), end)
            };
        }
        let half = mixed(&logs, &payoffs, log_ref, (eta, beta));
        apply(&half, &mut payoffs);
        logs = mixed(&logs, &payoffs, log_ref, (eta, beta));
        apply(&logs, &mut payoffs);
        iterations += 1;
    }
}

/// A start with weight on the actions that the reference holds, and on no others.
fn inside(init: &[f64], log_ref: &[f64]) -> Vec<f64> {
    let held = |(l, log_ref): (&f64, &f64)| {
        if *log_ref > f64::NEG_INFINITY {
            l.max(LEAST)
        } else {
            f64::NEG_INFINITY
        }
    };
    let mut logs: Vec<f64> = init.iter().zip(log_ref).map(held).collect();
    log_softmax(&mut logs);
    logs
}

/// lsm((1−ηβ) l + ηβ ρ + η payoffs); −inf stays.
fn mixed(logs: &[f64], payoffs: &[f64], log_ref: &[f64], (eta, beta): (f64, f64)) -> Vec<f64> {
    let keep = 1.0 - eta * beta;
    let parts = logs.iter().zip(payoffs).zip(log_ref);
    let mut out: Vec<f64> = parts
        .map(|((l, payoff), log_ref)| keep * l + eta * (beta * log_ref + payoff))
        .collect();
    log_softmax(&mut out);
    out
}
