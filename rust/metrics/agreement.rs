//! Agreement of raters who rate the same items, some of them not all.

use std::str::FromStr;

use crate::column::Column;
use crate::elementary::float;
use crate::error::{Error, Result};
use crate::threads;

/// Largest integer rating at the level ratio: up to it no two are the same f64.
const MAX_EXACT: i64 = 1 << 53;

/// What the numbers of [`krippendorff_alpha`] mean, which says how far two of them differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Names: different or not.
    Nominal,
    /// Ranks: the square of the ratings between.
    Ordinal,
    /// Numbers: the square of the difference.
    Interval,
    /// Amounts >= 0: the square of the difference over the sum.
    Ratio,
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "nominal" => Ok(Self::Nominal),
            "ordinal" => Ok(Self::Ordinal),
            "interval" => Ok(Self::Interval),
            "ratio" => Ok(Self::Ratio),
            _ => Err(Error::domain(
                "level_of_measurement",
                "\"nominal\", \"ordinal\", \"interval\" or \"ratio\"",
                format!("{name:?}"),
            )),
        }
    }
}

/// Krippendorff's alpha of `[raters, items]` ratings in row-major order, NaN = not rated.
///
/// 1 - observed / expected disagreement over the items with at least two ratings; NaN without such an item, `undefined`
/// where no disagreement is expected. O(N log N) for N ratings, for interval data O(N), O(N) memory: both disagreements
/// are sums of squares about a mean, of the ratings or (ordinal) of their midranks. Ratio data take O(V^2 + N log N) for V
/// distinct ratings. The same as the table of coincidences.
///
/// # Errors
/// Ratings that do not fill the items, infinite ones at the levels interval and ratio, at the level ratio negative ones
/// and integers above 2^53.
///
/// ```
/// use prefcore::column::Column;
/// use prefcore::metrics::{Level, krippendorff_alpha};
/// let ratings = Column::I64(&[0, 1, 1, 0]); // two raters who never agree
/// assert_eq!(krippendorff_alpha(ratings, 2, Level::Nominal, f64::NAN), Ok(-0.5));
/// ```
pub fn krippendorff_alpha(
    ratings: Column<'_>,
    items: usize,
    level: Level,
    undefined: f64,
) -> Result<f64> {
    let items = Items::new(ratings, items)?;
    if items.rows.is_empty() {
        return Ok(f64::NAN);
    }
    let (observed, expected) = match level {
        Level::Nominal => nominal(&items, ratings),
        Level::Ordinal => squares(&items, &midranks(&items.keys(ratings))),
        Level::Interval => squares(&items, &items.amounts(ratings, f64::NEG_INFINITY)?),
        Level::Ratio => ratios(&items, &items.amounts(ratings, 0.0)?),
    };
    if expected == 0.0 {
        return Ok(undefined);
    }
    Ok(1.0 - observed / expected)
}

/// Share of the pairs of ratings of the same item that are equal; NaN where no item has two. O(N log N).
///
/// # Errors
/// Ratings that do not fill the items.
///
/// ```
/// use prefcore::column::Column;
/// use prefcore::metrics::percent_agreement;
/// assert_eq!(percent_agreement(Column::I64(&[0, 1, 1, 1]), 2), Ok(0.5)); // agree on the second item
/// ```
pub fn percent_agreement(ratings: Column<'_>, items: usize) -> Result<f64> {
    let items = Items::new(ratings, items)?;
    let mut keys = items.keys(ratings);
    let (mut equal, mut all) = (0.0, 0.0);
    for item in items.lists(&mut keys) {
        item.sort_unstable();
        equal += pairs_in_runs(item);
        all += pairs(item.len());
    }
    Ok(equal / all)
}

/// The ratings of the items that have at least two, item by item.
struct Items {
    /// Places in the caller's ratings.
    rows: Vec<usize>,
    /// Number of ratings of each item.
    lengths: Vec<usize>,
    /// Number of items, also of those left out.
    all: usize,
}

impl Items {
    fn new(ratings: Column<'_>, items: usize) -> Result<Self> {
        let n = ratings.len();
        let raters = n.checked_div(items).unwrap_or(0);
        if raters * items != n {
            let expected = format!("a multiple of {items} entries");
            return Err(Error::shape("ratings", expected, n));
        }
        let (mut rows, mut lengths) = (Vec::with_capacity(n), Vec::new());
        for item in 0..items {
            let before = rows.len();
            let of_item = (0..raters).map(|rater| rater * items + item);
            rows.extend(of_item.filter(|&row| !ratings.is_nan(row)));
            match rows.len() - before {
                0 | 1 => rows.truncate(before),
                length => lengths.push(length),
            }
        }
        Ok(Self {
            rows,
            lengths,
            all: items,
        })
    }

    fn keys(&self, ratings: Column<'_>) -> Vec<i64> {
        let mut keys = Vec::new();
        ratings.keys(0..ratings.len(), &mut keys);
        let rows = self.rows.iter();
        rows.filter_map(|&row| keys.get(row).copied()).collect()
    }

