//! Rewards relative to the mean, and to the spread, of their group.
#![allow(clippy::inline_always)] // only what is inlined into `dispatch` is compiled for its instruction set

use std::ops::Range;

use pulp::Arch;

use super::Real;
use crate::check;
use crate::elementary::dispatch;
use crate::error::{Error, Result};
use crate::threads;

/// Work of a row in additions: three passes, one of them with a division.
const WORK_PER_ROW: usize = 8;
/// Rows that are handled side by side: a group of a usual size is one step, without a loop whose end no processor
/// foresees.
const LANES: usize = 16;
/// Groups whose means and spreads are calculated side by side.
const BATCH: usize = 32;
/// Squares outside 1/WIDE..WIDE may have overflowed or vanished.
const WIDE: f64 = 1e250;

/// What a gap to the mean is divided by: the standard deviation over n - `ddof`, plus `eps`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// 0 or 1.
    pub ddof: u8,
    /// Finite, >= 0.
    pub eps: f64,
}

/// Writes (r - mean) / (std + eps) of every row within its group to `out`; r - mean without a scale.
///
/// Exactly 0 in a group of one or of equal rewards, whatever `ddof` and `eps`; NaN in a whole group that holds NaN or
/// an infinity, or whose gaps add up to one. O(n), two passes over a group and one that writes, in f64, with sums in 16
/// parts on every machine. The same as the formula, but that gaps are taken to the first row of the group, so that equal
/// rewards have gaps of 0.
///
/// # Errors
/// Bad offsets, `ddof` above 1, `eps` negative or not finite, `out` of another length.
///
/// ```
/// use prefcore::scores::{Scale, group_advantage};
/// let scale = Scale { ddof: 1, eps: 0.0 };
/// let (rewards, mut advantages) = ([1.0, 2.0, 3.0, 0.7, 0.1, 0.1], [0.0; 6]);
/// group_advantage(&rewards, &[0, 3, 4, 6], Some(scale), &mut advantages)?;
/// assert_eq!(advantages, [-1.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn group_advantage<T: Real>(
    rewards: &[T],
    offsets: &[i64],
    scale: Option<Scale>,
    out: &mut [T],
) -> Result<()> {
    let groups = check::offsets(offsets, rewards.len())?;
    if out.len() != rewards.len() {
        let expected = format!("length {} like rewards", rewards.len());
        return Err(Error::shape("out", expected, out.len()));
    }
    if let Some(scale) = scale {
        check_scale(scale)?;
    }
    let bound = |group: usize| offsets.get(group).map_or(0, |&at| row(at));
    let mut rest = out;
    let mut parts = Vec::new();
    for groups in threads::split(groups, |group| bound(group) * WORK_PER_ROW) {
        let (part, after) = rest.split_at_mut(bound(groups.end) - bound(groups.start));
        parts.push((groups, part));
        rest = after;
    }
    threads::map(parts, rewards.len() * WORK_PER_ROW, |(groups, part)| {
        let bounds = offsets.get(groups.start..=groups.end).unwrap_or_default();
        dispatch(
            Arch::new(),
            #[inline(always)]
            || write(rewards, bounds, scale, part),
        );
    });
    Ok(())
}

/// An offset that was checked: neither negative nor above the number of rows.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn row(offset: i64) -> usize {
    offset as usize
}

fn check_scale(Scale { ddof, eps }: Scale) -> Result<()> {
    if ddof > 1 {
        return Err(Error::domain("ddof", "0 or 1", ddof));
    }
    if !(eps >= 0.0 && eps.is_finite()) {
        return Err(Error::domain("eps", "finite and >= 0", eps));
    }
    Ok(())
}

