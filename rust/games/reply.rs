//! Best responses to, and gaps of, policies that users bring.

use super::gaps::{best_reply, measure};
use super::payoff::{Games, Values, column_payoffs, row_payoffs};
use crate::error::Result;
use crate::ragged;

/// Policies of players, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Policies<'a> {
    /// Log-probabilities, normalised.
    pub logs: &'a [f64],
    /// Log-probabilities of the references of those who reply; one for all where it is as long as one.
    pub log_ref: &'a [f64],
    /// Pull to the reference; 0 for none.
    pub beta: f64,
}

/// A matrix of payoffs to the row player in each game, all of one shape.
#[derive(Debug, Clone, Copy)]
pub struct Matrices<'a> {
    /// [B, m, n]
    pub values: Values<'a>,
    /// m
    pub rows: usize,
    /// n
    pub columns: usize,
}

impl<'a> Matrices<'a> {
    /// The payoffs of policy p: one game for all, or one for each.
    fn of(&self, p: usize) -> Values<'a> {
        let size = self.rows * self.columns;
        let game = if self.values.len() == size { 0 } else { p };
        self.values.part(game * size..(game + 1) * size)
    }

    /// Payoffs of each row against a mix of columns.
    fn rows_against(&self, p: usize, mix: &[f64], out: &mut [f64]) {
        match self.of(p) {
            Values::F64(values) => row_payoffs(values, 0.0, mix, out),
            Values::F32(values) => row_payoffs(values, 0.0, mix, out),
        }
    }

    /// Payoffs to the row player of each column against a mix of rows.
    fn columns_against(&self, p: usize, mix: &[f64], out: &mut [f64]) {
        match self.of(p) {
            Values::F64(values) => column_payoffs(values, mix, out),
            Values::F32(values) => column_payoffs(values, mix, out),
        }
    }
}

/// reply ← the best response to payoffs: log-softmax(log ρ + payoffs / β), at β = 0 the first of the best actions.
fn respond(payoffs: &[f64], beta: f64, log_ref: &[f64], reply: &mut [f64]) {
    if beta > 0.0 {
        return best_reply(payoffs, beta, log_ref, reply);
    }
    let most = payoffs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let first = payoffs.iter().position(|payoff| *payoff >= most);
    for (i, reply) in reply.iter_mut().enumerate() {
        *reply = if Some(i) == first {
            0.0
        } else {
            f64::NEG_INFINITY
        };
    }
}

/// The reference of player p, of `length` actions.
fn reference<'a>(policies: &Policies<'a>, rows: std::ops::Range<usize>) -> &'a [f64] {
    let whole = policies.log_ref;
    if whole.len() == rows.len() {
        whole
    } else {
        whole.get(rows).unwrap_or_default()
    }
}

fn exp(logs: &[f64]) -> Vec<f64> {
    logs.iter().map(|l| l.exp()).collect()
}

/// Best responses of square games to policies: one game and any number of them, or one for each game. O(n²) each
///
/// # Errors
/// None of its own; those of the loop over groups.
pub fn best_responses(
    games: &Games<'_>,
    bounds: &[usize],
    policies: Policies<'_>,
) -> Result<Vec<f64>> {
    let mut replies = vec![0.0; policies.logs.len()];
    let numbers = bounds.to_vec();
    ragged::fill(
        bounds,
        |n| n * n,
        &mut replies,
        |(): &mut (), rows, reply| {
            let game = games.get(game_of(games, &numbers, rows.start));
            let mut payoffs = vec![0.0; rows.len()];
            game.apply(
                &exp(policies.logs.get(rows.clone()).unwrap_or_default()),
                &mut payoffs,
            );
            respond(&payoffs, policies.beta, reference(&policies, rows), reply);
            Ok(())
        },
    )?;
    Ok(replies)
}