    /// The ratings as numbers that are finite and not below `low`.
    fn amounts(&self, ratings: Column<'_>, low: f64) -> Result<Vec<f64>> {
        let mut values = Vec::new();
        if let Column::I64(whole) = ratings {
            let large = |rating: &i64| low == 0.0 && *rating > MAX_EXACT;
            if let Some(row) = whole.iter().position(large) {
                let place = [row / self.all, row % self.all];
                let rating = whole.get(row).copied().unwrap_or_default();
                return Err(Error::domain_at("ratings", place, "at most 2^53", rating));
            }
            // Only differences count at the level interval: taken before the rounding to f64.
            let zero = if low == 0.0 {
                0
            } else {
                whole.iter().copied().min().unwrap_or(0)
            };
            values.extend(whole.iter().map(|&rating| moved(rating, zero)));
        } else {
            ratings.values(0..ratings.len(), &mut values);
        }
        let bad = |value: &f64| value.is_infinite() || *value < low;
        if let Some(row) = values.iter().position(bad) {
            let place = [row / self.all, row % self.all];
            let least = if low == 0.0 { " >= 0" } else { "" };
            let expected = format!("a finite number{least}, or NaN");
            let value = values.get(row).copied().unwrap_or_default();
            return Err(Error::domain_at("ratings", place, expected, value));
        }
        let rows = self.rows.iter();
        Ok(rows.filter_map(|&row| values.get(row).copied()).collect())
    }

    /// The part of `values` that belongs to each item.
    fn lists<'a, T>(&'a self, mut values: &'a mut [T]) -> impl Iterator<Item = &'a mut [T]> {
        self.lengths.iter().map(move |&length| {
            let (item, rest) = std::mem::take(&mut values).split_at_mut(length);
            values = rest;
            item
        })
    }
}

/// Observed and expected share of unequal pairs; each rating of an item of m counts 1 / (m - 1) with the others there.
fn nominal(items: &Items, ratings: Column<'_>) -> (f64, f64) {
    let mut keys = items.keys(ratings);
    let n = float(keys.len());
    let mut observed = 0.0;
    for item in items.lists(&mut keys) {
        item.sort_unstable();
        let unequal = 2.0 * (pairs(item.len()) - pairs_in_runs(item));
        observed += unequal / float(item.len() - 1);
    }
    keys.sort_unstable();
    let unequal = 2.0 * (pairs(keys.len()) - pairs_in_runs(&keys));
    (observed / n, unequal / (n * (n - 1.0)))
}

/// Mean squared difference within items and among all ratings, from sums of squares about the means.
fn squares(items: &Items, values: &[f64]) -> (f64, f64) {
    let first = values.first().copied().unwrap_or_default();
    // Exact zeros where all ratings are equal, and no square that overflows.
    let scale = values.iter().fold(0.0, |scale: f64, v| {
        scale.max((v / 2.0 - first / 2.0).abs())
    });
    let scale = if scale == 0.0 { 1.0 } else { scale };
    let mut moved: Vec<f64> = values
        .iter()
        .map(|v| (v / 2.0 - first / 2.0) / scale)
        .collect();
    let n = float(moved.len());
    let all = about_mean(&moved);
    let within: f64 = items
        .lists(&mut moved)
        .map(|item| about_mean(item) * float(item.len()) / float(item.len() - 1))
        .sum();
    (2.0 * within / n, 2.0 * all / (n - 1.0))
}

fn about_mean(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / float(values.len());
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// Ratings below plus half of those equal: the ordinal distance of two ratings is the difference of these.
fn midranks(keys: &[i64]) -> Vec<f64> {
    let mut order: Vec<(i64, usize)> = keys.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let mut ranks = vec![0.0; keys.len()];
    let mut below = 0;
    for run in order.chunk_by(|(one, _), (other, _)| one == other) {
        for &(_, place) in run {
            if let Some(rank) = ranks.get_mut(place) {
                *rank = float(2 * below + run.len()) / 2.0;
            }
        }
        below += run.len();
    }
    ranks
}

/// As [`squares`] with ((a - b) / (a + b))^2, which no mean shortens: over the distinct ratings.
fn ratios(items: &Items, values: &[f64]) -> (f64, f64) {
    let n = float(values.len());
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let runs: Vec<(f64, f64)> = sorted
        .chunk_by(|one, other| one.total_cmp(other).is_eq())
        .map(|run| (run.first().copied().unwrap_or_default(), float(run.len())))
        .collect();
    let with_higher = |place: usize| {
        let mut higher = runs.iter().skip(place);
        let Some(&(value, count)) = higher.next() else {
            return 0.0;
        };
        higher
            .map(|&(other, n)| n * distance(value, other))
            .sum::<f64>()
            * count
    };
    let places = (0..runs.len()).collect();
    let work = runs.len().saturating_mul(runs.len());
    let all: f64 = threads::map(places, work, with_higher).iter().sum();
    let mut values = values.to_vec();
    let within: f64 = items
        .lists(&mut values)
        .map(|item| {
            let with_others = |(place, &mut value): (usize, &mut f64)| (place, value);
            let own: Vec<(usize, f64)> = item.iter_mut().enumerate().map(with_others).collect();
            let pair = |&(place, value): &(usize, f64)| {
                let others = own.iter().skip(place + 1);
                others
                    .map(|&(_, other)| distance(value, other))
                    .sum::<f64>()
            };
            own.iter().map(pair).sum::<f64>() / float(own.len() - 1)
        })
        .sum();
    (2.0 * within / n, 2.0 * all / (n * (n - 1.0)))
}

/// 0 for two zeros; halved so that the sum does not overflow.
fn distance(one: f64, other: f64) -> f64 {
    if one.total_cmp(&other).is_eq() || one + other == 0.0 {
        return 0.0;
    }
    ((one / 2.0 - other / 2.0) / (one / 2.0 + other / 2.0)).powi(2)
}

fn pairs_in_runs(sorted: &[i64]) -> f64 {
    let runs = sorted.chunk_by(|one, other| one == other);
    runs.map(|run| pairs(run.len())).sum()
}

#[allow(clippy::cast_precision_loss)] // of a difference
fn moved(rating: i64, zero: i64) -> f64 {
    (i128::from(rating) - i128::from(zero)) as f64
}

fn pairs(n: usize) -> f64 {
    float(n) * (float(n) - 1.0) / 2.0
}
