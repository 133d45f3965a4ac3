//! What each pair of a dense payoff sums to, and whether all do.

use super::payoff::{Form, Game, Games, Values};
use crate::error::{Error, Result};

/// Largest deviation of a pair from its constant, per unit of the largest payoff: f64, f32.
const TOLERANCE: (f64, f64) = (1e-9, 1e-5);

/// How the caller numbers the entries of dense games.
#[derive(Debug, Clone, Copy)]
pub enum Layout {
    /// [n, n]
    One,
    /// [B, n, n]
    Batch,
    /// 1-D blocks
    Ragged,
}

/// The constant c = payoff[i, j] + payoff[j, i] of dense games, the same for all pairs: O(n²).
///
/// Read from the first game with two actions; within the tolerance of 1 and of 0 it is 1 and 0.
///
/// # Errors
/// An entry that is not finite; a pair, or twice a diagonal entry, that is not c; an entry outside [0, 1] where c is 1.
pub fn pair_constant(values: Values<'_>, offsets: &[i64], layout: Layout) -> Result<f64> {
    let games = Games::new(values, Form::Dense, offsets, 0.0)?;
    let place = |g: usize, i: usize, j: usize| match layout {
        Layout::One => vec![i, j],
        Layout::Batch => vec![g, i, j],
        Layout::Ragged => vec![games.starts.get(g).unwrap_or(&0) + i * games.get(g).n + j],
    };
    let refuse = |g, i, j, expected: &str| {
        let came = games.get(g).entry(i, j);
        Err(Error::domain_at("payoff", place(g, i, j), expected, came))
    };
    let mut largest = 1.0_f64;
    for g in 0..games.len() {
        let game = games.get(g);
        largest = largest.max(game.bound());
        if let Some(at) = game.values.first(|x| !x.is_finite()) {
            return refuse(g, at / game.n, at % game.n, "a finite number");
        }
    }
    let tolerance = largest
        * if matches!(values, Values::F64(_)) {
            TOLERANCE.0
        } else {
            TOLERANCE.1
        };
    let first = (0..games.len())
        .map(|g| games.get(g))
        .find(|game| game.n > 1);
    let read = match first {
        Some(game) => game.entry(0, 1) + game.entry(1, 0),
        None if games.is_empty() => 0.0,
        None => 2.0 * games.get(0).entry(0, 0),
    };
    let constant = [0.0, 1.0]
        .into_iter()
        .find(|c| (read - c).abs() <= tolerance)
        .unwrap_or(read);
    let probabilities = (constant - 1.0).abs() < f64::EPSILON;
    for g in 0..games.len() {
        let game = games.get(g);
        if let Some((i, j)) = odd_pair(&game, constant, tolerance) {
            let came = game.entry(i, j) + game.entry(j, i);
            let (here, there) = (place(g, i, j), place(g, j, i));
            let expected = match (i == j, probabilities) {
                (true, true) => "0.5 on the diagonal, as an answer is even with itself".to_owned(),
                (true, false) => format!(
                    "{} on the diagonal, half of what payoff[0, 1] and payoff[1, 0] sum to",
                    game.entry(0, 1) / 2.0 + game.entry(1, 0) / 2.0
                ),
                _ => format!(
                    "{constant} - payoff{there:?}, so that each pair sums to {constant} (symmetrize makes it so)"
                ),
            };
            let actual = if i == j {
                format!("{}", came / 2.0)
            } else {
                format!("a pair that sums to {came}")
            };
            return Err(Error::domain_at("payoff", here, expected, actual));
        }
        if probabilities && let Some(at) = game.values.first(|x| !(0.0..=1.0).contains(&x)) {
            let expected = "in [0, 1] where pairs sum to 1 (subtract 1/2 to solve it as a payoff)";
            return refuse(g, at / game.n, at % game.n, expected);
        }
    }
    Ok(constant)
}

/// The pair i <= j of a game that is furthest from the constant, where that is beyond the tolerance.
fn odd_pair(game: &Game<'_>, constant: f64, tolerance: f64) -> Option<(usize, usize)> {
    let odd = match game.values {
        Values::F64(values) => any_odd(values, game.n, constant, tolerance),
        Values::F32(values) => any_odd(values, game.n, constant, tolerance),
    };
    if !odd {
        return None;
    }
    let mut worst = (tolerance, None);
    for i in 0..game.n {
        for j in i..game.n {
            let off = (game.entry(i, j) + game.entry(j, i) - constant).abs();
            if off > worst.0 {
                worst = (off, Some((i, j)));
            }
        }
    }
    worst.1
}

/// Whether a pair of a matrix [n, n] is off the constant, without looking for the worst.
fn any_odd<T: Copy + Into<f64>>(values: &[T], n: usize, constant: f64, tolerance: f64) -> bool {
    values.chunks_exact(n).enumerate().any(|(i, row)| {
        let below = values.get(i * n + i..).unwrap_or_default();
        let column = below.iter().step_by(n);
        let pairs = row.get(i..).unwrap_or_default().iter().zip(column);
        pairs.fold(false, |odd, (&x, &y)| {
            odd | ((x.into() + y.into() - constant).abs() > tolerance)
        })
    })
}
