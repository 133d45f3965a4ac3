//! Rewards relative to the mean, and to the spread, of their group.

use std::ops::Range;

use super::Real;
use crate::check;
use crate::error::{Error, Result};
use crate::threads;

/// Work of a row in additions: three passes, one of them with a division.
const WORK_PER_ROW: usize = 8;
/// Gaps outside 1/WIDE..WIDE are brought near 1 before they are squared, by a power of two, which rounds nothing.
const WIDE: f64 = 1e150;
const POWER: f64 = f64::from_bits((1023 + 1000) << 52); // 2^1000

/// What a gap to the mean is divided by: the standard deviation over n - `ddof`, plus `eps`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// 0 or 1.
    pub ddof: u8,
    /// Finite, >= 0.
    pub eps: f64,
}

/// (r - mean) / (std + eps) of every row within its group; r - mean without a scale.
///
/// Exactly 0 in a group of one or of equal rewards, whatever `ddof` and `eps`; NaN in a whole group that holds NaN or
/// an infinity. O(n), two passes over a group and one that writes, in f64 and from the first row to the last. The same
/// as the formula, but for the order of the sums: gaps are taken to the first row of the group, so that equal rewards
/// have gaps of 0.
///
/// # Errors
/// Bad offsets, `ddof` above 1, `eps` negative or not finite.
///
/// ```
/// use prefcore::scores::{Scale, group_advantage};
/// let scale = Scale { ddof: 1, eps: 0.0 };
/// let rewards = [1.0, 2.0, 3.0, 0.7, 0.1, 0.1];
/// let advantages = group_advantage(&rewards, &[0, 3, 4, 6], Some(scale));
/// assert_eq!(advantages, Ok(vec![-1.0, 0.0, 1.0, 0.0, 0.0, 0.0]));
/// ```
pub fn group_advantage<T: Real>(
    rewards: &[T],
    offsets: &[i64],
    scale: Option<Scale>,
) -> Result<Vec<T>> {
    let groups = check::offsets(offsets, rewards.len())?;
    if let Some(scale) = scale {
        check_scale(scale)?;
    }
    let bound = |group: usize| offsets.get(group).map_or(0, |&at| row(at));
    let mut out = vec![T::default(); rewards.len()];
    let mut rest = out.as_mut_slice();
    let mut parts = Vec::new();
    for groups in threads::split(groups, |group| bound(group) * WORK_PER_ROW) {
        let (part, after) = rest.split_at_mut(bound(groups.end) - bound(groups.start));
        parts.push((groups, part));
        rest = after;
    }
    threads::map(parts, rewards.len() * WORK_PER_ROW, |(groups, mut part)| {
        for group in groups {
            let rows: Range<usize> = bound(group)..bound(group + 1);
            let (own, after) = std::mem::take(&mut part).split_at_mut(rows.len());
            write_group(rewards.get(rows).unwrap_or_default(), scale, own);
            part = after;
        }
    });
    Ok(out)
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

#[allow(clippy::cast_precision_loss)] // of the size of a group
fn write_group<T: Real>(rewards: &[T], scale: Option<Scale>, out: &mut [T]) {
    let Some(first) = rewards.first().map(|&reward| reward.into()) else {
        return;
    };
    let (mut sum, mut largest) = (0.0, 0.0_f64);
    for &reward in rewards {
        let gap = reward.into() - first;
        sum += gap;
        largest = largest.max(gap.abs());
    }
    if largest == 0.0 && sum == 0.0 {
        return; // out is 0; a NaN is in the sum, though not in the maximum
    }
    let n = rewards.len() as f64;
    let mean = sum / n;
    let gap = |reward: T| (reward.into() - first) - mean;
    let Some(Scale { ddof, eps }) = scale else {
        for (out, &reward) in out.iter_mut().zip(rewards) {
            *out = T::round(gap(reward));
        }
        return;
    };
    let unit = if largest > WIDE {
        1.0 / POWER
    } else if largest < 1.0 / WIDE {
        POWER
    } else {
        1.0
    };
    let mut squares = 0.0;
    for &reward in rewards {
        let gap = gap(reward) * unit;
        squares += gap * gap;
    }
    let spread = (squares / (n - f64::from(ddof))).sqrt() + eps * unit;
    for (out, &reward) in out.iter_mut().zip(rewards) {
        *out = T::round(gap(reward) * unit / spread);
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::unwrap_used)] // exact zeros are the point
mod tests {
    use super::{Scale, group_advantage};
    use crate::Error;

    const SAMPLE: Option<Scale> = Some(Scale { ddof: 1, eps: 0.0 });

    fn one(rewards: &[f64], scale: Option<Scale>) -> Vec<f64> {
        group_advantage(rewards, &[0, i64::try_from(rewards.len()).unwrap()], scale).unwrap()
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
        for size in [1e-320, 1e-200, 1e200, 8e307] {
            let got = one(&[-size, 0.0, size], SAMPLE);
            assert_eq!(got, [-1.0, 0.0, 1.0], "{size}");
        }
    }

    #[test]
    fn bad_rewards_spoil_their_own_group_only() {
        for bad in [f64::NAN, f64::INFINITY] {
            for place in 0..3 {
                let mut rewards = [1.0, 2.0, 3.0, 5.0, 6.0, 7.0];
                rewards[place] = bad;
                let got = group_advantage(&rewards, &[0, 3, 6], SAMPLE).unwrap();
                assert!(got.iter().take(3).all(|x| x.is_nan()));
                assert_eq!(got.get(3..), Some(&[-1.0, 0.0, 1.0][..]));
            }
        }
        assert!(one(&[f64::NAN], SAMPLE)[0].is_nan());
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let error = |scale| group_advantage(&[1.0], &[0, 1], Some(scale)).unwrap_err();
        let ddof = error(Scale { ddof: 2, eps: 0.0 });
        assert_eq!(ddof, Error::domain("ddof", "0 or 1", 2));
        let eps = error(Scale { ddof: 0, eps: -1.0 });
        assert_eq!(eps, Error::domain("eps", "finite and >= 0", -1.0));
    }
}