/// Writes the advantages of the groups between `bounds` into `out`, which begins with their first row.
#[inline(always)]
fn write<T: Real>(rewards: &[T], bounds: &[i64], scale: Option<Scale>, out: &mut [T]) {
    let start = bounds.first().map_or(0, |&at| row(at));
    let mut rest = bounds;
    while rest.len() > 1 {
        let batch = rest.get(..=BATCH).unwrap_or(rest);
        write_batch(rewards, batch, scale, start, out);
        rest = rest.get(BATCH..).unwrap_or_default();
    }
}

/// At most BATCH groups, one stage after the other: within a group each division and root waits for the one before.
#[inline(always)]
fn write_batch<T: Real>(
    rewards: &[T],
    bounds: &[i64],
    scale: Option<Scale>,
    start: usize,
    out: &mut [T],
) {
    let groups = || bounds.windows(2).map(|bounds| Group::new(rewards, bounds));
    let (mut sizes, mut means) = ([1.0; BATCH], [0.0; BATCH]);
    for ((size, sum), group) in sizes.iter_mut().zip(&mut means).zip(groups()) {
        (*size, *sum) = (group.len(), group.sum(|gap| gap));
    }
    for (mean, size) in means.iter_mut().zip(sizes) {
        *mean /= size;
    }
    let Some(Scale { ddof, eps }) = scale else {
        for (mean, group) in means.iter().zip(groups()) {
            group.write(start, out, |gap| gap - mean);
        }
        return;
    };
    let mut squares = [0.0; BATCH];
    for ((sum, mean), group) in squares.iter_mut().zip(means).zip(groups()) {
        *sum = group.sum(|gap| (gap - mean) * (gap - mean));
    }
    let freedom = sizes.map(|size| size - f64::from(ddof));
    let mut per_spread = [0.0; BATCH]; // stays 0 where the squares say nothing
    for ((factor, squares), freedom) in per_spread.iter_mut().zip(squares).zip(freedom) {
        let reciprocal = 1.0 / ((squares / freedom).sqrt() + eps);
        let usual = (1.0 / WIDE..WIDE).contains(&squares);
        *factor = if usual { reciprocal } else { 0.0 };
    }
    let factors = means.into_iter().zip(per_spread).zip(freedom);
    for (((mean, per_spread), freedom), group) in factors.zip(groups()) {
        if per_spread > 0.0 {
            group.write(start, out, |gap| (gap - mean) * per_spread);
        } else {
            group.write_extreme(start, out, freedom, eps);
        }
    }
}

/// Rows of one group among all rewards.
struct Group<'a, T> {
    rewards: &'a [T],
    rows: Range<usize>,
    first: f64,
}

impl<'a, T: Real> Group<'a, T> {
    #[inline(always)]
    fn new(rewards: &'a [T], bounds: &[i64]) -> Self {
        let at = |bound: Option<&i64>| bound.map_or(0, |&at| row(at));
        let rows = at(bounds.first())..at(bounds.last());
        let first = rewards.get(rows.start).map_or(0.0, |&first| first.into());
        Self {
            rewards,
            rows,
            first,
        }
    }

    #[inline(always)]
    #[allow(clippy::cast_precision_loss)] // of the size of a group
    fn len(&self) -> f64 {
        self.rows.len() as f64
    }

    /// Equal rewards, NaN, or squares that overflowed or vanished.
    #[cold]
    #[inline(never)]
    fn write_extreme(&self, start: usize, out: &mut [T], freedom: f64, eps: f64) {
        let rows = self.rewards.get(self.rows.clone()).unwrap_or_default();
        let gaps = rows
            .iter()
            .map(|&reward| (reward.into() - self.first).abs());
        let unit = power_near_reciprocal(gaps.fold(0.0, f64::max));
        let mean = self.sum(|gap| gap * unit) / self.len(); // half the smallest number rounds to 0
        let squares = self.sum(|gap| (gap * unit - mean).powi(2));
        let per_spread = match squares {
            0.0 => 0.0,
            _ => 1.0 / ((squares / freedom).sqrt() + eps * unit),
        };
        self.write(start, out, |gap| (gap * unit - mean) * per_spread);
    }

