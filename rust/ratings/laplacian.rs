//! Systems of a weighted graph: `Σ curve·(x_i − x_j)(e_i − e_j) + ridge·x = b`.

use faer::linalg::solvers::Solve;
use faer::{MatMut, MatRef, Side, linalg::solvers::Llt};

use crate::elementary::float;

/// A table of this many items is factored; above, conjugate gradients read the pairs again and again.
pub const DENSE: usize = 2_000;
/// Where conjugate gradients stop, as a share of the right side.
const PRECISE: f64 = 1e-11;

/// A graph ready to be solved. The mean of b must be 0, and that of x is then 0, with a ridge too.
pub enum Laplacian<'a> {
    /// Cholesky factor of the table.
    Dense(Llt<f64>),
    /// Pairs and their curves.
    Sparse {
        /// [R]
        pairs: &'a [(usize, usize)],
        /// [R]
        curve: &'a [f64],
        /// Of every item.
        ridge: f64,
        /// [n] of the table.
        diagonal: Vec<f64>,
    },
}

impl<'a> Laplacian<'a> {
    /// O(R + n³) to n = 2000, else O(R); `None` where curves that have vanished leave parts unconnected.
    pub fn new(
        n: usize,
        pairs: &'a [(usize, usize)],
        curve: &'a [f64],
        ridge: f64,
    ) -> Option<Self> {
        let mut diagonal = gather(n, pairs, curve, 1.0);
        for x in &mut diagonal {
            *x += ridge;
        }
        if n > DENSE {
            return diagonal.iter().all(|&x| x > 0.0).then_some(Self::Sparse {
                pairs,
                curve,
                ridge,
                diagonal,
            });
        }
        // A constant on every entry gives the direction of all ones a curve, which a small ridge does not, and changes
        // no other.
        let gauge = diagonal.iter().sum::<f64>() / float(n * n);
        let mut table = vec![gauge; n * n];
        for (&(i, j), &curve) in pairs.iter().zip(curve) {
            add(&mut table, i.min(j) * n + i.max(j), -curve);
        }
        for (item, &own) in diagonal.iter().enumerate() {
            add(&mut table, item * (n + 1), own);
        }
        let table = MatRef::from_column_major_slice(&table, n, n);
        table.llt(Side::Lower).ok().map(Self::Dense)
    }

    /// Puts the x of each of some right sides [n, columns] in its place.
    pub fn solve_each(&self, sides: &mut [f64], columns: usize) {
        if let Self::Dense(factor) = self {
            let n = sides.len() / columns.max(1);
            factor.solve_in_place(MatMut::from_row_major_slice_mut(sides, n, columns));
            return;
        }
        for k in 0..columns {
            let own: Vec<f64> = sides.iter().skip(k).step_by(columns).copied().collect();
            let places = sides.iter_mut().skip(k).step_by(columns);
            places
                .zip(self.solve(&own))
                .for_each(|(place, x)| *place = x);
        }
    }

    /// The x of this right side.
    #[must_use]
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        match self {
            Self::Dense(factor) => {
                let mut x = b.to_vec();
                factor.solve_in_place(MatMut::from_column_major_slice_mut(&mut x, b.len(), 1));
                x
            }
            Self::Sparse {
                pairs,
                curve,
                ridge,
                diagonal,
            } => conjugate_gradients(b, diagonal, |x| {
                let mut y: Vec<f64> = x.iter().map(|x| ridge * x).collect();
                for (&(i, j), curve) in pairs.iter().zip(*curve) {
                    let pull = curve * (at(x, i) - at(x, j));
                    add(&mut y, i, pull);
                    add(&mut y, j, -pull);
                }
                y
            }),
        }
    }
}

