//! Widest paths between all pairs of items: the strongest chain of majorities, which Schulze's rule compares.

use pulp::Arch;

use crate::elementary::dispatch;
use crate::threads;

/// Middle items of a round. Their rows (128 kB for 500 items) stay in the cache while all other rows pass.
const ROUND: usize = 32;
/// Rows that a thread takes at a time.
const ROWS: usize = 16;

/// path[i, j] = the largest, over chains from i to j, of the smallest strength on the chain: O(n³).
///
/// `strengths` are [n, n], row by row, >= 0; 0 = no majority. The diagonal becomes 0. Naive: for each middle item k,
/// path[i, j] ← max(path[i, j], min(path[i, k], path[k, j])). Here `ROUND` middle items at a time: first among
/// themselves, then for all rows. Every number is one of the strengths, so that the order of work changes no bit.
///
/// ```
/// use prefcore::games::widest_paths;
///
/// let strengths = [0.0, 5.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0];
/// assert_eq!(widest_paths(&strengths, 3), [0.0, 5.0, 3.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0]);
/// ```
#[must_use]
pub fn widest_paths(strengths: &[f64], n: usize) -> Vec<f64> {
    let mut paths = strengths.to_vec();
    let mut middle = Vec::new();
    for first in (0..n).step_by(ROUND) {
        middle.clear();
        middle.extend(paths.iter().skip(first * n).take(ROUND * n));
        middle.resize(middle.len().div_ceil(4 * n) * 4 * n, 0.0);
        close(&mut middle, first, n);
        let blocks: Vec<_> = paths.chunks_mut(ROWS * n).collect();
        threads::map(blocks, n * n * ROUND / 4, |block| {
            dispatch(
                Arch::new(),
                #[inline(always)]
                || {
                    block
                        .chunks_exact_mut(n)
                        .for_each(|row| widen(row, &middle, first))
                },
            );
        });
    }
    let diagonal = paths.iter_mut().step_by(n + 1);
    diagonal.for_each(|width| *width = 0.0);
    paths
}

/// Chains between the middle items over one another.
fn close(middle: &mut [f64], first: usize, n: usize) {
    for k in 0..middle.len() / n.max(1) {
        let over: Vec<f64> = middle.iter().skip(k * n).take(n).copied().collect();
        for row in middle.chunks_exact_mut(n) {
            let width = row.get(first + k).copied().unwrap_or(0.0);
            for (own, &other) in row.iter_mut().zip(&over) {
                *own = wider(*own, width, other);
            }
        }
    }
}

/// A row over all middle items of the round, four at a time: a fourth of the loads and stores.
#[allow(clippy::inline_always)]
#[inline(always)]
fn widen(row: &mut [f64], middle: &[f64], first: usize) {
    let n = row.len();
    let mut widths = [0.0; ROUND];
    for (width, &own) in widths.iter_mut().zip(row.iter().skip(first)) {
        *width = own;
    }
    for (widths, rows) in widths.chunks_exact(4).zip(middle.chunks_exact(4 * n)) {
        let (&[a, b, c, d], (ab, cd)) = (widths, rows.split_at(2 * n)) else {
            continue;
        };
        let ((over_a, over_b), (over_c, over_d)) = (ab.split_at(n), cd.split_at(n));
        let columns = over_a.iter().zip(over_b).zip(over_c).zip(over_d);
        for (own, (((&over_a, &over_b), &over_c), &over_d)) in row.iter_mut().zip(columns) {
            let one = wider(wider(*own, a, over_a), b, over_b);
            *own = wider(wider(one, c, over_c), d, over_d);
        }
    }
}

/// max(own, min(width, other)), by comparisons: f64::max must also treat NaN, these become one instruction each.
#[allow(clippy::inline_always)]
#[inline(always)]
const fn wider(own: f64, width: f64, other: f64) -> f64 {
    let chain = if other < width { other } else { width };
    if chain > own { chain } else { own }
}

#[cfg(test)]
mod tests {
    use super::widest_paths;
    use crate::random::Stream;
}
