//! Wins, losses and ties counted in a table of pairs.

use std::ops::Range;

use pulp::Arch;

use super::comparisons::{Comparisons, Gathered};
use crate::elementary::dispatch;
use crate::threads;

/// Outcomes of a pair in a table of counts: 0, 1/2 and 1 for the row, and one place that makes steps a power of two.
const CLASSES: usize = 4;
/// Tables of so many items fit the cache of a core.
const FEW: usize = 128;
/// Rows that are looked at before a table of [`FEW`] is tried.
const SAMPLE: usize = 4_096;
/// Rows whose places are found before they are counted.
const STRIP: usize = 512;
/// A block has fewer rows than this, so that its counts fit 32 bits.
const BLOCK: usize = 1 << 31;

/// How often each outcome of each ordered pair came; `None` where a row is neither win, loss nor tie, or is wrong.
pub(super) fn counted(rows: Comparisons<'_>, n_items: usize) -> Option<Vec<u64>> {
    let (n_rows, size) = (rows.first.len(), n_items * n_items * CLASSES);
    let blocks = (n_rows / (size + 1)).clamp(1, threads::num_threads().max(1));
    let length = n_rows.div_ceil(blocks).clamp(1, BLOCK - 1);
    let starts = (0..n_rows).step_by(length);
    let ranges = starts.map(|start| start..(start + length).min(n_rows));
    let tables = threads::map(ranges.collect(), n_rows, |block| {
        counted_block(rows, block, n_items, size)
    });
    let mut total = vec![0_u64; size];
    for table in tables {
        for (sum, count) in total.iter_mut().zip(table?) {
            *sum += u64::from(count);
        }
    }
    Some(total)
}

fn counted_block(
    rows: Comparisons<'_>,
    block: Range<usize>,
    n_items: usize,
    size: usize,
) -> Option<Vec<u32>> {
    let mut table = vec![0_u32; size];
    let columns = rows.first.get(block.clone())?.chunks(STRIP);
    let columns = columns
        .zip(rows.second.get(block.clone())?.chunks(STRIP))
        .zip(rows.outcomes.get(block)?.chunks(STRIP));
    let n = u64::try_from(n_items).ok()?;
    let mut places = [0; STRIP];
    for ((first, second), outcomes) in columns {
        if !located(n, (first, second, outcomes), &mut places) {
            return None;
        }
        for &place in places.iter().take(first.len()) {
            if let Some(count) = table.get_mut(usize::try_from(place).ok()?) {
                *count += 1;
            }
        }
    }
    Some(table)
}

/// The place in the table of each row; false where one is neither win, loss nor tie, or is wrong.
#[allow(clippy::float_cmp, clippy::needless_bitwise_bool)] // exact numbers; a lazy `||` is a branch
fn located(
    n: u64,
    (first, second, outcomes): (&[i64], &[i64], &[f64]),
    places: &mut [u64; STRIP],
) -> bool {
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            let mut wrong = false;
            let rows = first.iter().zip(second).zip(outcomes);
            for (place, ((&one, &two), &outcome)) in places.iter_mut().zip(rows) {
                let (one, two) = (one.cast_unsigned(), two.cast_unsigned());
                let (tied, won) = (outcome == 0.5, outcome == 1.0);
                let known = (outcome == 0.0) | tied | won;
                wrong |= !known | (one >= n) | (two >= n) | (one == two);
                let class = u64::from(tied) + 2 * u64::from(won);
                let pair = one.wrapping_mul(n).wrapping_add(two);
                *place = pair.wrapping_mul(CLASSES as u64).wrapping_add(class);
            }
            !wrong
        },
    )
}

/// [`counted`] without a look at the items before: as if there were [`FEW`]; `None` too where there are more.
///
/// Gathers the cells of the highest item that came.
pub(super) fn counted_few(rows: Comparisons<'_>) -> Option<Gathered> {
    let sample = rows.first.iter().zip(rows.second).take(SAMPLE);
    let few = i64::try_from(FEW).ok()?;
    if sample
        .into_iter()
        .any(|(&one, &two)| one >= few || two >= few)
    {
        return None;
    }
    let table = counted(rows, FEW)?;
    let of_item = |item: usize| {
        (0..FEW).any(|other| {
            [(item, other), (other, item)]
                .iter()
                .any(|&(one, two)| counts_of(&table, FEW, one, two) != [0; 3])
        })
    };
    let n_items = (0..FEW)
        .rev()
        .find(|&item| of_item(item))
        .map_or(0, |item| item + 1);
    Some(from_table(&table, FEW, n_items))
}

fn counts_of(table: &[u64], width: usize, one: usize, two: usize) -> [u64; 3] {
    let start = (one * width + two) * CLASSES;
    [0, 1, 2].map(|class| table.get(start + class).copied().unwrap_or(0))
}

/// Cells of the first `n_items` of a table of `width` items.
pub(super) fn from_table(table: &[u64], width: usize, n_items: usize) -> Gathered {
    let mut cells = Gathered {
        n_items,
        ..Gathered::default()
    };
    for low in 0..n_items {
        for high in low + 1..n_items {
            let [lost, tied, won] = counts_of(table, width, low, high);
            let [won_back, tied_back, lost_back] = counts_of(table, width, high, low);
            let counts = [lost + lost_back, tied + tied_back, won + won_back];
            if counts != [0; 3] {
                cells.push_counts(low, high, counts);
            }
        }
    }
    cells
}
