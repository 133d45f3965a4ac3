//! Expectations over draws from a list: best of n, pass@k, pass^k.

use crate::check::NanPolicy;
use crate::column::{Column, Lists};
use crate::elementary::float;
use crate::error::{Error, Result};
use crate::special::stirling_rest;

/// Products of more factors are taken by Stirling's series.
const MAX_FACTORS: usize = 1024;
/// Keeps a sum of the largest numbers finite.
const SMALLER: f64 = 1.0 / 18_446_744_073_709_551_616.0;

/// Expected `gold` of the row with the highest score among n draws, for every group and every n: `[G, len(n)]`, flat.
///
/// Sorting and O(rows) for each n. Rows tied in score share their gold. NaN for a group without a row, and where n rows
/// cannot be drawn without replacement. The same as the mean over all subsets (or, with replacement, all sequences) of
/// n rows, without a number that could overflow.
///
/// # Errors
/// An n below 1, lengths that differ, bad offsets, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::best_of_n;
/// let scores = Column::F64(&[1.0, 2.0, 4.0]);
/// let best = best_of_n(scores, scores, &[1, 2, 4], false, &[0, 3], NanPolicy::Raise).unwrap();
/// assert!((best[0] - 7.0 / 3.0).abs() < 1e-15 && (best[1] - 10.0 / 3.0).abs() < 1e-15);
/// assert!(best[2].is_nan());
/// ```
pub fn best_of_n(
    scores: Column<'_>,
    gold: Column<'_>,
    n: &[i64],
    replace: bool,
    offsets: &[i64],
    nan: NanPolicy,
) -> Result<Vec<f64>> {
    if let Some((place, draws)) = n.iter().enumerate().find(|(_, draws)| **draws < 1) {
        return Err(Error::domain_at("n", [place], "at least 1", draws));
    }
    let lists = Lists::new([("scores", scores), ("gold", gold)], offsets, nan)?;
    let [scores, gold] = lists.columns();
    let ranked = |list: &mut Ranked, rows: std::ops::Range<usize>| {
        list.load(scores, gold, rows);
        Ok(list.expected(n, replace))
    };
    let mut values = lists.map_counts(|rows| rows * (32 + 2 * n.len()), ranked)?;
    for (group, values) in values.iter_mut().enumerate() {
        if lists.is_spoiled(group) {
            values.fill(f64::NAN);
        }
    }
    Ok(values.concat())
}

/// A list from the lowest score to the highest.
#[derive(Default)]
struct Ranked {
    keys: Vec<i64>,
    gold: Vec<f64>,
    order: Vec<(i64, usize)>,
    /// Gold in this order, shared by the rows that are tied in score.
    shared: Vec<f64>,
    /// For each n the chance of each place to be the highest drawn: the same for all lists of this length.
    chances: Vec<Vec<f64>>,
}

impl Ranked {
    fn load(&mut self, scores: Column<'_>, gold: Column<'_>, rows: std::ops::Range<usize>) {
        if rows.len() != self.order.len() {
            self.chances.clear();
        }
        scores.keys(rows.clone(), &mut self.keys);
        gold.values(rows, &mut self.gold);
        self.order.clear();
        let keys = self.keys.iter().enumerate();
        self.order.extend(keys.map(|(row, &key)| (key, row)));
        self.order.sort_unstable();
        self.shared.clear();
        for tied in self.order.chunk_by(|(one, _), (other, _)| one == other) {
            let sum: f64 = tied.iter().filter_map(|&(_, row)| self.gold.get(row)).sum();
            let mean = if tied.len() == 1 {
                sum
            } else if sum.is_finite() {
                sum / float(tied.len())
            } else {
                let gold = tied.iter().filter_map(|&(_, row)| self.gold.get(row));
                let sum: f64 = gold.map(|gold| gold * SMALLER).sum();
                sum / float(tied.len()) / SMALLER
            };
            self.shared.extend(tied.iter().map(|_| mean));
        }
    }

    fn expected(&mut self, n: &[i64], replace: bool) -> Vec<f64> {
        let rows = self.order.len();
        if rows == 0 {
            return vec![f64::NAN; n.len()];
        }
        if self.chances.is_empty() {
            let chances = n.iter().map(|&draws| {
                if replace {
                    with_replacement(rows, draws)
                } else {
                    without_replacement(rows, draws)
                }
            });
            self.chances = chances.collect();
        }
        let mean = |chances: &Vec<f64>| {
            let places = chances.iter().zip(&self.shared);
            places.map(|(&chance, &gold)| weighted(chance, gold)).sum()
        };
        self.chances.iter().map(mean).collect()
    }
}

/// Chances of the places 1 to `rows` to be the highest of some draws: those up to e hold all draws with (e / rows)^n.
#[allow(clippy::cast_precision_loss)] // draws above 2^53 are rounded
fn with_replacement(rows: usize, draws: i64) -> Vec<f64> {
    let mut below = 0.0;
    let places = (1..=rows).map(|end| {
        let within = (float(end) / float(rows)).powf(draws as f64);
        let chance = within - below;
        below = within;
        chance
    });
    places.collect()
}

