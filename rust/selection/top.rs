//! The highest rows of every group.

use std::ops::Range;
use std::str::FromStr;

use super::best::{Best, candidate, for_each_key, row_of};
use super::{RaggedRows, as_row, must_omit, select};
use crate::check::NanPolicy;
use crate::column::Column;
use crate::error::{Error, Result};
use crate::ragged;

/// How a share of a group becomes a number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Down.
    Floor,
    /// Up.
    Ceil,
    /// To the nearest; halves to the even number.
    Round,
}

impl FromStr for Rounding {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "floor" => Ok(Self::Floor),
            "ceil" => Ok(Self::Ceil),
            "round" => Ok(Self::Round),
            _ => {
                let expected = "\"floor\", \"ceil\" or \"round\"";
                Err(Error::domain("rounding", expected, format!("{word:?}")))
            }
        }
    }
}

impl Rounding {
    /// A product that only rounding keeps from a whole number or a half is that number: 0.29 of 100 rows are 29.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )] // 0 <= share <= n
    fn share(self, fraction: f64, n: usize) -> usize {
        let product = fraction * n as f64;
        let halves = (2.0 * product).round() / 2.0;
        let share = if (product - halves).abs() <= 2.0 * f64::EPSILON * product {
            halves
        } else {
            product
        };
        let rounded = match self {
            Self::Floor => share.floor(),
            Self::Ceil => share.ceil(),
            Self::Round => share.round_ties_even(),
        };
        rounded as usize
    }
}

#[derive(Default)]
struct Scratch {
    keys: Vec<i64>,
    best: Best,
    order: Vec<u128>,
}

/// The k highest rows of every group, highest first, the earlier row first among equals; fewer where there are fewer.
///
/// O(n + k log k) time and O(k) memory for a group of n rows. The same as sorting every group.
///
/// # Errors
/// Bad offsets, NaN where the policy is to raise, the policy to propagate.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::selection::top_k;
/// # fn main() -> prefcore::Result<()> {
/// let scores = Column::F64(&[1.0, 3.0, 2.0, 5.0, 5.0, 4.0]);
/// let best = top_k(scores, 2, &[0, 3, 3, 6], NanPolicy::Raise)?;
/// assert_eq!(best.rows, [1, 2, 3, 4]);
/// assert_eq!(best.offsets, [0, 2, 2, 4]);
/// # Ok(())
/// # }
/// ```
pub fn top_k(scores: Column<'_>, k: usize, offsets: &[i64], nan: NanPolicy) -> Result<RaggedRows> {
    highest(scores, offsets, nan, |_| k)
}

/// The highest rows of every group, as many as `fraction` of its rows: [`top_k`] with a k for each group.
///
/// Time, memory and errors as for [`top_k`]; rows that are left out do not count.
///
/// # Errors
/// As [`top_k`], and a fraction outside [0, 1].
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::selection::{Rounding, top_fraction};
/// let scores = Column::I64(&[4, 9, 1, 7, 8]);
/// let best = top_fraction(scores, 0.5, Rounding::Floor, &[0, 5], NanPolicy::Raise);
/// assert_eq!(best.unwrap().rows, [1, 4]);
/// ```
pub fn top_fraction(
    scores: Column<'_>,
    fraction: f64,
    rounding: Rounding,
    offsets: &[i64],
    nan: NanPolicy,
) -> Result<RaggedRows> {
    if !(0.0..=1.0).contains(&fraction) {
        return Err(Error::domain("fraction", "in [0, 1]", fraction));
    }
    highest(scores, offsets, nan, |n| rounding.share(fraction, n))
}

