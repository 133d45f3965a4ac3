//! Ragged lists: the checks that all methods share, the writing of results, and the order of a list.

use std::ops::Range;

use pulp::Arch;

use crate::check;
use crate::elementary::{dispatch, exp_nonpositive};
use crate::error::{Error, Result};
use crate::ragged;

/// A number type of scores and gradients.
pub trait Float: Copy + Into<f64> + Send + Sync {
    /// The nearest number of this type.
    fn round(value: f64) -> Self;
}

impl Float for f32 {
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // rounding is the purpose
    fn round(value: f64) -> Self {
        value as Self
    }
}

impl Float for f64 {
    #[inline]
    fn round(value: f64) -> Self {
        value
    }
}

/// Where a loss of lists is written.
#[derive(Debug)]
pub struct ListLossMut<'a, T> {
    /// One value per list.
    pub loss: &'a mut [f64],
    /// The derivative of each list's loss by its scores, one number per row.
    pub grad: &'a mut [T],
    /// The number of terms in each list's sum; 0 where there is nothing to learn.
    pub n_terms: &'a mut [i64],
}

/// Labels are as many as scores, and numbers that pass.
pub(super) fn check_labels(
    labels: &[f64],
    rows: usize,
    expected: &str,
    pass: impl Fn(f64) -> bool,
) -> Result<()> {
    check::same_length("labels", labels.len(), "scores", rows)?;
    match labels.iter().position(|&label| !pass(label)) {
        None => Ok(()),
        Some(row) => {
            let label = labels.get(row).copied().unwrap_or(f64::NAN);
            Err(Error::domain_at("labels", [row], expected, label))
        }
    }
}

/// Weights by position reach far enough, and are finite and not negative.
pub(super) fn check_weights(
    argument: &'static str,
    weights: Option<&[f64]>,
    needed: usize,
) -> Result<()> {
    let Some(weights) = weights else {
        return Ok(());
    };
    if weights.len() < needed {
        let expected = format!("at least {needed} entries");
        return Err(Error::shape(argument, expected, weights.len()));
    }
    match weights
        .iter()
        .enumerate()
        .find(|(_, weight)| !(weight.is_finite() && **weight >= 0.0))
    {
        None => Ok(()),
        Some((place, weight)) => Err(Error::domain_at(
            argument,
            [place],
            "finite and >= 0",
            weight,
        )),
    }
}

/// A number is finite and above 0.
pub(super) fn check_positive(argument: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value < f64::INFINITY {
        return Ok(());
    }
    Err(Error::domain(argument, "finite and > 0", value))
}

/// Rows of the longest list.
pub(super) fn longest(bounds: &[usize]) -> usize {
    ragged::ranges(bounds)
        .map(|rows| rows.len())
        .max()
        .unwrap_or(0)
}

/// What a list is worked on with: scratch of the method, and one number per row.
#[derive(Debug, Default)]
struct Work<S> {
    scratch: S,
    buffer: Vec<f64>,
}

impl<S> Work<S> {
    /// Runs `list` with an empty buffer, and rounds what it leaves there into `out`.
    fn run<T: Float, R>(
        &mut self,
        out: &mut [T],
        list: impl FnOnce(&mut S, &mut Vec<f64>) -> R,
    ) -> R {
        self.buffer.clear();
        let result = list(&mut self.scratch, &mut self.buffer);
        for (to, &value) in out.iter_mut().zip(&self.buffer) {
            *to = T::round(value);
        }
        result
    }
}

/// Runs `list` on every list, several at a time; it gets the rows, leaves their gradient in a buffer, which is empty
/// at first, and returns loss and number of terms.
///
/// `cost(n)` is the work of a list of n rows.
pub(super) fn per_list<T: Float, S: Default>(
    bounds: &[usize],
    cost: impl Fn(usize) -> usize,
    out: ListLossMut<'_, T>,
    list: impl Fn(&mut S, Range<usize>, &mut Vec<f64>) -> (f64, usize) + Sync + Send,
) -> Result<()> {
    let groups = bounds.len() - 1;
    check::same_length("loss", out.loss.len(), "the groups", groups)?;
    check::same_length("n_terms", out.n_terms.len(), "the groups", groups)?;
    let write = |work: &mut Work<S>, rows: Range<usize>, part: &mut [T]| {
        Ok(work.run(part, |scratch, buffer| list(scratch, rows, buffer)))
    };
    let results = ragged::fill_map(bounds, cost, out.grad, write)?;
    for ((loss, n_terms), (value, terms)) in out.loss.iter_mut().zip(out.n_terms).zip(results) {
        *loss = value;
        *n_terms = i64::try_from(terms).unwrap_or(i64::MAX);
    }
    Ok(())
}

