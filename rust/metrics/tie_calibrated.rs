//! Accuracy over all pairs of rows, with the threshold of predicted ties given or searched.

use std::ops::Range;

use super::rows::{nearest, ratio};
use crate::check::NanPolicy;
use crate::column::{Column, Lists};
use crate::error::{Error, Result};

/// The best accuracy of a group, and the threshold at which it is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TieCalibrated {
    /// Share of the pairs of rows that are predicted right.
    pub accuracy: f64,
    /// Largest gap that is a predicted tie.
    pub eps: f64,
}

/// The share of the pairs of rows of every group that `scores` put in the order of `labels`, or tie where they tie.
///
/// Scores at most `eps` apart are a predicted tie; `None` takes the threshold of the highest share, the smallest of
/// several. Gaps are doubles; equal infinities are 0 apart. NaN for less than two rows.
///
/// O(n^2 log n) time and O(n^2) memory with the search, O(n^2) and O(n) without. The same as trying every gap.
///
/// # Errors
/// Columns of different lengths, bad offsets, a negative `eps` or NaN, NaN where the policy is to raise; a group whose
/// pairs do not fit memory where `eps` is searched.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::tie_calibrated_accuracy;
/// # fn main() -> prefcore::Result<()> {
/// let (scores, labels) = (Column::F64(&[0.0, 0.25, 2.0]), Column::I64(&[0, 0, 1]));
/// let best = tie_calibrated_accuracy(scores, labels, &[0, 3], None, NanPolicy::Raise)?;
/// assert_eq!((best[0].accuracy, best[0].eps), (1.0, 0.25));
/// # Ok(())
/// # }
/// ```
pub fn tie_calibrated_accuracy(
    scores: Column<'_>,
    labels: Column<'_>,
    offsets: &[i64],
    eps: Option<f64>,
    nan: NanPolicy,
) -> Result<Vec<TieCalibrated>> {
    if let Some(eps) = eps.filter(|eps| eps.is_nan() || *eps < 0.0) {
        return Err(Error::domain("eps", "a number >= 0, or None", eps));
    }
    let lists = Lists::new([("scores", scores), ("labels", labels)], offsets, nan)?;
    let [scores, labels] = lists.columns();
    let of_group = |list: &mut List, rows: Range<usize>| {
        list.load(scores, labels, rows);
        match eps {
            Some(eps) => Ok(list.at(eps)),
            None => list.reserve().map(|()| list.best()),
        }
    };
    let cost = |n: usize| n.saturating_mul(n).saturating_mul(8);
    let mut found = lists.map_counts(cost, of_group)?;
    let mut shares: Vec<f64> = found.iter().map(|best| best.accuracy).collect();
    lists.spoil(&mut shares);
    for (best, share) in found.iter_mut().zip(shares) {
        if share.is_nan() {
            (best.accuracy, best.eps) = (share, share);
        }
    }
    Ok(found)
}

/// Rows of a group, and gaps of its pairs.
#[derive(Default)]
struct List {
    scores: Scores,
    labels: Vec<i64>,
    /// Gaps of pairs whose labels tie: right from there on.
    tied: Vec<f64>,
    /// Gaps of pairs in the order of their labels: right up to there.
    ordered: Vec<f64>,
}

enum Scores {
    Floats(Vec<f64>),
    Ints(Vec<i64>),
}

impl Default for Scores {
    fn default() -> Self {
        Self::Ints(Vec::new())
    }
}

/// Whether a pair is ordered by a column, and which way.
type Order = std::cmp::Ordering;

impl List {
    fn load(&mut self, scores: Column<'_>, labels: Column<'_>, rows: Range<usize>) {
        labels.keys(rows.clone(), &mut self.labels);
        self.scores = match scores {
            Column::F32(_) | Column::F64(_) => {
                let mut values = Vec::new();
                scores.values(rows, &mut values);
                Scores::Floats(values)
            }
            Column::I32(_) | Column::I64(_) => {
                let mut values = Vec::new();
                scores.keys(rows, &mut values);
                Scores::Ints(values)
            }
        };
    }

