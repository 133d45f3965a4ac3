//! Distributions: divergence, inequality, repetition.

use crate::check::NanPolicy;
use crate::column::{Column, Lists};
use crate::elementary::float;
use crate::error::{Error, Result};
use crate::ragged;

/// Longest n-grams that are compared token by token.
const MAX_COMPARED: usize = 8;

/// How far the sum of a distribution may lie from 1.
const SUM_TOLERANCE: f64 = 1e-9;

/// Sum of p ln(p / q) of every group, in nats; 0 ln 0 = 0, infinite where only q is 0, NaN without a row. O(n).
///
/// # Errors
/// Probabilities that are NaN or below 0, groups that do not sum to 1 within 1e-9, lengths that differ, bad offsets.
///
/// ```
/// use prefcore::metrics::kl_divergence;
/// let divergence = kl_divergence(&[1.0, 0.0], &[0.5, 0.5], &[0, 2]);
/// assert_eq!(divergence, Ok(vec![2.0_f64.ln()]));
/// ```
pub fn kl_divergence(p: &[f64], q: &[f64], offsets: &[i64]) -> Result<Vec<f64>> {
    for (name, probs) in [("p", p), ("q", q)] {
        let bad = |(_, prob): &(usize, &f64)| prob.is_nan() || **prob < 0.0;
        if let Some((row, prob)) = probs.iter().enumerate().find(bad) {
            return Err(Error::domain_at(name, [row], "a probability >= 0", prob));
        }
    }
    let named = [("p", Column::F64(p)), ("q", Column::F64(q))];
    let lists = Lists::new(named, offsets, NanPolicy::Raise)?;
    for (name, probs) in [("p", p), ("q", q)] {
        let sums = lists.map(
            |n| n,
            |(): &mut (), rows| Ok(probs.get(rows).unwrap_or_default().iter().sum()),
        )?;
        let rows = ragged::bounds(offsets, probs.len())?;
        let not_one = |(sum, rows): (&f64, std::ops::Range<usize>)| {
            !rows.is_empty() && (sum.is_infinite() || (sum - 1.0).abs() > SUM_TOLERANCE)
        };
        if let Some(group) = sums.iter().zip(ragged::ranges(&rows)).position(not_one) {
            let sum = sums.get(group).copied().unwrap_or_default();
            let expected = "a distribution that sums to 1 within 1e-9 in every group";
            return Err(Error::domain(
                name,
                expected,
                format!("{sum} in group {group}"),
            ));
        }
    }
    lists.map(
        |n| 16 * n,
        |(): &mut (), rows| {
            if rows.is_empty() {
                return Ok(f64::NAN);
            }
            let (p, q) = (p.get(rows.clone()), q.get(rows));
            let terms = p.unwrap_or_default().iter().zip(q.unwrap_or_default());
            Ok(terms
                .filter(|(p, _)| **p > 0.0)
                .map(|(p, q)| p * (p / q).ln())
                .sum())
        },
    )
}

/// Gini coefficient of every group: mean absolute difference of two values over twice their mean; NaN without a row.
///
/// O(n log n). 0 where all values are 0. The same as summing |a - b| over every two rows.
///
/// # Errors
/// Values that are negative or infinite, bad offsets, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::gini;
/// let values = Column::F64(&[0.0, 0.0, 1.0, 2.5]);
/// assert_eq!(gini(values, &[0, 3, 4], NanPolicy::Raise), Ok(vec![2.0 / 3.0, 0.0]));
/// ```
pub fn gini(values: Column<'_>, offsets: &[i64], nan: NanPolicy) -> Result<Vec<f64>> {
    let mut numbers = Vec::new();
    values.values(0..values.len(), &mut numbers);
    let bad = |value: &f64| *value < 0.0 || value.is_infinite();
    if let Some(row) = numbers.iter().position(bad) {
        let value = numbers.get(row).copied().unwrap_or_default();
        return Err(Error::domain_at(
            "values",
            [row],
            "a finite number >= 0",
            value,
        ));
    }
    let lists = Lists::new([("values", values)], offsets, nan)?;
    let [values] = lists.columns();
    lists.map(
        |n| 32 * n,
        |sorted: &mut Vec<f64>, rows| {
            values.values(rows, sorted);
            sorted.sort_unstable_by(f64::total_cmp);
            Ok(gini_of(sorted))
        },
    )
}

fn gini_of(sorted: &[f64]) -> f64 {
    let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else {
        return f64::NAN;
    };
    if high == 0.0 {
        return 0.0;
    }
    let n = float(sorted.len());
    // The coefficients sum to 0: moving the values changes nothing but the rounding of equal ones.
    let mut place = 1.0 - n;
    let (mut sum, mut total) = (0.0, 0.0);
    for value in sorted {
        sum += place * ((value - low) / high);
        total += value / high;
        place += 2.0;
    }
    sum / (n * total)
}

/// Distinct n-grams over n-grams of every group of tokens; 1 where there is none.
///
/// O(L log L) for a group of L tokens and n up to 8, O(L log L log n) beyond, whatever is repeated.
///
/// # Errors
/// An n of 0, bad offsets.
///
/// ```
/// use prefcore::metrics::distinct_ngram_ratio;
/// assert_eq!(distinct_ngram_ratio(&[7, 8, 7, 8, 7], 2, &[0, 5]), Ok(vec![0.5])); // 7 8, 8 7, 7 8, 8 7
/// ```
pub fn distinct_ngram_ratio(tokens: &[i64], n: usize, offsets: &[i64]) -> Result<Vec<f64>> {
    if n == 0 {
        return Err(Error::domain("n", "at least 1", 0));
    }
    let bounds = ragged::bounds(offsets, tokens.len())?;
    ragged::map(
        &bounds,
        |length| 32 * length,
        |(): &mut (), rows| {
            let text = tokens.get(rows).unwrap_or_default();
            let all = (text.len() + 1).saturating_sub(n);
            Ok(if all == 0 {
                1.0
            } else if n <= MAX_COMPARED {
                let mut grams: Vec<&[i64]> = text.windows(n).collect();
                grams.sort_unstable();
                grams.dedup();
                float(grams.len()) / float(all)
            } else {
                float(distinct(text, n)) / float(all)
            })
        },
    )
}

/// Number of distinct n-grams of a text of at least n tokens, by doubling the length whose grams are numbered.
fn distinct(text: &[i64], n: usize) -> usize {
    let (mut numbers, mut different) = numbered(text.iter().map(|&token| (token, 0)));
    let mut length = 1;
    while length < n && different < numbers.len() {
        let step = length.min(n - length);
        let pairs = numbers
            .iter()
            .copied()
            .zip(numbers.iter().copied().skip(step));
        (numbers, different) = numbered(pairs);
        length += step;
    }
    // Grams that all differ still do when they grow; only their number falls.
    different - (n - length)
}

/// Numbers that are equal where the pairs are, and how many there are.
fn numbered(pairs: impl Iterator<Item = (i64, i64)>) -> (Vec<i64>, usize) {
    let mut order: Vec<((i64, i64), usize)> = pairs.zip(0..).collect();
    order.sort_unstable();
    let mut numbers = vec![0; order.len()];
    let mut next = 0;
    for alike in order.chunk_by(|(one, _), (other, _)| one == other) {
        for &(_, place) in alike {
            if let Some(number) = numbers.get_mut(place) {
                *number = next;
            }
        }
        next += 1;
    }
    (numbers, usize::try_from(next).unwrap_or_default())
}
