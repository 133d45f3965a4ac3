//! Equilibria with a pull to references: extragradient steps, then Newton's method.

mod gradients;
mod lane_newton;
mod large;
mod lu;
mod newton;
mod side_by_side;
mod system;
mod two_players;

use std::iter::repeat;

use super::gaps::measure;
use super::payoff::{Form, Game, Games};
use super::solution::{Limits, Solution, solve_blocks};
use crate::lanes::BLOCK;
use crate::ragged;
use crate::status::Status;
use large::large;
use newton::solve;
use side_by_side::Task;
use system::{Scratch, System};

pub use two_players::{Pulls, solve_zero_sum_kl};

/// Above so many actions no matrix is factored.
const LARGEST: usize = 5_000;
/// Above so many actions a game of factor form stays in that form.
const WRITTEN: usize = 512;
/// Games to this size are solved side by side.
const SMALL: usize = 32;
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
#[must_use]
pub fn solve_nash_kl(
    games: &Games<'_>,
    beta: f64,
    log_ref: &[f64],
    init: Option<&[f64]>,
    limits: KlLimits,
) -> Vec<Solution> {
    let cost = |n: usize| (n * n * n * 4).saturating_add(n * n * 60);
    let work = ragged::ranges(&games.bounds).map(|rows| cost(rows.len()));
    let work = work.fold(0, usize::saturating_add);
    let task = |g: usize| -> Task<'_> {
        let init = init.map(|init| games.part(g, init));
        (games.get(g), games.part(g, log_ref), init)
    };
    let shares = |g| limits.max_iter > 0 && fits(task(g));
    solve_blocks(games, (BLOCK, shares), work, |block| {
        let tasks: Vec<Task<'_>> = block.iter().map(|g| task(*g)).collect();
        let solved = if block.iter().all(|g| shares(*g)) {
            side_by_side::solve(&tasks, beta, limits)
        } else {
            Vec::new()
        };
        let solved = solved.into_iter().chain(repeat(None));
        let each = tasks.iter().zip(solved);
        each.map(|(task, solved)| solved.unwrap_or_else(|| alone(*task, beta, limits)))
            .collect()
    })
}

/// Whether a game can be solved beside others.
fn fits((game, log_ref, _): Task<'_>) -> bool {
    let factor = matches!(game.form, Form::Factor { .. });
    game.n <= SMALL && !factor && !log_ref.contains(&f64::NEG_INFINITY)
}

fn alone((game, log_ref, init): Task<'_>, beta: f64, limits: KlLimits) -> Solution {
    let factor = matches!(game.form, Form::Factor { .. });
    if game.n > if factor { WRITTEN } else { LARGEST } {
        large(&game, beta, log_ref, init.unwrap_or(log_ref), limits)
    } else {
        let mut scratch = (Scratch::default(), System::default());
        dense(&game, beta, log_ref, init, limits, &mut scratch)
    }
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