    /// Room for the gaps of all pairs: without it the process would be aborted.
    fn reserve(&mut self) -> Result<()> {
        let n = self.labels.len();
        let pairs = n.saturating_mul(n.saturating_sub(1)) / 2;
        self.tied.clear();
        self.ordered.clear();
        let room = self.tied.try_reserve(pairs);
        if room.and_then(|()| self.ordered.try_reserve(pairs)).is_ok() {
            return Ok(());
        }
        let expected = format!("in groups whose pairs fit memory, or eps given ({pairs} pairs)");
        Err(Error::domain(
            "scores",
            expected,
            format!("a group of {n} rows"),
        ))
    }

    fn n_pairs(&self) -> f64 {
        let n = self.labels.len();
        nearest(n * n.saturating_sub(1) / 2)
    }

    /// Gives `visit` the gap of every pair, the order of its scores and that of its labels.
    fn each_pair(&self, visit: impl FnMut(f64, Order, Order)) {
        match &self.scores {
            Scores::Floats(scores) => each_pair(scores, &self.labels, visit, |a, b| {
                let order = a.partial_cmp(b).unwrap_or(Order::Equal);
                (
                    if order == Order::Equal {
                        0.0
                    } else {
                        (a - b).abs()
                    },
                    order,
                )
            }),
            Scores::Ints(scores) => each_pair(scores, &self.labels, visit, |a, b| {
                (nearest(a.abs_diff(*b)), a.cmp(b))
            }),
        }
    }

    fn at(&self, eps: f64) -> TieCalibrated {
        let mut right = 0_u64;
        self.each_pair(|gap, predicted, truth| {
            let predicted = if gap <= eps { Order::Equal } else { predicted };
            right += u64::from(predicted == truth);
        });
        TieCalibrated {
            accuracy: ratio(nearest(right), self.n_pairs()),
            eps,
        }
    }

    /// The share as the threshold rises past one gap after the other.
    fn best(&mut self) -> TieCalibrated {
        let (mut tied, mut ordered) = (
            std::mem::take(&mut self.tied),
            std::mem::take(&mut self.ordered),
        );
        tied.clear();
        ordered.clear();
        self.each_pair(|gap, predicted, truth| {
            if truth == Order::Equal {
                tied.push(gap);
            } else if predicted == truth {
                ordered.push(gap);
            }
        });
        tied.sort_unstable_by(f64::total_cmp);
        ordered.sort_unstable_by(f64::total_cmp);
        let zeros = tied.partition_point(|&gap| gap == 0.0);
        let (mut lost, mut left) = (0, ordered.iter().peekable());
        let (mut best, mut eps) = (zeros + ordered.len(), 0.0);
        let rest = tied.get(zeros..).unwrap_or_default();
        for same in rest.chunk_by(|a, b| a.total_cmp(b).is_eq()) {
            let gap = same.first().copied().unwrap_or(0.0);
            while left.next_if(|&&ordered| ordered <= gap).is_some() {
                lost += 1;
            }
            let reached = tied.partition_point(|&tied| tied <= gap);
            if reached + ordered.len() - lost > best {
                (best, eps) = (reached + ordered.len() - lost, gap);
            }
        }
        let accuracy = ratio(nearest(best), self.n_pairs());
        (self.tied, self.ordered) = (tied, ordered);
        TieCalibrated { accuracy, eps }
    }
}

fn each_pair<T>(
    scores: &[T],
    labels: &[i64],
    mut visit: impl FnMut(f64, Order, Order),
    compare: impl Fn(&T, &T) -> (f64, Order),
) {
    let rows: Vec<(&T, &i64)> = scores.iter().zip(labels).collect();
    let mut rest = rows.as_slice();
    while let Some(((score, label), after)) = rest.split_first() {
        for (other, other_label) in after {
            let (gap, predicted) = compare(score, other);
            visit(gap, predicted, label.cmp(other_label));
        }
        rest = after;
    }
}
