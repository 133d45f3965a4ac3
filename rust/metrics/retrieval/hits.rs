//! The rows of a list that count, and their places.

use std::ops::Range;

use pulp::Arch;

use crate::column::Column;
use crate::elementary::dispatch;

/// Keys compared at once.
const STEP: usize = 8;
/// Lanes in which the k-th largest key is bounded; more than that many places take a selection.
const LANES: usize = 16;
/// Labels looked at together where few count.
const TOGETHER: usize = 16;
/// Comparing a row with all others beats sorting up to this many rows per doubling of the list.
const ROWS_PER_DOUBLING: usize = 24;

/// A row that counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    /// Place from 0: rows with a higher score, and those with the same one that come before.
    pub place: usize,
    /// Rows with a higher score.
    pub above: usize,
    /// Rows with the same score, itself included.
    pub equal: usize,
    pub label: f64,
}

/// One list and the memory to rank it in: one per thread, used for list after list.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub labels: Vec<f64>,
    /// Room for whoever sorts labels.
    pub sorted: Vec<f64>,
    pub vector_unit: Arch,
    keys: Vec<i64>,
    near: Vec<i64>,
    near_labels: Vec<f64>,
    order: Vec<(i64, usize)>,
    hits: Vec<Hit>,
}

impl Scratch {
    pub fn load(&mut self, scores: Column<'_>, labels: Column<'_>, rows: Range<usize>) {
        scores.keys(rows.clone(), &mut self.keys);
        labels.values(rows, &mut self.labels);
    }

    /// Whether every label is a number of 0..=most.
    pub fn allows(&self, most: f64) -> bool {
        let right = |label: f64| label >= 0.0 && label <= most;
        self.labels
            .iter()
            .fold(true, |all, &label| all & right(label))
    }

    /// Rows of the list.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Rows whose label reaches `least`.
    pub fn relevant(&self, least: f64) -> usize {
        count(&self.labels, |label| label >= least)
    }

    /// The rows among the first `k` whose label reaches `least`, first places first.
    ///
    /// Ties that go across place k are all kept with `whole_ties`, and fields `above` and `equal` are filled.
    pub fn hits(&mut self, k: Option<usize>, least: f64, whole_ties: bool) -> &[Hit] {
        let k = k.unwrap_or(self.len()).min(self.len());
        let arch = self.vector_unit;
        self.hits.clear();
        dispatch(
            arch,
            #[inline(always)]
            || self.find(k, least, whole_ties),
        );
        &self.hits
    }

    #[inline(always)]
    fn find(&mut self, k: usize, least: f64, whole_ties: bool) {
        let n = self.keys.len();
        if !whole_ties && falls(&self.keys) {
            self.take_first(k, least);
            return;
        }
        if k < n {
            self.keep_near(k);
        }
        let (keys, labels) = if k < n {
            (&mut self.near, &self.near_labels)
        } else {
            (&mut self.keys, &self.labels)
        };
        let rows = keys.len();
        let found = labels.iter().filter(|&&label| label >= least).count();
        let doublings = usize::BITS - rows.leading_zeros();
        if found > ROWS_PER_DOUBLING * doublings as usize {
            self.order.clear();
            // Not of a key reverses the order of keys.
            let falling = keys.iter().enumerate().map(|(row, &key)| (!key, row));
            self.order.extend(falling);
            self.order.sort_unstable();
            walk(&self.order, labels, &mut self.hits, |hit| {
                hit.label >= least && (if whole_ties { hit.above } else { hit.place }) < k
            });
            return;
        }
        // Padding is never above a key, and comes after every row.
        keys.resize(rows.next_multiple_of(STEP), i64::MIN);
        for (row, (&key, &label)) in keys.iter().zip(labels.iter()).enumerate() {
            if label < least {
                continue;
            }
            let mut hit = Hit {
                place: place(keys, row, key),
                above: 0,
                equal: 0,
                label,
            };
            if whole_ties {
                hit.above = keys.iter().filter(|&&other| other > key).count();
                let own = keys.iter().take(rows);
                hit.equal = own.filter(|&&other| other == key).count();
            }
            if (if whole_ties { hit.above } else { hit.place }) < k {
                self.hits.push(hit);
            }
        }
        keys.truncate(rows);
        self.hits.sort_unstable_by_key(|hit| hit.place);
    }

