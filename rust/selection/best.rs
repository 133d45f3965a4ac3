//! Rows in the order of their keys, as one integer each, and the first k of them.

use std::ops::Range;

use super::as_row;
use crate::column::Column;

/// Rows whose keys are computed together.
const CHUNK: usize = 1024;
/// Below this many candidates none is dropped.
const FEWEST: usize = 16;

/// Candidate of a row: smaller for a larger key, and for the earlier of two rows of equal key.
pub(super) fn candidate(key: i64, row: usize) -> u128 {
    let falling = !(key.cast_unsigned() ^ (1 << 63));
    at(falling, row)
}

/// Candidate of a row: smaller for a smaller key, and for the earlier of two rows of equal key.
pub(super) fn at(key: u64, row: usize) -> u128 {
    u128::from(key) << 64 | row as u128
}

/// The row of a candidate.
#[allow(clippy::cast_possible_truncation)] // the low half
pub(super) fn row_of(candidate: u128) -> usize {
    candidate as usize
}

/// The k smallest candidates of many: O(n + k log k) time and O(k) memory for n of them.
#[derive(Debug, Default)]
pub(super) struct Best {
    k: usize,
    kept: Vec<u128>,
    /// Candidates from here on are not among the k smallest.
    limit: u128,
}

impl Best {
    pub fn restart(&mut self, k: usize) {
        self.k = k;
        self.kept.clear();
        self.limit = if k == 0 { 0 } else { u128::MAX };
    }

    #[inline]
    pub fn push(&mut self, candidate: u128) {
        if candidate < self.limit {
            self.kept.push(candidate);
            if self.kept.len() >= self.k.saturating_mul(2).max(FEWEST) {
                self.drop_others();
            }
        }
    }

    fn drop_others(&mut self) {
        if self.k > 0 && self.kept.len() > self.k {
            let (_, last, _) = self.kept.select_nth_unstable(self.k - 1);
            self.limit = *last;
            self.kept.truncate(self.k);
        }
    }

    /// Appends the rows of the k smallest, smallest candidate first.
    pub fn write(&mut self, rows: &mut Vec<i64>) {
        self.drop_others();
        self.kept.sort_unstable();
        rows.extend(self.kept.iter().map(|&one| as_row(row_of(one))));
    }

    /// Appends the rows of the k smallest, first row first.
    pub fn write_in_order(&mut self, rows: &mut Vec<i64>) {
        let before = rows.len();
        self.drop_others();
        rows.extend(self.kept.iter().map(|&one| as_row(row_of(one))));
        rows.get_mut(before..).unwrap_or_default().sort_unstable();
    }
}

/// Calls `each` with every row that is not NaN and its key, in order.
pub(super) fn for_each_key(
    column: Column<'_>,
    rows: Range<usize>,
    omit: bool,
    keys: &mut Vec<i64>,
    mut each: impl FnMut(i64, usize),
) {
    for start in rows.clone().step_by(CHUNK) {
        let chunk = start..rows.end.min(start + CHUNK);
        column.keys(chunk.clone(), keys);
        for (row, &key) in chunk.zip(&*keys) {
            if !(omit && column.is_nan(row)) {
                each(key, row);
            }
        }
    }
}
