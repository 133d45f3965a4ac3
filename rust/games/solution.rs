//! What a solver says of one game, and the loop over many.

use super::gaps::{Gaps, measure};
use super::payoff::{Game, Games};
use crate::error::Result;
use crate::ragged;
use crate::status::Status;
use crate::threads;

/// When to stop, and what to keep.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// Bound of the gap; `None` runs all iterations.
    pub tol: Option<f64>,
    /// Most iterations.
    pub max_iter: usize,
    /// Iterations after which the policy is kept, in rising order; 0 is the start.
    pub record_at: &'a [usize],
}

/// The answer of a solver for one game.
#[derive(Debug, Clone)]
pub struct Solution {
    /// [n]
    pub log_policy: Vec<f64>,
    /// Of this policy.
    pub gaps: Gaps,
    /// Whether it is the only equilibrium; `None` where that was not checked.
    pub unique: Option<bool>,
    /// Smallest −(A π) off the support; NaN where there is none or it was not checked.
    pub min_slack: f64,
    /// What the function's `max_iter` counts.
    pub iterations: usize,
    /// What the function's `tol` bounds.
    pub residual: f64,
    /// How it ended.
    pub status: Status,
    /// Log-policies after the iterations that were to be recorded, one after the other.
    pub path: Vec<f64>,
}

impl Solution {
    /// A policy with its gaps, and nothing recorded or checked beyond.
    #[must_use]
    pub fn new(
        game: &Game<'_>,
        log_policy: Vec<f64>,
        (beta, log_ref): (f64, &[f64]),
        (iterations, residual, status): (usize, f64, Status),
    ) -> Self {
        Self {
            gaps: measure(game, &log_policy, beta, log_ref),
            log_policy,
            unique: None,
            min_slack: f64::NAN,
            iterations,
            residual,
            status,
            path: Vec::new(),
        }
    }
}

/// `solve(g, game)` of every game, on several threads; `cost(n)` is the work of a game of n actions.
///
/// # Errors
/// The first error of `solve`.
pub fn solve_each(
    games: &Games<'_>,
    cost: impl Fn(usize) -> usize,
    solve: impl Fn(std::ops::Range<usize>, &Game<'_>) -> Result<Solution> + Sync + Send,
) -> Result<Vec<Solution>> {
    let bounds = &games.bounds;
    ragged::map(bounds, cost, |(): &mut (), rows| {
        let g = bounds
            .partition_point(|&start| start <= rows.start)
            .saturating_sub(1);
        solve(rows, &games.get(g))
    })
}

/// `solve` of the numbers of games that run together: at most `most` of one size that may `share`, the others alone.
///
/// On several threads where `work` is large; the solutions are in the order of the games.
pub fn solve_blocks(
    games: &Games<'_>,
    (most, share): (usize, impl Fn(usize) -> bool),
    work: usize,
    solve: impl Fn(&[usize]) -> Vec<Solution> + Sync + Send,
) -> Vec<Solution> {
    let solved = threads::map(blocks(games, most, share), work, |block| {
        let solutions = solve(&block);
        block.into_iter().zip(solutions).collect::<Vec<_>>()
    });
    let mut numbered: Vec<_> = solved.into_iter().flatten().collect();
    numbered.sort_by_key(|(g, _)| *g);
    numbered.into_iter().map(|(_, solution)| solution).collect()
}

fn blocks(games: &Games<'_>, most: usize, share: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let kind = |g: usize| (share(g), games.get(g).n);
    let mut order: Vec<usize> = (0..games.len()).collect();
    order.sort_by_key(|g| kind(*g));
    let mut blocks: Vec<Vec<usize>> = Vec::new();
    let mut last = (false, 0);
    for g in order {
        let own = kind(g);
        match blocks.last_mut() {
            Some(block) if own.0 && own == last && block.len() < most => block.push(g),
            _ => blocks.push(vec![g]),
        }
        last = own;
    }
    blocks
}
