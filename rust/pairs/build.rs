//! The two passes that every builder makes over blocks of groups: count, then fill columns of exactly that size.

use std::collections::BinaryHeap;
use std::marker::PhantomData;
use std::ops::Range;

use super::count::too_far;
use super::lists::{List, Lists};
use super::window::{Score, Window};
use super::{Index, Options, Pairs, PairsMut};
use crate::check::{self, NanPolicy};
use crate::error::{Error, Result};
use crate::{random, threads};

/// A way to pair the rows of a list.
pub trait Scheme: Send + Sync {
    /// Calls `candidate(chosen, rejected, gap, keep)` in order, with places in the list. A branch on `keep` would be
    /// mispredicted half the time, so what is not kept is reported as well. `order` is memory that is used again.
    fn each<T: Score>(
        &self,
        list: List<'_, T>,
        window: Window<T::Gap>,
        order: &mut Order<T>,
        candidate: impl FnMut(usize, usize, T::Gap, bool),
    );
    /// Work on a list of `size` rows, in candidates.
    fn work(&self, size: usize) -> usize;
}

/// Scores and their places in a list.
pub type Order<T> = Vec<(T, usize)>;

#[derive(Clone, Copy)]
struct Sample {
    size: usize,
    seed: u64,
}

/// Checked arguments and the number of pairs that follows from them: `S` says which pairs, `I` how rows are written.
///
/// [`Plan::fill`] writes to columns of the caller; [`Plan::collect`] makes its own.
pub struct Plan<'a, S, T: Score, I> {
    scheme: S,
    lists: Lists<'a, T>,
    window: Window<T::Gap>,
    sample: Option<Sample>,
    /// Blocks of groups of about equal work, and the number of pairs of each.
    blocks: Vec<Range<usize>>,
    sizes: Vec<usize>,
    work: usize,
    index: PhantomData<fn() -> I>,
}

impl<'a, S: Scheme, T: Score, I: Index> Plan<'a, S, T, I> {
    /// Checks the arguments and counts.
    ///
    /// # Errors
    /// [`Error::Domain`] for bad options or offsets, for NaN unless omitted, for integer margins that overflow, and for
    /// rows that do not fit `I`; [`Error::Shape`] for columns of unequal length.
    pub fn new(scheme: S, scores: &'a [T], offsets: &[i64], options: &Options<'_>) -> Result<Self> {
        let lists = Lists::new(scores, offsets, options.by)?;
        fits_index::<I>(scores.len().max(lists.n_groups()))?;
        handle_nan(scores, &lists.offsets, options.nan)?;
        let work = work_before(&scheme, &lists.offsets);
        let mut plan = Self {
            scheme,
            window: Window::new::<T>(options.min_gap, options.max_gap, options.inclusive)?,
            sample: sample(options)?,
            blocks: threads::split(lists.n_groups(), |g| work.get(g).copied().unwrap_or(0)),
            sizes: Vec::new(),
            work: work.last().copied().unwrap_or(0),
            lists,
            index: PhantomData,
        };
        let sizes = threads::map(plan.blocks.clone(), plan.work, |groups| plan.count(groups));
        plan.sizes = sizes.into_iter().collect::<Result<_>>()?;
        Ok(plan)
    }