/// Runs `list` on every list, several at a time; it gets the rows and leaves one number for each in a buffer.
pub(super) fn per_row<T: Float, S: Default>(
    bounds: &[usize],
    cost: impl Fn(usize) -> usize,
    out: &mut [T],
    list: impl Fn(&mut S, Range<usize>, &mut Vec<f64>) + Sync + Send,
) -> Result<()> {
    ragged::fill(bounds, cost, out, |work: &mut Work<S>, rows, part| {
        work.run(part, |scratch, buffer| list(scratch, rows, buffer));
        Ok(())
    })
}

/// The values of some rows as f64.
pub(super) fn read<T: Float>(to: &mut Vec<f64>, values: &[T], rows: Range<usize>) {
    to.clear();
    let values = values.get(rows).unwrap_or_default();
    to.extend(values.iter().map(|&value| value.into()));
}

/// Rows of a list, the highest key first, equal ones in the order of the input.
#[derive(Debug, Default)]
pub(super) struct Order {
    keyed: Vec<(u64, usize)>,
}

impl Order {
    /// Sorts the rows of a list by keys that are no NaN; one that is comes before or after all others.
    pub fn descending(&mut self, keys: &[f64]) {
        self.keyed.clear();
        let rows = keys.iter().enumerate();
        self.keyed
            .extend(rows.map(|(row, &key)| (falling(key), row)));
        self.keyed.sort_unstable();
    }

    /// The rows in their order.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        self.keyed.iter().map(|&(_, row)| row)
    }

    /// Replaces `to` by the values in this order.
    pub fn gather(&self, to: &mut Vec<f64>, values: &[f64]) {
        to.clear();
        to.extend(
            self.rows()
                .map(|row| values.get(row).copied().unwrap_or(0.0)),
        );
    }

    /// Replaces `to` by the values, which are in this order, put back into that of the input.
    pub fn scatter(&self, to: &mut Vec<f64>, values: &[f64]) {
        to.clear();
        to.resize(self.keyed.len(), 0.0);
        for (row, &value) in self.rows().zip(values) {
            if let Some(to) = to.get_mut(row) {
                *to = value;
            }
        }
    }
}

/// An integer that falls as the number rises; one for zeros of both signs.
fn falling(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 {
        bits
    } else {
        !bits & (u64::MAX >> 1)
    }
}

/// Writes e^(score - top), top being the largest score, into `exps`.
pub(super) fn exps_below(arch: Arch, scores: &[f64], top: f64, exps: &mut Vec<f64>) {
    exps.clear();
    exps.resize(scores.len(), 0.0);
    dispatch(
        arch,
        #[inline(always)]
        || {
            for (exp, &score) in exps.iter_mut().zip(scores) {
                *exp = exp_nonpositive(score - top);
            }
        },
    );
}

/// The largest number, NaN passed over; -inf of none. In lanes, because one maximum after the other would wait for it.
pub(super) fn largest(values: &[f64]) -> f64 {
    let mut lanes = [f64::NEG_INFINITY; 8];
    for chunk in values.chunks(lanes.len()) {
        for (max, &x) in lanes.iter_mut().zip(chunk) {
            *max = if x > *max { x } else { *max };
        }
    }
    lanes.into_iter().fold(f64::NEG_INFINITY, f64::max)
}

/// The smallest number, NaN passed over; inf of none.
pub(super) fn smallest(values: &[f64]) -> f64 {
    let mut lanes = [f64::INFINITY; 8];
    for chunk in values.chunks(lanes.len()) {
        for (min, &x) in lanes.iter_mut().zip(chunk) {
            *min = if x < *min { x } else { *min };
        }
    }
    lanes.into_iter().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::{Order, falling};

    #[test]
    fn order_is_stable_and_highest_first() {
        let mut order = Order::default();
        order.descending(&[
            1.0,
            f64::NEG_INFINITY,
            0.0,
            2.0,
            -0.0,
            1.0,
            -3.0,
            f64::INFINITY,
        ]);
        assert_eq!(order.rows().collect::<Vec<_>>(), [7, 3, 0, 5, 2, 4, 6, 1]);
        let (mut there, mut back) = (Vec::new(), Vec::new());
        let values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        order.gather(&mut there, &values);
        order.scatter(&mut back, &there);
        assert_eq!(back, values);
    }

    #[test]
    fn keys_fall_as_numbers_rise() {
        let rising = [f64::MIN, -1.0, -5e-324, 0.0, 5e-324, 1.0, f64::MAX];
        assert!(rising.map(falling).is_sorted_by(|a, b| a > b));
        assert_eq!(falling(-0.0), falling(0.0));
    }
}
