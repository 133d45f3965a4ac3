//! Sorting that counts the pairs it puts in order.

use crate::threads;

/// Values whose inversions are counted directly, before merging starts.
const RUN: usize = 32;
/// Smallest part of a list that is worth a thread of its own.
const BLOCK: usize = 1 << 15;

/// Sorts a block per thread with `sort`, then merges; returns the inversions that `sort` and the merges count.
///
/// Several blocks make the buffer as long as the list; `sort` may need that for a single one.
pub(super) fn sort_in_blocks<T: Copy + Default + Ord + Send + Sync>(
    values: &mut [T],
    buffer: &mut Vec<T>,
    sort: impl Fn(&mut [T], &mut [T]) -> i64 + Sync + Send,
) -> i64 {
    let mut width = values.len().div_ceil(threads::num_threads()).max(BLOCK);
    if values.len() <= width {
        return sort(values, buffer); // without the memory for a list of blocks
    }
    buffer.resize(values.len(), T::default());
    let work = values.len() * RUN;
    let blocks = values.chunks_mut(width).zip(buffer.chunks_mut(width));
    let sorted = threads::map(blocks.collect(), work, |(block, buffer)| {
        sort(block, buffer)
    });
    let merge_all = |from: &[T], to: &mut [T], width| {
        let halves = from.chunks(2 * width).zip(to.chunks_mut(2 * width));
        let merged = threads::map(halves.collect(), work, |(from, to)| merge(from, width, to));
        merged.iter().sum::<i64>()
    };
    let mut inversions = sorted.iter().sum();
    while width < values.len() {
        inversions += merge_all(values, buffer, width) + merge_all(buffer, values, 2 * width);
        width *= 4;
    }
    inversions
}

/// Sorts and counts the pairs that stood in falling order, O(n log n).
pub(super) fn sort_counting<T: Copy + Ord>(values: &mut [T], buffer: &mut [T]) -> i64 {
    let mut inversions = 0;
    for run in values.chunks_mut(RUN) {
        inversions += falling_pairs(run);
        run.sort_unstable();
    }
    let merge_all = |from: &[T], to: &mut [T], width| {
        let halves = from.chunks(2 * width).zip(to.chunks_mut(2 * width));
        halves.map(|(from, to)| merge(from, width, to)).sum::<i64>()
    };
    let mut width = RUN;
    while width < values.len() {
        inversions += merge_all(values, buffer, width) + merge_all(buffer, values, 2 * width);
        width *= 4;
    }
    inversions
}

fn falling_pairs<T: Copy + Ord>(run: &[T]) -> i64 {
    let mut pairs = 0;
    for (place, &right) in run.iter().enumerate() {
        for &left in run.iter().take(place) {
            pairs += i64::from(left > right);
        }
    }
    pairs
}

/// Merges the first `width` values with the others, both sorted, and counts the pairs that were in falling order.
///
/// No branch depends on the values.
fn merge<T: Copy + Ord>(values: &[T], width: usize, merged: &mut [T]) -> i64 {
    let (left, right) = values.split_at(width.min(values.len()));
    let (mut i, mut j, mut inversions) = (0, 0, 0);
    let mut places = merged.iter_mut();
    while let (Some(&a), Some(&b)) = (left.get(i), right.get(j)) {
        let Some(place) = places.next() else { break };
        let falls = b < a;
        *place = if falls { b } else { a };
        inversions += if falls { left.len() - i } else { 0 };
        i += usize::from(!falls);
        j += usize::from(falls);
    }
    let rest = left.iter().skip(i).chain(right.iter().skip(j));
    for (place, &value) in places.zip(rest) {
        *place = value;
    }
    i64::try_from(inversions).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{BLOCK, sort_counting, sort_in_blocks};
    use crate::{random, threads};

    fn by_definition(values: &[i64]) -> i64 {
        let falls = |i: usize| {
            values[i + 1..]
                .iter()
                .filter(|&&later| later < values[i])
                .count()
        };
        (0..values.len())
            .map(|i| i64::try_from(falls(i)).unwrap())
            .sum()
    }

    #[test]
    fn counts_match_the_definition_below_at_and_above_a_run_and_its_doublings() {
        for n in [0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 300] {
            for levels in [1, 3, 1 << 40] {
                let draw = |i| i64::try_from(random::key(n, &[i]) % levels).unwrap();
                let mut values: Vec<i64> = (0..n).map(draw).collect();
                let expected = by_definition(&values);
                let mut buffer = vec![0; values.len()];
                assert_eq!(sort_counting(&mut values, &mut buffer), expected, "n = {n}");
                assert!(values.is_sorted());
            }
        }
    }

    #[test]
    fn blocks_change_neither_order_nor_count() {
        // Five blocks and a part of one: merges with and without a partner on each level.
        let n = 5 * BLOCK + 17;
        let draw = |i| i64::try_from(random::key(1, &[i]) % 1000).unwrap();
        let mut whole: Vec<i64> = (0..n as u64).map(draw).collect();
        let mut blocks = whole.clone();
        let mut buffer = vec![0; n];
        let expected = sort_counting(&mut whole, &mut buffer);
        threads::set_num_threads(8);
        let inversions = sort_in_blocks(&mut blocks, &mut buffer, sort_counting);
        threads::set_num_threads(0);
        assert_eq!(inversions, expected);
        assert_eq!(blocks, whole);
    }
}
