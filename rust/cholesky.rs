//! Symmetric positive definite systems of a few hundred unknowns.

/// Below this share of its own diagonal, what is left of a column is rounding: it depends on the others.
const DEPENDENT: f64 = 1e-12;

/// A matrix scaled to a diagonal of ones, its pivoted Cholesky factor, and the order of the pivots.
#[derive(Debug, Clone)]
pub struct Cholesky {
    n: usize,
    /// Lower triangle row by row, [n, n], in the order of the pivots.
    factor: Vec<f64>,
    order: Vec<usize>,
    scale: Vec<f64>,
}

impl Cholesky {
    /// Factors the symmetric [n, n] matrix `a`, of which the lower triangle is read, in O(n³).
    ///
    /// # Errors
    /// The columns that depend on those before them, or hold NaN.
    pub fn new(a: &[f64], n: usize) -> Result<Self, Vec<usize>> {
        let scale: Vec<f64> = (0..n)
            .map(|i| match at(a, n, i, i) {
                diagonal if diagonal > 0.0 => diagonal.sqrt().recip(),
                _ => 0.0,
            })
            .collect();
        let mut order: Vec<usize> = (0..n).collect();
        let mut factor = vec![0.0; n * n];
        let mut left: Vec<f64> = (0..n)
            .map(|i| at(a, n, i, i) * square(get(&scale, i)))
            .collect();
        for k in 0..n {
            let largest = (k..n).fold(k, |best, i| {
                if get(&left, i) > get(&left, best) {
                    i
                } else {
                    best
                }
            });
            order.swap(k, largest);
            left.swap(k, largest);
            swap_rows(&mut factor, n, k, largest);
            let pivot = get(&left, k);
            if pivot.is_nan() || pivot <= DEPENDENT {
                let mut dependent = order.split_off(k);
                dependent.sort_unstable();
                return Err(dependent);
            }
            let root = pivot.sqrt();
            set(&mut factor, k * n + k, root);
            for i in k + 1..n {
                let (row, column) = (index(&order, i), index(&order, k));
                let (low, high) = (row.max(column), row.min(column));
                let entry = at(a, n, low, high) * get(&scale, row) * get(&scale, column);
                let known = dot(prefix(&factor, n, i, k), prefix(&factor, n, k, k));
                let value = (entry - known) / root;
                set(&mut factor, i * n + k, value);
                let rest = get(&left, i) - square(value);
                set(&mut left, i, rest);
            }
        }
        Ok(Self {
            n,
            factor,
            order,
            scale,
        })
    }

    /// The x with a x = b.
    #[must_use]
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let n = self.n;
        let mut y: Vec<f64> = self
            .order
            .iter()
            .map(|&i| get(b, i) * get(&self.scale, i))
            .collect();
        for i in 0..n {
            let known = dot(prefix(&self.factor, n, i, i), &y);
            let value = (get(&y, i) - known) / at(&self.factor, n, i, i);
            set(&mut y, i, value);
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n)
                .map(|k| at(&self.factor, n, k, i) * get(&y, k))
                .sum();
            let value = (get(&y, i) - known) / at(&self.factor, n, i, i);
            set(&mut y, i, value);
        }
        let mut x = vec![0.0; n];
        for (&i, value) in self.order.iter().zip(y) {
            set(&mut x, i, value * get(&self.scale, i));
        }
        x
    }

    /// The inverse of the matrix, in O(n³).
    #[must_use]
    pub fn inverse(&self) -> Vec<f64> {
        let mut inverse = Vec::with_capacity(self.n * self.n);
        let mut unit = vec![0.0; self.n];
        for i in 0..self.n {
            set(&mut unit, i, 1.0);
            inverse.extend(self.solve(&unit));
            set(&mut unit, i, 0.0);
        }
        inverse
    }

    /// Logarithm of the determinant.
    #[must_use]
    pub fn log_det(&self) -> f64 {
        let diagonal = self.factor.iter().step_by(self.n + 1);
        let scaled = diagonal.zip(&self.scale);
        scaled
            .map(|(root, scale)| 2.0 * (root.ln() - scale.ln()))
            .sum()
    }
}

fn get(values: &[f64], i: usize) -> f64 {
    values.get(i).copied().unwrap_or(f64::NAN)
}

fn at(matrix: &[f64], n: usize, row: usize, column: usize) -> f64 {
    get(matrix, row * n + column)
}

fn index(order: &[usize], i: usize) -> usize {
    order.get(i).copied().unwrap_or_default()
}

fn set(values: &mut [f64], i: usize, value: f64) {
    if let Some(place) = values.get_mut(i) {
        *place = value;
    }
}

fn square(x: f64) -> f64 {
    x * x
}

/// The first `length` entries of a row.
fn prefix(matrix: &[f64], n: usize, row: usize, length: usize) -> &[f64] {
    matrix.get(row * n..row * n + length).unwrap_or_default()
}

/// Over the shorter of the two.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn swap_rows(matrix: &mut [f64], n: usize, one: usize, other: usize) {
    for column in 0..n {
        if one != other {
            matrix.swap(one * n + column, other * n + column);
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::Cholesky;

    #[test]
    fn solves_what_is_badly_scaled() {
        // columns of sizes 1 and 1e6, correlation 0.6
        let a = [1.0, 0.0, 0.6e6, 1e12];
        let x = Cholesky::new(&a, 2)
            .unwrap()
            .solve(&[1.0 + 1.2e6, 0.6e6 + 2e12]);
        assert!(
            (x[0] - 1.0).abs() < 1e-9 && (x[1] - 2.0).abs() < 1e-12,
            "{x:?}"
        );
    }

    #[test]
    fn inverse_and_determinant() {
        let factor = Cholesky::new(&[4.0, 0.0, 1.0, 9.0], 2).unwrap();
        let want = [9.0 / 35.0, -1.0 / 35.0, -1.0 / 35.0, 4.0 / 35.0];
        let inverse = factor.inverse();
        assert!(inverse.iter().zip(want).all(|(x, y)| (x - y).abs() < 1e-15));
        assert!((factor.log_det() - 35.0_f64.ln()).abs() < 1e-14);
    }

    #[test]
    fn dependent_columns_are_named() {
        // the third column is the sum of the others
        let a = [2.0, 0.0, 0.0, 0.0, 3.0, 0.0, 2.0, 3.0, 5.0];
        assert_eq!(Cholesky::new(&a, 3).unwrap_err().len(), 1);
        let twice = [1.0, 0.0, 1.0, 1.0];
        assert_eq!(Cholesky::new(&twice, 2).unwrap_err(), [1]);
        assert_eq!(Cholesky::new(&[0.0], 1).unwrap_err(), [0]);
        assert_eq!(Cholesky::new(&[f64::NAN], 1).unwrap_err(), [0]);
    }
}
