//! Equilibria without regularisation: the simplex method for small games, an interior point for large ones, and a choice
//! among many.

mod face;
mod interior;
mod lane_simplex;
mod simplex;
mod skew;

use std::iter::repeat_with;

use face::Aim;
use lane_simplex::Corner;
use simplex::{Tableau, Vertex};
use skew::Skew;

use super::gaps::{Gaps, plain_gap};
use super::payoff::{Game, Games};
use super::policy::log_probabilities;
use super::rectangular::{Rectangle, ZeroSumSolution, solve_each_rectangle};
use super::solution::{Solution, solve_blocks};
use crate::elementary::float;
use crate::error::Result;
use crate::lanes::BLOCK;
use crate::ragged;
use crate::status::Status;

/// Actions of both players up to which the simplex method is faster.
const SMALL: usize = 400;
/// Games that one thread takes at a time, of those that run side by side.
const TOGETHER: usize = 8 * BLOCK;
/// What rounding leaves of a gap, per unit of the largest payoff.
const FLOOR: f64 = 1e-13;
/// A gap of the simplex method that is not worth a look, for payoffs in [-1, 1].
const SHARP: f64 = 1e-14;
/// A gap, for the same payoffs, at which the strategies asked for are good enough.
const LOOSE: f64 = 1e-11;

/// Which of many equilibria.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// The one of largest entropy (Nash averaging).
    MaxEntropy,
    /// The analytic center of all.
    Center,
    /// Any vertex of the set.
    Vertex,
}

/// Strategies of both players of a game with payoffs in [-1, 1].
struct Found {
    row: Vec<f64>,
    column: Vec<f64>,
    unique: bool,
    steps: usize,
    gap: f64,
}

/// Memory that serves one game after another.
#[derive(Debug, Default)]
struct Scratch {
    payoff: Vec<f64>,
    tableau: Tableau,
    row: Vec<f64>,
    column: Vec<f64>,
    payoffs: Vec<f64>,
}

/// The equilibrium of each symmetric game; the residual is the duality gap, `tol` its bound.
///
/// O(n²) per pivot of the simplex method, about n of them, up to 200 actions, games of equal size up to 16 side by
/// side; O(n³) for each of 6 to 20 steps of the interior point above.
#[must_use]
pub fn solve_nash(games: &Games<'_>, selection: Selection, tol: f64) -> Vec<Solution> {
    let shares = |g| games.get(g).n <= lane_simplex::LARGEST;
    let work = ragged::ranges(&games.bounds).map(|rows| cost(rows.len()));
    let work = work.fold(0, usize::saturating_add);
    solve_blocks(games, (TOGETHER, shares), work, |block| {
        let mut scratch = Scratch::default();
        let corners = match block {
            [g, ..] if shares(*g) => corners(games, block),
            _ => Vec::new(),
        };
        let corners = corners.into_iter().chain(repeat_with(|| None));
        let each = block.iter().zip(corners).map(|(&g, corner)| {
            let game = games.get(g);
            corner
                .and_then(|corner| confirmed(&mut scratch, &game, corner, tol))
                .unwrap_or_else(|| nash(&mut scratch, &game, selection, tol))
        });
        each.collect()
    })
}

/// What the simplex method finds of small games side by side.
fn corners(games: &Games<'_>, block: &[usize]) -> Vec<Option<Corner>> {
    let n = block.first().map_or(0, |&g| games.get(g).n);
    let (mut payoffs, mut payoff) = (Vec::with_capacity(block.len() * n * n), Vec::new());
    for &g in block {
        games.get(g).write(&mut payoff);
        payoffs.extend_from_slice(&payoff);
    }
    lane_simplex::solve(&payoffs, n)
}

/// The record of the only equilibrium of a game, if its gap is no more than rounding.
fn confirmed(scratch: &mut Scratch, game: &Game<'_>, corner: Corner, tol: f64) -> Option<Solution> {
    let what = (true, corner.pivots, corner.slack);
    let solution = reported((game, corner.scale), scratch, corner.strategy, what, tol);
    (solution.residual <= SHARP * corner.scale).then_some(solution)
}

/// The maximin strategies of each game [m, n] of a batch; the residual is the duality gap, `tol` its bound.
///
/// # Errors
/// Values that are not full games of at least one row and column.
pub fn solve_zero_sum(
    values: &[f64],
    (m, n): (usize, usize),
    selection: Selection,
    tol: f64,
) -> Result<Vec<ZeroSumSolution>> {
    solve_each_rectangle(values, (m, n), cost(m.max(n)), |_, game| {
        Ok(zero_sum(&mut Scratch::default(), game, selection, tol))
    })
}

