//! First-order dynamics: six update maps of log-policies, and the one loop that drives them.
//!
//! Games of at most [`SMALL`] actions run in blocks of [`BLOCK`], one in each vector lane, also where there are fewer: the
//! arithmetic of a game does not depend on its neighbours, and a lone game gives the bits that it gives in a batch.

mod run;

use run::Run;

use super::gaps::extragradient_step;
use super::payoff::{Form, Game, Games};
use super::policy::log_softmax;
use super::solution::{Limits, Solution, solve_blocks};
use crate::elementary::float;
use crate::error::{Error, Result};
use crate::lanes::{self, BLOCK, LANES};
use crate::ragged;
use crate::status::Status;

const SMALL: usize = 16;
/// Where a gap costs a product with the payoff of its own, it is looked at this rarely.
const CHECK_EVERY: usize = 16;

/// How a log-policy l moves; c = step · beta, u = A π.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Map {
    /// (1 − c) l + c log ρ + step · u; the answer may be the mean of the policies before the last.
    Mirror {
        /// Whether the answer is that mean.
        average: bool,
    },
    /// The mirror step with the payoffs of the policy that it leads to.
    Extragradient,
    /// The same with the payoffs of the last look ahead: one product an iteration.
    Optimistic {
        /// Whether the answer is the look ahead.
        played: bool,
    },
    /// (l + c log ρ + step · u) / (1 + c)
    Magnetic,
    /// The mixture m = (1 − c) l + c log ρ, then m + step · A e^m.
    NashMd,
    /// `Magnetic`, whose reference becomes the policy after every so many iterations.
    Mpo {
        /// So many.
        refresh: usize,
    },
}

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// How a policy moves.
    pub map: Map,
    /// Pull to the reference.
    pub beta: f64,
    /// Step size; `None` takes the one of the map.
    pub step: Option<f64>,
    /// When to stop, and what to keep (of one game only).
    pub limits: Limits<'a>,
}

impl Plan<'_> {
    /// The proven or usual step for a game whose payoffs are at most `bound` in size.
    fn step_size(&self, game: &Game<'_>) -> f64 {
        let (beta, bound) = (self.beta, game.bound());
        let size = match self.map {
            Map::Mirror { .. } if beta > 0.0 => beta / beta.mul_add(beta, bound * bound),
            Map::Mirror { .. } => {
                (2.0 * float(game.n).ln() / float(self.limits.max_iter.max(1))).sqrt() / bound
            }
            Map::Extragradient => extragradient_step(beta, bound),
            Map::Optimistic { .. } => (0.5 / (beta + bound)).min(0.25 / bound),
            Map::Magnetic | Map::Mpo { .. } => beta / (bound * bound),
            Map::NashMd => 0.0,
        };
        let flat = if beta > 0.0 { 1.0 / beta } else { 1.0 };
        self.step
            .unwrap_or(if size.is_finite() { size } else { flat })
    }
}

/// The dynamics of every game, from `start` where given, else from the reference: O(n²) an iteration.
///
/// # Errors
/// A start that shares no action with the reference.
pub fn dynamics(
    games: &Games<'_>,
    plan: &Plan<'_>,
    log_ref: &[f64],
    start: Option<&[f64]>,
) -> Result<Vec<Solution>> {
    let start = start.unwrap_or(log_ref);
    for (g, rows) in ragged::ranges(&games.bounds).enumerate() {
        let parts = (start.get(rows.clone()), log_ref.get(rows));
        let (Some(start), Some(log_ref)) = parts else {
            return Err(Error::shape(
                "log_ref",
                "one entry per action",
                log_ref.len(),
            ));
        };
        let shared = |(s, r): (&f64, &f64)| s.min(*r) > f64::NEG_INFINITY;
        if !start.iter().zip(log_ref).any(shared) {
            let came = format!("none in game {g}");
            return Err(Error::domain(
                "init",
                "at least one action of log_ref",
                came,
            ));
        }
    }
    let rounds = plan.limits.max_iter.clamp(1, 1000);
    let work = ragged::ranges(&games.bounds).map(|rows| rows.len() * rows.len() * rounds);
    let work = work.fold(0, usize::saturating_add);
    let solve = |block: &[usize]| solve(games, block, plan, log_ref, start);
    Ok(solve_blocks(
        games,
        (BLOCK, |g| small(&games.get(g))),
        work,
        solve,
    ))
}

/// Whether a game runs beside others.
fn small(game: &Game<'_>) -> bool {
    game.n <= SMALL && !matches!(game.form, Form::Factor { .. })
}

/// Rows of equal length as one, number i of row k at i · width + k; the last row fills up.
fn interleaved(rows: &[&[f64]], width: usize) -> Vec<f64> {
    let length = rows.first().map_or(0, |row| row.len());
    let at = |i: usize, k: usize| rows.get(k).or(rows.last()).and_then(|row| row.get(i));
    let entries = (0..length).flat_map(|i| (0..width).map(move |k| (i, k)));
    entries
        .map(|(i, k)| at(i, k).copied().unwrap_or(0.0))
        .collect()
}