/// Best responses of the row players of matrices to the column players' policies. O(m·n) each
///
/// # Errors
/// None of its own; those of the loop over groups.
pub fn row_responses(matrices: Matrices<'_>, policies: Policies<'_>) -> Result<Vec<f64>> {
    let count = policies.logs.len() / matrices.columns.max(1);
    let bounds: Vec<usize> = (0..=count).map(|g| g * matrices.rows).collect();
    let mut replies = vec![0.0; count * matrices.rows];
    let cost = |rows| rows * matrices.columns;
    ragged::fill(&bounds, cost, &mut replies, |(): &mut (), rows, reply| {
        let g = rows.start / matrices.rows.max(1);
        let own = g * matrices.columns..(g + 1) * matrices.columns;
        let mut payoffs = vec![0.0; rows.len()];
        let mix = exp(policies.logs.get(own).unwrap_or_default());
        matrices.rows_against(g, &mix, &mut payoffs);
        respond(&payoffs, policies.beta, reference(&policies, rows), reply);
        Ok(())
    })?;
    Ok(replies)
}

fn game_of(games: &Games<'_>, bounds: &[usize], row: usize) -> usize {
    match games.len() {
        1 => 0,
        _ => bounds
            .partition_point(|&start| start <= row)
            .saturating_sub(1),
    }
}

/// Gaps of policies that both players of square games play: one game and any number of them, or one for each game.
///
/// # Errors
/// None of its own; those of the loop over groups.
pub fn duality_gaps(
    games: &Games<'_>,
    bounds: &[usize],
    policies: Policies<'_>,
) -> Result<Vec<f64>> {
    ragged::map(
        bounds,
        |n| n * n,
        |(): &mut (), rows| {
            let game = games.get(game_of(games, bounds, rows.start));
            let logs = policies.logs.get(rows.clone()).unwrap_or_default();
            Ok(measure(&game, logs, policies.beta, reference(&policies, rows)).gap)
        },
    )
}

/// Gaps of pairs of policies: β (KL(x ‖ BR(y)) + KL(y ‖ BR(x))), at β = 0 max A y − min Aᵀ x, in terms >= 0.
///
/// # Errors
/// None of its own; those of the loop over groups.
pub fn pair_gaps(
    matrices: Matrices<'_>,
    row: Policies<'_>,
    column: Policies<'_>,
) -> Result<Vec<f64>> {
    let count = row.logs.len() / matrices.rows.max(1);
    let bounds: Vec<usize> = (0..=count).collect();
    let cost = |games| games * matrices.rows * matrices.columns;
    ragged::map(&bounds, cost, |(): &mut (), games| {
        let g = games.start;
        let own_rows = g * matrices.rows..(g + 1) * matrices.rows;
        let own_columns = g * matrices.columns..(g + 1) * matrices.columns;
        let x = row.logs.get(own_rows.clone()).unwrap_or_default();
        let y = column.logs.get(own_columns.clone()).unwrap_or_default();
        let (mut up, mut down) = (vec![0.0; x.len()], vec![0.0; y.len()]);
        matrices.rows_against(g, &exp(y), &mut up);
        matrices.columns_against(g, &exp(x), &mut down);
        for payoff in &mut down {
            *payoff = -*payoff;
        }
        let row_part = distance(x, &up, row.beta, reference(&row, own_rows));
        Ok(row_part + distance(y, &down, column.beta, reference(&column, own_columns)))
    })
}

/// What a player can gain: β KL(π ‖ BR), at β = 0 Σ π (max u − u).
fn distance(log_policy: &[f64], payoffs: &[f64], beta: f64, log_ref: &[f64]) -> f64 {
    if beta > 0.0 {
        let mut reply = vec![0.0; payoffs.len()];
        best_reply(payoffs, beta, log_ref, &mut reply);
        return beta * super::gaps::divergence(log_policy, &reply);
    }
    let most = payoffs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let terms = log_policy.iter().zip(payoffs);
    terms.map(|(l, u)| l.exp() * (most - u)).sum()
}
