//! Group boundaries (`offsets`: first 0, last the number of rows) from whatever the caller holds.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

pub use crate::check::offsets as validate_offsets;
use crate::error::{Error, Result};

/// Rows and the boundaries of their groups: group `g` is `rows[offsets[g]..offsets[g + 1]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaggedRows {
    /// Row indices, group after group.
    pub rows: Vec<i64>,
    /// Boundaries `[G + 1]`.
    pub offsets: Vec<i64>,
}

/// Running sum of the lengths, led by 0.
///
/// ```
/// assert_eq!(prefcore::groups::offsets_from_lengths(&[2, 0, 3])?, [0, 2, 2, 5]);
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// [`Error::Domain`] at the first length that is negative or takes the sum beyond `i64`.
pub fn offsets_from_lengths(lengths: &[i64]) -> Result<Vec<i64>> {
    let mut offsets = Vec::with_capacity(lengths.len() + 1);
    let mut end = 0_i64;
    offsets.push(end);
    for (group, &length) in lengths.iter().enumerate() {
        if length < 0 {
            return Err(Error::domain_at("lengths", [group], "at least 0", length));
        }
        end = end.checked_add(length).ok_or_else(|| {
            let most = i64::MAX - end;
            Error::domain_at("lengths", [group], format!("at most {most}"), length)
        })?;
        offsets.push(end);
    }
    Ok(offsets)
}

/// Boundaries of the runs of equal ids, in O(n).
///
/// # Errors
/// [`Error::Domain`] at the first row whose id had a run before; [`group_by_ids`] takes such ids.
pub fn offsets_from_ids<T: Eq + Hash>(ids: &[T]) -> Result<Vec<i64>> {
    let mut offsets = vec![0];
    let mut seen = HashSet::new();
    let mut row = 0;
    for run in ids.chunk_by(T::eq) {
        if !run.iter().take(1).all(|id| seen.insert(id)) {
            let first = ids.iter().position(|id| run.first() == Some(id));
            return Err(Error::domain_at(
                "ids",
                [row],
                "an id that had no run before (group_by_ids takes scattered ids)",
                format!("the id of row {} again", first.unwrap_or(row)),
            ));
        }
        row += run.len();
        offsets.push(to_i64(row));
    }
    Ok(offsets)
}

/// Rows gathered by id: groups in order of first appearance, rows of a group in input order. O(n).
///
/// ```
/// let grouped = prefcore::groups::group_by_ids(&["b", "a", "b"]);
/// assert_eq!((grouped.rows, grouped.offsets), (vec![0, 2, 1], vec![0, 2, 3]));
/// ```
pub fn group_by_ids<T: Eq + Hash>(ids: &[T]) -> RaggedRows {
    let mut known = HashMap::new();
    let mut lengths: Vec<usize> = Vec::new();
    let mut runs = Vec::new(); // (group, length)
    for run in ids.chunk_by(T::eq) {
        let group = run.first().map_or(0, |id| {
            let next = known.len();
            *known.entry(id).or_insert(next)
        });
        if group == lengths.len() {
            lengths.push(0);
        }
        if let Some(length) = lengths.get_mut(group) {
            *length += run.len();
        }
        runs.push((group, run.len()));
    }
    gather(&runs, &lengths, ids.len())
}

fn gather(runs: &[(usize, usize)], lengths: &[usize], n: usize) -> RaggedRows {
    let mut end = 0;
    let mut next: Vec<usize> = Vec::with_capacity(lengths.len()); // where the next run of each group goes
    let mut offsets = vec![0];
    for length in lengths {
        next.push(end);
        end += length;
        offsets.push(to_i64(end));
    }
    let mut rows = vec![0; n];
    let mut row = 0;
    for &(group, length) in runs {
        if let Some(place) = next.get_mut(group) {
            let places = rows.get_mut(*place..*place + length);
            for (place, row) in places.into_iter().flatten().zip(row..) {
                *place = to_i64(row);
            }
            *place += length;
        }
        row += length;
    }
    RaggedRows { rows, offsets }
}

/// Rows of the row-major padded array `[n_groups, length]` where the mask is true.
///
/// # Errors
/// [`Error::Shape`] when the mask has another number of entries.
pub fn offsets_from_mask(mask: &[bool], n_groups: usize, length: usize) -> Result<RaggedRows> {
    if n_groups.checked_mul(length) != Some(mask.len()) {
        let expected = format!("{n_groups} x {length} entries");
        return Err(Error::shape("mask", expected, mask.len()));
    }
    let mut rows = Vec::new();
    let mut offsets = vec![0; n_groups + 1];
    for (group, end) in offsets.iter_mut().skip(1).enumerate() {
        let start = group * length;
        let present = mask.iter().enumerate().skip(start).take(length);
        rows.extend(
            present
                .filter(|(_, keep)| **keep)
                .map(|(row, _)| to_i64(row)),
        );
        *end = to_i64(rows.len());
    }
    Ok(RaggedRows { rows, offsets })
}

/// Lengths of slices fit: they are at most `isize::MAX`.
#[allow(clippy::cast_possible_wrap)]
fn to_i64(length: usize) -> i64 {
    length as i64
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::{group_by_ids, offsets_from_ids, offsets_from_lengths, offsets_from_mask};

    #[test]
    fn a_sum_beyond_i64_is_an_error() {
        let error = offsets_from_lengths(&[i64::MAX, 0, 1]).unwrap_err();
        assert_eq!(error.to_string(), "lengths[2] must be at most 0, got 1");
    }

    #[test]
    fn an_id_that_comes_back_is_named() {
        let error = offsets_from_ids(&["a", "b", "b", "a"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ids[3] must be an id that had no run before (group_by_ids takes scattered ids), \
             got the id of row 0 again"
        );
    }

    /// Against a stable sort by the place of first appearance.
    #[test]
    fn gather_is_stable_and_in_order_of_first_appearance() {
        for n in 0..40_u64 {
            let ids: Vec<u64> = (0..n)
                .map(|row| crate::random::key(n, &[row]) % 5)
                .collect();
            let place = |row: &i64| {
                let id = ids[usize::try_from(*row).unwrap()];
                ids.iter().position(|&other| other == id)
            };
            let mut rows: Vec<i64> = (0..).take(ids.len()).collect();
            rows.sort_by_key(place);
            assert_eq!(group_by_ids(&ids).rows, rows);
        }
    }

    #[test]
    fn empty_inputs_and_masks_of_width_zero() {
        assert_eq!(offsets_from_lengths(&[]).unwrap(), [0]);
        assert_eq!(offsets_from_ids::<i64>(&[]).unwrap(), [0]);
        assert_eq!(group_by_ids::<i64>(&[]).offsets, [0]);
        assert_eq!(offsets_from_mask(&[], 2, 0).unwrap().offsets, [0, 0, 0]);
        let error = offsets_from_mask(&[true], 2, 3).unwrap_err();
        assert_eq!(error.to_string(), "mask must have 2 x 3 entries, got 1");
    }
}
