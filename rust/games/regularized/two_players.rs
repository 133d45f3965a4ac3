//! Rectangular games with pulls to references on both sides: both players as one system.

use std::iter::repeat_n;

use super::newton::solve;
use super::system::{Scratch, System};
use super::{KlLimits, held, of, spread};
use crate::error::Result;
use crate::games::gaps::divergence;
use crate::games::rectangular::{Rectangle, ZeroSumSolution, solve_each_rectangle};

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
    let (rows, columns) = (held(refs.0), held(refs.1));
    let both = |first: &[f64], second: &[f64]| -> Vec<f64> {
        of(first, &rows).chain(of(second, &columns)).collect()
    };
    let betas = [(beta.0, rows.len()), (beta.1, columns.len())];
    let mut system = System {
        matrix: skew(game, &rows, &columns),
        log_ref: both(refs.0, refs.1),
        beta: betas
            .iter()
            .flat_map(|&(beta, n)| repeat_n(beta, n))
            .collect(),
        split: rows.len(),
        bound: 0.0,
    };
    let mut logs = system.start(init.map(|(row, column)| both(row, column)));
    let mut scratch = Scratch::default();
    let end = solve(&system, &mut logs, init.is_some(), limits, &mut scratch);
    system.residual(&logs, &mut scratch); // for the replies to the answer
    let (row, column) = logs.split_at(rows.len());
    let (row_reply, column_reply) = scratch.reply.split_at(rows.len());
    let gap = beta.0 * divergence(row, row_reply) + beta.1 * divergence(column, column_reply);
    let (log_row, log_column) = (
        spread(&rows, row, game.m()),
        spread(&columns, column, game.n),
    );
    let exp = |logs: &[f64]| -> Vec<f64> { logs.iter().map(|l| l.exp()).collect() };
    let (value, gap0) = game.measure(&exp(&log_row), &exp(&log_column));
    let (iterations, residual, status) = end;
    ZeroSumSolution {
        log_row,
        log_column,
        value,
        gap,
        gap0,
        unique: Some(true),
        iterations,
        residual,
        status,
    }
}

/// [[0, A], [−Aᵀ, 0]] of some rows and columns, A less the middle of all payoffs.
fn skew(game: &Rectangle<'_>, rows: &[usize], columns: &[usize]) -> Vec<f64> {
    let (most, least) = game
        .values
        .iter()
        .fold((f64::NEG_INFINITY, f64::INFINITY), |(most, least), &x| {
            (x.max(most), x.min(least))
        });
    let middle = most / 2.0 + least / 2.0;
    let entry = |i: usize, j: usize| {
        let place = i * game.n + j;
        game.values.get(place).copied().unwrap_or(0.0) - middle
    };
    let mut matrix = Vec::with_capacity((rows.len() + columns.len()).pow(2));
    for &i in rows {
        matrix.extend(repeat_n(0.0, rows.len()));
        matrix.extend(columns.iter().map(|&j| entry(i, j)));
    }
    for &j in columns {
        matrix.extend(rows.iter().map(|&i| -entry(i, j)));
        matrix.extend(repeat_n(0.0, columns.len()));
    }
    matrix
}