fn highest(
    scores: Column<'_>,
    offsets: &[i64],
    nan: NanPolicy,
    k: impl Fn(usize) -> usize + Sync + Send,
) -> Result<RaggedRows> {
    let bounds = ragged::bounds(offsets, scores.len())?;
    let omit = must_omit("scores", scores, offsets, nan)?;
    let present = |rows: Range<usize>| {
        if omit {
            rows.filter(|&row| !scores.is_nan(row)).count()
        } else {
            rows.len()
        }
    };
    Ok(select(&bounds, |list: &mut Scratch, _, rows, out| {
        list.best.restart(k(present(rows.clone())));
        for_each_key(scores, rows, omit, &mut list.keys, |key, row| {
            list.best.push(candidate(key, row));
        });
        list.best.write(out);
    }))
}

/// From the highest row of every group on, each that lies at least `min_gap` below the last one that was kept.
///
/// O(n log n) time and O(n) memory for a group of n rows; rows in falling order, the earlier first among equals. Gaps
/// are those of the column's own type, for f32 compared with `min_gap` as f32; between equal infinities 0.
///
/// # Errors
/// Bad offsets, NaN where the policy is to raise, the policy to propagate, a `min_gap` that is not >= 0.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::selection::thin_by_gap;
/// let grades = Column::I32(&[9, 8, 7, 3, 2]);
/// let thin = thin_by_gap(grades, 2.0, &[0, 5], NanPolicy::Raise);
/// assert_eq!(thin.unwrap().rows, [0, 2, 3]);
/// ```
pub fn thin_by_gap(
    scores: Column<'_>,
    min_gap: f64,
    offsets: &[i64],
    nan: NanPolicy,
) -> Result<RaggedRows> {
    if min_gap.is_nan() || min_gap < 0.0 {
        return Err(Error::domain("min_gap", "a number >= 0", min_gap));
    }
    let bounds = ragged::bounds(offsets, scores.len())?;
    let omit = must_omit("scores", scores, offsets, nan)?;
    Ok(select(&bounds, |list: &mut Scratch, _, rows, out| {
        let Scratch { keys, order, .. } = list;
        order.clear();
        for_each_key(scores, rows, omit, keys, |key, row| {
            order.push(candidate(key, row));
        });
        order.sort_unstable();
        let mut last = None;
        for row in order.iter().map(|&one| row_of(one)) {
            if last.is_none_or(|last| apart(scores, last, row, min_gap)) {
                last = Some(row);
                out.push(as_row(row));
            }
        }
    }))
}

/// Whether row `low` lies at least `min_gap` below row `high`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // min_gap >= 0; a gap in f32 is compared as f32
fn apart(scores: Column<'_>, high: usize, low: usize, min_gap: f64) -> bool {
    fn of<T: Copy>(values: &[T], high: usize, low: usize, reaches: impl Fn(T, T) -> bool) -> bool {
        let both = values.get(high).zip(values.get(low));
        both.is_some_and(|(&high, &low)| reaches(high, low))
    }
    #[allow(clippy::float_cmp)] // equal infinities
    match scores {
        Column::F64(values) => of(values, high, low, |a, b| {
            (if a == b { 0.0 } else { a - b }) >= min_gap
        }),
        Column::F32(values) => of(values, high, low, |a, b| {
            (if a == b { 0.0 } else { a - b }) >= min_gap as f32
        }),
        Column::I32(values) => of(values, high, low, |a, b| {
            f64::from(a.abs_diff(b)) >= min_gap
        }),
        Column::I64(values) => of(values, high, low, |a, b| {
            u128::from(a.abs_diff(b)) >= min_gap.ceil() as u128
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::Rounding::{Ceil, Floor, Round};

    #[test]
    fn shares_are_those_of_the_decimal_number() {
        for n in 0..=1_000_usize {
            for percent in 0..=100_u32 {
                let whole = n * usize::try_from(percent).unwrap_or(0);
                let fraction = f64::from(percent) / 100.0;
                assert_eq!(Floor.share(fraction, n), whole / 100, "{percent}% of {n}");
                assert_eq!(
                    Ceil.share(fraction, n),
                    whole.div_ceil(100),
                    "{percent}% of {n}"
                );
            }
        }
        assert_eq!([1, 3, 5].map(|n| Round.share(0.5, n)), [0, 2, 2]);
    }
}