    /// Sum of a function of the gaps to the first row. Every 16th gap goes into the same part, on every machine.
    #[inline(always)]
    fn sum(&self, of: impl Fn(f64) -> f64) -> f64 {
        let mut lanes = [0.0; LANES];
        for at in self.rows.clone().step_by(LANES) {
            let keep = first_lanes(self.rows.end - at);
            for (sum, (gap, keep)) in lanes.iter_mut().zip(self.gaps(at).into_iter().zip(keep)) {
                *sum += f64::from_bits(of(gap).to_bits() & keep);
            }
        }
        total(lanes)
    }

    /// Writes a function of the gaps into `out`, which begins with row `start` of all. Lanes beyond the group are
    /// written too, where there is room: the groups behind it come later and overwrite them.
    #[inline(always)]
    fn write(&self, start: usize, out: &mut [T], of: impl Fn(f64) -> f64) {
        for at in self.rows.clone().step_by(LANES) {
            let values = self.gaps(at).map(|gap| T::round(of(gap)));
            let (from, left) = (at - start, self.rows.end - at);
            if let Some(whole) = out.get_mut(from..from + LANES) {
                whole.copy_from_slice(&values);
            } else if let Some(part) = out.get_mut(from..from + left) {
                part.copy_from_slice(values.get(..left).unwrap_or_default());
            }
        }
    }

    /// Gaps of the rows from `at` on to the first of the group. Beyond the group they are anything.
    #[inline(always)]
    fn gaps(&self, at: usize) -> [f64; LANES] {
        let mut gaps = [0.0; LANES];
        let rest = self.rewards.get(at..).unwrap_or_default();
        if let Some(whole) = rest.first_chunk::<LANES>() {
            for (gap, &reward) in gaps.iter_mut().zip(whole) {
                *gap = reward.into() - self.first;
            }
        } else {
            for (gap, &reward) in gaps.iter_mut().zip(rest) {
                *gap = reward.into() - self.first;
            }
        }
        gaps
    }
}

/// The power of two that brings a number between 1 and 2 and rounds nothing; 2^1022 for 0 and what is near it.
fn power_near_reciprocal(x: f64) -> f64 {
    let exponent = (x.to_bits() >> 52).clamp(1, 2045);
    f64::from_bits((2046 - exponent) << 52)
}

/// Bits that keep the first `count` lanes and clear the others, NaN too: a load where a comparison would take ten steps.
#[inline(always)]
fn first_lanes(count: usize) -> &'static [u64; LANES] {
    static KEEP: [[u64; LANES]; 2] = [[u64::MAX; LANES], [0; LANES]];
    let bits = KEEP.as_flattened().get(LANES - count.min(LANES)..);
    bits.and_then(<[u64]>::first_chunk).unwrap_or(&[0; LANES])
}

/// Sum as a tree, written out so that it stays in registers.
#[inline(always)]
fn total(lanes: [f64; LANES]) -> f64 {
    let halves: [f64; 8] = folded(lanes);
    let quarters: [f64; 4] = folded(halves);
    let [a, b]: [f64; 2] = folded(quarters);
    a + b
}

#[inline(always)]
fn folded<const N: usize, const HALF: usize>(lanes: [f64; N]) -> [f64; HALF] {
    let (low, high) = lanes.split_at(HALF);
    let mut sums = [0.0; HALF];
    for (sum, (low, high)) in sums.iter_mut().zip(low.iter().zip(high)) {
        *sum = low + high;
    }
    sums
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::indexing_slicing, clippy::unwrap_used)] // exact zeros are the point
mod tests {
    use super::{Scale, group_advantage};
    use crate::Error;

    const SAMPLE: Option<Scale> = Some(Scale { ddof: 1, eps: 0.0 });

    fn each(rewards: &[f64], offsets: &[i64], scale: Option<Scale>) -> Vec<f64> {
        let mut out = vec![f64::NAN; rewards.len()];
        group_advantage(rewards, offsets, scale, &mut out).unwrap();
        out
    }

