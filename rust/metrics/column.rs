//! Columns of any number type, and integer keys in the order of their values.

use std::ops::Range;

use crate::check;
use crate::error::Result;

/// A column of numbers, compared in its own type.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
    /// 32-bit integers.
    I32(&'a [i32]),
    /// 64-bit integers, exact above 2^53 too.
    I64(&'a [i64]),
}

impl Column<'_> {
    /// Number of rows.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Replaces `keys` by one key per row: equal for equal values, and in their order.
    ///
    /// What follows works on keys, so that two columns of any two types need one copy of the code, not sixteen.
    pub(super) fn keys(self, rows: Range<usize>, keys: &mut Vec<i64>) {
        match self {
            Self::F32(values) => fill(keys, values, rows, |value| float_key(value.into())),
            Self::F64(values) => fill(keys, values, rows, float_key),
            Self::I32(values) => fill(keys, values, rows, i64::from),
            Self::I64(values) => fill(keys, values, rows, |value| value),
        }
    }

    pub(super) fn is_nan(self, row: usize) -> bool {
        match self {
            Self::F32(values) => values.get(row).is_some_and(|value| value.is_nan()),
            Self::F64(values) => values.get(row).is_some_and(|value| value.is_nan()),
            Self::I32(_) | Self::I64(_) => false,
        }
    }

    pub(super) fn has_nan(self, rows: Range<usize>) -> bool {
        match self {
            Self::F32(values) => any(values, rows, f32::is_nan),
            Self::F64(values) => any(values, rows, f64::is_nan),
            Self::I32(_) | Self::I64(_) => false,
        }
    }

    /// Error naming the first NaN.
    pub(super) fn refuse_nan(self, argument: &'static str, offsets: &[i64]) -> Result<()> {
        let nan_rows = (0..self.len()).filter(|&row| self.is_nan(row));
        check::no_nan(argument, nan_rows, |row| {
            let begun = |&start: &i64| usize::try_from(start).is_ok_and(|start| start <= row);
            offsets.partition_point(begun).saturating_sub(1)
        })
    }
}

fn fill<T: Copy>(keys: &mut Vec<i64>, values: &[T], rows: Range<usize>, key: impl Fn(T) -> i64) {
    keys.clear();
    keys.extend(
        values
            .get(rows)
            .unwrap_or_default()
            .iter()
            .copied()
            .map(key),
    );
}

/// Whether a value passes, without the early exit that would keep the compiler from vector instructions.
fn any<T: Copy>(values: &[T], rows: Range<usize>, test: impl Fn(T) -> bool) -> bool {
    let values = values.get(rows).unwrap_or_default();
    values
        .iter()
        .fold(false, |found, &value| found | test(value))
}

/// The bits of a float, those of the magnitude reversed where it is negative; the sum turns -0.0 into 0.0.
fn float_key(value: f64) -> i64 {
    let bits = i64::from_ne_bytes((value + 0.0).to_ne_bytes());
    bits ^ ((bits >> 63) & i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Column;

    fn keys(column: Column<'_>) -> Vec<i64> {
        let mut keys = vec![7];
        column.keys(0..column.len(), &mut keys);
        keys
    }

    #[test]
    fn keys_rise_with_the_values_of_every_type() {
        let floats = [
            f64::NEG_INFINITY,
            f64::MIN,
            -1.0,
            -f64::MIN_POSITIVE,
            -5e-324,
            0.0,
            5e-324,
            1.0,
            1.0 + f64::EPSILON,
            f64::MAX,
            f64::INFINITY,
        ];
        assert!(keys(Column::F64(&floats)).is_sorted_by(|a, b| a < b));
        let singles = [
            f32::NEG_INFINITY,
            -1.0,
            -1e-45,
            0.0,
            1e-45,
            1.0,
            f32::MAX,
            f32::INFINITY,
        ];
        assert!(keys(Column::F32(&singles)).is_sorted_by(|a, b| a < b));
        assert!(keys(Column::I64(&[i64::MIN, -1, 0, 1, i64::MAX])).is_sorted_by(|a, b| a < b));
        assert!(keys(Column::I32(&[i32::MIN, -1, 0, 1, i32::MAX])).is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn zeros_of_both_signs_have_one_key() {
        assert_eq!(keys(Column::F64(&[-0.0, 0.0])), [0, 0]);
        assert_eq!(keys(Column::F32(&[-0.0, 0.0])), [0, 0]);
    }
}
