//! Comparisons of any weight, outcome and cluster, sorted and added up exactly.

use super::comparisons::{Comparisons, Gathered, to_i64};
use crate::exact::{ExactSum, rounded};
use crate::threads;

/// Steps of work per row: comparisons, and adding up.
const SORT_WORK: usize = 16;

/// What rows are sorted by: low item, high item, outcome, weight, cluster. Bits of numbers >= 0 are in their order.
type Key = (i64, i64, u64, u64, i64);

/// A pair: the low item and the high one.
fn pair(key: &Key) -> (i64, i64) {
    (key.0, key.1)
}

/// Rows go to buckets by their low item, whose number does not decrease with it; each is sorted and added up by itself.
pub(super) fn sorted(rows: Comparisons<'_>, n_items: usize) -> Gathered {
    let keys = sort_keys(rows);
    let n_buckets = n_items.min(keys.len()).max(1);
    let bucket = |key: &Key| {
        let low = usize::try_from(key.0).unwrap_or(0);
        let share = low as u128 * n_buckets as u128;
        let scaled = || usize::try_from(share / n_items.max(1) as u128).unwrap_or(0);
        let bucket = if n_buckets == n_items { low } else { scaled() };
        bucket.min(n_buckets - 1)
    };
    let (mut keys, ends) = in_buckets(keys, n_buckets, bucket);
    let before = |bucket: usize| {
        bucket
            .checked_sub(1)
            .and_then(|last| ends.get(last))
            .copied()
    };
    let (mut rest, mut blocks) = (keys.as_mut_slice(), Vec::new());
    for range in threads::split(n_buckets, |bucket| before(bucket).unwrap_or(0) * SORT_WORK) {
        let length = before(range.end).unwrap_or(0) - before(range.start).unwrap_or(0);
        let (block, others) = rest.split_at_mut_checked(length).unwrap_or_default();
        blocks.push(block);
        rest = others;
    }
    let work = ends.last().map_or(0, |&end| end * SORT_WORK);
    let parts = threads::map(blocks, work, |block| {
        block.sort_unstable();
        added_up(block, rows.clusters.is_some())
    });
    let whole = Gathered {
        n_items,
        ..Gathered::default()
    };
    parts.into_iter().fold(whole, joined)
}

/// The keys in the order of their buckets, and where each bucket ends.
fn in_buckets(
    keys: Vec<Key>,
    n_buckets: usize,
    bucket: impl Fn(&Key) -> usize,
) -> (Vec<Key>, Vec<usize>) {
    let mut next = vec![0_usize; n_buckets + 1];
    for key in &keys {
        if let Some(count) = next.get_mut(bucket(key) + 1) {
            *count += 1;
        }
    }
    let mut end = 0;
    for start in &mut next {
        end += *start;
        *start = end;
    }
    let mut placed = vec![Key::default(); keys.len()];
    for key in keys {
        if let Some(place) = next.get_mut(bucket(&key)) {
            if let Some(slot) = placed.get_mut(*place) {
                *slot = key;
            }
            *place += 1;
        }
    }
    next.pop();
    (placed, next)
}

/// Cells and units of sorted rows.
fn added_up(keys: &[Key], clustered: bool) -> Gathered {
    let mut cells = Gathered::default();
    for cell in keys.chunk_by(|one, other| pair(one) == pair(other)) {
        let (place, mut sums) = (to_i64(cells.first.len()), [const { Sum::new() }; 3]);
        for alike in cell.chunk_by(Key::eq) {
            let Some(&(.., outcome, weight, cluster)) = alike.first() else {
                continue;
            };
            let (outcome, weight) = (f64::from_bits(outcome), f64::from_bits(weight));
            let count = to_i64(alike.len());
            cells.units.push(place, outcome, weight, count);
            if clustered {
                cells.units.cluster.push(cluster);
            }
            add_unit(&mut sums, outcome, weight, count);
        }
        if let Some((first, second)) = cell.first().map(pair) {
            cells.push(first, second, sums.map(Sum::rounded));
        }
    }
    cells
}

/// Cells followed by others, all of whose pairs come later.
fn joined(mut cells: Gathered, more: Gathered) -> Gathered {
    let before = to_i64(cells.first.len());
    let places = more.units.cell.iter().map(|cell| cell + before);
    cells.units.cell.extend(places);
    cells.units.outcome.extend(more.units.outcome);
    cells.units.weight.extend(more.units.weight);
    cells.units.count.extend(more.units.count);
    cells.units.cluster.extend(more.units.cluster);
    cells.first.extend(more.first);
    cells.second.extend(more.second);
    cells.wins.extend(more.wins);
    cells.losses.extend(more.losses);
    cells.ties.extend(more.ties);
    cells
}

/// One key per row of a weight above 0.
fn sort_keys(rows: Comparisons<'_>) -> Vec<Key> {
    let columns = rows.first.iter().zip(rows.second).zip(rows.outcomes);
    let weights = rows.weights.unwrap_or_default().iter().copied();
    let weights = weights.chain(std::iter::repeat(1.0));
    let clusters = rows.clusters.unwrap_or_default().iter().copied();
    let clusters = clusters.chain(std::iter::repeat(0));
    columns
        .zip(weights.zip(clusters))
        .filter(|(_, (weight, _))| *weight > 0.0)
        .map(|(((&first, &second), &outcome), (weight, cluster))| {
            let score = if first < second {
                outcome
            } else {
                1.0 - outcome
            };
            let bits = (score + 0.0).to_bits(); // -0 becomes 0
            (
                first.min(second),
                first.max(second),
                bits,
                weight.to_bits(),
                cluster,
            )
        })
        .collect()
}

/// Adds like rows to the losses, ties and wins of a pair.
fn add_unit([losses, ties, wins]: &mut [Sum; 3], outcome: f64, weight: f64, count: i64) {
    #[allow(clippy::float_cmp)] // exactly 1/2 is a tie
    if outcome == 0.5 {
        ties.add(weight, count);
    } else {
        wins.add(weight * outcome, count);
        losses.add(weight * (1.0 - outcome), count);
    }
}

/// An exact sum that costs little up to two terms, whose plain sum is rounded once as well.
struct Sum {
    two: [f64; 2],
    terms: usize,
    more: Option<Box<ExactSum>>,
}

impl Sum {
    const fn new() -> Self {
        Self {
            two: [0.0; 2],
            terms: 0,
            more: None,
        }
    }

    fn add(&mut self, value: f64, count: i64) {
        #[allow(clippy::cast_precision_loss)] // rows are fewer than 2^53
        let count = count as f64;
        let product = value * count;
        self.add_term(product);
        self.add_term(value.mul_add(count, -product)); // what the product was rounded by
    }

    fn add_term(&mut self, term: f64) {
        if term == 0.0 {
            return;
        }
        if let Some(place) = self.two.get_mut(self.terms) {
            *place = term;
        } else {
            self.more.get_or_insert_default().add(term);
        }
        self.terms += 1;
    }

    fn rounded(self) -> f64 {
        let [one, two] = self.two;
        self.more.map_or(one + two, |mut sum| {
            sum.add(one);
            sum.add(two);
            rounded(&sum.limbs())
        })
    }
}
