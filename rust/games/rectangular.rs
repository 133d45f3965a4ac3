//! Zero-sum games of two players with actions of their own: the payoff, the answer, and the loop over many.

use super::payoff::{column_payoffs, row_payoffs};
use crate::error::{Error, Result};
use crate::ragged;
use crate::status::Status;

/// A game of m rows and n columns; the row player maximises.
#[derive(Debug, Clone, Copy)]
pub struct Rectangle<'a> {
    /// [m, n], row by row.
    pub values: &'a [f64],
    /// Number of columns, at least 1.
    pub n: usize,
}

impl Rectangle<'_> {
    /// Number of rows.
    #[must_use]
    pub fn m(&self) -> usize {
        self.values.len() / self.n.max(1)
    }

    /// out = A · column, what each row earns. O(m·n)
    pub fn rows(&self, column: &[f64], out: &mut [f64]) {
        row_payoffs(self.values, 0.0, column, out);
    }

    /// out = Aᵀ · row, what each column pays. O(m·n)
    pub fn columns(&self, row: &[f64], out: &mut [f64]) {
        column_payoffs(self.values, row, out);
    }

    /// The payoff x'Ay of two strategies and their duality gap, a sum of which no term is negative. O(m·n)
    #[must_use]
    pub fn measure(&self, row: &[f64], column: &[f64]) -> (f64, f64) {
        let (mut earned, mut paid) = (vec![0.0; row.len()], vec![0.0; column.len()]);
        self.rows(column, &mut earned);
        self.columns(row, &mut paid);
        let most = earned.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = paid.iter().copied().fold(f64::INFINITY, f64::min);
        let value = row.iter().zip(&earned).map(|(p, x)| p * x).sum();
        let missed: f64 = row.iter().zip(&earned).map(|(p, x)| p * (most - x)).sum();
        let wasted: f64 = column.iter().zip(&paid).map(|(p, x)| p * (x - least)).sum();
        (value, missed + wasted)
    }
}

/// The answer of a solver for one rectangular game.
#[derive(Debug, Clone)]
pub struct ZeroSumSolution {
    /// [m]
    pub log_row: Vec<f64>,
    /// [n]
    pub log_column: Vec<f64>,
    /// x'Ay.
    pub value: f64,
    /// Of the problem asked.
    pub gap: f64,
    /// Without the pull to references.
    pub gap0: f64,
    /// Whether both strategies are the only ones; `None` where that was not checked.
    pub unique: Option<bool>,
    /// What the function's `max_iter` counts.
    pub iterations: usize,
    /// What the function's `tol` bounds.
    pub residual: f64,
    /// How it ended.
    pub status: Status,
}

/// `solve(g, game)` of every game [m, n] of a batch, on several threads; `cost` is the work of one game.
///
/// # Errors
/// The first error of `solve`; values that are not full games of at least one row and column.
pub fn solve_each_rectangle(
    values: &[f64],
    (m, n): (usize, usize),
    cost: usize,
    solve: impl Fn(usize, Rectangle<'_>) -> Result<ZeroSumSolution> + Sync + Send,
) -> Result<Vec<ZeroSumSolution>> {
    if m * n == 0 || !values.len().is_multiple_of(m * n) {
        let expected = format!("a multiple of {m} * {n} numbers, with rows and columns");
        return Err(Error::shape("payoff", expected, values.len()));
    }
    let bounds: Vec<usize> = (0..=values.len() / (m * n)).collect();
    ragged::map(
        &bounds,
        |games| games.saturating_mul(cost),
        |(): &mut (), game| {
            let place = game.start * m * n..game.end * m * n;
            let values = values.get(place).unwrap_or_default();
            solve(game.start, Rectangle { values, n })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::Rectangle;

    #[test]
    fn the_gap_of_a_saddle_point_is_0_and_of_another_pair_what_both_could_gain() {
        let game = Rectangle {
            values: &[3.0, 1.0, 4.0, 1.0, -5.0, 9.0],
            n: 3,
        };
        assert_eq!(game.measure(&[1.0, 0.0], &[0.0, 1.0, 0.0]), (1.0, 0.0));
        assert_eq!(game.measure(&[0.0, 1.0], &[1.0, 0.0, 0.0]), (1.0, 8.0));
    }
}
