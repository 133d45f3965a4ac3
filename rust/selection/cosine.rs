//! Nearest neighbors by cosine.

use std::ops::Range;

use pulp::Arch;

use super::as_row;
use super::dots::{Directions, Entry, LANES, QUERIES, narrow, products};
use crate::elementary::dispatch;
use crate::error::Result;
use crate::threads;

/// Room for candidates of all queries of a block, in each part of the pool.
const CANDIDATES: usize = 1 << 20;

/// For every query its nearest rows, nearest first, one query after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbors {
    /// Rows of the pool.
    pub rows: Vec<i64>,
    /// Their cosines.
    pub similarity: Vec<f64>,
}

/// The k rows of the pool (all where it has fewer) of highest cosine with each query, the earlier row first among equals.
///
/// Cosines are computed in f64, whatever comes in. Of P rows and Q queries all P Q products are computed in f32 by tiles,
/// and those in f64 only where the f32 product is within its own error bound of being among the k highest. So the result is that
/// of computing all of them in f64 and sorting, for any number of threads and any place of a query among others.
/// O(P Q columns) time, O(P + Q (columns + k)) memory.
///
/// # Errors
/// No columns, a length that is no multiple of them, an entry that is not finite, a row of zeros.
///
/// ```
/// use prefcore::selection::top_k_cosine;
/// let (pool, queries) = ([1.0, 0.0, 0.0, 1.0, 1.0, 1.0], [3.0, 4.0]);
/// let nearest = top_k_cosine(&pool, &queries, 2, 2).unwrap();
/// assert_eq!(nearest.rows, [2, 1]);
/// assert!((nearest.similarity[1] - 0.8).abs() < 1e-15);
/// ```
pub fn top_k_cosine<T: Entry>(
    pool: &[T],
    queries: &[T],
    columns: usize,
    k: usize,
) -> Result<Neighbors> {
    let pool = Directions::new("pool", pool, columns)?;
    let queries = Directions::new("queries", queries, columns)?;
    let k = k.min(pool.rows());
    let block = (CANDIDATES / room(k)).clamp(1, 4096) * QUERIES;
    let mut found = Neighbors {
        rows: Vec::with_capacity(queries.rows().saturating_mul(k)),
        similarity: Vec::with_capacity(queries.rows().saturating_mul(k)),
    };
    for first in (0..queries.rows()).step_by(block) {
        let own = first..queries.rows().min(first + block);
        nearest(&pool, &queries, own, k, &mut found);
    }
    Ok(found)
}

/// Number of candidates from which on some are dropped.
fn room(k: usize) -> usize {
    k.saturating_mul(2).saturating_add(64)
}

/// The neighbors of some queries.
fn nearest<T: Entry>(
    pool: &Directions<'_, T>,
    queries: &Directions<'_, T>,
    own: Range<usize>,
    k: usize,
    found: &mut Neighbors,
) {
    let mut tiles = Vec::new();
    for query in own.clone().step_by(QUERIES) {
        queries.interleave::<QUERIES>(query, &mut tiles);
    }
    let slack = 2.0 * error_bound(pool.columns);
    let panels = pool.rows().div_ceil(LANES);
    let work = own.len().saturating_mul(pool.columns);
    let parts = threads::split(panels, |panel| {
        panel.saturating_mul(LANES).saturating_mul(work)
    });
    let total = pool.rows().saturating_mul(work);
    let mut parts = threads::map(parts, total, |panels| {
        let mut lists = vec![Candidates::new(k, slack); own.len()];
        scan(pool, &tiles, panels, &mut lists, |list, candidates| {
            ranked(pool, &queries.unit_vector(own.start + list), candidates, k)
        });
        lists
    });
    let Some(mut lists) = parts.pop() else { return };
    for part in parts {
        for (list, other) in lists.iter_mut().zip(part) {
            list.kept.extend(other.kept);
        }
    }
    let jobs = lists.iter_mut().zip(own.clone()).collect();
    let exact = threads::map(jobs, total / LANES, |(list, query)| {
        list.drop_others();
        ranked(pool, &queries.unit_vector(query), &list.kept, k)
    });
    for (similarity, row) in exact.into_iter().flatten() {
        found.rows.push(as_row(row));
        found.similarity.push(similarity);
    }
}

