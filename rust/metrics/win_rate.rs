//! Win rates and exact intervals of a proportion.

use crate::check::{self, NanPolicy};
use crate::column::{Column, Lists};
use crate::error::{Error, Result};
use crate::special::{Tail, beta_quantile};
use crate::threads;

/// Work of one interval in additions, for up to some 1e4 trials.
const WORK_PER_INTERVAL: usize = 10_000;
/// Most trials of an exact interval, 2^40: its cost grows with their square root.
const MAX_TRIALS: f64 = 1_099_511_627_776.0;

/// Weighted mean outcome of every group; a tie (exactly 1/2) has the given credit, or is left out (`None`).
///
/// O(n). NaN for a group without a row, without weight, or with nothing but ties that are left out.
///
/// # Errors
/// Outcomes outside [0, 1], weights that are negative or not finite, a credit outside [0, 1], lengths that differ, bad
/// offsets, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::win_rate;
/// let outcomes = Column::F64(&[1.0, 0.5, 0.0, 1.0]);
/// let rate = |ties| win_rate(outcomes, None, &[0, 4], ties, NanPolicy::Raise);
/// assert_eq!(rate(Some(0.5)), Ok(vec![0.625]));
/// assert_eq!(rate(None), Ok(vec![2.0 / 3.0]));
/// ```
pub fn win_rate(
    outcomes: Column<'_>,
    weights: Option<&[f64]>,
    offsets: &[i64],
    ties: Option<f64>,
    nan: NanPolicy,
) -> Result<Vec<f64>> {
    if let Some(credit) = ties.filter(|credit| !(0.0..=1.0).contains(credit)) {
        return Err(Error::domain("ties", "in [0, 1] or \"drop\"", credit));
    }
    let n = outcomes.len();
    let mut values = Vec::new();
    outcomes.values(0..n, &mut values);
    let outside = |value: &f64| !value.is_nan() && !(0.0..=1.0).contains(value);
    if let Some(row) = values.iter().position(outside) {
        let value = values.get(row).copied().unwrap_or_default();
        return Err(Error::domain_at("outcomes", [row], "in [0, 1]", value));
    }
    let ones = vec![1.0; if weights.is_some() { 0 } else { n }];
    let weights = weights.unwrap_or(&ones);
    check::same_length("weights", weights.len(), "outcomes", n)?;
    check::finite_nonnegative("weights", weights)?;
    let named = [("outcomes", outcomes), ("weights", Column::F64(weights))];
    let lists = Lists::new(named, offsets, nan)?;
    let [outcomes, weights] = lists.columns();
    lists.map(
        |rows| 4 * rows,
        |(values, shares): &mut (Vec<f64>, Vec<f64>), rows| {
            outcomes.values(rows.clone(), values);
            weights.values(rows, shares);
            let (mut sum, mut total) = (0.0, 0.0);
            for (&value, &weight) in values.iter().zip(shares.iter()) {
                let tie = value.total_cmp(&0.5).is_eq();
                if let Some(credit) = if tie { ties } else { Some(value) } {
                    sum += weight * credit;
                    total += weight;
                }
            }
            Ok(sum / total)
        },
    )
}

/// Clopper and Pearson's interval of each proportion, lower and upper ends; NaN where n is 0.
///
/// A few continued fractions of O(sqrt(n)) steps for each end.
///
/// # Errors
/// Lengths that differ, n that is negative or above 2^40, wins outside [0, n], a confidence level outside (0, 1).
///
/// ```
/// use prefcore::metrics::clopper_pearson_interval;
/// let [lower, upper] = clopper_pearson_interval(&[0.0], &[8.0], 0.95).unwrap();
/// assert_eq!(lower, [0.0]);
/// assert!((upper[0] - (1.0 - 0.025_f64.powf(0.125))).abs() < 1e-15);
/// ```
pub fn clopper_pearson_interval(
    wins: &[f64],
    n: &[f64],
    confidence_level: f64,
) -> Result<[Vec<f64>; 2]> {
    if !(confidence_level > 0.0 && confidence_level < 1.0) {
        return Err(Error::domain(
            "confidence_level",
            "in (0, 1)",
            confidence_level,
        ));
    }
    check::same_length("n", n.len(), "wins", wins.len())?;
    let tail = (1.0 - confidence_level) / 2.0;
    let rows = threads::split(wins.len(), |row| row * WORK_PER_INTERVAL);
    let parts = threads::map(rows, wins.len() * WORK_PER_INTERVAL, |rows| {
        let pairs = rows.filter_map(|row| Some((row, *wins.get(row)?, *n.get(row)?)));
        let ends = pairs.map(|(row, wins, n)| ends(row, wins, n, tail));
        ends.collect::<Result<Vec<[f64; 2]>>>()
    });
    let ends = parts.into_iter().collect::<Result<Vec<_>>>()?.concat();
    Ok([
        ends.iter().map(|[lower, _]| *lower).collect(),
        ends.iter().map(|[_, upper]| *upper).collect(),
    ])
}

fn ends(row: usize, wins: f64, n: f64, tail: f64) -> Result<[f64; 2]> {
    if !(n >= 0.0 && n.is_finite()) {
        return Err(Error::domain_at("n", [row], "a finite number >= 0", n));
    }
    if n > MAX_TRIALS {
        return Err(Error::domain_at("n", [row], "at most 2^40", n));
    }
    if !(0.0..=n).contains(&wins) {
        return Err(Error::domain_at(
            "wins",
            [row],
            format!("in [0, n] = [0, {n}]"),
            wins,
        ));
    }
    if n == 0.0 {
        return Ok([f64::NAN; 2]);
    }
    let lower = if wins == 0.0 {
        0.0
    } else {
        beta_quantile(Tail::Lower, tail, wins, n - wins + 1.0)?
    };
    let upper = if wins >= n {
        1.0
    } else {
        beta_quantile(Tail::Upper, tail, wins + 1.0, n - wins)?
    };
    Ok([lower, upper])
}
