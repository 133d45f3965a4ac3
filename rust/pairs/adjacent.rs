//! Rows a few places apart in the order of their scores.

use std::cmp::Ordering;

use super::build::{Order, Plan, Scheme};
use super::lists::List;
use super::window::{Score, Window};
use super::{Index, Options, Pairs};
use crate::error::{Error, Result};

/// The pairs of [`adjacent`].
#[derive(Debug, Clone, Copy)]
pub struct Adjacent {
    /// Smallest distance in places, at least 1.
    pub min_skip: usize,
    /// Largest distance; `None`: no limit.
    pub max_skip: Option<usize>,
    /// Whether equal scores form a pair, of margin 0.
    pub ties: bool,
}

impl Adjacent {
    /// Itself, if its distances are some.
    ///
    /// # Errors
    /// [`Error::Domain`] unless 1 ≤ `min_skip` ≤ `max_skip`.
    pub fn checked(self) -> Result<Self> {
        if self.min_skip == 0 {
            return Err(Error::domain("min_skip", "at least 1", 0));
        }
        match self.max_skip.filter(|&skip| skip < self.min_skip) {
            None => Ok(self),
            Some(skip) => {
                let expected = format!("at least min_skip = {}", self.min_skip);
                Err(Error::domain("max_skip", expected, skip))
            }
        }
    }
}

/// Rows `min_skip` to `max_skip` places apart when a group is sorted, highest first and equal ones in input order.
///
/// The order is group, place of the chosen row, distance. O(n log n) and the result. The naive equivalent sorts every
/// group and loops over places and distances.
///
/// ```
/// use prefcore::pairs::{Adjacent, Options, Pairs, adjacent};
/// let next = Adjacent { min_skip: 1, max_skip: Some(1), ties: false };
/// let pairs: Pairs<f64, i64> = adjacent(next, &[1.0, 3.0, 2.0], &[0, 3], &Options::default())?;
/// assert_eq!((pairs.chosen, pairs.rejected), (vec![1, 2], vec![2, 0]));
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// Those of [`Adjacent::checked`] and [`Plan::new`].
pub fn adjacent<T: Score, I: Index>(
    scheme: Adjacent,
    scores: &[T],
    offsets: &[i64],
    options: &Options<'_>,
) -> Result<Pairs<T, I>> {
    Ok(Plan::new(scheme.checked()?, scores, offsets, options)?.collect())
}

impl Scheme for Adjacent {
    fn each<T: Score>(
        &self,
        list: List<'_, T>,
        window: Window<T::Gap>,
        order: &mut Order<T>,
        mut candidate: impl FnMut(usize, usize, T::Gap, bool),
    ) {
        sort(list.scores, order, |_| true, |a, b| b.partial_cmp(a));
        let reach = self.max_skip.unwrap_or(usize::MAX) - self.min_skip;
        let lower = |place: usize| order.get(place + self.min_skip..).unwrap_or_default();
        for (place, &(score, chosen)) in order.iter().enumerate() {
            for &(other, rejected) in lower(place).iter().take(reach.saturating_add(1)) {
                let (gap, keep) = window.judge(score, other, self.ties);
                candidate(chosen, rejected, gap, keep);
            }
        }
    }

    fn work(&self, size: usize) -> usize {
        let skips = self.max_skip.unwrap_or(size).min(size);
        size.saturating_mul(skips.saturating_add(4))
    }
}

/// Replaces `order` by the scores with a place that `takes_part`, without NaN, sorted; equal ones stay in input order.
pub(super) fn sort<T: Score>(
    scores: &[T],
    order: &mut Order<T>,
    takes_part: impl Fn(usize) -> bool,
    compare: impl Fn(&T, &T) -> Option<Ordering>,
) {
    order.clear();
    let places = scores.iter().copied().enumerate();
    let numbers = places.filter(|&(place, score)| !score.is_nan() && takes_part(place));
    order.extend(numbers.map(|(place, score)| (score, place)));
    order.sort_by(|(a, _), (b, _)| compare(a, b).unwrap_or(Ordering::Equal));
}