    /// Of a list that comes in order: each row is at its place.
    #[inline(always)]
    fn take_first(&mut self, k: usize, least: f64) {
        let counts = |label: f64| label >= least;
        let first = self.labels.get(..k).unwrap_or_default();
        for (step, labels) in first.chunks(TOGETHER).enumerate() {
            if !labels.iter().fold(false, |any, &label| any | counts(label)) {
                continue; // most steps, where few rows count
            }
            for (place, &label) in (TOGETHER * step..).zip(labels) {
                if counts(label) {
                    self.hits.push(Hit {
                        place,
                        above: 0,
                        equal: 0,
                        label,
                    });
                }
            }
        }
    }

    /// Rows that may be among the first k, their order kept: those not below a bound of the k-th largest key.
    #[inline(always)]
    fn keep_near(&mut self, k: usize) {
        let bound = if k <= LANES && self.keys.len() >= 2 * LANES {
            bound_by_lanes(&self.keys, k)
        } else {
            self.near.clear();
            self.near.extend_from_slice(&self.keys);
            let (_, kth, _) = self
                .near
                .select_nth_unstable_by(k.saturating_sub(1), |a, b| b.cmp(a));
            *kth
        };
        let n = self.keys.len();
        self.near.resize(n, 0);
        self.near_labels.resize(n, 0.0);
        let mut kept = 0;
        for (&key, &label) in self.keys.iter().zip(&self.labels) {
            // Written whether it is kept or not: a branch here would be a coin toss.
            if let (Some(to), Some(to_label)) =
                (self.near.get_mut(kept), self.near_labels.get_mut(kept))
            {
                (*to, *to_label) = (key, label);
            }
            kept += usize::from(key >= bound);
        }
        self.near.truncate(kept);
        self.near_labels.truncate(kept);
    }
}

/// Whether no key is above the one before it; without a branch per key.
#[inline(always)]
fn falls(keys: &[i64]) -> bool {
    let next = keys.get(1..).unwrap_or_default();
    let falls = |key: i64, next: i64| key >= next;
    let pairs = keys.iter().zip(next);
    pairs.fold(true, |all, (&key, &next)| all & falls(key, next))
}

/// The k-th largest of the maxima of [`LANES`] parts: at least k keys are not below it.
#[inline(always)]
fn bound_by_lanes(keys: &[i64], k: usize) -> i64 {
    let mut lanes = [i64::MIN; LANES];
    let (steps, rest) = keys.as_chunks::<LANES>();
    for step in steps {
        for (lane, &key) in lanes.iter_mut().zip(step) {
            *lane = (*lane).max(key);
        }
    }
    for (lane, &key) in lanes.iter_mut().zip(rest) {
        *lane = (*lane).max(key);
    }
    let mut bound = i64::MIN;
    for &lane in &lanes {
        let not_below: usize = lanes.iter().map(|&other| usize::from(other >= lane)).sum();
        if not_below >= k {
            bound = bound.max(lane);
        }
    }
    bound
}

/// The number of keys above `key`, and of equal ones before `row`; `keys` is as long as whole steps.
#[inline(always)]
fn place(keys: &[i64], row: usize, key: i64) -> usize {
    const LANE: [usize; STEP] = [0, 1, 2, 3, 4, 5, 6, 7];
    let (steps, _) = keys.as_chunks::<STEP>();
    let (before, others) = steps.split_at((row / STEP).min(steps.len()));
    let mut lanes = [0_i64; STEP];
    for step in before {
        for (lane, &other) in lanes.iter_mut().zip(step) {
            *lane += i64::from(other >= key);
        }
    }
    if let Some((own, after)) = others.split_first() {
        for ((lane, &other), at) in lanes.iter_mut().zip(own).zip(LANE) {
            *lane +=
                i64::from(other > key) + (i64::from(other == key) & i64::from(at < row % STEP));
        }
        for step in after {
            for (lane, &other) in lanes.iter_mut().zip(step) {
                *lane += i64::from(other > key);
            }
        }
    }
    usize::try_from(lanes.iter().sum::<i64>()).unwrap_or(usize::MAX)
}

