//! Equilibria with a pull to references: extragradient steps, then Newton's method.

mod lu;
mod system;

use std::ops::Range;

use super::gaps::{divergence, measure};
use super::payoff::{Form, Game, Games};
use super::rectangular::{Rectangle, ZeroSumSolution, solve_each_rectangle};
use super::solution::{Solution, solve_each_with};
use crate::error::Result;
use crate::status::Status;
use system::{Scratch, System};

/// Extragradient steps before the first Newton step; doubled whenever Newton's method stalls.
const WARM_UP: usize = 25;
/// A warm-up that is longer than this is given up.
const LONGEST: usize = 100_000;
/// Newton steps from one start.
const NEWTON: usize = 15;
/// Shortest part of a Newton step that is tried.
const SHORTEST: f64 = 1e-6;
/// Above so many actions no matrix is factored.
const LARGEST: usize = 5_000;
/// Rounding of a log-probability: this times ε, per unit of the largest payoff and of 1/β.
const ROUNDING: f64 = 16.0;
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

/// What an iteration reached.
#[derive(Debug, Clone, Copy)]
struct Reached {
    iterations: usize,
    residual: f64,
    status: Status,
}

/// The equilibrium of each symmetric game with a pull β > 0 to its reference: O(n³) a solve, a few of them.
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
    let held: Vec<usize> = (0..game.n)
        .filter(|&i| log_ref.get(i).is_some_and(|l| *l > f64::NEG_INFINITY))
        .collect();
    let of = |values: &[f64], i: usize| values.get(i).copied().unwrap_or(0.0);
    system.matrix.clear();
    system.matrix.extend(
        held.iter()
            .flat_map(|&i| held.iter().map(move |&j| game.entry(i, j))),
    );
    system.log_ref.clear();
    system.log_ref.extend(held.iter().map(|&i| of(log_ref, i)));
    system.beta.clear();
    system.beta.resize(held.len(), beta);
    system.split = held.len();
    system.bound = system.matrix.iter().fold(0.0, |most, x| x.abs().max(most));
    let mut logs: Vec<f64> = match init {
        Some(init) => held.iter().map(|&i| of(init, i).max(LEAST)).collect(),
        None => system.log_ref.clone(),
    };
    system.normalize(&mut logs);
    let reached = solve(system, &mut logs, init.is_some(), limits, scratch);
    let mut log_policy = vec![f64::NEG_INFINITY; game.n];
    for (&i, l) in held.iter().zip(&logs) {
        if let Some(out) = log_policy.get_mut(i) {
            *out = *l;
        }
    }
    let end = (reached.iterations, reached.residual, reached.status);
    Solution {
        unique: Some(true),
        ..Solution::new(game, log_policy, (beta, log_ref), end)
    }
}

/// The rounding that is left of a residual.
fn floor(system: &System) -> f64 {
    let beta = system.beta.iter().copied().fold(f64::INFINITY, f64::min);
    ROUNDING * f64::EPSILON * (system.bound / beta).max(0.5)
}

/// Extragradient steps, then Newton's method; on a stall back to the steps, twice as many.
fn solve(
    system: &System,
    logs: &mut Vec<f64>,
    warm: bool,
    limits: KlLimits,
    scratch: &mut Scratch,
) -> Reached {
    let tol = limits.tol.max(floor(system));
    let ended = |residual: f64| {
        if residual <= limits.tol {
            Status::Converged
        } else {
            Status::Floor
        }
    };
    let mut residual = system.residual(logs, scratch);
    let (mut iterations, mut steps) = (0, if warm { 0 } else { WARM_UP });
    while residual > tol {
        if iterations >= limits.max_iter {
            return Reached {
                iterations,
                residual,
                status: Status::MaxIter,
            };
        }
        system.extragradient(logs, steps, scratch);
        let back = logs.clone();
        residual = system.residual(logs, scratch);
        for _ in 0..NEWTON {
            if residual <= tol || iterations >= limits.max_iter {
                break;
            }
            iterations += 1;
            match descend(system, logs, residual, scratch) {
                Some(next) => residual = next,
                None => break,
            }
        }
        if residual > tol {
            logs.clone_from(&back);
            residual = system.residual(logs, scratch);
            steps = (2 * steps).max(WARM_UP);
            if steps > LONGEST {
                let status = Status::Stalled;
                return Reached {
                    iterations,
                    residual,
                    status,
                };
            }
        }
    }
    Reached {
        iterations,
        residual,
        status: ended(residual),
    }
}

