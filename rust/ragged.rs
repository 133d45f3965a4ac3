//! Work on groups of rows: one result per group, on several threads, in blocks of equal work.

use std::mem::take;
use std::ops::Range;

use crate::check;
use crate::error::Result;
use crate::threads;

/// Checked offsets as row numbers: first row of each group, and the number of rows.
///
/// # Errors
/// Offsets that do not rise from 0 to `rows`.
pub fn bounds(offsets: &[i64], rows: usize) -> Result<Vec<usize>> {
    check::offsets(offsets, rows)?;
    let bounds = offsets.iter().map(|&row| usize::try_from(row).unwrap_or(0));
    Ok(bounds.collect())
}

/// The rows of each group.
pub fn ranges(bounds: &[usize]) -> impl Iterator<Item = Range<usize>> {
    let ends = bounds.get(1..).unwrap_or_default();
    bounds.iter().zip(ends).map(|(&start, &end)| start..end)
}

/// `value` of the rows of every group, in order; on several threads where the work is large.
///
/// `cost(n)` is the work of a group of n rows in additions; scratch of type `S` is used again and again.
///
/// # Errors
/// The first error of `value`, in the order of the groups.
pub fn map<S: Default, R: Send>(
    bounds: &[usize],
    cost: impl Fn(usize) -> usize,
    value: impl Fn(&mut S, Range<usize>) -> Result<R> + Sync + Send,
) -> Result<Vec<R>> {
    let (blocks, total) = blocks(bounds, cost);
    let results = threads::map(blocks, total, |block| {
        let mut scratch = S::default();
        let groups = ranges(bounds.get(block.start..=block.end).unwrap_or_default());
        groups
            .map(|rows| value(&mut scratch, rows))
            .collect::<Result<Vec<R>>>()
    });
    joined(bounds, results)
}

/// `finish` of the sums of every group, which `part` makes of at most `block` rows and `add` adds up in their order.
///
/// A long list takes several threads; its bits depend on `block`, not on them. `cost` and scratch as in [`map`].
///
/// # Errors
/// The first error of `part`, in the order of the rows.
pub fn fold<S: Default, A: Send, R: Send>(
    bounds: &[usize],
    block: usize,
    cost: impl Fn(usize) -> usize,
    part: impl Fn(&mut S, Range<usize>) -> Result<A> + Sync + Send,
    add: impl Fn(&mut A, A),
    finish: impl Fn(A) -> R + Sync + Send,
) -> Result<Vec<R>> {
    if !ranges(bounds).any(|rows| rows.len() > block) {
        return map(bounds, cost, |scratch, rows| {
            Ok(finish(part(scratch, rows)?))
        });
    }
    let mut pieces: Vec<usize> = Vec::with_capacity(bounds.len());
    for rows in ranges(bounds) {
        pieces.push(rows.start);
        pieces.extend(rows.step_by(block).skip(1));
    }
    pieces.extend(bounds.last());
    let mut parts = map(&pieces, cost, part)?.into_iter();
    let sums = ranges(bounds).map(|rows| {
        let mut sum = parts.next()?;
        let more = rows.len().div_ceil(block).saturating_sub(1);
        parts
            .by_ref()
            .take(more)
            .for_each(|part| add(&mut sum, part));
        Some(finish(sum))
    });
    Ok(sums.flatten().collect())
}

/// Has `write` fill the part of `out` that belongs to the rows of each group; on several threads where the work is large.
///
/// # Errors
/// `out` of another length than the rows; the first error of `write`, in the order of the groups.
pub fn fill<S: Default, T: Send>(
    bounds: &[usize],
    cost: impl Fn(usize) -> usize,
    out: &mut [T],
    write: impl Fn(&mut S, Range<usize>, &mut [T]) -> Result<()> + Sync + Send,
) -> Result<()> {
    fill_map(bounds, cost, out, write).map(drop::<Vec<()>>)
}

