//! Area under the ROC curve.

use std::ops::Range;

use super::rows::{self, nearest, ratio};
use crate::check::NanPolicy;
use crate::column::{Column, Lists};
use crate::error::Result;
use crate::threads;

/// Work of a row in compares: about that of sorting a list of 16.
const WORK_PER_ROW: usize = 16;
/// Rows whose keys are made at a time, to stay in the cache.
const CHUNK: usize = 1 << 12;
/// Positive rows whose pairs are counted at a time.
const PART: usize = 1 << 14;

/// The chance that a positive row of a group has a higher score than a negative one, ties counting one half.
///
/// O(n log n): positives and negatives are sorted apart and merged, a long list on several threads. Unweighted the
/// pairs are counted in integers; weighted they are added up in the order of the scores, rows with one score in the
/// order of their weights. NaN for a group without a positive or a negative row, or whose weights are 0. The same as
/// comparing every positive with every negative row.
///
/// # Errors
/// Columns of different lengths, bad offsets, labels other than 0 and 1, weights that are negative or not finite, NaN
/// where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::roc_auc;
/// let (scores, labels) = (Column::F64(&[0.1, 0.4, 0.4, 0.8]), Column::I64(&[0, 0, 1, 1]));
/// assert_eq!(roc_auc(scores, labels, &[0, 4], None, NanPolicy::Raise), Ok(vec![0.875]));
/// ```
pub fn roc_auc(
    scores: Column<'_>,
    labels: Column<'_>,
    offsets: &[i64],
    weights: Option<&[f64]>,
    nan: NanPolicy,
) -> Result<Vec<f64>> {
    rows::binary_labels(labels)?;
    rows::weights(weights)?;
    let named = [("scores", scores), ("labels", labels)];
    let cost = |n| n * WORK_PER_ROW;
    let Some(weights) = weights else {
        let lists = Lists::new(named, offsets, nan)?;
        let [scores, labels] = lists.columns();
        return lists.map(cost, |list: &mut Classes, rows| {
            list.load(scores, labels, rows);
            Ok(list.auc())
        });
    };
    let [scores, labels] = named;
    let lists = Lists::new(
        [scores, labels, ("weights", Column::F64(weights))],
        offsets,
        nan,
    )?;
    let columns = lists.columns();
    lists.map(cost, |list: &mut WeightedClasses, rows| {
        list.load(columns, rows);
        Ok(list.auc())
    })
}

/// Keys of the positive and of the negative rows.
#[derive(Default)]
struct Classes {
    keys: Vec<i64>,
    labels: Vec<i64>,
    positive: Vec<i64>,
    negative: Vec<i64>,
}

impl Classes {
    /// Every key is written to the ends of both classes, and one of the ends moves on: no branch to mispredict.
    fn load(&mut self, scores: Column<'_>, labels: Column<'_>, rows: Range<usize>) {
        let (mut positives, mut negatives) = (0, 0);
        for start in rows.clone().step_by(CHUNK) {
            let chunk = start..rows.end.min(start + CHUNK);
            scores.keys(chunk.clone(), &mut self.keys);
            labels.keys(chunk, &mut self.labels); // the key of 0 is 0
            self.positive.resize(positives + self.keys.len(), 0);
            self.negative.resize(negatives + self.keys.len(), 0);
            let positive = self.positive.get_mut(positives..).unwrap_or_default();
            let negative = self.negative.get_mut(negatives..).unwrap_or_default();
            let (mut more, mut others) = (0, 0);
            for (&key, &label) in self.keys.iter().zip(&self.labels) {
                if let (Some(end), Some(other)) = (positive.get_mut(more), negative.get_mut(others))
                {
                    (*end, *other) = (key, key);
                }
                let is_positive = usize::from(label != 0);
                more += is_positive;
                others += 1 - is_positive;
            }
            positives += more;
            negatives += others;
        }
        self.positive.truncate(positives);
        self.negative.truncate(negatives);
    }

    fn auc(&mut self) -> f64 {
        let classes = vec![&mut self.positive, &mut self.negative];
        let work = classes.iter().map(|keys| keys.len() * WORK_PER_ROW).sum();
        threads::map(classes, work, |keys| keys.sort_unstable());
        let negative = self.negative.as_slice();
        let parts = self.positive.chunks(PART).collect();
        let found = threads::map(parts, work, |part: &[i64]| {
            let start = part
                .first()
                .map_or(0, |&first| negative.partition_point(|&key| key < first));
            let from = negative.get(start..).unwrap_or_default();
            2 * start as u64 * part.len() as u64
                + pairs(from, part, |low, high| low < high)
                + pairs(from, part, |low, high| low <= high)
        });
        let found: u64 = found.into_iter().sum();
        let all = nearest(self.positive.len()) * nearest(self.negative.len());
        ratio(nearest(found), 2.0 * all)
    }
}