fn cost(n: usize) -> usize {
    n.saturating_mul(n).saturating_mul(n)
}

impl Scratch {
    /// A vertex of the strategies of `payoff`, in `row` and `column`.
    fn vertex(&mut self, m: usize, n: usize) -> Option<(Vertex, usize)> {
        let pivots = self.tableau.solve(&self.payoff, m, n)?;
        let basis = self.tableau.read(&mut self.row, &mut self.column);
        normalize(&mut self.row);
        normalize(&mut self.column);
        Some((basis, pivots))
    }

    fn found(&self, (basis, pivots): &(Vertex, usize)) -> Found {
        let both = (&self.row[..], &self.column[..]);
        Found::new(&self.payoff, both, basis.unique, *pivots)
    }
}

fn nash(scratch: &mut Scratch, game: &Game<'_>, selection: Selection, tol: f64) -> Solution {
    let (n, scale, any) = (game.n, game.bound(), selection == Selection::Vertex);
    if scale == 0.0 {
        let found = indifferent(n, n, selection);
        let slack = if any && n > 1 { 0.0 } else { f64::NAN };
        let what = (found.unique, 0, slack);
        return reported((game, scale), scratch, found.column, what, tol);
    }
    game.write(&mut scratch.payoff);
    for x in &mut scratch.payoff {
        *x /= scale;
    }
    let simplex = any || 2 * n <= SMALL;
    let vertex = simplex.then(|| scratch.vertex(n, n)).flatten();
    if let Some((basis, pivots)) = &vertex
        && basis.unique
    {
        let what = (true, *pivots, basis.slack * scale);
        let policy = scratch.column.clone();
        let solution = reported((game, scale), scratch, policy, what, tol);
        if solution.residual <= SHARP * scale {
            return solution;
        }
    }
    let vertex = vertex.map(|vertex| scratch.found(&vertex));
    let found = equilibrium(&scratch.payoff, (n, n), true, selection, vertex);
    let slack = scale * least_slack(&scratch.payoff, &found.column);
    let what = (found.unique, found.steps, slack);
    reported((game, scale), scratch, found.column, what, tol)
}

/// The record of a policy; `unique`, steps, and the slack.
fn reported(
    (game, scale): (&Game<'_>, f64),
    scratch: &mut Scratch,
    policy: Vec<f64>,
    (unique, iterations, min_slack): (bool, usize, f64),
    tol: f64,
) -> Solution {
    scratch.payoffs.resize(game.n, 0.0);
    game.apply(&policy, &mut scratch.payoffs);
    let gap = plain_gap(&policy, &scratch.payoffs);
    let (mut log_policy, mut kl_ref) = (policy, float(game.n).ln());
    for p in &mut log_policy {
        let log = p.ln();
        kl_ref += if *p > 0.0 { *p * log } else { 0.0 };
        *p = log;
    }
    Solution {
        log_policy,
        gaps: Gaps {
            gap,
            gap0: gap,
            kl_ref: kl_ref.max(0.0),
        },
        unique: Some(unique),
        min_slack,
        iterations,
        residual: gap,
        status: status(gap, tol, scale),
        path: Vec::new(),
    }
}

fn zero_sum(
    scratch: &mut Scratch,
    game: Rectangle<'_>,
    selection: Selection,
    tol: f64,
) -> ZeroSumSolution {
    let (m, n) = (game.m(), game.n);
    let (least, most) = game
        .values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &x| {
            (x.min(least), x.max(most))
        });
    let (middle, scale) = (least.midpoint(most), most / 2.0 - least / 2.0);
    let found = if scale > 0.0 {
        let payoff = game.values.iter().map(|x| (x - middle) / scale);
        scratch.payoff.clear();
        scratch.payoff.extend(payoff);
        let simplex = selection == Selection::Vertex || m + n <= SMALL;
        let vertex = simplex.then(|| scratch.vertex(m, n)).flatten();
        let vertex = vertex.map(|vertex| scratch.found(&vertex));
        equilibrium(&scratch.payoff, (m, n), false, selection, vertex)
    } else {
        indifferent(m, n, selection)
    };
    let (value, gap) = game.measure(&found.row, &found.column);
    ZeroSumSolution {
        log_row: log_probabilities(&found.row),
        log_column: log_probabilities(&found.column),
        value,
        gap,
        gap0: gap,
        unique: Some(found.unique),
        iterations: found.steps,
        residual: gap,
        status: status(gap, tol, most.abs().max(least.abs())),
    }
}