/// On vectors of mean 0. O(R) an iteration; the diagonal is the preconditioner.
fn conjugate_gradients(
    b: &[f64],
    diagonal: &[f64],
    apply: impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<f64> {
    let scaled = |r: &[f64]| -> Vec<f64> { r.iter().zip(diagonal).map(|(r, d)| r / d).collect() };
    let (mut x, mut r) = (vec![0.0; b.len()], b.to_vec());
    center(&mut r); // rounding has left a mean, which no x of mean 0 can produce
    let mut z = scaled(&r);
    let mut direction = z.clone();
    let mut size = dot(&r, &z);
    let enough = size * PRECISE * PRECISE;
    for _ in 0..b.len() {
        let image = apply(&direction);
        let bend = dot(&direction, &image);
        if size <= enough || bend.is_nan() || bend <= 0.0 {
            break;
        }
        let length = size / bend;
        x.iter_mut()
            .zip(&direction)
            .for_each(|(x, d)| *x += length * d);
        r.iter_mut().zip(&image).for_each(|(r, y)| *r -= length * y);
        z = scaled(&r);
        let next = dot(&r, &z);
        let keep = next / size;
        direction
            .iter_mut()
            .zip(&z)
            .for_each(|(d, z)| *d = z + keep * *d);
        size = next;
    }
    center(&mut x);
    x
}

/// The sum at every item of the values of its rows, times `sign` where it is the second.
pub fn gather(n: usize, pairs: &[(usize, usize)], values: &[f64], sign: f64) -> Vec<f64> {
    let mut sums = vec![0.0; n];
    for (&(i, j), value) in pairs.iter().zip(values) {
        add(&mut sums, i, *value);
        add(&mut sums, j, sign * value);
    }
    sums
}

/// Takes the mean off.
pub fn center(values: &mut [f64]) {
    let mean = values.iter().sum::<f64>() / float(values.len().max(1));
    for x in values {
        *x -= mean;
    }
}

pub fn add(values: &mut [f64], place: usize, more: f64) {
    if let Some(value) = values.get_mut(place) {
        *value += more;
    }
}

pub fn at(values: &[f64], place: usize) -> f64 {
    values.get(place).copied().unwrap_or_default()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Laplacian, center};

    /// A ring of n items with a chord from every item to the one 7 further.
    fn graph(n: usize) -> (Vec<(usize, usize)>, Vec<f64>) {
        let pairs = (0..n).flat_map(|i| [(i, (i + 1) % n), (i, (i + 7) % n)]);
        let curve = (0..2 * n).map(|r| 1.0 + f64::from(u32::try_from(r % 5).unwrap()));
        (pairs.collect(), curve.collect())
    }

    #[test]
    fn both_solvers_solve() {
        for (n, ridge) in [(40, 0.0), (40, 0.5), (2_100, 0.0), (2_100, 0.5)] {
            let (pairs, curve) = graph(n);
            let mut b: Vec<f64> = (0..n)
                .map(|i| f64::from(u32::try_from(i * i % 11).unwrap()))
                .collect();
            center(&mut b);
            let x = Laplacian::new(n, &pairs, &curve, ridge).unwrap().solve(&b);
            let mut left: Vec<f64> = b.iter().zip(&x).map(|(b, x)| b - ridge * x).collect();
            for (&(i, j), curve) in pairs.iter().zip(&curve) {
                left[i] -= curve * (x[i] - x[j]);
                left[j] += curve * (x[i] - x[j]);
            }
            assert!(left.iter().all(|r| r.abs() < 1e-8), "{n} {ridge}");
            assert!(x.iter().sum::<f64>().abs() < 1e-9, "{n}");
        }
    }

    #[test]
    fn sides_by_side_are_solved_alike_in_every_place() {
        for n in [3, 40, 101] {
            let (pairs, curve) = graph(n);
            let mut b: Vec<f64> = (0..n)
                .map(|i| f64::from(u32::try_from(i * i % 11).unwrap()))
                .collect();
            center(&mut b);
            let laplacian = Laplacian::new(n, &pairs, &curve, 0.0).unwrap();
            let mut sides: Vec<f64> = b.iter().flat_map(|&b| [b; 8]).collect();
            laplacian.solve_each(&mut sides, 8);
            for (row, x) in sides.chunks_exact(8).zip(laplacian.solve(&b)) {
                assert!(row.iter().all(|own| own.to_bits() == row[0].to_bits()));
                assert!((row[0] - x).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn an_unconnected_graph_has_no_factor() {
        assert!(Laplacian::new(4, &[(0, 1), (2, 3)], &[1.0, 0.0], 0.0).is_none());
    }
}
