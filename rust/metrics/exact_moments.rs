//! Exact sums of values and of their squares.

use crate::exact::{ExactSum, Limbs};
use crate::threads;

/// 2^500. The squares of larger values could leave the range of doubles.
const HUGE: f64 = 3.273_390_607_896_142e150;

/// What mean and standard error are made of; moments of parts of the values add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moments {
    /// Values, NaN and infinite ones included.
    pub n: i64,
    /// NaN.
    pub n_nan: i64,
    /// Infinities above and below.
    pub n_infinite: [i64; 2],
    /// Finite values of at least 2^500, whose squares are left out.
    pub n_huge: i64,
    /// Sum of the finite values.
    pub total: Limbs,
    /// Sum of the squares.
    pub squares: Limbs,
}

/// Exact sums of the finite values and of their squares.
///
/// O(n), several threads for many values, and the order does not matter. A square is exact where the value's size is
/// 0 or between 1e-145 and 2^500.
///
/// ```
/// use prefcore::exact::rounded;
/// use prefcore::metrics::moments;
/// let of = moments(&[1e16, 1.0, -1e16, f64::NAN]);
/// assert_eq!((of.n, of.n_nan, rounded(&of.total)), (4, 1, 1.0));
/// ```
#[must_use]
pub fn moments(values: &[f64]) -> Moments {
    let blocks = threads::split(values.len(), |row| row * 16);
    let parts = threads::map(blocks, values.len() * 16, |rows| {
        let mut sums = Sums::default();
        let own = values.get(rows).unwrap_or_default();
        for &value in own {
            sums.add(value);
        }
        sums
    });
    let mut whole = Sums::default();
    for part in parts {
        whole.total.merge(part.total);
        whole.squares.merge(part.squares);
        let counts = whole.counts.iter_mut().zip(part.counts);
        counts.for_each(|(count, more)| *count += more);
    }
    let [n, n_nan, above, below, n_huge] = whole.counts;
    Moments {
        n,
        n_nan,
        n_infinite: [above, below],
        n_huge,
        total: whole.total.limbs(),
        squares: whole.squares.limbs(),
    }
}

#[derive(Default)]
struct Sums {
    /// All, NaN, +inf, -inf, huge.
    counts: [i64; 5],
    total: ExactSum,
    squares: ExactSum,
}

impl Sums {
    fn add(&mut self, value: f64) {
        let size = value.abs();
        let kinds = [
            true,
            value.is_nan(),
            value == f64::INFINITY,
            value == f64::NEG_INFINITY,
            value.is_finite() && size >= HUGE,
        ];
        for (count, is_kind) in self.counts.iter_mut().zip(kinds) {
            *count += i64::from(is_kind);
        }
        if value.is_finite() {
            self.total.add(value);
        }
        if size < HUGE {
            let square = value * value;
            self.squares.add(square);
            self.squares.add(value.mul_add(value, -square)); // what the product lost
        }
    }
}