/// [`fill`] and [`map`] at once: `write` fills the part of a group, and returns its result.
///
/// # Errors
/// Those of [`fill`].
pub fn fill_map<S: Default, T: Send, R: Send>(
    bounds: &[usize],
    cost: impl Fn(usize) -> usize,
    mut out: &mut [T],
    write: impl Fn(&mut S, Range<usize>, &mut [T]) -> Result<R> + Sync + Send,
) -> Result<Vec<R>> {
    check::same_length(
        "out",
        out.len(),
        "the rows",
        bounds.last().copied().unwrap_or(0),
    )?;
    let (blocks, total) = blocks(bounds, cost);
    let own = |block: Range<usize>| bounds.get(block.start..=block.end).unwrap_or_default();
    let jobs = blocks.into_iter().map(|block| {
        let bounds = own(block);
        let rows = bounds.last().unwrap_or(&0) - bounds.first().unwrap_or(&0);
        let (part, rest) = take(&mut out).split_at_mut(rows);
        out = rest;
        (bounds, part)
    });
    let results = threads::map(jobs.collect(), total, |(bounds, mut part)| {
        let mut scratch = S::default();
        let groups = ranges(bounds).map(|rows| {
            let (own, rest) = take(&mut part).split_at_mut(rows.len());
            part = rest;
            write(&mut scratch, rows, own)
        });
        groups.collect::<Result<Vec<R>>>()
    });
    joined(bounds, results)
}

fn joined<R>(bounds: &[usize], results: Vec<Result<Vec<R>>>) -> Result<Vec<R>> {
    let mut values = Vec::with_capacity(bounds.len());
    for block in results {
        values.append(&mut block?);
    }
    Ok(values)
}

/// Ranges of groups of about equal work, and the total work.
fn blocks(bounds: &[usize], cost: impl Fn(usize) -> usize) -> (Vec<Range<usize>>, usize) {
    let mut before = Vec::with_capacity(bounds.len());
    let mut sum = 0_usize;
    before.push(sum);
    before.extend(ranges(bounds).map(|rows| {
        sum = sum.saturating_add(cost(rows.len()));
        sum
    }));
    let work = |group: usize| before.get(group).copied().unwrap_or(sum);
    (threads::split(before.len() - 1, work), sum)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{bounds, fill, fold, map};
    use crate::Error;

    #[test]
    fn every_group_gets_its_rows_whatever_the_work() {
        let offsets: Vec<i64> = (0..1_000_i64).map(|group| group * group / 40).collect();
        let bounds = bounds(&offsets, 24_950).unwrap();
        for cost in [1, 1_000] {
            let lengths = map(&bounds, |n| n * cost, |(): &mut (), rows| Ok(rows.len())).unwrap();
            assert_eq!(lengths.len(), 999);
            assert_eq!(lengths.iter().sum::<usize>(), 24_950);
            let mut out = vec![0; 24_950];
            let write = |(): &mut (), rows: std::ops::Range<usize>, out: &mut [usize]| {
                rows.zip(out).for_each(|(row, out)| *out = row);
                Ok(())
            };
            fill(&bounds, |n| n * cost, &mut out, write).unwrap();
            assert!(out.into_iter().eq(0..24_950));
        }
    }

    #[test]
    fn long_groups_are_folded_in_order() {
        let bounds = [0, 0, 7, 8, 8, 20, 20];
        for block in [1, 3, 4, 12, 100] {
            let part = |(): &mut (), rows: std::ops::Range<usize>| Ok(rows.collect::<Vec<_>>());
            let lists = fold(&bounds, block, |n| n, part, Vec::extend, |list| list).unwrap();
            let want = bounds
                .windows(2)
                .map(|ends| (ends[0]..ends[1]).collect::<Vec<_>>());
            assert!(lists.into_iter().eq(want));
        }
    }

    #[test]
    fn the_first_error_of_a_group_is_returned() {
        let fail = |(): &mut (), rows: std::ops::Range<usize>| match rows.start {
            0 => Ok(()),
            row => Err(Error::domain("row", 0, row)),
        };
        let error = map(&[0, 1, 2, 3], |_| 1_000_000, fail).unwrap_err();
        assert_eq!(error, Error::domain("row", 0, 1));
    }
}