/// One Newton step, halved until the residual falls; `None` where it does not.
fn descend(
    system: &System,
    logs: &mut Vec<f64>,
    residual: f64,
    scratch: &mut Scratch,
) -> Option<f64> {
    if !system.newton(scratch) {
        return None;
    }
    let (from, step) = (logs.clone(), std::mem::take(&mut scratch.step));
    let mut length = 1.0;
    let mut found = None;
    while length >= SHORTEST {
        logs.clear();
        logs.extend(from.iter().zip(&step).map(|(l, d)| l + length * d));
        system.normalize(logs);
        let next = system.residual(logs, scratch);
        if next <= residual * (1.0 - 1e-4 * length) {
            found = Some(next);
            break;
        }
        length /= 2.0;
    }
    scratch.step = step;
    found
}

/// Extragradient steps alone, on the game as it is: two products an iteration.
fn large(game: &Game<'_>, beta: f64, log_ref: &[f64], init: &[f64], limits: KlLimits) -> Solution {
    let bound = game.bound();
    let eta = 2.0 / (beta + (beta * beta + 4.0 * bound * bound).sqrt());
    let tol = limits
        .tol
        .max(ROUNDING * f64::EPSILON * (bound / beta).max(0.5));
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
        super::gaps::best_reply(&payoffs, beta, log_ref, &mut reply);
        let off = logs
            .iter()
            .zip(&reply)
            .filter(|(l, _)| **l > f64::NEG_INFINITY);
        let residual = off.map(|(l, reply)| (l - reply).abs()).fold(0.0, f64::max);
        let status = match residual {
            _ if residual <= limits.tol => Status::Converged,
            _ if residual <= tol => Status::Floor,
            _ => Status::MaxIter,
        };
        if status.succeeded() || iterations >= limits.max_iter {
            let end = (iterations, residual, status);
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
    super::policy::log_softmax(&mut logs);
    logs
}

/// lsm((1−ηβ) l + ηβ ρ + η payoffs); −inf stays.
fn mixed(logs: &[f64], payoffs: &[f64], log_ref: &[f64], (eta, beta): (f64, f64)) -> Vec<f64> {
    let keep = 1.0 - eta * beta;
    let parts = logs.iter().zip(payoffs).zip(log_ref);
    let mut out: Vec<f64> = parts
        .map(|((l, payoff), log_ref)| keep * l + eta * (beta * log_ref + payoff))
        .collect();
    super::policy::log_softmax(&mut out);
    out
}

/// Pulls and normalised references of both players of a rectangular game; references of one game or of all.
#[derive(Debug, Clone, Copy)]
pub struct Pulls<'a> {
    /// Of the row player and of the column player, > 0.
    pub beta: (f64, f64),
    /// [m] or [B, m]
    pub log_ref_row: &'a [f64],
    /// [n] or [B, n]
    pub log_ref_column: &'a [f64],
}

/// The equilibrium of each rectangular game with pulls to references on both sides.
///
/// # Errors
/// Those of [`solve_each_rectangle`].
pub fn solve_zero_sum_kl(
    values: &[f64],
    (m, n): (usize, usize),
    pulls: Pulls<'_>,
    init: Option<(&[f64], &[f64])>,
    limits: KlLimits,
) -> Result<Vec<ZeroSumSolution>> {
    let size = m + n;
    let cost = 4 * size * size * size + 60 * size * size;
    solve_each_rectangle(values, (m, n), cost, |g, game| {
        let row = part(pulls.log_ref_row, g, m);
        let column = part(pulls.log_ref_column, g, n);
        let start = init.map(|(rows, columns)| (part(rows, g, m), part(columns, g, n)));
        Ok(rectangular(&game, pulls.beta, (row, column), start, limits))
    })
}

