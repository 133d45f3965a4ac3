//! Pairs of scored rows: who beats whom, by how much, in which group.

mod adjacent;
mod batch;
mod build;
mod count;
mod extremes;
mod lists;
mod score;
mod text;
mod tree;
mod weights;
mod window;

pub use adjacent::{Adjacent, adjacent};
pub use batch::{Cursor, next_batch};
pub use build::{Order, Plan, Scheme, fits_index};
pub use count::{PairCounts, count_pairs};
pub use extremes::{BestWorst, best_worst};
pub use lists::List;
pub use score::{AllPairs, BestVsRest, all_pairs, best_vs_rest};
pub use text::{CommonPrefix, common_prefixes};
pub use tree::{StepPairs, Worse, step_pairs};
pub use weights::pair_weights;
pub use window::{Bound, Score, Window};

use crate::check::NanPolicy;

/// What a builder keeps. The default keeps every pair of different scores.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Smallest gap between the two scores, at least 0.
    pub min_gap: Bound,
    /// Largest gap; `None`: no limit.
    pub max_gap: Option<Bound>,
    /// Whether gaps equal to a bound are kept.
    pub inclusive: bool,
    /// One id per row: only rows of equal id form pairs.
    pub by: Option<&'a [i64]>,
    /// Size of the sample of pairs drawn from each group; `None`: all of them.
    pub max_pairs_per_group: Option<usize>,
    /// Seed of the sample.
    pub seed: u64,
    /// `Raise` or `Omit`.
    pub nan: NanPolicy,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            min_gap: Bound::Int(0),
            max_gap: None,
            inclusive: false,
            by: None,
            max_pairs_per_group: None,
            seed: 0,
            nan: NanPolicy::Raise,
        }
    }
}

/// Columns of pairs, one entry per pair.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairs<T, I> {
    /// Row of the higher score.
    pub chosen: Vec<I>,
    /// Row of the lower score.
    pub rejected: Vec<I>,
    /// Higher score minus lower score.
    pub margin: Vec<T>,
    /// Group of both rows.
    pub group: Vec<I>,
}

/// Room for pairs: four columns of the same length.
#[derive(Debug)]
pub struct PairsMut<'a, T, I> {
    /// Row of the higher score.
    pub chosen: &'a mut [I],
    /// Row of the lower score.
    pub rejected: &'a mut [I],
    /// Higher score minus lower score.
    pub margin: &'a mut [T],
    /// Group of both rows.
    pub group: &'a mut [I],
}

impl<T, I: Index> PairsMut<'_, T, I> {
    /// Number of pairs that all four columns hold.
    fn room(&self) -> usize {
        let indices = self.chosen.len().min(self.rejected.len());
        indices.min(self.group.len()).min(self.margin.len())
    }

    /// The first `size` entries, at most as many as there are, and the rest.
    fn split(self, size: usize) -> (Self, Self) {
        let size = size.min(self.room());
        let (chosen, more_chosen) = self.chosen.split_at_mut(size);
        let (rejected, more_rejected) = self.rejected.split_at_mut(size);
        let (margin, more_margin) = self.margin.split_at_mut(size);
        let (group, more_group) = self.group.split_at_mut(size);
        let front = PairsMut {
            chosen,
            rejected,
            margin,
            group,
        };
        let rest = PairsMut {
            chosen: more_chosen,
            rejected: more_rejected,
            margin: more_margin,
            group: more_group,
        };
        (front, rest)
    }

    /// Writes entry `at` where there is room: behind the last kept pair, candidates may still be offered.
    #[inline]
    fn write(&mut self, at: usize, chosen: usize, rejected: usize, margin: T) {
        let columns = (
            self.chosen.get_mut(at),
            self.rejected.get_mut(at),
            self.margin.get_mut(at),
        );
        if let (Some(chosen_out), Some(rejected_out), Some(margin_out)) = columns {
            *chosen_out = I::from_row(chosen);
            *rejected_out = I::from_row(rejected);
            *margin_out = margin;
        }
    }
}

/// Integers that rows and groups are written as.
pub trait Index: Copy + Default + Send + Sync {
    /// The largest row that fits, and its name.
    const LIMIT: (usize, &'static str);
    /// The row as this integer; at most `LIMIT` goes in.
    fn from_row(row: usize) -> Self;
    /// The row that went in.
    fn row(self) -> usize;
}

macro_rules! index {
    ($integer:ty, $limit:expr, $name:literal) => {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            clippy::cast_sign_loss
        )]
        impl Index for $integer {
            const LIMIT: (usize, &'static str) = ($limit, $name);
            #[inline]
            fn from_row(row: usize) -> Self {
                row as Self
            }
            #[inline]
            fn row(self) -> usize {
                self as usize
            }
        }
    };
}
index!(i32, 0x7FFF_FFFF, "int32");
index!(i64, usize::MAX >> 1, "int64");
