//! Sums of outer products of rows, a tile of rows at a time.

use std::ops::Range;

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, MatMut, MatRef, Par};
use pulp::Arch;

use crate::elementary::{add, dispatch};
use crate::threads;

/// Most parts of a sum; a constant, so that it is the same on any number of threads.
pub const BLOCKS: usize = 16;
/// Rows that are multiplied at once; a tile of 215 columns fits the second cache.
pub const TILE: usize = 128;
/// Rows end in zeros that fill a vector.
pub const LANES: usize = 8;
/// Up to this width rows are multiplied here: a library's call costs more than its work.
const NARROW: usize = 64;

/// Length of a row of `width` numbers: whole vectors, of which the numbers from `width` on do not count.
#[must_use]
pub fn stride(width: usize) -> usize {
    width.next_multiple_of(LANES)
}

/// Sum of outer products of rows, in full: `write` gives the sum the rows of a part of 0..count; and what it returns of
/// each part. On several threads.
///
/// Naive equivalent: R'R of all rows R.
pub fn outer_products<R: Send>(
    count: usize,
    width: usize,
    work: usize,
    write: impl Fn(Range<usize>, &mut Gram) -> R + Sync + Send,
) -> (Vec<f64>, Vec<R>) {
    let size = count.div_ceil(BLOCKS).max(1);
    let starts = (0..count).step_by(size);
    let parts = starts.map(|start| start..count.min(start + size));
    let sums = threads::map(parts.collect(), work, |part| {
        let mut gram = Gram::new(width);
        let result = write(part, &mut gram);
        (gram.total(), result)
    });
    let (mut total, mut results) = (vec![0.0; width * width], Vec::new());
    for (sum, result) in sums {
        add(&mut total, &sum);
        results.push(result);
    }
    (mirrored(total, width), results)
}

/// A symmetric matrix of its lower triangle.
#[must_use]
pub fn mirrored(mut matrix: Vec<f64>, width: usize) -> Vec<f64> {
    for row in 0..width {
        for column in row + 1..width {
            let value = matrix.get(column * width + row).copied();
            if let Some(cell) = matrix.get_mut(row * width + column) {
                *cell = value.unwrap_or_default();
            }
        }
    }
    matrix
}

/// Rows that wait, and the lower triangle of the sum of the outer products of those that do not.
#[derive(Debug)]
pub struct Gram {
    width: usize,
    stride: usize,
    /// [TILE, stride], of which columns from `width` on do not count.
    tile: Vec<f64>,
    filled: usize,
    /// [stride, stride], lines and columns from `width` on do not count
    sum: Vec<f64>,
}

impl Gram {
    /// Of rows of `width` numbers.
    #[must_use]
    pub fn new(width: usize) -> Self {
        let stride = stride(width);
        Self {
            width,
            stride,
            tile: vec![0.0; stride * TILE],
            filled: 0,
            sum: vec![0.0; stride * stride],
        }
    }

    /// The next row, of zeros, to be filled up to `width`.
    pub fn row(&mut self) -> &mut [f64] {
        if self.filled == TILE {
            self.flush();
        }
        let start = self.filled * self.stride;
        self.filled += 1;
        let row = self.tile.get_mut(start..start + self.stride);
        let row = row.unwrap_or_default();
        row.fill(0.0);
        row
    }

    /// The sum of all rows' products, [width, width]; naive equivalent: R'R of all rows R. O(width²) a row
    #[must_use]
    pub fn total(mut self) -> Vec<f64> {
        self.flush();
        let lines = self.sum.chunks_exact(self.stride);
        lines
            .take(self.width)
            .flat_map(|line| line.iter().take(self.width).copied())
            .collect()
    }

    fn flush(&mut self) {
        let tile = std::mem::take(&mut self.tile);
        self.take(&tile, self.filled);
        (self.tile, self.filled) = (tile, 0);
    }

    /// Adds the products of the first `filled` rows of a tile [TILE, stride].
    pub fn take(&mut self, tile: &[f64], filled: usize) {
        let width = self.width;
        if filled * width == 0 {
            return;
        }
        if width <= NARROW {
            self.multiply(tile, filled);
            return;
        }
        // The upper triangle by columns is the lower one by rows.
        let rows = MatRef::from_row_major_slice_with_stride(tile, filled, width, self.stride);
        matmul(
            MatMut::from_column_major_slice_with_stride_mut(
                self.sum.get_mut(..width * self.stride).unwrap_or_default(),
                width,
                width,
                self.stride,
            ),
            BlockStructure::TriangularUpper,
            Accum::Add,
            rows.transpose(),
            BlockStructure::Rectangular,
            rows,
            BlockStructure::Rectangular,
            1.0,
            Par::Seq,
        );
    }

    /// In squares of [`LANES`] lines and columns up to the diagonal, whose sums stay in registers.
    fn multiply(&mut self, tile: &[f64], filled: usize) {
        let stride = self.stride;
        let rows = tile.get(..filled * stride).unwrap_or_default();
        dispatch(
            Arch::new(),
            #[inline(always)]
            || {
                for (i, lines) in self.sum.chunks_exact_mut(LANES * stride).enumerate() {
                    for j in 0..=i {
                        let square = square(rows, stride, i, j);
                        for (line, sums) in lines.chunks_exact_mut(stride).zip(&square) {
                            let line = line.get_mut(j * LANES..).unwrap_or_default();
                            line.iter_mut().zip(sums).for_each(|(total, x)| *total += x);
                        }
                    }
                }
            },
        );
    }
}

/// Products of the numbers i·LANES.. and j·LANES.. of each row.
#[allow(clippy::inline_always)] // part of the dispatched closure
#[inline(always)]
fn square(rows: &[f64], stride: usize, i: usize, j: usize) -> [[f64; LANES]; LANES] {
    let mut sums = [[0.0; LANES]; LANES];
    for row in rows.chunks_exact(stride) {
        let (parts, _) = row.as_chunks::<LANES>();
        let (Some(left), Some(right)) = (parts.get(i), parts.get(j)) else {
            continue;
        };
        for (line, x) in sums.iter_mut().zip(left) {
            for (sum, y) in line.iter_mut().zip(right) {
                *sum = x.mul_add(*y, *sum);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::{Gram, TILE};
    use crate::elementary::float;

    #[test]
    fn products_are_summed_over_tiles() {
        check(3);
        check(71);
    }

    fn check(width: usize) {
        let mut gram = Gram::new(width);
        let mut naive = vec![0.0; width * width];
        for i in 0..2 * TILE + 5 {
            let row: Vec<f64> = (0..width)
                .map(|j| float((i + j * j) % 7) - float(j % 3))
                .collect();
            gram.row()
                .iter_mut()
                .zip(&row)
                .for_each(|(cell, x)| *cell = *x);
            for (cell, value) in naive.iter_mut().enumerate() {
                let at = |place: usize| row.get(place).copied().unwrap_or_default();
                *value += at(cell / width) * at(cell % width);
            }
        }
        let total = gram.total();
        for (cell, (got, want)) in total.iter().zip(&naive).enumerate() {
            if cell % width <= cell / width {
                assert!((got - want).abs() < 1e-9, "{width} {cell}");
            }
        }
    }
}
