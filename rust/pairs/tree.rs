//! Pairs of sibling steps of a search tree.

use std::str::FromStr;

use super::build::{Order, Plan, Scheme};
use super::lists::List;
use super::window::{Score, Window};
use super::{Index, Options, Pairs};
use crate::column::Column;
use crate::error::{Error, Result};
use crate::{check, random};

/// Which sibling the best one is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worse {
    /// The second best.
    Second,
    /// The worst.
    Worst,
    /// The other one with the smallest random key.
    Random,
}

impl FromStr for Worse {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "second" => Ok(Self::Second),
            "worst" => Ok(Self::Worst),
            "random" => Ok(Self::Random),
            _ => {
                let expected = "\"second\", \"worst\" or \"random\"";
                Err(Error::domain("worse", expected, format!("{word:?}")))
            }
        }
    }
}

/// The pairs of [`step_pairs`].
#[derive(Debug, Clone)]
pub struct StepPairs {
    /// Keys of q and of what decides where q is equal, by row.
    keys: Vec<[i64; 5]>,
    worse: Worse,
    seed: u64,
}

impl StepPairs {
    /// The scheme of siblings that are compared by q, prior, reward, value and visits, in this order.
    ///
    /// # Errors
    /// [`Error::Shape`] for columns of unequal length; [`Error::Domain`] for NaN.
    pub fn new(
        columns: [(&'static str, Column<'_>); 5],
        offsets: &[i64],
        worse: Worse,
        seed: u64,
    ) -> Result<Self> {
        let rows = columns.first().map_or(0, |(_, q)| q.len());
        check::offsets(offsets, rows)?;
        let (mut keys, mut column_keys) = (vec![[0; 5]; rows], Vec::new());
        for (number, (name, column)) in columns.into_iter().enumerate() {
            check::same_length(name, column.len(), "q", rows)?;
            if column.has_nan(0..rows) {
                column.refuse_nan(name, offsets)?;
            }
            column.keys(0..rows, &mut column_keys);
            for (row, &key) in keys.iter_mut().zip(&column_keys) {
                if let Some(own) = row.get_mut(number) {
                    *own = key;
                }
            }
        }
        Ok(Self { keys, worse, seed })
    }

    fn key(&self, row: usize) -> [i64; 5] {
        self.keys.get(row).copied().unwrap_or_default()
    }
}

/// The best of every group of siblings against another one of them: no pair where there is only one.
///
/// Siblings are sorted by (q, prior, reward, value, visits), equal ones in input order; the last is the best. O(n), with
/// a copy of the columns. The naive equivalent sorts every group.
///
/// # Errors
/// Those of [`Plan::new`].
pub fn step_pairs<T: Score, I: Index>(
    scheme: StepPairs,
    q: &[T],
    offsets: &[i64],
) -> Result<Pairs<T, I>> {
    Ok(Plan::new(scheme, q, offsets, &Options::default())?.collect())
}

impl Scheme for StepPairs {
    const TWICE: bool = false;

    fn each<T: Score>(
        &self,
        list: List<'_, T>,
        window: Window<T::Gap>,
        _order: &mut Order<T>,
        mut candidate: impl FnMut(usize, usize, T::Gap, bool),
    ) {
        let places = 0..list.scores.len();
        let rank = |place: &usize| (self.key(list.row(*place)), *place);
        let Some(best) = places.clone().max_by_key(rank) else {
            return;
        };
        let others = places.filter(|&place| place != best);
        let drawn = |place: &usize| random::key(self.seed, &[list.group as u64, *place as u64]);
        let worse = match self.worse {
            Worse::Second => others.max_by_key(rank),
            Worse::Worst => others.min_by_key(rank),
            Worse::Random => others.min_by_key(drawn),
        };
        let score = |place: usize| list.scores.get(place).copied().unwrap_or_default();
        if let Some(worse) = worse {
            let (gap, _) = window.judge(score(best), score(worse), true);
            candidate(best, worse, gap, true);
        }
    }

    fn work(&self, size: usize) -> usize {
        size.saturating_mul(8)
    }
}
