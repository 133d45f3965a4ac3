//! Generalized advantage estimation over the counted tokens of sequences.

use super::Real;
use crate::check;
use crate::error::{Error, Result};
use crate::threads;

/// Work of a token in additions.
const WORK_PER_TOKEN: usize = 8;

/// Columns of equal length, one sequence after the other.
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'a, T> {
    /// Reward of each token.
    pub rewards: &'a [T],
    /// Estimated value of the state before each token.
    pub values: &'a [T],
    /// Whether a token counts.
    pub mask: &'a [bool],
    /// Tokens of a sequence.
    pub width: usize,
}

/// Advantages and returns of every token, 0 for those that do not count.
///
/// `A_t = r_t + gamma V_t+1 - V_t + gamma lam A_t+1`, where t + 1 is the next token that counts (after the last one V
/// and A are 0), and the return is `A_t + V_t`. What stands at other tokens is not used. O(n), one pass from the last
/// token to the first in f64, so that padding changes no bit.
///
/// # Errors
/// Columns of different lengths, or not whole sequences.
///
/// ```
/// use prefcore::scores::{Tokens, gae};
/// let mask = &[true, false, true];
/// let tokens = Tokens { rewards: &[0.0, 9.0, 1.0], values: &[0.5, 9.0, 0.5], mask, width: 3 };
/// let (advantages, returns) = gae(&tokens, 1.0, 0.5).unwrap();
/// assert_eq!(advantages, [0.25, 0.0, 0.5]);
/// assert_eq!(returns, [0.75, 0.0, 1.0]);
/// ```
pub fn gae<T: Real>(tokens: &Tokens<'_, T>, gamma: f64, lam: f64) -> Result<(Vec<T>, Vec<T>)> {
    let n = tokens.rewards.len();
    check::same_length("values", tokens.values.len(), "rewards", n)?;
    check::same_length("mask", tokens.mask.len(), "rewards", n)?;
    if n == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let width = tokens.width;
    if width == 0 || !n.is_multiple_of(width) {
        let expected = format!("whole sequences of {width} tokens");
        return Err(Error::shape("rewards", expected, n));
    }
    let mut advantages = vec![T::default(); n];
    let mut returns = vec![T::default(); n];
    let (mut a, mut r) = (advantages.as_mut_slice(), returns.as_mut_slice());
    let mut parts = Vec::new();
    for rows in threads::split(n / width, |row| row * width * WORK_PER_TOKEN) {
        let (own_a, rest_a) = a.split_at_mut(rows.len() * width);
        let (own_r, rest_r) = r.split_at_mut(rows.len() * width);
        parts.push((rows, own_a, own_r));
        (a, r) = (rest_a, rest_r);
    }
    threads::map(parts, n * WORK_PER_TOKEN, |(rows, a, r)| {
        let outputs = a.chunks_mut(width).zip(r.chunks_mut(width));
        for (row, (a, r)) in rows.zip(outputs) {
            let at = row * width..(row + 1) * width;
            let given = (
                tokens.rewards.get(at.clone()).unwrap_or_default(),
                tokens.values.get(at.clone()).unwrap_or_default(),
                tokens.mask.get(at).unwrap_or_default(),
            );
            write_sequence(given, gamma, gamma * lam, a, r);
        }
    });
    Ok((advantages, returns))
}

/// One sequence, from its last token to its first.
fn write_sequence<T: Real>(
    (rewards, values, mask): (&[T], &[T], &[bool]),
    gamma: f64,
    decay: f64,
    advantages: &mut [T],
    returns: &mut [T],
) {
    let given = rewards.iter().zip(values).zip(mask);
    let outputs = advantages.iter_mut().zip(returns);
    let (mut next_value, mut next_advantage) = (0.0, 0.0);
    for (((&reward, &value), &counts), (advantage, to_come)) in given.zip(outputs).rev() {
        if counts {
            let value = value.into();
            next_advantage = reward.into() + gamma * next_value - value + decay * next_advantage;
            next_value = value;
            *advantage = T::round(next_advantage);
            *to_come = T::round(next_advantage + value);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Tokens, gae};
    use crate::Error;

    #[test]
    fn without_decay_the_advantage_is_what_is_to_come_minus_the_value() {
        let (rewards, values) = ([1.0, 2.0, 4.0, 1.0], [0.5, 0.25, 8.0, 3.0]);
        let tokens = Tokens {
            rewards: &rewards,
            values: &values,
            mask: &[true; 4],
            width: 2,
        };
        let (advantages, returns) = gae(&tokens, 1.0, 1.0).unwrap();
        assert_eq!(returns, [3.0, 2.0, 5.0, 1.0]);
        assert_eq!(advantages, [2.5, 1.75, -3.0, -2.0]);
    }

    #[test]
    fn columns_that_do_not_fit_are_named() {
        let tokens = |mask, width| Tokens {
            rewards: &[0.0; 4],
            values: &[0.0; 4],
            mask,
            width,
        };
        let error = gae(&tokens(&[true; 3], 4), 1.0, 1.0).unwrap_err();
        assert_eq!(error, Error::shape("mask", "length 4 like rewards", 3));
        let error = gae(&tokens(&[true; 4], 3), 1.0, 1.0).unwrap_err();
        assert_eq!(
            error,
            Error::shape("rewards", "whole sequences of 3 tokens", 4)
        );
    }
}
