//! Soft ranks: the Euclidean projection of scores onto the permutahedron.

use super::lists::{Float, Order, check_positive, per_row, read};
use crate::check;
use crate::elementary::float;
use crate::error::Result;
use crate::ragged;

/// Work of a row in compares.
const WORK_PER_ROW: usize = 32;

/// Sums of as many values as fit in memory are finite below it.
const LARGE: f64 = 1e290;

/// The point of the permutahedron of (1, …, n) nearest to ∓scores / strength, one list after the other.
///
/// With a small strength the ranks themselves, 1 for the largest score where `descending` and for the smallest otherwise;
/// with a large one all near (n + 1) / 2. Equal scores share their mean rank at every strength. A list with a score that
/// is not finite has NaN ranks. O(n log n) time.
///
/// # Errors
/// Bad offsets, a strength that is not above 0, columns of other lengths.
///
/// ```
/// let mut ranks = [0.0; 3];
/// prefcore::ranking::soft_rank(&[1.0, 1.0, 0.0], &[0, 3], 0.001, true, &mut ranks)?;
/// assert_eq!(ranks, [1.5, 1.5, 3.0]);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn soft_rank<T: Float>(
    scores: &[T],
    offsets: &[i64],
    strength: f64,
    descending: bool,
    out: &mut [T],
) -> Result<()> {
    let bounds = ragged::bounds(offsets, scores.len())?;
    check_positive("strength", strength)?;
    per_row(&bounds, cost, out, |list: &mut List, rows, ranks| {
        read(&mut list.input, scores, rows);
        list.project(strength, descending);
        list.values.clear();
        for block in &list.blocks {
            let z = list
                .sorted
                .get(block.start..block.end())
                .unwrap_or_default();
            let anchor = z.first().copied().unwrap_or(0.0);
            let mean = z.iter().map(|z| z - anchor).sum::<f64>() / float(z.len());
            let place = float(list.sorted.len()) - float(2 * block.start + block.length - 1) / 2.0;
            let values = z.iter().map(|z| (z - anchor - mean) + place);
            list.values.extend(values);
        }
        list.finish(ranks);
    })
}

/// `upstream` times the derivatives of [`soft_rank`] by the scores.
///
/// The derivative of a block of rows that share a constraint is that of their distance from its mean. O(n log n) time.
///
/// # Errors
/// Those of [`soft_rank`].
pub fn soft_rank_vjp<T: Float>(
    scores: &[T],
    upstream: &[T],
    offsets: &[i64],
    strength: f64,
    descending: bool,
    out: &mut [T],
) -> Result<()> {
    let bounds = ragged::bounds(offsets, scores.len())?;
    check_positive("strength", strength)?;
    check::same_length("upstream", upstream.len(), "scores", scores.len())?;
    let scale = signed(strength, descending);
    per_row(&bounds, cost, out, |list: &mut List, rows, grad| {
        read(&mut list.input, scores, rows.clone());
        list.project(strength, descending);
        read(&mut list.input, upstream, rows);
        list.order.gather(&mut list.sorted, &list.input);
        list.values.clear();
        for block in &list.blocks {
            let upstream = list
                .sorted
                .get(block.start..block.end())
                .unwrap_or_default();
            let mean = upstream.iter().sum::<f64>() / float(upstream.len());
            let values = upstream.iter().map(|u| (u - mean) / scale);
            list.values.extend(values);
        }
        list.finish(grad);
    })
}

fn cost(rows: usize) -> usize {
    rows * WORK_PER_ROW
}

fn signed(strength: f64, descending: bool) -> f64 {
    if descending { -strength } else { strength }
}

/// Falling scores / strength. Where that may overflow: numbers with the same gaps, of which those that no block crosses
/// are cut to 2 n.
fn divide(falling: &mut [f64], strength: f64) {
    if falling.iter().all(|s| (s / strength).abs() < LARGE) {
        for score in falling {
            *score /= strength;
        }
        return;
    }
    let cut = 2.0 * float(falling.len());
    let mut before = falling.first().copied().unwrap_or_default();
    let mut z = 0.0;
    for score in falling {
        z -= ((before - *score) / strength).min(cut);
        before = *score;
        *score = z;
    }
}

/// Consecutive rows with one value of the isotonic regression.
#[derive(Debug, Clone, Copy)]
struct Block {
    start: usize,
    length: usize,
    sum: f64,
}

impl Block {
    fn end(&self) -> usize {
        self.start + self.length
    }

    fn mean(&self) -> f64 {
        self.sum / float(self.length)
    }
}

#[derive(Debug, Default)]
struct List {
    order: Order,
    input: Vec<f64>,
    /// z = ∓scores / strength, the largest first.
    sorted: Vec<f64>,
    blocks: Vec<Block>,
    values: Vec<f64>,
    broken: bool,
}

impl List {
    /// Isotonic regression of z - (n, …, 1), falling, by pooling neighbors that are out of order.
    fn project(&mut self, strength: f64, descending: bool) {
        let sign = signed(1.0, descending);
        self.broken = self.input.iter().any(|score| !score.is_finite());
        for score in &mut self.input {
            *score *= sign;
        }
        self.order.descending(&self.input);
        self.order.gather(&mut self.sorted, &self.input);
        divide(&mut self.sorted, strength);
        self.blocks.clear();
        for (start, z) in self.sorted.iter().enumerate() {
            let sum = z - float(self.sorted.len() - start);
            let mut block = Block {
                start,
                length: 1,
                sum,
            };
            while let Some(before) = self.blocks.last().copied() {
                if before.mean() > block.mean() {
                    break;
                }
                self.blocks.pop();
                block = Block {
                    start: before.start,
                    length: before.length + block.length,
                    sum: before.sum + block.sum,
                };
            }
            self.blocks.push(block);
        }
    }

    /// Puts the values back into the order of the input.
    fn finish(&mut self, to: &mut Vec<f64>) {
        if self.broken {
            self.values.fill(f64::NAN);
        }
        self.order.scatter(to, &self.values);
    }
}
