//! The best rows of a group against the worst.

use super::adjacent::sort;
use super::build::{Order, Plan, Scheme};
use super::lists::List;
use super::window::{Score, Window};
use super::{Index, Options, Pairs};
use crate::check;
use crate::error::{Error, Result};

/// The pairs of [`best_worst`].
#[derive(Debug, Clone, Copy)]
pub struct BestWorst<'a> {
    /// Number of best and of worst rows, at least 1.
    pub k: usize,
    /// Per row: whether it may be chosen (else it may be rejected); `None`: every row may be both.
    pub correct: Option<&'a [bool]>,
    /// Whether equal scores form a pair, of margin 0.
    pub ties: bool,
}

impl BestWorst<'_> {
    /// Itself, if it fits `rows` rows.
    ///
    /// # Errors
    /// [`Error::Domain`] for a k of 0; [`Error::Shape`] for another number of labels.
    pub fn checked(self, rows: usize) -> Result<Self> {
        if self.k == 0 {
            return Err(Error::domain("k", "at least 1", 0));
        }
        if let Some(correct) = self.correct {
            check::same_length("correct", correct.len(), "scores", rows)?;
        }
        Ok(self)
    }

    fn correct(&self, row: usize, want: bool) -> bool {
        self.correct
            .is_none_or(|correct| correct.get(row) == Some(&want))
    }

    /// Both sorted; needs no more than `order`: the worst stand behind the best.
    fn several<T: Score>(
        &self,
        list: List<'_, T>,
        window: Window<T::Gap>,
        order: &mut Order<T>,
        mut candidate: impl FnMut(usize, usize, T::Gap, bool),
    ) {
        let best = |place| self.correct(list.row(place), true);
        let worst = |place| self.correct(list.row(place), false);
        sort(list.scores, order, best, |a, b| b.partial_cmp(a));
        order.truncate(self.k);
        let best: Order<T> = order.clone();
        sort(list.scores, order, worst, T::partial_cmp);
        for (score, chosen) in best {
            let others = order.iter().filter(|&&(_, place)| place != chosen);
            for &(other, rejected) in others.take(self.k) {
                // of two equal rows that stand on both sides, one is chosen
                let ties = self.ties && (chosen < rejected || self.correct.is_some());
                let (gap, keep) = window.judge(score, other, ties);
                candidate(chosen, rejected, gap, keep);
            }
        }
    }

    /// The first best row against the first worst other one, without a sort.
    fn one<T: Score>(
        &self,
        list: List<'_, T>,
        window: Window<T::Gap>,
        mut candidate: impl FnMut(usize, usize, T::Gap, bool),
    ) {
        let found = if self.correct.is_none() {
            extremes(list.scores)
        } else {
            let side = |want| {
                let rows = list.scores.iter().copied().enumerate();
                rows.filter(move |&(place, _)| self.correct(list.row(place), want))
            };
            let best = first(side(true), |a, b| a > b);
            best.zip(first(side(false), |a, b| a < b))
        };
        let Some(((chosen, highest), (rejected, lowest))) = found else {
            return;
        };
        let (gap, keep) = window.judge(highest, lowest, self.ties);
        if chosen != rejected {
            candidate(chosen, rejected, gap, keep);
        } else if keep {
            // all are equal
            let mut others = list.scores.iter().enumerate().skip(chosen + 1);
            if let Some((second, _)) = others.find(|(_, score)| !score.is_nan()) {
                candidate(chosen, second, gap, keep);
            }
        }
    }
}

/// Each of the k best rows of a group against each of the k worst others that lies below it, both the first of ties.
///
/// The order is group, best first, worst first. O(n) for k = 1, else O(n log n). With `correct`, the best of the rows
/// that are against the worst of those that are not. With `ties`, equal scores too, where the window begins at 0; of
/// two equal rows the earlier one is chosen. The naive equivalent sorts every group twice.
///
/// ```
/// use prefcore::pairs::{BestWorst, Options, Pairs, best_worst};
/// let one = BestWorst { k: 1, correct: None, ties: false };
/// let pairs: Pairs<f64, i64> = best_worst(one, &[2.0, 3.0, 1.0], &[0, 3], &Options::default())?;
/// assert_eq!((pairs.chosen, pairs.rejected), (vec![1], vec![2]));
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// Those of [`BestWorst::checked`] and [`Plan::new`].
pub fn best_worst<T: Score, I: Index>(
    scheme: BestWorst<'_>,
    scores: &[T],
    offsets: &[i64],
    options: &Options<'_>,
) -> Result<Pairs<T, I>> {
    Ok(Plan::new(scheme.checked(scores.len())?, scores, offsets, options)?.collect())
}

impl Scheme for BestWorst<'_> {
    #[inline]
    fn each<T: Score>(
        &self,
        list: List<'_, T>,
        window: Window<T::Gap>,
        order: &mut Order<T>,
        candidate: impl FnMut(usize, usize, T::Gap, bool),
    ) {
        if self.k == 1 {
            self.one(list, window, candidate);
        } else {
            self.several(list, window, order, candidate);
        }
    }

    fn work(&self, size: usize) -> usize {
        let k = self.k.min(size);
        size.saturating_mul(4).saturating_add(k.saturating_mul(k))
    }
}

type Place<T> = (usize, T);

/// First maximum and first minimum.
#[inline]
fn extremes<T: Score>(scores: &[T]) -> Option<(Place<T>, Place<T>)> {
    let start = scores.iter().position(|score| !score.is_nan())?;
    let (_, later) = scores.split_at(start);
    let score = *later.first()?;
    let (mut best, mut worst) = ((start, score), (start, score));
    // NaN is neither above nor below: no further look at it is needed
    for (place, &score) in (start..).zip(later) {
        best = if score > best.1 { (place, score) } else { best };
        worst = if score < worst.1 {
            (place, score)
        } else {
            worst
        };
    }
    Some((best, worst))
}

/// The first row that `beats` all before it and is beaten by none behind.
fn first<T: Score>(
    rows: impl Iterator<Item = Place<T>>,
    beats: impl Fn(T, T) -> bool,
) -> Option<Place<T>> {
    let numbers = rows.filter(|(_, score)| !score.is_nan());
    numbers.reduce(|best, next| if beats(next.1, best.1) { next } else { best })
}