/// The hits of a list in falling order.
fn walk(
    order: &[(i64, usize)],
    labels: &[f64],
    hits: &mut Vec<Hit>,
    counts: impl Fn(&Hit) -> bool,
) {
    let mut above = 0;
    for tied in order.chunk_by(|a, b| a.0 == b.0) {
        let rows = tied.iter().enumerate().map(|(before, &(_, row))| Hit {
            place: above + before,
            above,
            equal: tied.len(),
            label: labels.get(row).copied().unwrap_or(f64::NAN),
        });
        hits.extend(rows.filter(&counts));
        above += tied.len();
    }
}

/// How many labels pass, without a branch.
fn count(labels: &[f64], pass: impl Fn(f64) -> bool) -> usize {
    labels.iter().map(|&label| usize::from(pass(label))).sum()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::{Hit, Scratch};
    use crate::column::Column;
    use crate::random;

    fn by_definition(scores: &[i64], labels: &[i64], k: usize, whole_ties: bool) -> Vec<Hit> {
        let mut hits = Vec::new();
        for (row, &score) in scores.iter().enumerate() {
            let above = scores.iter().filter(|&&other| other > score).count();
            let equal = scores.iter().filter(|&&other| other == score).count();
            let before = scores[..row]
                .iter()
                .filter(|&&other| other == score)
                .count();
            let place = above + before;
            let within = if whole_ties { above < k } else { place < k };
            if labels[row] >= 1 && within {
                let label = f64::from(i32::try_from(labels[row]).unwrap_or(0));
                hits.push(Hit {
                    place,
                    above,
                    equal,
                    label,
                });
            }
        }
        hits.sort_by_key(|hit| hit.place);
        hits
    }

    /// Lengths around vector steps, lanes and the change to sorting; ties across every k; keys as low as the padding.
    #[test]
    fn hits_match_the_definition_for_every_length_and_many_ties() {
        let mut list = Scratch::default();
        for n in [0_u64, 1, 7, 8, 9, 31, 32, 33, 100, 400] {
            for levels in [1, 3, 20, 1 << 62] {
                let draw = |column, below: u64| {
                    let key = |row| i64::try_from(random::key(levels, &[column, n, row]) % below);
                    (0..n)
                        .map(|row| key(row).unwrap_or(0))
                        .collect::<Vec<i64>>()
                };
                let scores: Vec<i64> = draw(0, levels).iter().map(|key| i64::MIN + key).collect();
                let labels = draw(1, 2);
                for (k, in_order) in [1, 2, 10, 16, 17, 40, 1000]
                    .map(|k| [(k, false), (k, true)])
                    .concat()
                {
                    let mut scores = scores.clone();
                    if in_order {
                        scores.sort_unstable_by(|a, b| b.cmp(a));
                    }
                    for whole_ties in [false, true] {
                        let rows = 0..scores.len();
                        list.load(Column::I64(&scores), Column::I64(&labels), rows);
                        let mut hits = list.hits(Some(k), 1.0, whole_ties).to_vec();
                        let mut want = by_definition(&scores, &labels, k, whole_ties);
                        if !whole_ties {
                            for hit in hits.iter_mut().chain(&mut want) {
                                (hit.above, hit.equal) = (0, 0);
                            }
                        }
                        assert_eq!(hits, want, "{n} rows, {levels} levels, k = {k}");
                    }
                }
            }
        }
    }
}
