//! All pairs, a batch at a time.

use super::lists::Lists;
use super::window::{Score, Window};
use super::{Index, Options, PairsMut};
use crate::error::Result;

/// A place in the sequence of all pairs of a group: number of the list, and rows i and j > i in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// Number of the list in the group; without `by`, a group is one list.
    pub list: usize,
    /// Place of the first row.
    pub i: usize,
    /// Place of the second row; up to i, it counts as i + 1.
    pub j: usize,
}

/// Writes the pairs that [`all_pairs`](super::all_pairs) has from `start` in the first group on until `out` is full,
/// and returns the place behind the last one, in its group.
///
/// O(n + candidates passed) time and no memory but that of the lists. NaN forms no pair.
///
/// # Errors
/// Bad offsets or a bad window.
pub fn next_batch<T: Score, I: Index>(
    scores: &[T],
    offsets: &[i64],
    options: &Options<'_>,
    start: Cursor,
    mut out: PairsMut<'_, T, I>,
) -> Result<Cursor> {
    let lists = Lists::new(scores, offsets, options.by)?;
    let window = Window::new::<T>(options.min_gap, options.max_gap, options.inclusive)?;
    let (room, mut filled, mut start) = (out.room(), 0, start);
    for group in 0..lists.n_groups() {
        for (number, list) in lists.of_group(group).enumerate().skip(start.list) {
            let rows = list.scores.iter().enumerate();
            for (i, &score) in rows.clone().skip(start.i) {
                for (j, &other) in rows.clone().skip(start.j.max(i + 1)) {
                    if filled == room {
                        return Ok(Cursor { list: number, i, j });
                    }
                    let gap = score.gap(other);
                    let (chosen, rejected) = if score < other { (j, i) } else { (i, j) };
                    out.write(filled, list.row(chosen), list.row(rejected), T::margin(gap));
                    if let Some(written) = out.group.get_mut(filled) {
                        *written = I::from_row(group);
                    }
                    filled += usize::from(window.holds(gap));
                }
                start.j = 0;
            }
            start.i = 0;
        }
        start = Cursor::default();
        if filled == room {
            break;
        }
    }
    Ok(Cursor::default())
}