fn status(gap: f64, tol: f64, size: f64) -> Status {
    if gap <= tol {
        Status::Converged
    } else if gap <= FLOOR * size {
        Status::Floor
    } else {
        Status::Stalled
    }
}

/// Where all payoffs are one number.
fn indifferent(m: usize, n: usize, selection: Selection) -> Found {
    let strategy = |size: usize| match selection {
        Selection::Vertex => (0..size).map(|i| f64::from(u8::from(i == 0))).collect(),
        _ => vec![1.0 / float(size); size],
    };
    Found {
        row: strategy(m),
        column: strategy(n),
        unique: m == 1 && n == 1,
        steps: 0,
        gap: 0.0,
    }
}

impl Found {
    fn new(payoff: &[f64], (row, column): (&[f64], &[f64]), unique: bool, steps: usize) -> Self {
        let (mut row, mut column) = (row.to_vec(), column.to_vec());
        normalize(&mut row);
        normalize(&mut column);
        let n = column.len();
        let (_, gap) = Rectangle { values: payoff, n }.measure(&row, &column);
        Self {
            row,
            column,
            unique,
            steps,
            gap,
        }
    }

    fn better(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.gap < self.gap || self.gap.is_nan() => other,
            _ => self,
        }
    }
}

fn normalize(strategy: &mut [f64]) {
    let total: f64 = strategy.iter().sum();
    for p in strategy {
        *p /= total;
    }
}

/// The equilibrium of payoffs in [-1, 1]; where rounding spoils the one asked for, the best that was met.
fn equilibrium(
    payoff: &[f64],
    (m, n): (usize, usize),
    symmetric: bool,
    selection: Selection,
    mut vertex: Option<Found>,
) -> Found {
    let any = selection == Selection::Vertex;
    match vertex {
        Some(found) if (found.unique || any) && found.gap <= SHARP => return found,
        _ => {}
    }
    let skew = if symmetric {
        Skew::symmetric(payoff, n)
    } else {
        Skew::two_players(payoff, m, n)
    };
    let split = |x: &[f64], unique, steps| {
        let (row, column) = if symmetric { (x, x) } else { x.split_at(m) };
        Found::new(payoff, (row, column), unique, steps)
    };
    if let Some(found) = vertex.take_if(|found| found.unique || (any && found.gap <= LOOSE)) {
        let played = if symmetric {
            found.column.clone()
        } else {
            [&found.row[..], &found.column].concat()
        };
        let played = played.iter().enumerate().filter(|(_, p)| **p > 0.0);
        let support: Vec<usize> = played.map(|(i, _)| i).collect();
        let exact = skew.certified(&support);
        let exact = exact.map(|x| split(&x, found.unique, found.steps));
        return found.better(exact);
    }
    let before = vertex.as_ref().map_or(0, |found| found.steps);
    let aim = if selection == Selection::Center {
        Aim::Center
    } else {
        Aim::Entropy
    };
    let inner = interior::follow(&skew).map(|point| {
        let steps = before + point.steps;
        if point.unique {
            return split(&point.x, true, steps);
        }
        match face::choose(&skew, &point, aim) {
            Some((x, unique, more)) => split(&x, unique, steps + more),
            None => split(&point.played(), false, steps),
        }
    });
    match (inner, vertex) {
        (Some(inner), vertex) if inner.gap > LOOSE || inner.gap.is_nan() => inner.better(vertex),
        (Some(inner), _) => inner,
        (None, Some(vertex)) => vertex,
        (None, None) => indifferent(m, n, selection),
    }
}

/// How much less than the equilibrium the best action off the support of a symmetric game earns; NaN where all are played.
fn least_slack(payoff: &[f64], policy: &[f64]) -> f64 {
    let mut earned = vec![0.0; policy.len()];
    let game = Rectangle {
        values: payoff,
        n: policy.len(),
    };
    game.rows(policy, &mut earned);
    let unplayed = policy.iter().zip(&earned).filter(|(p, _)| **p == 0.0);
    unplayed.fold(f64::NAN, |least, (_, earned)| least.min((-earned).max(0.0)))
}
