//! Widest paths between all pairs of items: the strongest chain of majorities, which Schulze's rule compares.

use pulp::Arch;

use crate::elementary::dispatch;
use crate::threads;

/// Middle items of a round.
const ROUND: usize = 32;
/// Columns that pass at a time, so that those of all middle items (16 kB) stay in the first cache.
const COLUMNS: usize = 64;
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
                || widen(block, &middle, first, n),
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

/// Rows over all middle items of the round.
#[allow(clippy::inline_always)]
#[inline(always)]
fn widen(block: &mut [f64], middle: &[f64], first: usize, n: usize) {
    let mut widths = [[0.0; ROUND]; ROWS];
    for (widths, row) in widths.iter_mut().zip(block.chunks_exact(n)) {
        for (width, &own) in widths.iter_mut().zip(row.iter().skip(first)) {
            *width = own;
        }
    }
    for start in (0..n).step_by(COLUMNS) {
        let columns = start..(start + COLUMNS).min(n);
        for (row, widths) in block.chunks_exact_mut(n).zip(&widths) {
            let row = row.get_mut(columns.clone()).unwrap_or_default();
            for (widths, rows) in widths.chunks_exact(4).zip(middle.chunks_exact(4 * n)) {
                widen_four(row, widths, rows, start, n);
            }
        }
    }
}

/// Columns of one row over four middle items: a fourth of the loads and stores.
#[allow(clippy::inline_always)]
#[inline(always)]
fn widen_four(row: &mut [f64], widths: &[f64], middle: &[f64], start: usize, n: usize) {
    let length = row.len();
    let over = |k: usize| {
        middle
            .get(k * n + start..k * n + start + length)
            .unwrap_or_default()
    };
    let &[width_a, width_b, width_c, width_d] = widths else {
        return;
    };
    let columns = over(0).iter().zip(over(1)).zip(over(2)).zip(over(3));
    for (own, (((&over_a, &over_b), &over_c), &over_d)) in row.iter_mut().zip(columns) {
        let one = wider(wider(*own, width_a, over_a), width_b, over_b);
        *own = wider(wider(one, width_c, over_c), width_d, over_d);
    }
}

/// max(own, min(width, other)), by comparisons: `f64::max` must also treat NaN, these become one instruction each.
#[allow(clippy::inline_always)]
#[inline(always)]
const fn wider(own: f64, width: f64, other: f64) -> f64 {
    let chain = if other < width { other } else { width };
    if chain > own { chain } else { own }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::widest_paths;
    use crate::elementary::float;
    use crate::random::Draws;

    #[test]
    fn rounds_give_what_one_middle_item_at_a_time_gives() {
        for n in [1, 2, 3, 5, 31, 32, 33, 70] {
            let mut draws = Draws::new(7);
            let strengths: Vec<f64> = (0..n * n)
                .map(|_| float(draws.below(1_000).saturating_sub(400)))
                .collect();
            let mut want = strengths.clone();
            for k in 0..n {
                for i in 0..n {
                    for j in 0..n {
                        let chain = want[i * n + k].min(want[k * n + j]);
                        want[i * n + j] = want[i * n + j].max(chain);
                    }
                }
            }
            want.iter_mut()
                .step_by(n + 1)
                .for_each(|width| *width = 0.0);
            assert_eq!(widest_paths(&strengths, n), want);
        }
    }
}