    fn one(rewards: &[f64], scale: Option<Scale>) -> Vec<f64> {
        each(rewards, &[0, i64::try_from(rewards.len()).unwrap()], scale)
    }

    #[test]
    fn equal_rewards_give_exactly_zero_where_their_sum_rounds() {
        for reward in [0.1, 1e300, 1e-310, -3.3] {
            assert_eq!(one(&[reward; 7], SAMPLE), [0.0; 7]);
            assert_eq!(one(&[reward; 7], None), [0.0; 7]);
        }
    }

    #[test]
    fn a_common_offset_does_not_cost_the_spread() {
        // E[x^2] - E[x]^2 of these is 0 or worse
        let got = one(&[1e9, 1e9 + 1.0, 1e9 + 2.0], SAMPLE);
        assert_eq!(got, [-1.0, 0.0, 1.0]);
    }

    #[test]
    fn squares_neither_overflow_nor_vanish() {
        for size in (-1073..1021)
            .step_by(3)
            .map(|power| f64::from(power).exp2())
        {
            let got = one(&[-size, 0.0, size], SAMPLE);
            let near = |(got, want): (&f64, f64)| (got - want).abs() < 1e-15;
            assert!(
                got.iter().zip([-1.0, 0.0, 1.0]).all(near),
                "{size}: {got:?}"
            );
        }
    }

    #[test]
    fn the_mean_of_the_smallest_numbers_is_between_them() {
        let got = one(&[0.0, 5e-324], Some(Scale { ddof: 0, eps: 0.0 }));
        assert_eq!(got, [-1.0, 1.0]);
    }

    #[test]
    fn bad_rewards_spoil_their_own_group_only() {
        for bad in [f64::NAN, f64::INFINITY] {
            for place in 0..3 {
                let mut rewards = [1.0, 2.0, 3.0, 5.0, 6.0, 7.0];
                rewards[place] = bad;
                let got = each(&rewards, &[0, 3, 6], SAMPLE);
                assert!(got.iter().take(3).all(|x| x.is_nan()));
                assert_eq!(got.get(3..), Some(&[-1.0, 0.0, 1.0][..]));
            }
        }
        assert!(one(&[f64::NAN], SAMPLE)[0].is_nan());
    }

    #[test]
    #[allow(clippy::cast_precision_loss)]
    fn every_size_has_mean_0_and_variance_1_beside_any_neighbor() {
        for n in [2_usize, 15, 16, 17, 31, 32, 33, 100] {
            let mut rewards: Vec<f64> = (0..n).map(|i| ((i * i + 3) % 101) as f64).collect();
            rewards.extend([f64::NAN, 1e300, 5.0]);
            let end = i64::try_from(n).unwrap();
            let got = each(&rewards, &[0, end, end + 1, end + 3], SAMPLE);
            let (own, others) = got.split_at(n);
            let (sum, squares): (f64, f64) = (own.iter().sum(), own.iter().map(|x| x * x).sum());
            assert!(sum.abs() < 1e-13 * n as f64, "{n}: {sum}");
            assert!(
                (squares / (n as f64 - 1.0) - 1.0).abs() < 1e-13,
                "{n}: {squares}"
            );
            let half = 0.5_f64.sqrt();
            assert!(others[0].is_nan());
            assert!((others[1] - half).abs() < 1e-15 && (others[2] + half).abs() < 1e-15);
        }
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let error = |scale| group_advantage(&[1.0], &[0, 1], Some(scale), &mut [0.0]).unwrap_err();
        let ddof = error(Scale { ddof: 2, eps: 0.0 });
        assert_eq!(ddof, Error::domain("ddof", "0 or 1", 2));
        let eps = error(Scale { ddof: 0, eps: -1.0 });
        assert_eq!(eps, Error::domain("eps", "finite and >= 0", -1.0));
    }
}
