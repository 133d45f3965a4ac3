//! Overlap of two rankings of which each may hold items that the other lacks.

use crate::elementary::float;
use crate::error::{Error, Result};
use crate::ragged;

/// Rank-biased overlap of two rankings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankBiasedOverlap {
    /// With the agreement at the end extrapolated to infinite depth.
    pub extrapolated: f64,
    /// The sum down to the common depth; NaN where the depths differ.
    pub truncated: f64,
}

const UNDEFINED: RankBiasedOverlap = RankBiasedOverlap {
    extrapolated: f64::NAN,
    truncated: f64::NAN,
};

/// Rank-biased overlap of two rankings per group, best item first; NaN where one of them is empty.
///
/// With `X_d` the number of items that both hold down to depth d, s and l the lengths of the shorter and the longer one:
/// truncated = (1 - p) sum `X_d` / d p^(d - 1) over d <= s = l; extrapolated as Webber, Moffat and Zobel (2010), eq. 32.
/// O(n log n) time, by sorting the items. The same as intersecting the two heads at every depth.
///
/// # Errors
/// p outside (0, 1), bad offsets, different numbers of groups, an item twice in a ranking.
///
/// ```
/// use prefcore::metrics::rank_biased_overlap;
/// # fn main() -> prefcore::Result<()> {
/// let overlap = rank_biased_overlap(&[1, 2], &[2, 1], &[0, 2], &[0, 2], 0.5)?;
/// assert_eq!(overlap[0].truncated, 0.25); // 1/2 of the items at depth 2, weighing 1/4 there, and none at depth 1
/// assert_eq!(overlap[0].extrapolated, 0.5);
/// # Ok(())
/// # }
/// ```
pub fn rank_biased_overlap(
    a: &[i64],
    b: &[i64],
    a_offsets: &[i64],
    b_offsets: &[i64],
    p: f64,
) -> Result<Vec<RankBiasedOverlap>> {
    if !(p > 0.0 && p < 1.0) {
        return Err(Error::domain("p", "in (0, 1)", p));
    }
    let a_bounds = ragged::bounds(a_offsets, a.len()).map_err(|error| error.of("a_offsets"))?;
    let b_bounds = ragged::bounds(b_offsets, b.len()).map_err(|error| error.of("b_offsets"))?;
    if a_bounds.len() != b_bounds.len() {
        let expected = format!("{} entries like a_offsets", a_bounds.len());
        return Err(Error::shape("b_offsets", expected, b_bounds.len()));
    }
    let pairs: Vec<_> = ragged::ranges(&a_bounds)
        .zip(ragged::ranges(&b_bounds))
        .collect();
    let groups: Vec<usize> = (0..=pairs.len()).collect(); // one "row" per group: two kinds of rows are to be split at once
    let work = 64 * (a.len() + b.len()) / pairs.len().max(1);
    ragged::map(
        &groups,
        |_| work,
        |lists: &mut Items, group| {
            let (rows_a, rows_b) = pairs.get(group.start).cloned().unwrap_or_default();
            let (start_a, start_b) = (rows_a.start, rows_b.start);
            let a = a.get(rows_a).unwrap_or_default();
            let b = b.get(rows_b).unwrap_or_default();
            sort("a", a, start_a, &mut lists.a)?;
            sort("b", b, start_b, &mut lists.b)?;
            lists.match_depths(a.len().max(b.len()));
            Ok(overlap(&lists.new, a.len().min(b.len()), p))
        },
    )
}

#[derive(Debug, Default)]
struct Items {
    /// Items and their depths from 1, in order of the items.
    a: Vec<(i64, usize)>,
    b: Vec<(i64, usize)>,
    /// Items that both hold from each depth on, depth 1 first.
    new: Vec<u32>,
}

impl Items {
    fn match_depths(&mut self, longest: usize) {
        self.new.clear();
        self.new.resize(longest, 0);
        let mut others = self.b.iter().peekable();
        for &(item, depth) in &self.a {
            while others.next_if(|other| other.0 < item).is_some() {}
            if let Some(&(_, other)) = others.next_if(|other| other.0 == item)
                && let Some(new) = self.new.get_mut(depth.max(other) - 1)
            {
                *new += 1;
            }
        }
    }
}

/// Items of a ranking with their depths, sorted; refuses one that comes twice.
fn sort(
    argument: &'static str,
    ranking: &[i64],
    start: usize,
    items: &mut Vec<(i64, usize)>,
) -> Result<()> {
    items.clear();
    items.extend(ranking.iter().copied().zip(1..));
    items.sort_unstable();
    let pairs = items.iter().zip(items.iter().skip(1));
    let twice = pairs.filter(|(one, next)| one.0 == next.0);
    match twice.min_by_key(|(_, next)| next.1) {
        None => Ok(()),
        Some((one, next)) => Err(Error::domain_at(
            argument,
            [start + next.1 - 1],
            "an item that its ranking has not held yet",
            format!("the one of {argument}[{}]", start + one.1 - 1),
        )),
    }
}

/// The two sums over depths, given the items that become common at each; `shorter` is the length of the shorter ranking.
fn overlap(new: &[u32], shorter: usize, p: f64) -> RankBiasedOverlap {
    if shorter == 0 {
        return UNDEFINED;
    }
    let (s, l) = (float(shorter), float(new.len()));
    let (mut sum, mut beyond, mut common, mut common_at_s) = (0.0, 0.0, 0.0, 0.0);
    let mut weight = 1.0;
    for (depth, &new) in (1_usize..).zip(new) {
        let d = float(depth);
        weight *= p;
        common += f64::from(new);
        sum += common / d * weight;
        if depth <= shorter {
            common_at_s = common;
        } else {
            beyond += common_at_s * (d - s) / (s * d) * weight;
        }
    }
    let end = (common - common_at_s) / l + common_at_s / s;
    let base = (1.0 - p) / p;
    RankBiasedOverlap {
        extrapolated: (base * (sum + beyond) + end * weight).min(1.0),
        truncated: if new.len() == shorter {
            base * sum
        } else {
            f64::NAN
        },
    }
}