/// Pairs of a negative and a positive row for which `below` holds, both rising; without a branch that depends on data.
fn pairs(negative: &[i64], positive: &[i64], below: impl Fn(i64, i64) -> bool) -> u64 {
    let (mut found, mut before, mut row) = (0, 0_usize, 0);
    while let (Some(&low), Some(&high)) = (negative.get(before), positive.get(row)) {
        let advance = below(low, high);
        found += if advance { 0 } else { before as u64 };
        before += usize::from(advance);
        row += usize::from(!advance);
    }
    found + before as u64 * (positive.len() - row) as u64
}

/// Key, weight and class of every row of a group.
#[derive(Default)]
struct WeightedClasses {
    keys: Vec<i64>,
    labels: Vec<i64>,
    weights: Vec<f64>,
    rows: Vec<(i64, f64, bool)>,
}

impl WeightedClasses {
    fn load(&mut self, [scores, labels, weights]: [Column<'_>; 3], rows: Range<usize>) {
        scores.keys(rows.clone(), &mut self.keys);
        labels.keys(rows.clone(), &mut self.labels);
        weights.values(rows, &mut self.weights);
        let classes = || self.labels.iter().map(|&label| label != 0);
        let largest = |class| {
            let weights = classes().zip(&self.weights);
            let own = weights
                .filter(|&(of, _)| of == class)
                .map(|(_, &weight)| weight);
            own.fold(f64::MIN_POSITIVE, f64::max)
        };
        // In units of the largest of their class, so that products of weights neither vanish nor overflow.
        let (negative, positive) = (largest(false), largest(true));
        let columns = self.keys.iter().zip(classes()).zip(&self.weights);
        let rows = columns.map(|((&key, class), &weight)| {
            let unit = if class { positive } else { negative };
            (key, weight / unit, class)
        });
        self.rows.clear();
        self.rows.extend(rows);
        let order =
            |a: &(i64, f64, bool), b: &(i64, f64, bool)| (a.0.cmp(&b.0)).then(a.1.total_cmp(&b.1));
        self.rows.sort_unstable_by(order);
    }

    fn auc(&self) -> f64 {
        let (mut below, mut positives, mut won) = (0.0, 0.0, 0.0);
        for tied in self.rows.chunk_by(|a, b| a.0 == b.0) {
            let of = |class| {
                tied.iter()
                    .filter(move |row| row.2 == class)
                    .map(|row| row.1)
            };
            let (positive, negative) = (of(true).sum::<f64>(), of(false).sum::<f64>());
            won += positive * (below + 0.5 * negative);
            below += negative;
            positives += positive;
        }
        ratio(won, positives * below)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::unwrap_used)]
mod tests {
    use std::cmp::Ordering;

    use super::{Column, roc_auc};
    use crate::check::NanPolicy::Raise;
    use crate::random;

    #[test]
    fn long_and_short_lists_match_the_definition() {
        for (n, levels) in [(1_u64, 3), (40, 5), (5_000, 300), (9_000, u64::MAX)] {
            let draw = |seed, levels| {
                (0..n)
                    .map(|row| random::key(seed, &[row]) % levels)
                    .collect::<Vec<u64>>()
            };
            let scores: Vec<i64> = draw(1, levels)
                .into_iter()
                .map(|key| i64::from_ne_bytes(key.to_ne_bytes()))
                .collect();
            let labels: Vec<i32> = draw(2, 2)
                .into_iter()
                .map(|bit| i32::try_from(bit).unwrap())
                .collect();
            let (mut won, mut all) = (0.0, 0.0);
            for (score, label) in scores.iter().zip(&labels) {
                for (other, other_label) in scores.iter().zip(&labels) {
                    if *label == 1 && *other_label == 0 {
                        all += 1.0;
                        won += match score.cmp(other) {
                            Ordering::Greater => 1.0,
                            Ordering::Equal => 0.5,
                            Ordering::Less => 0.0,
                        };
                    }
                }
            }
            let offsets = [0, i64::try_from(n).unwrap()];
            let weights = vec![0.25; scores.len()];
            let (x, y) = (Column::I64(&scores), Column::I32(&labels));
            let plain = roc_auc(x, y, &offsets, None, Raise).unwrap();
            let weighted = roc_auc(x, y, &offsets, Some(&weights), Raise).unwrap();
            for auc in [plain, weighted].concat() {
                assert!(auc == won / all || (auc.is_nan() && all == 0.0));
            }
        }
    }

    #[test]
    fn other_labels_are_named() {
        let (x, y) = (Column::F64(&[1.0, 2.0]), Column::F32(&[1.0, 0.5]));
        let error = roc_auc(x, y, &[0, 2], None, Raise).unwrap_err();
        assert_eq!(error.to_string(), "labels[1] must be 0 or 1, got 0.5");
    }
}
