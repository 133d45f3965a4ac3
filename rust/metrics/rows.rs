//! Checks of rows, and weighted means of a term over the rows of each group.

use crate::check::{NanPolicy, any};
use crate::column::{Column, Lists};
use crate::error::{Error, Result};

/// Rows whose sum is one partial sum: what the bits of a sum over a long list depend on.
pub(super) const BLOCK: usize = 1 << 13;

/// Every label is 0 or 1, or NaN, which is left to the NaN policy.
pub(super) fn binary_labels(labels: Column<'_>) -> Result<()> {
    refuse("labels", labels, "0 or 1", is_not_binary)
}

/// Every number is a probability, or NaN, which is left to the NaN policy.
pub(super) fn probabilities(probs: Column<'_>) -> Result<()> {
    refuse("probs", probs, "in [0, 1]", is_no_probability)
}

#[allow(clippy::float_cmp)] // these two and no others
pub(super) fn is_not_binary(label: f64) -> bool {
    label != 0.0 && label != 1.0
}

pub(super) fn is_no_probability(prob: f64) -> bool {
    !(0.0..=1.0).contains(&prob)
}

/// Every weight is finite and not negative.
pub(super) fn weights(weights: Option<&[f64]>) -> Result<()> {
    let bad = |weight: f64| !(0.0..f64::INFINITY).contains(&weight);
    let weights = weights.unwrap_or_default();
    if !any(weights, bad) {
        return Ok(());
    }
    let first = weights.iter().enumerate().find(|(_, weight)| bad(**weight));
    first.map_or(Ok(()), |(row, weight)| {
        let expected = "a finite number >= 0";
        Err(Error::domain_at("weights", [row], expected, weight))
    })
}

/// No number but NaN is `bad`.
pub(super) fn refuse(
    argument: &'static str,
    column: Column<'_>,
    expected: &str,
    bad: impl Fn(f64) -> bool + Copy,
) -> Result<()> {
    let bad = |value: f64| bad(value) && !value.is_nan();
    let found = match column {
        Column::F32(values) => any(values, |value| bad(value.into())),
        Column::F64(values) => any(values, bad),
        Column::I32(values) => any(values, |value| bad(value.into())),
        Column::I64(values) => any(values, |value| bad(nearest(value))),
    };
    if !found {
        return Ok(());
    }
    let mut values = Vec::new();
    column.values(0..column.len(), &mut values);
    let first = values.iter().enumerate().find(|(_, value)| bad(**value));
    first.map_or(Ok(()), |(row, value)| {
        Err(Error::domain_at(argument, [row], expected, value))
    })
}

/// The mean of `term` over the rows of every group, weighted; NaN for no row and for weights that are all 0.
///
/// A row of weight 0 takes no part, so that an infinite term of it is not a NaN.
pub(super) fn weighted_mean(
    named: [(&'static str, Column<'_>); 2],
    offsets: &[i64],
    row_weights: Option<&[f64]>,
    nan: NanPolicy,
    cost: usize,
    term: impl Fn(f64, f64) -> f64 + Sync + Send,
) -> Result<Vec<f64>> {
    weights(row_weights)?;
    let [x, y] = named;
    match row_weights {
        None => mean(&Lists::new([x, y], offsets, nan)?, cost, term),
        Some(weights) => {
            let weights = ("weights", Column::F64(weights));
            mean(&Lists::new([x, y, weights], offsets, nan)?, cost, term)
        }
    }
}

fn mean<const N: usize>(
    lists: &Lists<'_, N>,
    cost: usize,
    term: impl Fn(f64, f64) -> f64 + Sync + Send,
) -> Result<Vec<f64>> {
    let columns = lists.columns();
    let part = |[x, y, w]: &mut [Vec<f64>; 3], rows: std::ops::Range<usize>| {
        for (column, values) in columns.iter().zip([&mut *x, y, w]) {
            column.values(rows.clone(), values);
        }
        let terms = x.iter().zip(y.iter()).map(|(&x, &y)| term(x, y));
        Ok(if N == 2 {
            [terms.sum(), nearest(x.len())]
        } else {
            let counted = terms.zip(w.iter()).filter(|(_, weight)| **weight > 0.0);
            counted.fold([0.0, 0.0], |[sum, total], (term, weight)| {
                [weight.mul_add(term, sum), total + weight]
            })
        })
    };
    let add = |sums: &mut [f64; 2], more: [f64; 2]| {
        sums.iter_mut()
            .zip(more)
            .for_each(|(sum, more)| *sum += more);
    };
    let finish = |[sum, total]: [f64; 2]| ratio(sum, total);
    let mut means = lists.fold(BLOCK, |n| n * cost, part, add, finish)?;
    lists.spoil(&mut means);
    Ok(means)
}

/// NaN where there is nothing to divide by.
pub(super) fn ratio(sum: f64, total: f64) -> f64 {
    if total == 0.0 { f64::NAN } else { sum / total }
}

/// The nearest double.
#[allow(clippy::cast_precision_loss)] // as said
pub(super) fn nearest<T: TryInto<i128>>(count: T) -> f64 {
    count.try_into().map_or(f64::NAN, |count| count as f64)
}
