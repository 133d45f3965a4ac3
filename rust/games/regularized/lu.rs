//! Elimination with row pivots for systems of a few unknowns, in memory that serves one after another.

/// The matrix, row by row; destroyed by the solve.
#[derive(Debug, Default)]
pub struct Lu {
    pub matrix: Vec<f64>,
}

impl Lu {
    /// Replaces the right sides (columns one after the other) by the solutions. O(n³)
    pub fn solve(&mut self, n: usize, sides: &mut [f64]) {
        for column in 0..n {
            self.pivot(n, column, sides);
            let (done, below) = self.matrix.split_at_mut((column + 1) * n);
            let pivot_row = done.get(column * n..).unwrap_or_default();
            let own = pivot_row.get(column).copied().unwrap_or(f64::NAN);
            for (offset, row) in below.chunks_exact_mut(n).enumerate() {
                let factor = row.get(column).copied().unwrap_or(0.0) / own;
                for (x, above) in row.iter_mut().zip(pivot_row).skip(column) {
                    *x -= factor * above;
                }
                for side in sides.chunks_exact_mut(n) {
                    let above = side.get(column).copied().unwrap_or(0.0);
                    if let Some(x) = side.get_mut(column + 1 + offset) {
                        *x -= factor * above;
                    }
                }
            }
        }
        for side in sides.chunks_exact_mut(n) {
            self.back(n, side);
        }
    }

    /// Brings the row of the largest entry of a column to its diagonal.
    fn pivot(&mut self, n: usize, column: usize, sides: &mut [f64]) {
        let size = |row: usize| self.matrix.get(row * n + column).map_or(0.0, |x| x.abs());
        let best = (column..n).fold(
            column,
            |best, row| if size(row) > size(best) { row } else { best },
        );
        if best != column {
            let (top, bottom) = self.matrix.split_at_mut(best * n);
            let upper = top
                .get_mut(column * n..(column + 1) * n)
                .unwrap_or_default();
            upper.swap_with_slice(bottom.get_mut(..n).unwrap_or_default());
            sides
                .chunks_exact_mut(n)
                .for_each(|side| side.swap(column, best));
        }
    }

    fn back(&self, n: usize, side: &mut [f64]) {
        for (row, values) in self.matrix.chunks_exact(n).enumerate().rev() {
            let later: f64 = values
                .iter()
                .zip(side.iter())
                .skip(row + 1)
                .map(|(x, y)| x * y)
                .sum();
            let own = values.get(row).copied().unwrap_or(f64::NAN);
            if let Some(y) = side.get_mut(row) {
                *y = (*y - later) / own;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::Lu;

    #[test]
    fn systems_that_need_pivots_are_solved() {
        let matrix = vec![0.0, 2.0, 1.0, 1.0, 0.0, 3.0, 4.0, 1.0, 0.0];
        let want = [1.0, -2.0, 0.5];
        let mut sides: Vec<f64> = matrix
            .chunks(3)
            .map(|row| row.iter().zip(want).map(|(a, x)| a * x).sum())
            .collect();
        Lu { matrix }.solve(3, &mut sides);
        for (got, want) in sides.iter().zip(want) {
            assert!((got - want).abs() < 1e-14);
        }
    }
}
