//! Sums of outer products of rows, a tile of rows at a time.

use std::ops::Range;

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, MatMut, MatRef, Par};
use pulp::Arch;

use crate::elementary::{add, dispatch};
use crate::threads;

/// Most parts of a sum; a constant, so that it is the same on any number of threads.
pub const BLOCKS: usize = 32;
/// Rows that are multiplied at once; a tile of 215 columns fits the second cache.
pub const TILE: usize = 128;
/// Rows end in zeros that fill a vector.
pub const LANES: usize = 8;
/// Up to this width rows are multiplied here: a library's call costs more than its work.
const NARROW: usize = 64;
/// Rows of one pass over the sums of a narrow matrix.
const ROWS: usize = 4;

/// Length of a row of `width` numbers, and some for what does not count.
#[must_use]
pub fn stride(width: usize) -> usize {
    (width + LANES).next_multiple_of(LANES)
}

/// Sum of outer products of rows, in full: `write` gives the sum the rows of a part of 0..count. On several threads.
///
/// Naive equivalent: R'R of all rows R.
pub fn outer_products(
    count: usize,
    width: usize,
    work: usize,
    write: impl Fn(Range<usize>, &mut Gram) + Sync + Send,
) -> Vec<f64> {
    let size = count.div_ceil(BLOCKS).max(1);
    let starts = (0..count).step_by(size);
    let parts = starts.map(|start| start..count.min(start + size));
    let sums = threads::map(parts.collect(), work, |part| {
        let mut gram = Gram::new(width);
        write(part, &mut gram);
        gram.total()
    });
    let mut total = vec![0.0; width * width];
    for sum in sums {
        add(&mut total, &sum);
    }
    mirrored(total, width)
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
    /// [width, stride]
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
            sum: vec![0.0; width * stride],
        }
    }

    /// The next row, of zeros, to be filled; longer than `width`, for what does not count.
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
            .flat_map(|line| line.iter().take(self.width).copied())
            .collect()
    }

    fn flush(&mut self) {
        let mut tile = std::mem::take(&mut self.tile);
        self.take(&mut tile, self.filled);
        (self.tile, self.filled) = (tile, 0);
    }

    /// Adds the products of the first `filled` rows of a tile [TILE, stride]; the others may be overwritten.
    pub fn take(&mut self, tile: &mut [f64], filled: usize) {
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
                &mut self.sum,
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

    /// A few rows in one pass over the sums, in whole vectors up to the diagonal.
    fn multiply(&mut self, tile: &mut [f64], filled: usize) {
        let Self { stride, sum, .. } = self;
        let end = filled.next_multiple_of(ROWS) * *stride;
        tile.get_mut(filled * *stride..end)
            .unwrap_or_default()
            .fill(0.0);
        dispatch(
            Arch::new(),
            #[inline(always)]
            || {
                for rows in tile
                    .get(..end)
                    .unwrap_or_default()
                    .chunks_exact(ROWS * *stride)
                {
                    let (one, rest) = rows.split_at(*stride);
                    let (two, rest) = rest.split_at(*stride);
                    let (three, four) = rest.split_at(*stride);
                    for (i, line) in sum.chunks_exact_mut(*stride).enumerate() {
                        let [a, b, c, d] =
                            [one, two, three, four].map(|row| row.get(i).copied().unwrap_or(0.0));
                        let line = line.get_mut(..(i / LANES + 1) * LANES).unwrap_or_default();
                        let others = one.iter().zip(two).zip(three.iter().zip(four));
                        for (total, ((x, y), (z, w))) in line.iter_mut().zip(others) {
                            *total += a.mul_add(*x, b * y) + c.mul_add(*z, d * w);
                        }
                    }
                }
            },
        );
    }
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