    /// Number of pairs.
    #[must_use]
    pub fn total(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// The pairs in new columns.
    #[must_use]
    pub fn collect(&self) -> Pairs<T, I> {
        let total = self.total();
        let mut pairs = Pairs {
            chosen: vec![I::default(); total],
            rejected: vec![I::default(); total],
            margin: vec![T::default(); total],
            group: vec![I::default(); total],
        };
        self.write(PairsMut {
            chosen: &mut pairs.chosen,
            rejected: &mut pairs.rejected,
            margin: &mut pairs.margin,
            group: &mut pairs.group,
        });
        pairs
    }

    /// Writes the pairs to the front of the columns and returns their number.
    ///
    /// # Errors
    /// [`Error::Shape`] when there is too little room; then nothing is written.
    pub fn fill(&self, out: PairsMut<'_, T, I>) -> Result<usize> {
        let (total, room) = (self.total(), out.room());
        if room < total {
            return Err(Error::shape("out", format!("room for {total} pairs"), room));
        }
        self.write(out);
        Ok(total)
    }

    fn write(&self, mut out: PairsMut<'_, T, I>) {
        let mut jobs = Vec::with_capacity(self.blocks.len());
        for (groups, &size) in self.blocks.iter().zip(&self.sizes) {
            let (part, rest) = out.split(size);
            jobs.push((groups.clone(), part));
            out = rest;
        }
        threads::map(jobs, self.work, |(groups, part)| {
            self.fill_block(groups, part);
        });
    }

    fn count(&self, groups: Range<usize>) -> Result<usize> {
        let (mut total, mut order) = (0, Order::new());
        for group in groups {
            let (mut kept, mut fits) = (0, true);
            for list in self.lists.of_group(group) {
                self.scheme
                    .each(list, self.window, &mut order, |_, _, gap, keep| {
                        kept += usize::from(keep);
                        fits &= !keep | T::fits(gap);
                    });
            }
            if !fits {
                return Err(self.overflow(group));
            }
            total += self.sample.map_or(kept, |sample| kept.min(sample.size));
        }
        Ok(total)
    }

    fn fill_block(&self, groups: Range<usize>, mut out: PairsMut<'_, T, I>) {
        let mut order = Order::new();
        for group in groups {
            let filled = match self.sample {
                None => self.fill_group(group, &mut order, &mut out),
                Some(sample) => self.sample_group(group, sample, &mut out),
            };
            let (written, rest) = out.split(filled);
            written.group.fill(I::from_row(group));
            out = rest;
        }
    }

    fn fill_group(
        &self,
        group: usize,
        order: &mut Order<T>,
        out: &mut PairsMut<'_, T, I>,
    ) -> usize {
        let mut filled = 0;
        for list in self.lists.of_group(group) {
            let start = list.start;
            let write = |chosen, rejected, gap, keep| {
                out.write(filled, start + chosen, start + rejected, T::margin(gap));
                filled += usize::from(keep);
            };
            self.scheme.each(list, self.window, order, write);
        }
        if self.lists.rows.is_some() {
            let columns = out.chosen.iter_mut().zip(&mut *out.rejected).take(filled);
            for (chosen, rejected) in columns {
                *chosen = I::from_row(self.lists.row(chosen.row()));
                *rejected = I::from_row(self.lists.row(rejected.row()));
            }
        }
        filled
    }

    /// The pairs with the smallest keys, in the order in which `fill_group` would have written them.
    fn sample_group(&self, group: usize, sample: Sample, out: &mut PairsMut<'_, T, I>) -> usize {
        let first = self.lists.offsets.get(group).copied().unwrap_or(0);
        let mut smallest = BinaryHeap::new(); // (key, place): the largest on top
        let mut place = 0;
        self.each_kept(group, |chosen, rejected, _| {
            let (i, j) = (chosen.min(rejected) - first, chosen.max(rejected) - first);
            smallest.push((
                random::key(sample.seed, &[group as u64, i as u64, j as u64]),
                place,
            ));
            if smallest.len() > sample.size {
                smallest.pop();
            }
            place += 1;
        });
        let mut drawn: Vec<usize> = smallest.into_iter().map(|(_, place)| place).collect();
        drawn.sort_unstable();
        let (mut place, mut filled) = (0, 0);
        self.each_kept(group, |chosen, rejected, gap| {
            if drawn.get(filled) == Some(&place) {
                out.write(filled, chosen, rejected, T::margin(gap));
                filled += 1;
            }
            place += 1;
        });
        filled
    }

    /// Calls `visit(chosen, rejected, gap)` with the rows of every kept pair of a group.
    fn each_kept(&self, group: usize, mut visit: impl FnMut(usize, usize, T::Gap)) {
        let mut order = Order::new();
        for list in self.lists.of_group(group) {
            let visit = |chosen, rejected, gap, keep| {
                if keep {
                    visit(list.row(chosen), list.row(rejected), gap);
                }
            };
            self.scheme.each(list, self.window, &mut order, visit);
        }
    }

    #[cold]
    fn overflow(&self, group: usize) -> Error {
        let mut first = None;
        self.each_kept(group, |chosen, rejected, gap| {
            if !T::fits(gap) {
                first = first.or(Some((chosen, rejected)));
            }
        });
        let (chosen, rejected) = first.unwrap_or_default();
        let score = |row| self.lists.by_row.get(row).copied().unwrap_or_default();
        too_far(chosen, score(chosen), rejected, score(rejected))
    }
}

/// Work before each group.
fn work_before<S: Scheme>(scheme: &S, offsets: &[usize]) -> Vec<usize> {
    let mut total = 0_usize;
    let sizes = offsets.windows(2).map(|pair| match pair {
        [start, end] => end - start,
        _ => 0,
    });
    let after = sizes.map(|size| {
        total = total.saturating_add(scheme.work(size));
        total
    });
    std::iter::once(0).chain(after).collect()
}

fn sample(options: &Options<'_>) -> Result<Option<Sample>> {
    let seed = options.seed;
    match options.max_pairs_per_group {
        Some(0) => Err(Error::domain("max_pairs_per_group", "at least 1", 0)),
        size => Ok(size.map(|size| Sample { size, seed })),
    }
}

/// Numbers below `n` can be written as `I`.
///
/// # Errors
/// [`Error::Domain`] where they cannot.
pub fn fits_index<I: Index>(n: usize) -> Result<()> {
    let (limit, name) = I::LIMIT;
    if n.saturating_sub(1) <= limit {
        return Ok(());
    }
    let expected = format!("\"int64\" for {n} rows or groups");
    Err(Error::domain("index_dtype", expected, format!("{name:?}")))
}

/// NaN raises, or forms no pair because its gaps lie in no window.
pub(super) fn handle_nan<T: Score>(scores: &[T], offsets: &[usize], nan: NanPolicy) -> Result<()> {
    match nan {
        NanPolicy::Omit => Ok(()),
        NanPolicy::Propagate => {
            let expected = "\"raise\" or \"omit\" where rows are returned";
            Err(Error::domain("nan", expected, "\"propagate\""))
        }
        // Counted, not sought: without an exit the loop takes vector instructions.
        NanPolicy::Raise if scores.iter().filter(|score| score.is_nan()).count() == 0 => Ok(()),
        NanPolicy::Raise => {
            let nan_rows = (0..).zip(scores).filter(|(_, score)| score.is_nan());
            check::no_nan("scores", nan_rows.map(|(row, _)| row), |row| {
                offsets.partition_point(|&end| end <= row) - 1
            })
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::fits_index;

    #[test]
    fn rows_beyond_int32_are_refused() {
        assert!(fits_index::<i32>(1 << 31).is_ok());
        let error = fits_index::<i32>((1 << 31) + 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "index_dtype must be \"int64\" for 2147483649 rows or groups, got \"int32\""
        );
        assert!(fits_index::<i64>(usize::MAX >> 1).is_ok());
    }
}