fn solve(
    games: &Games<'_>,
    block: &[usize],
    plan: &Plan<'_>,
    log_ref: &[f64],
    start: &[f64],
) -> Vec<Solution> {
    let own: Vec<Game<'_>> = block.iter().map(|g| games.get(*g)).collect();
    let parts = |values| -> Vec<&[f64]> { block.iter().map(|g| games.part(*g, values)).collect() };
    let references = parts(log_ref);
    let small = own.iter().all(small);
    let width = if small { BLOCK } else { 1 };
    let sizes: Vec<f64> = own.iter().map(|game| plan.step_size(game)).collect();
    let mut steps = [0.0; LANES];
    for (k, step) in steps.iter_mut().enumerate() {
        let size = sizes.get(k % width).or(sizes.last());
        *step = size.copied().unwrap_or(0.0);
    }
    let given = (
        interleaved(&parts(start), width),
        interleaved(&references, width),
    );
    let ends = if small {
        let matrices: Vec<Vec<f64>> = own.iter().map(Game::matrix).collect();
        let rows: Vec<&[f64]> = matrices.iter().map(Vec::as_slice).collect();
        let matrix = interleaved(&rows, width);
        let apply = |policy: &[f64], out: &mut [f64]| {
            lanes::apply(&matrix, policy, out);
        };
        drive(
            Run::new(plan, width, apply, steps, given),
            plan.limits,
            (own.len(), width),
        )
    } else {
        let game = games.get(block.first().copied().unwrap_or(0));
        let apply = |policy: &[f64], out: &mut [f64]| game.apply(policy, out);
        drive(
            Run::new(plan, width, apply, steps, given),
            plan.limits,
            (1, width),
        )
    };
    let finished = own.iter().zip(references).zip(ends);
    finished
        .map(|((game, log_ref), end)| end.solution(game, plan, log_ref))
        .collect()
}

/// Where a game ended.
struct End {
    log_policy: Vec<f64>,
    iterations: usize,
    residual: Option<f64>,
    status: Status,
    path: Vec<f64>,
}

impl End {
    fn solution(self, game: &Game<'_>, plan: &Plan<'_>, log_ref: &[f64]) -> Solution {
        let end = (
            self.iterations,
            self.residual.unwrap_or(f64::NAN),
            self.status,
        );
        let mpo = matches!(plan.map, Map::Mpo { .. });
        let beta = if mpo { 0.0 } else { plan.beta };
        let mut solution = Solution::new(game, self.log_policy, (beta, log_ref), end);
        if self.residual.is_none() {
            solution.residual = solution.gaps.gap;
        }
        solution.path = self.path;
        solution
    }
}

/// Iterates until every game of the block has ended; each keeps the policy with which it did.
fn drive<F: Fn(&[f64], &mut [f64])>(
    mut run: Run<'_, F>,
    limits: Limits<'_>,
    (count, width): (usize, usize),
) -> Vec<End> {
    let mut ends: Vec<Option<End>> = (0..count).map(|_| None).collect();
    let mut path = Vec::new();
    let mut record = limits.record_at.iter().peekable();
    let mut t = 0;
    while ends.iter().any(Option::is_none) {
        let last = t >= limits.max_iter;
        if record.next_if(|at| **at == t).is_some() {
            path.extend(lane(&run.answer(), 0, width));
        }
        let look = last || run.known() || t.is_multiple_of(CHECK_EVERY);
        let residuals = limits.tol.filter(|_| look).map(|_| run.residuals());
        for (k, end) in ends.iter_mut().enumerate().filter(|(_, end)| end.is_none()) {
            let residual = residuals.and_then(|all| all.get(k).copied());
            if let Some(status) = ended(residual, limits.tol, last) {
                *end = Some(End {
                    log_policy: lane(&run.answer(), k, width),
                    iterations: t,
                    residual,
                    status,
                    path: Vec::new(),
                });
            }
        }
        if !last {
            run.step();
        }
        t += 1;
    }
    if let Some(Some(first)) = ends.first_mut() {
        first.path = path;
    }
    ends.into_iter().flatten().collect()
}

fn ended(residual: Option<f64>, tol: Option<f64>, last: bool) -> Option<Status> {
    match (residual, tol) {
        (Some(residual), Some(tol)) if residual <= tol => Some(Status::Converged),
        (Some(residual), _) if residual.is_nan() => Some(Status::Stalled),
        (_, Some(_)) if last => Some(Status::MaxIter),
        (_, None) if last => Some(Status::Fixed),
        _ => None,
    }
}

/// The log-policy of one game of a block.
fn lane(logits: &[f64], k: usize, width: usize) -> Vec<f64> {
    let mut own: Vec<f64> = lanes::lane(logits, k, width).collect();
    log_softmax(&mut own);
    own
}
