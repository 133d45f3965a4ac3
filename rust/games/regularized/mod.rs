//! Equilibria with a pull to references: extragradient steps, then Newton's method.

mod gradients;
mod large;
mod lu;
mod newton;
mod system;
mod two_players;

use std::ops::Range;

use super::gaps::measure;
use super::payoff::{Form, Game, Games};
use super::solution::{Limits, Solution, solve_each_with};
use crate::error::Result;
use crate::status::Status;
use large::large;
use newton::solve;
use system::{Scratch, System};

pub use two_players::{Pulls, solve_zero_sum_kl};

/// Above so many actions no matrix is factored.
const LARGEST: usize = 5_000;
/// Smallest log-probability of a start: an action of probability 0 would stay there.
const LEAST: f64 = -700.0;

/// Where to stop.
#[derive(Debug, Clone, Copy)]
pub struct KlLimits {
    /// Bound of max |log π − log BR(π)|.
    pub tol: f64,
    /// Most linear solves; extragradient steps where nothing is factored.
    pub max_iter: usize,
}

/// The equilibrium of each symmetric game with a pull β > 0 to its reference: a few linear solves,
/// O(n³) each, or O(n²) where the pull is not far below the payoffs.
///
/// `log_ref` is normalised, flat over the games; −inf takes an action out. `init` replaces the warm-up.
///
/// # Errors
/// None of its own; those of the loop over games.
pub fn solve_nash_kl(
    games: &Games<'_>,
    beta: f64,
    log_ref: &[f64],
    init: Option<&[f64]>,
    limits: KlLimits,
) -> Result<Vec<Solution>> {
    let cost = |n: usize| (n * n * n * 4).saturating_add(n * n * 60);
    solve_each_with(
        games,
        cost,
        |scratch: &mut (Scratch, System), rows: Range<usize>, game| {
            let log_ref = log_ref.get(rows.clone()).unwrap_or_default();
            let start = init.and_then(|init| init.get(rows));
            Ok(
                if matches!(game.form, Form::Factor { .. }) || game.n > LARGEST {
                    large(game, beta, log_ref, start.unwrap_or(log_ref), limits)
                } else {
                    dense(game, beta, log_ref, start, limits, scratch)
                },
            )
        },
    )
}

/// Newton's method on the actions that the reference holds.
fn dense(
    game: &Game<'_>,
    beta: f64,
    log_ref: &[f64],
    init: Option<&[f64]>,
    limits: KlLimits,
    (scratch, system): &mut (Scratch, System),
) -> Solution {
    let held = held(log_ref);
    if held.len() == game.n {
        game.write(&mut system.matrix);
    } else {
        let entries = held
            .iter()
            .flat_map(|&i| held.iter().map(move |&j| game.entry(i, j)));
        system.matrix.clear();
        system.matrix.extend(entries);
    }
    system.log_ref.clear();
    system.log_ref.extend(of(log_ref, &held));
    system.beta.clear();
    system.beta.resize(held.len(), beta);
    system.split = held.len();
    let mut logs = system.start(init.map(|init| of(init, &held).collect()));
    let end = solve(system, &mut logs, init.is_some(), limits, scratch);
    let log_policy = spread(&held, &logs, game.n);
    Solution {
        unique: Some(true),
        ..Solution::new(game, log_policy, (beta, log_ref), end)
    }
}

/// The actions that a reference holds.
fn held(log_ref: &[f64]) -> Vec<usize> {
    let all = log_ref.iter().enumerate();
    let held = all.filter(|(_, l)| **l > f64::NEG_INFINITY);
    held.map(|(i, _)| i).collect()
}

/// The entries of some actions.
fn of(values: &[f64], actions: &[usize]) -> impl Iterator<Item = f64> {
    actions
        .iter()
        .map(|&i| values.get(i).copied().unwrap_or(0.0))
}

/// Log-probabilities of some actions among all, −inf for the others.
fn spread(actions: &[usize], logs: &[f64], length: usize) -> Vec<f64> {
    let mut all = vec![f64::NEG_INFINITY; length];
    for (&i, l) in actions.iter().zip(logs) {
        if let Some(out) = all.get_mut(i) {
            *out = *l;
        }
    }
    all
}

/// The exact proximal-point iteration of one game: the next reference is the equilibrium with a pull to this one.
///
/// O(n³) a solve. The residual is the duality gap without a pull.
#[must_use]
pub fn proximal(
    game: &Game<'_>,
    beta: f64,
    log_ref: &[f64],
    init: &[f64],
    limits: Limits<'_>,
) -> Solution {
    let inner = KlLimits {
        tol: 1e-13,
        max_iter: 1_000,
    };
    let mut scratch = (Scratch::default(), System::default());
    let mut logs = init.to_vec();
    let mut path = Vec::new();
    let mut at = limits.record_at.iter().copied().peekable();
    let (mut iterations, mut stalled) = (0, false);
    loop {
        if at.peek() == Some(&iterations) {
            at.next();
            path.extend_from_slice(&logs);
        }
        let gap = measure(game, &logs, 0.0, log_ref).gap0;
        let status = match limits.tol {
            Some(tol) if gap <= tol => Some(Status::Converged),
            _ if stalled => Some(Status::Stalled),
            _ if iterations >= limits.max_iter => {
                Some(limits.tol.map_or(Status::Fixed, |_| Status::MaxIter))
            }
            _ => None,
        };
        if let Some(status) = status {
            let end = (iterations, gap, status);
            return Solution {
                path,
                ..Solution::new(game, logs, (0.0, log_ref), end)
            };
        }
        let next = dense(game, beta, &logs, Some(&logs), inner, &mut scratch);
        stalled = !next.status.succeeded();
        logs = next.log_policy;
        iterations += 1;
    }
}
