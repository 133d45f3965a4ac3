//! Sums of outer products of rows, a tile of rows at a time.

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, MatMut, MatRef, Par};

/// Rows that are multiplied at once; a tile of 215 columns fits the second cache.
pub const TILE: usize = 128;

/// Rows that wait, and the lower triangle of the sum of the outer products of those that do not.
#[derive(Debug)]
pub struct Gram {
    width: usize,
    /// [TILE, width + 1], of which the last column does not count.
    tile: Vec<f64>,
    filled: usize,
    /// [width, width]
    sum: Vec<f64>,
}

impl Gram {
    /// Of rows of `width` numbers.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self {
            width,
            tile: vec![0.0; (width + 1) * TILE],
            filled: 0,
            sum: vec![0.0; width * width],
        }
    }

    /// The next row, of zeros, to be filled; one entry longer than `width`, for what does not count.
    pub fn row(&mut self) -> &mut [f64] {
        if self.filled == TILE {
            self.flush();
        }
        let start = self.filled * (self.width + 1);
        self.filled += 1;
        let row = self.tile.get_mut(start..=start + self.width);
        let row = row.unwrap_or_default();
        row.fill(0.0);
        row
    }

    /// The sum of all rows' products; naive equivalent: R'R of all rows R. O(width²) a row
    #[must_use]
    pub fn total(mut self) -> Vec<f64> {
        self.flush();
        self.sum
    }

    fn flush(&mut self) {
        let (filled, width) = (self.filled, self.width);
        self.filled = 0;
        if filled * width == 0 {
            return;
        }
        let rows = MatRef::from_row_major_slice_with_stride(&self.tile, filled, width, width + 1);
        matmul(
            MatMut::from_row_major_slice_mut(&mut self.sum, width, width),
            BlockStructure::TriangularLower,
            Accum::Add,
            rows.transpose(),
            BlockStructure::Rectangular,
            rows,
            BlockStructure::Rectangular,
            1.0,
            Par::Seq,
        );
    }
}

/// Adds `part` to `total`, entry by entry.
pub fn add(total: &mut [f64], part: &[f64]) {
    total
        .iter_mut()
        .zip(part)
        .for_each(|(total, part)| *total += part);
}

#[cfg(test)]
mod tests {
    use super::{Gram, TILE};
    use crate::elementary::float;

    #[test]
    fn products_are_summed_over_tiles() {
        let mut gram = Gram::new(3);
        let mut naive = vec![0.0; 9];
        for i in 0..2 * TILE + 5 {
            let row = [1.0, float(i % 7), float(i % 3) - 1.0];
            gram.row()
                .iter_mut()
                .zip(row)
                .for_each(|(cell, x)| *cell = x);
            for (cell, value) in naive.iter_mut().enumerate() {
                let at = |place: usize| row.get(place).copied().unwrap_or_default();
                *value += at(cell / 3) * at(cell % 3);
            }
        }
        let total = gram.total();
        for (cell, (got, want)) in total.iter().zip(&naive).enumerate() {
            if cell % 3 <= cell / 3 {
                assert!((got - want).abs() < 1e-9, "{cell}");
            }
        }
    }
}
