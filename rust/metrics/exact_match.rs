//! Whether the ranks of a list are those that are given.

use std::cmp::Reverse;
use std::ops::Range;

use super::rows::{nearest, refuse};
use crate::check::NanPolicy;
use crate::column::{Column, Lists};
use crate::error::Result;

/// Work of a row in compares: about that of sorting a list of 16.
const WORK_PER_ROW: usize = 16;

/// 1 where the competition ranks of `scores` (1 + the number of greater ones) equal `ranks`, else 0; NaN for no row.
///
/// O(n log n). The same as counting the greater scores of every row.
///
/// # Errors
/// Columns of different lengths, bad offsets, ranks that are no whole numbers >= 1, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::ranking_exact_match;
/// let (scores, ranks) = (Column::F64(&[0.1, 0.4, 0.4]), Column::I64(&[3, 1, 1]));
/// assert_eq!(ranking_exact_match(scores, ranks, &[0, 3], NanPolicy::Raise), Ok(vec![1.0]));
/// ```
pub fn ranking_exact_match(
    scores: Column<'_>,
    ranks: Column<'_>,
    offsets: &[i64],
    nan: NanPolicy,
) -> Result<Vec<f64>> {
    let no_rank = |rank: f64| rank < 1.0 || rank.fract() != 0.0;
    refuse(
        "ranks",
        ranks,
        "a whole number >= 1 (the best is 1)",
        no_rank,
    )?;
    let lists = Lists::new([("scores", scores), ("ranks", ranks)], offsets, nan)?;
    let [scores, ranks] = lists.columns();
    let of_group = |list: &mut List, rows: Range<usize>| {
        if rows.is_empty() {
            return Ok(f64::NAN);
        }
        list.load(scores, ranks, rows);
        Ok(if list.is_ranked() { 1.0 } else { 0.0 })
    };
    lists.map(|n| n * WORK_PER_ROW, of_group)
}

#[derive(Default)]
struct List {
    keys: Vec<i64>,
    ranks: Vec<f64>,
    rows: Vec<(i64, f64)>,
}

impl List {
    fn load(&mut self, scores: Column<'_>, ranks: Column<'_>, rows: Range<usize>) {
        scores.keys(rows.clone(), &mut self.keys);
        ranks.values(rows, &mut self.ranks);
        self.rows.clear();
        let rows = self.keys.iter().copied().zip(self.ranks.iter().copied());
        self.rows.extend(rows);
        self.rows.sort_unstable_by_key(|&(key, _)| Reverse(key));
    }

    fn is_ranked(&self) -> bool {
        let mut above = 0;
        self.rows.chunk_by(|(a, _), (b, _)| a == b).all(|tied| {
            let rank: f64 = nearest(above + 1);
            above += tied.len();
            tied.iter().all(|(_, given)| given.total_cmp(&rank).is_eq())
        })
    }
}
