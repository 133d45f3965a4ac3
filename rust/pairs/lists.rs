//! Groups cut into the lists whose rows may form pairs.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Result;
use crate::{check, groups};

/// Rows that may form pairs, all of one group.
#[derive(Debug, Clone, Copy)]
pub struct List<'a, T> {
    /// Their scores.
    pub scores: &'a [T],
    /// Their group.
    pub group: usize,
    /// Position of the first one in the gathered scores.
    pub(super) start: usize,
    rows: Option<&'a [usize]>,
}

impl<T> List<'_, T> {
    /// Row of the caller of a place in the list.
    #[must_use]
    #[inline]
    pub fn row(&self, place: usize) -> usize {
        let row = self.rows.and_then(|rows| rows.get(place));
        row.copied().unwrap_or(self.start + place)
    }
}

/// Scores by list. Without `by` every group is one list and positions are rows.
pub(super) struct Lists<'a, T: Copy> {
    /// Scores as they came.
    pub by_row: &'a [T],
    /// Scores, list after list.
    scores: Cow<'a, [T]>,
    /// Row of each position of `scores`; `None`: the position itself.
    pub rows: Option<Vec<usize>>,
    /// Boundaries of the lists in `scores`, `[lists + 1]`.
    bounds: Vec<usize>,
    /// Boundaries of the groups in the lists, `[groups + 1]`; `None`: every group is one list.
    groups: Option<Vec<usize>>,
    /// Boundaries of the groups in rows, `[groups + 1]`.
    pub offsets: Vec<usize>,
}

impl<'a, T: Copy> Lists<'a, T> {
    pub fn new(scores: &'a [T], offsets: &[i64], by: Option<&[i64]>) -> Result<Self> {
        check::offsets(offsets, scores.len())?;
        let offsets = to_usize(offsets);
        let Some(by) = by else {
            return Ok(Self {
                by_row: scores,
                scores: scores.into(),
                rows: None,
                bounds: offsets.clone(),
                groups: None,
                offsets,
            });
        };
        check::same_length("by", by.len(), "scores", scores.len())?;
        let owner: Vec<usize> = group_of_row(&offsets);
        let keys: Vec<(usize, i64)> = owner.iter().copied().zip(by.iter().copied()).collect();
        let lists = groups::group_by_ids(&keys);
        let rows = to_usize(&lists.rows);
        let bounds = to_usize(&lists.offsets);
        let gathered: Vec<T> = rows
            .iter()
            .filter_map(|&row| scores.get(row).copied())
            .collect();
        let groups = offsets
            .iter()
            .map(|end| bounds.partition_point(|bound| bound < end))
            .collect();
        Ok(Self {
            by_row: scores,
            scores: gathered.into(),
            rows: Some(rows),
            bounds,
            groups: Some(groups),
            offsets,
        })
    }

    pub fn n_groups(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The lists of a group.
    pub fn of_group(&self, group: usize) -> impl Iterator<Item = List<'_, T>> {
        let lists = match &self.groups {
            None => group..group + 1,
            Some(groups) => range(groups, group),
        };
        lists.map(move |list| {
            let positions = range(&self.bounds, list);
            List {
                group,
                start: positions.start,
                rows: self
                    .rows
                    .as_ref()
                    .map(|rows| rows.get(positions.clone()).unwrap_or_default()),
                scores: self.scores.get(positions).unwrap_or_default(),
            }
        })
    }

    pub fn row(&self, position: usize) -> usize {
        let row = self.rows.as_ref().and_then(|rows| rows.get(position));
        row.copied().unwrap_or(position)
    }
}

/// Range `i` between boundaries; they are checked, so that it exists.
fn range(bounds: &[usize], i: usize) -> Range<usize> {
    match bounds.get(i..i + 2) {
        Some(&[start, end]) => start..end,
        _ => 0..0,
    }
}

fn group_of_row(offsets: &[usize]) -> Vec<usize> {
    let mut owner = Vec::with_capacity(offsets.last().copied().unwrap_or(0));
    for (group, &end) in offsets.iter().skip(1).enumerate() {
        owner.resize(end, group);
    }
    owner
}

/// Boundaries and rows are not negative.
fn to_usize(numbers: &[i64]) -> Vec<usize> {
    let convert = |&number: &i64| usize::try_from(number).unwrap_or(0);
    numbers.iter().map(convert).collect()
}