/// The same without replacement: C(e, n) / C(rows, n), times n / e, from the top down. NaN for more draws than rows.
fn without_replacement(rows: usize, draws: i64) -> Vec<f64> {
    let Some(draws) = usize::try_from(draws).ok().filter(|&draws| draws <= rows) else {
        return vec![f64::NAN; rows];
    };
    let (mut within, mut chances) = (1.0, vec![0.0; rows]);
    let top_down = (1..=rows).rev().zip(chances.iter_mut().rev());
    for (end, chance) in top_down.take(rows + 1 - draws) {
        *chance = within * float(draws) / float(end);
        within *= float(end - draws) / float(end);
    }
    chances
}

/// An infinite gold counts only where it can be drawn.
fn weighted(chance: f64, gold: f64) -> f64 {
    if chance == 0.0 { 0.0 } else { chance * gold }
}

/// 1 - C(n - c, k) / C(n, k): the chance that k of n samples hold one of the c correct; NaN where n < k.
///
/// O(min(c, k, 1024)) for each row: the chance that the j-th sample is the first one to meet, added up without
/// cancellation; for more samples by Stirling's series.
///
/// # Errors
/// Lengths that differ, counts outside 0 <= c <= n, k below 1.
///
/// ```
/// use prefcore::metrics::pass_at_k;
/// assert_eq!(pass_at_k(&[4, 4, 1], &[1, 3, 1], 2).unwrap()[..2], [0.5, 1.0]);
/// ```
pub fn pass_at_k(n_samples: &[i64], n_correct: &[i64], k: i64) -> Result<Vec<f64>> {
    each(n_samples, n_correct, k, |n, c, k| {
        let mut met = 0.0;
        let (few, many) = (c.min(k), c.max(k));
        if few > MAX_FACTORS {
            return -ln_missed(n, few, many).exp_m1();
        }
        for drawn in 0..few {
            met += (1.0 - met) * (float(many) / float(n - drawn)).min(1.0);
            if met >= 1.0 {
                break;
            }
        }
        met
    })
}

/// C(c, k) / C(n, k): the chance that all k of n samples are among the c correct; NaN where n < k.
///
/// O(min(k, n - c, 1024)) for each row.
///
/// # Errors
/// Lengths that differ, counts outside 0 <= c <= n, k below 1.
///
/// ```
/// use prefcore::metrics::pass_all_k;
/// assert_eq!(pass_all_k(&[4, 4], &[1, 3], 2), Ok(vec![0.0, 0.5]));
/// ```
pub fn pass_all_k(n_samples: &[i64], n_correct: &[i64], k: i64) -> Result<Vec<f64>> {
    each(n_samples, n_correct, k, |n, c, k| {
        let (few, many) = (k.min(n - c), k.max(n - c));
        if few > MAX_FACTORS {
            return ln_missed(n, few, many).exp();
        }
        let factor = |drawn| float((n - many).saturating_sub(drawn)) / float(n - drawn);
        (0..few).map(factor).product()
    })
}

/// ln(C(n - many, few) / C(n, few)), more than `MAX_FACTORS` both: the chance that two sets have nothing in common.
///
/// ln x! = (x + 1/2) ln x - x + the rest of the series, arranged so that large terms of opposite sign do not meet.
fn ln_missed(n: usize, few: usize, many: usize) -> f64 {
    let Some(neither @ 1..) = (n - many).checked_sub(few) else {
        return f64::NEG_INFINITY; // at best 1 / C(n, few), below the smallest float
    };
    let [all, one, other, rest] = [n, few, many, neither].map(float);
    let apart = (one / rest * (other / all)).ln_1p();
    let powers = (rest + 0.5) * apart + one * (-other / all).ln_1p() + other * (-one / all).ln_1p();
    let series = stirling_rest(float(n - many)) + stirling_rest(float(n - few));
    powers + series - stirling_rest(rest) - stirling_rest(all)
}

fn each(
    n_samples: &[i64],
    n_correct: &[i64],
    k: i64,
    value: impl Fn(usize, usize, usize) -> f64,
) -> Result<Vec<f64>> {
    crate::check::same_length("n_samples", n_samples.len(), "n_correct", n_correct.len())?;
    let drawn = usize::try_from(k).ok().filter(|&k| k > 0);
    let k = drawn.ok_or_else(|| Error::domain("k", "at least 1", k))?;
    let rows = n_samples.iter().zip(n_correct).enumerate();
    rows.map(|(row, (&all, &correct))| {
        let Ok(n) = usize::try_from(all) else {
            return Err(Error::domain_at("n_samples", [row], "a count >= 0", all));
        };
        match usize::try_from(correct) {
            Ok(c) if c <= n => Ok(if n < k { f64::NAN } else { value(n, c, k) }),
            _ => {
                let expected = format!("in 0..={n}, the number of samples");
                Err(Error::domain_at("n_correct", [row], expected, correct))
            }
        }
    })
    .collect()
}
