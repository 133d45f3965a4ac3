//! Expectations over draws from a list: best of n, pass@k, pass^k.

use crate::check::NanPolicy;
use crate::column::{Column, Lists};
use crate::error::{Error, Result};

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
        let values = n.iter().map(|&draws| list.expected(draws, replace));
        Ok(values.collect::<Vec<f64>>())
    };
    let mut values = lists.map_counts(|rows| rows * (32 + 4 * n.len()), ranked)?;
    for (group, values) in values.iter_mut().enumerate() {
        if lists.is_spoiled(group) {
            values.fill(f64::NAN);
        }
    }
    Ok(values.concat())
}

/// A list from the lowest score to the highest, rows tied in score together.
#[derive(Default)]
struct Ranked {
    keys: Vec<i64>,
    gold: Vec<f64>,
    order: Vec<(i64, usize)>,
    /// Rows up to here, and their mean gold, for each score.
    levels: Vec<(usize, f64)>,
}

impl Ranked {
    fn load(&mut self, scores: Column<'_>, gold: Column<'_>, rows: std::ops::Range<usize>) {
        scores.keys(rows.clone(), &mut self.keys);
        gold.values(rows, &mut self.gold);
        self.order.clear();
        let keys = self.keys.iter().enumerate();
        self.order.extend(keys.map(|(row, &key)| (key, row)));
        self.order.sort_unstable();
        self.levels.clear();
        let mut end = 0;
        for tied in self.order.chunk_by(|(one, _), (other, _)| one == other) {
            end += tied.len();
            let sum: f64 = tied.iter().filter_map(|&(_, row)| self.gold.get(row)).sum();
            self.levels.push((end, sum / float(tied.len())));
        }
    }

    fn expected(&self, draws: i64, replace: bool) -> f64 {
        let rows = self.order.len();
        if rows == 0 {
            return f64::NAN;
        }
        if replace {
            self.with_replacement(draws)
        } else {
            match usize::try_from(draws) {
                Ok(draws) if draws <= rows => self.without_replacement(draws),
                _ => f64::NAN,
            }
        }
    }

    /// P(all draws among the first e rows) = (e / rows)^n; what a level adds is its own.
    #[allow(clippy::cast_precision_loss)] // draws above 2^53 are rounded
    fn with_replacement(&self, draws: i64) -> f64 {
        let rows = float(self.order.len());
        let (mut below, mut sum) = (0.0, 0.0);
        for &(end, gold) in &self.levels {
            let within = (float(end) / rows).powf(draws as f64);
            sum += weighted(within - below, gold);
            below = within;
        }
        sum
    }

    /// C(e, n) / C(rows, n), times n / e: the chance that row e of the order is the highest drawn, from the top down.
    fn without_replacement(&self, draws: usize) -> f64 {
        let (mut end, mut within, mut sum) = (self.order.len(), 1.0, 0.0);
        let starts = self.levels.iter().rev().skip(1).map(|&(end, _)| end);
        for (&(_, gold), start) in self.levels.iter().rev().zip(starts.chain([0])) {
            let mut chance = 0.0;
            while end > start && end >= draws {
                chance += within * float(draws) / float(end);
                within *= float(end - draws) / float(end);
                end -= 1;
            }
            sum += weighted(chance, gold);
        }
        sum
    }
}

/// An infinite gold counts only where it can be drawn.
fn weighted(chance: f64, gold: f64) -> f64 {
    if chance == 0.0 { 0.0 } else { chance * gold }
}

/// 1 - C(n - c, k) / C(n, k): the chance that k of n samples hold one of the c correct; NaN where n < k.
///
/// O(min(c, k)) for each row: the chance that the j-th sample is the first one to meet, added up without cancellation.
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
        for drawn in 0..few {
            met += (1.0 - met) * (float(many) / float(n - drawn)).min(1.0);
            if many >= n - drawn {
                return 1.0;
            }
        }
        met
    })
}

/// C(c, k) / C(n, k): the chance that all k of n samples are among the c correct; NaN where n < k.
///
/// O(min(k, n - c)) for each row.
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
        let factor = |drawn| float((n - many).saturating_sub(drawn)) / float(n - drawn);
        (0..few).map(factor).product()
    })
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

#[allow(clippy::cast_precision_loss)] // counts above 2^53 are rounded
fn float(count: usize) -> f64 {
    count as f64
}
