//! Selection of rows: the best, a sample, the next stage of a curriculum, the nearest neighbors, the next node.

mod best;
mod cosine;
mod dots;
mod sample;
mod stages;
mod top;
mod tree;

pub use cosine::{Neighbors, top_k_cosine};
pub use sample::{balanced_indices, gumbel_top_k};
pub use stages::curriculum_stages;
pub use top::{Rounding, thin_by_gap, top_fraction, top_k};
pub use tree::{TreeValues, tree_backup};

use std::ops::Range;

use crate::check::NanPolicy;
use crate::column::Column;
use crate::error::{Error, Result};
use crate::{ragged, threads};

/// Work of a row in compares.
const WORK_PER_ROW: usize = 8;

/// Rows by group: group g is `rows[offsets[g]..offsets[g + 1]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaggedRows {
    /// Rows of the caller's column.
    pub rows: Vec<i64>,
    /// Boundaries.
    pub offsets: Vec<i64>,
}

/// Whether there is a NaN to leave out.
fn must_omit(
    argument: &'static str,
    column: Column<'_>,
    offsets: &[i64],
    nan: NanPolicy,
) -> Result<bool> {
    if nan == NanPolicy::Propagate {
        let expected = "\"raise\" or \"omit\" where the results are rows";
        return Err(Error::domain("nan", expected, "\"propagate\""));
    }
    let found = column.has_nan(0..column.len());
    if found && nan == NanPolicy::Raise {
        column.refuse_nan(argument, offsets)?;
    }
    Ok(found)
}

/// What `write` appends for the rows of every group, on several threads where the work is large.
fn select<S: Default>(
    bounds: &[usize],
    write: impl Fn(&mut S, usize, Range<usize>, &mut Vec<i64>) + Sync + Send,
) -> RaggedRows {
    let start = |group: usize| bounds.get(group).copied().unwrap_or(0);
    let groups = bounds.len().saturating_sub(1);
    let blocks = threads::split(groups, |group| start(group).saturating_mul(WORK_PER_ROW));
    let parts = threads::map(
        blocks,
        start(groups).saturating_mul(WORK_PER_ROW),
        |block| {
            let (mut scratch, mut rows, mut lengths) = (S::default(), Vec::new(), Vec::new());
            let own = bounds.get(block.start..=block.end).unwrap_or_default();
            for (group, range) in block.zip(ragged::ranges(own)) {
                let before = rows.len();
                write(&mut scratch, group, range, &mut rows);
                lengths.push(rows.len() - before);
            }
            (rows, lengths)
        },
    );
    let mut found = RaggedRows {
        rows: Vec::with_capacity(parts.iter().map(|(rows, _)| rows.len()).sum()),
        offsets: Vec::with_capacity(bounds.len()),
    };
    let mut end = 0;
    found.offsets.push(0);
    for (mut rows, lengths) in parts {
        found.rows.append(&mut rows);
        found.offsets.extend(lengths.into_iter().map(|length| {
            end += length;
            as_row(end)
        }));
    }
    found
}

/// Rows are counted in memory, so that they fit.
#[allow(clippy::cast_possible_wrap)]
fn as_row(row: usize) -> i64 {
    row as i64
}
