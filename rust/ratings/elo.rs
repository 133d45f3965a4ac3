//! Elo ratings: one pass over comparisons in their order.

use std::f64::consts::LN_10;

use pulp::Arch;

use super::comparisons::{Comparisons, check_lengths, check_rows, highest};
use crate::elementary::{dispatch, softplus_and_sigmoid};
use crate::error::Result;
use crate::random::{Draws, key};
use crate::threads;

/// The numbers of the scale.
#[derive(Debug, Clone, Copy)]
pub struct EloScale {
    /// Most that one comparison of weight 1 moves a rating.
    pub k: f64,
    /// Rating of an item before its first comparison.
    pub initial: f64,
    /// Difference of ratings at which the odds are `base`.
    pub scale: f64,
    /// See `scale`.
    pub base: f64,
}

impl EloScale {
    /// Logits per point.
    fn slope(&self) -> f64 {
        let ten = (self.base - 10.0).abs() < f64::EPSILON;
        (if ten { LN_10 } else { self.base.ln() }) / self.scale
    }
}

/// Checked rows, in which no lookup can fail.
#[derive(Debug, Clone)]
pub struct CheckedRows<'a> {
    pairs: Vec<(usize, usize)>,
    rows: Comparisons<'a>,
    items: usize,
}

/// Checks the rows once, for any number of passes; clusters play no part.
///
/// # Errors
/// Those of [`gathered`](super::gathered).
pub fn checked_rows(rows: Comparisons<'_>) -> Result<CheckedRows<'_>> {
    check_lengths(rows)?;
    let items = rows.n_items.unwrap_or_else(|| highest(rows));
    check_rows(rows, items)?;
    let number = |item: &i64| usize::try_from(*item).unwrap_or(0);
    let pairs = rows.first.iter().zip(rows.second);
    let pairs = pairs.map(|(i, j)| (number(i), number(j))).collect();
    Ok(CheckedRows { pairs, rows, items })
}

/// Ratings after all rows in order: r[i] += k·w·(y − p), r[j] −= the same, p = 1 / (1 + base^((r[j] − r[i]) / scale)). O(M)
///
/// ```
/// use prefcore::ratings::{Comparisons, EloScale, checked_rows, elo};
/// let (first, second, outcomes) = (&[0], &[1], &[1.0]);
/// let rows = Comparisons { first, second, outcomes, weights: None, clusters: None, n_items: None };
/// let scale = EloScale { k: 32.0, initial: 1000.0, scale: 400.0, base: 10.0 };
/// assert_eq!(elo(&checked_rows(rows)?, scale), [1016.0, 984.0]);
/// # Ok::<(), prefcore::Error>(())
/// ```
#[must_use]
pub fn elo(rows: &CheckedRows<'_>, scale: EloScale) -> Vec<f64> {
    pass(rows, scale, 0..rows.pairs.len())
}

fn pass(rows: &CheckedRows<'_>, scale: EloScale, order: impl Iterator<Item = usize>) -> Vec<f64> {
    let mut ratings = vec![scale.initial; rows.items];
    let slope = scale.slope();
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            for at in order {
                let Some((&pair, y)) = rows.pairs.get(at).zip(rows.rows.outcomes.get(at)) else {
                    continue;
                };
                let weight = rows.rows.weights.and_then(|weights| weights.get(at));
                let most = scale.k * weight.copied().unwrap_or(1.0);
                update(&mut ratings, pair, slope, |expected| most * (y - expected));
            }
        },
    );
    ratings
}

#[allow(clippy::inline_always)] // part of a dispatched loop
#[inline(always)]
fn update(ratings: &mut [f64], (i, j): (usize, usize), slope: f64, change: impl Fn(f64) -> f64) {
    let rating = |item: usize| ratings.get(item).copied().unwrap_or_default();
    let (_, expected) = softplus_and_sigmoid(slope * (rating(i) - rating(j)));
    let change = change(expected);
    for (item, change) in [(i, change), (j, -change)] {
        if let Some(rating) = ratings.get_mut(item) {
            *rating += change;
        }
    }
}

/// Mean and standard deviation (n − 1 below the root) of the ratings over random orders of the rows. O(M) an order
#[must_use]
pub fn elo_permuted(
    rows: &CheckedRows<'_>,
    scale: EloScale,
    orders: usize,
    seed: u64,
) -> (Vec<f64>, Vec<f64>) {
    let counters: Vec<u64> = (0..orders as u64).collect();
    let ratings = threads::map(counters, rows.pairs.len() * orders * 20, |order| {
        pass(
            rows,
            scale,
            shuffled(rows.pairs.len(), key(seed, &[order])).into_iter(),
        )
    });
    let count = crate::elementary::float(orders);
    let mut mean = vec![0.0; rows.items];
    for one in &ratings {
        for (mean, rating) in mean.iter_mut().zip(one) {
            *mean += rating / count;
        }
    }
    let mut squares = vec![0.0; rows.items];
    for one in &ratings {
        for ((square, rating), mean) in squares.iter_mut().zip(one).zip(&mean) {
            *square += (rating - mean).powi(2);
        }
    }
    let std = squares
        .iter()
        .map(|square| (square / (count - 1.0)).sqrt())
        .collect();
    (mean, std)
}

/// `0..n` in the random order of a key (Fisher, Yates).
#[must_use]
pub fn shuffled(n: usize, key: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut draws = Draws::new(key);
    for last in (1..n).rev() {
        order.swap(last, draws.below(last + 1));
    }
    order
}