/// Offers some rows of the pool to all lists; `rank` knows the k highest in f64 among the candidates of a list.
fn scan<T: Entry>(
    pool: &Directions<'_, T>,
    tiles: &[[f32; QUERIES]],
    panels: Range<usize>,
    lists: &mut [Candidates],
    rank: impl Fn(usize, &[(f32, usize)]) -> Vec<(f64, usize)>,
) {
    let arch = Arch::new();
    let mut panel = Vec::with_capacity(pool.columns);
    for row in panels.map(|panel| panel * LANES) {
        panel.clear();
        pool.interleave::<LANES>(row, &mut panel);
        let present = pool.rows() - row; // the panel may end behind them
        let tiles = tiles.chunks_exact(pool.columns);
        for (place, (tile, lists)) in tiles.zip(lists.chunks_mut(QUERIES)).enumerate() {
            let products = dispatch(
                arch,
                #[inline(always)]
                || products(tile, &panel),
            );
            for (query, (list, products)) in lists.iter_mut().zip(products).enumerate() {
                let present = products.get(..present).unwrap_or(&products);
                if list.offer(row, present) {
                    list.kept = rank(place * QUERIES + query, &list.kept)
                        .into_iter()
                        .map(|(cosine, row)| (narrow(cosine), row))
                        .collect();
                }
            }
        }
    }
}

/// By how much a product of unit vectors in f32 may differ from that in f64: entries and products are rounded, the
/// latter as often as there are columns; the sum of their magnitudes is at most 1.
#[allow(clippy::cast_precision_loss)]
fn error_bound(columns: usize) -> f32 {
    (columns as f32 + 8.0) * 1.25 * (f32::EPSILON / 2.0)
}

/// The cosines of the candidates in f64, highest first, and their rows.
fn ranked<T: Entry>(
    pool: &Directions<'_, T>,
    query: &[f64],
    candidates: &[(f32, usize)],
    k: usize,
) -> Vec<(f64, usize)> {
    let arch = Arch::new();
    let cosine = |&(_, row): &(f32, usize)| (pool.cosine(arch, row, query), row);
    let mut exact: Vec<(f64, usize)> = candidates.iter().map(cosine).collect();
    exact.sort_unstable_by(|(a, first), (b, second)| b.total_cmp(a).then(first.cmp(second)));
    exact.truncate(k);
    exact
}

/// Rows whose product may be among the k highest of those seen.
#[derive(Debug, Clone)]
struct Candidates {
    k: usize,
    slack: f32,
    limit: f32,
    kept: Vec<(f32, usize)>,
}

impl Candidates {
    fn new(k: usize, slack: f32) -> Self {
        Self {
            k,
            slack,
            limit: if k == 0 {
                f32::INFINITY
            } else {
                f32::NEG_INFINITY
            },
            kept: Vec::new(),
        }
    }

    /// Returns whether so many products are nearly equal that only f64 tells which to drop.
    #[inline]
    fn offer(&mut self, row: usize, products: &[f32]) -> bool {
        let highest = products.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        if highest < self.limit {
            return false;
        }
        for (lane, &product) in products.iter().enumerate() {
            if product >= self.limit {
                self.kept.push((product, row + lane));
            }
        }
        if self.kept.len() < room(self.k) {
            return false;
        }
        self.drop_others();
        self.kept.len() > room(self.k) / 4 * 3
    }

    fn drop_others(&mut self) {
        if self.k > 0 && self.kept.len() > self.k {
            let falling = |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0);
            let (_, &mut (last, _), _) = self.kept.select_nth_unstable_by(self.k - 1, falling);
            let limit = last - self.slack;
            self.limit = limit;
            self.kept.retain(|&(product, _)| product >= limit);
        }
    }
}
