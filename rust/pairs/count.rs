//! Numbers of pairs, without the pairs.

use super::Options;
use super::adjacent::sort;
use super::build::{Order, handle_nan};
use super::lists::{List, Lists};
use super::window::{Score, Window};
use crate::error::{Error, Result};
use crate::threads;

/// What becomes of every two rows of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PairCounts {
    /// Number of those that `all_pairs` pairs.
    pub pairs: i64,
    /// Number of those with equal scores.
    pub ties: i64,
    /// Number of those with a gap outside of the window.
    pub outside_gap: i64,
}

/// Sizes of [`all_pairs`](super::all_pairs) by group; rows that are left out, and rows of different ids, count nowhere.
///
/// O(n log n): the rows of a gap stand side by side once a group is sorted. The naive equivalent is a double loop.
///
/// ```
/// use prefcore::pairs::{Options, count_pairs};
/// let counts = count_pairs(&[4, 4, 2], &[0, 3], &Options::default())?;
/// assert_eq!((counts[0].pairs, counts[0].ties), (2, 1));
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// Those of [`Plan::new`](super::Plan::new), except that rows always fit.
pub fn count_pairs<T: Score>(
    scores: &[T],
    offsets: &[i64],
    options: &Options<'_>,
) -> Result<Vec<PairCounts>> {
    let lists = Lists::new(scores, offsets, options.by)?;
    handle_nan(scores, &lists.offsets, options.nan)?;
    let window = Window::new::<T>(options.min_gap, options.max_gap, options.inclusive)?;
    let before = |group: usize| 16 * lists.offsets.get(group).copied().unwrap_or(scores.len());
    let blocks = threads::split(lists.n_groups(), before);
    let counted = threads::map(blocks, 16 * scores.len(), |groups| {
        let mut order = Order::new();
        let mut count = |group| {
            let mut lists = lists.of_group(group);
            lists.try_fold(PairCounts::default(), |sum, list| {
                count_list(list, window, &mut order, sum)
            })
        };
        groups.map(&mut count).collect::<Result<Vec<_>>>()
    });
    let mut counts = Vec::with_capacity(lists.n_groups());
    for block in counted {
        counts.append(&mut block?);
    }
    Ok(counts)
}

fn count_list<T: Score>(
    list: List<'_, T>,
    window: Window<T::Gap>,
    order: &mut Order<T>,
    mut sum: PairCounts,
) -> Result<PairCounts> {
    sort(list.scores, order, |_| true, |a, b| b.partial_cmp(a));
    // Rows below `near` are within the gap of the current one, those from `far` on too low; both only move down.
    let (mut near, mut far, mut tied) = (0, 0, 0);
    for (place, &(score, row)) in order.iter().enumerate() {
        let next = |from: usize, passed: &dyn Fn(T) -> bool| {
            let rest = order.get(from..).unwrap_or_default();
            from + rest.iter().take_while(|(other, _)| passed(*other)).count()
        };
        tied = next(tied.max(place), &|other| other == score);
        near = next(near.max(tied), &|other| !window.reaches(score.gap(other)));
        far = next(far.max(near), &|other| window.holds(score.gap(other)));
        let lowest = order.get(near..far).and_then(<[_]>::last);
        if let Some(&(lowest, other)) = lowest.filter(|(lowest, _)| !T::fits(score.gap(*lowest))) {
            return Err(too_far(list.row(row), score, list.row(other), lowest));
        }
        let equal = tied - place - 1;
        let later = order.len() - place - 1;
        sum.ties += number(equal);
        sum.pairs += number(far - near);
        sum.outside_gap += number(later - equal - (far - near));
    }
    Ok(sum)
}

/// A margin that its dtype cannot hold.
#[cold]
pub(super) fn too_far<T: Score>(chosen: usize, score: T, rejected: usize, other: T) -> Error {
    let expected =
        format!("so near to scores[{rejected}] = {other} that the margin fits the dtype");
    Error::domain_at("scores", [chosen], expected, score)
}

fn number(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