/// The part of a game, or the whole where it is that of one game for all.
fn part(values: &[f64], g: usize, length: usize) -> &[f64] {
    if values.len() == length {
        values
    } else {
        values.get(g * length..(g + 1) * length).unwrap_or_default()
    }
}

fn rectangular(
    game: &Rectangle<'_>,
    beta: (f64, f64),
    refs: (&[f64], &[f64]),
    init: Option<(&[f64], &[f64])>,
    limits: KlLimits,
) -> ZeroSumSolution {
    let held = |log_ref: &[f64]| -> Vec<usize> {
        (0..log_ref.len())
            .filter(|&i| log_ref.get(i).is_some_and(|l| *l > f64::NEG_INFINITY))
            .collect()
    };
    let (rows, columns) = (held(refs.0), held(refs.1));
    let of = |values: &[f64], i: usize| values.get(i).copied().unwrap_or(0.0);
    let (most, least) = game
        .values
        .iter()
        .fold((f64::NEG_INFINITY, f64::INFINITY), |(most, least), &x| {
            (x.max(most), x.min(least))
        });
    let middle = most / 2.0 + least / 2.0;
    let entry = |i: usize, j: usize| of(game.values, i * game.n + j) - middle;
    let mut matrix = Vec::with_capacity((rows.len() + columns.len()).pow(2));
    for &i in &rows {
        matrix.extend(rows.iter().map(|_| 0.0));
        matrix.extend(columns.iter().map(|&j| entry(i, j)));
    }
    for &j in &columns {
        matrix.extend(rows.iter().map(|&i| -entry(i, j)));
        matrix.extend(columns.iter().map(|_| 0.0));
    }
    let both = |first: &[f64], second: &[f64]| -> Vec<f64> {
        let rows = rows.iter().map(|&i| of(first, i));
        rows.chain(columns.iter().map(|&j| of(second, j))).collect()
    };
    let bound = matrix.iter().fold(0.0_f64, |most, x| x.abs().max(most));
    let betas = rows
        .iter()
        .map(|_| beta.0)
        .chain(columns.iter().map(|_| beta.1))
        .collect();
    let system = System {
        matrix,
        log_ref: both(refs.0, refs.1),
        beta: betas,
        split: rows.len(),
        bound,
    };
    let mut logs = init.map_or_else(|| system.log_ref.clone(), |(row, column)| both(row, column));
    for l in &mut logs {
        *l = l.max(LEAST);
    }
    system.normalize(&mut logs);
    let mut scratch = Scratch::default();
    let reached = solve(&system, &mut logs, init.is_some(), limits, &mut scratch);
    system.residual(&logs, &mut scratch);
    let spread = |own: &[usize], logs: &[f64], length: usize| {
        let mut all = vec![f64::NEG_INFINITY; length];
        for (&i, l) in own.iter().zip(logs) {
            if let Some(out) = all.get_mut(i) {
                *out = *l;
            }
        }
        all
    };
    let (row, column) = logs.split_at(rows.len());
    let (row_reply, column_reply) = scratch.reply.split_at(rows.len());
    let gap = beta.0 * divergence(row, row_reply) + beta.1 * divergence(column, column_reply);
    let (log_row, log_column) = (
        spread(&rows, row, game.m()),
        spread(&columns, column, game.n),
    );
    let exp = |logs: &[f64]| -> Vec<f64> { logs.iter().map(|l| l.exp()).collect() };
    let (value, gap0) = game.measure(&exp(&log_row), &exp(&log_column));
    ZeroSumSolution {
        log_row,
        log_column,
        value,
        gap,
        gap0,
        unique: Some(true),
        iterations: reached.iterations,
        residual: reached.residual,
        status: reached.status,
    }
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
    limits: super::regret::Limits<'_>,
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
