//! Stages of a curriculum.

use super::best::{candidate, for_each_key, row_of};
use super::{RaggedRows, as_row, must_omit, select};
use crate::check::NanPolicy;
use crate::column::Column;
use crate::error::Result;
use crate::ragged;

#[derive(Default)]
struct Scratch {
    keys: Vec<i64>,
    order: Vec<u128>,
}

/// Stage s holds the row of the s-th largest gap of every group that has one, in the order of the groups.
///
/// With `descending` false the s-th smallest; the earlier row first among equals. As many stages as the longest group
/// has rows, at most `n_stages`. O(n log n) time for groups of n rows, O(all rows) memory.
///
/// # Errors
/// Bad offsets, NaN.
///
/// ```
/// use prefcore::column::Column;
/// use prefcore::selection::curriculum_stages;
/// # fn main() -> prefcore::Result<()> {
/// let stages = curriculum_stages(Column::I32(&[1, 3, 2, 5]), usize::MAX, true, &[0, 3, 4])?;
/// assert_eq!(stages.rows, [1, 3, 2, 0]);
/// assert_eq!(stages.offsets, [0, 2, 3, 4]);
/// # Ok(())
/// # }
/// ```
pub fn curriculum_stages(
    gaps: Column<'_>,
    n_stages: usize,
    descending: bool,
    offsets: &[i64],
) -> Result<RaggedRows> {
    let bounds = ragged::bounds(offsets, gaps.len())?;
    must_omit("gaps", gaps, offsets, NanPolicy::Raise)?;
    let sorted = select(&bounds, |list: &mut Scratch, _, rows, out| {
        let Scratch { keys, order } = list;
        order.clear();
        for_each_key(gaps, rows, false, keys, |key, row| {
            order.push(candidate(if descending { key } else { !key }, row));
        });
        order.sort_unstable();
        out.extend(order.iter().map(|&one| as_row(row_of(one))));
    });
    Ok(transposed(&sorted.rows, &bounds, n_stages))
}

/// The first entry of every group, then the second, up to the `limit`-th.
fn transposed(rows: &[i64], bounds: &[usize], limit: usize) -> RaggedRows {
    let longest = ragged::ranges(bounds).map(|group| group.len()).max();
    let stages = longest.unwrap_or(0).min(limit);
    let mut ends = vec![0_usize; stages + 1]; // of the stage before
    for group in ragged::ranges(bounds) {
        for size in ends.iter_mut().skip(1).take(group.len()) {
            *size += 1;
        }
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
    }
    let offsets = ends.iter().map(|&end| as_row(end)).collect();
    let mut out = vec![0; sum];
    for group in ragged::ranges(bounds) {
        let own = rows.get(group).unwrap_or_default();
        for (&row, next) in own.iter().zip(ends.iter_mut().take(stages)) {
            if let Some(place) = out.get_mut(*next) {
                *place = row;
            }
            *next += 1;
        }
    }
    RaggedRows { rows: out, offsets }
}
