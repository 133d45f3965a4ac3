//! The sign of the difference of two columns, exact for any two types.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use crate::column::Column;

/// 2^63, the first double beyond 64-bit integers.
const END: f64 = 9_223_372_036_854_775_808.0;

/// Rows in a type that holds them exactly.
enum Wide<'a> {
    Floats(Cow<'a, [f64]>),
    Ints(Cow<'a, [i64]>),
}

impl<'a> Wide<'a> {
    fn new(column: Column<'a>, rows: Range<usize>) -> Self {
        match column {
            Column::F64(values) => Self::Floats(values.get(rows).unwrap_or_default().into()),
            Column::I64(values) => Self::Ints(values.get(rows).unwrap_or_default().into()),
            Column::F32(_) => {
                let mut values = Vec::new();
                column.values(rows, &mut values);
                Self::Floats(values.into())
            }
            Column::I32(_) => {
                let mut values = Vec::new();
                column.keys(rows, &mut values);
                Self::Ints(values.into())
            }
        }
    }
}

/// Replaces `signs` by 1 where `x` is greater than `y`, -1 where it is less, 0 where they are equal. No row is NaN.
pub(super) fn signs(x: Column<'_>, y: Column<'_>, rows: &Range<usize>, signs: &mut Vec<i8>) {
    use Wide::{Floats, Ints};
    signs.clear();
    match (Wide::new(x, rows.clone()), Wide::new(y, rows.clone())) {
        (Floats(x), Floats(y)) => signs.extend(x.iter().zip(y.iter()).map(|(x, y)| sign(x, y))),
        (Ints(x), Ints(y)) => signs.extend(x.iter().zip(y.iter()).map(|(x, y)| sign(x, y))),
        (Ints(x), Floats(y)) => signs.extend(x.iter().zip(y.iter()).map(|(&x, &y)| mixed(x, y))),
        (Floats(x), Ints(y)) => signs.extend(x.iter().zip(y.iter()).map(|(&x, &y)| -mixed(y, x))),
    }
}

fn sign<T: PartialOrd>(x: &T, y: &T) -> i8 {
    i8::from(x > y) - i8::from(x < y)
}

/// As the numbers themselves, where a conversion could make them equal.
fn mixed(x: i64, y: f64) -> i8 {
    if y >= END {
        return -1;
    }
    if y < -END {
        return 1;
    }
    #[allow(clippy::cast_possible_truncation)] // in range, and without a fraction
    let whole = y.trunc() as i64;
    match x.cmp(&whole) {
        Ordering::Greater => 1,
        Ordering::Less => -1,
        Ordering::Equal => sign(&y.trunc(), &y),
    }
}

/// Gives `visit` the sign of every margin, and whether its size is at most `eps`, which is no NaN and not negative.
///
/// Margins of single precision are compared with the single nearest to `eps`, integers with `eps` itself.
pub(super) fn signs_in_band(
    margins: Column<'_>,
    rows: &Range<usize>,
    eps: f64,
    mut visit: impl FnMut(usize, i8, bool),
) {
    #[allow(clippy::cast_possible_truncation)] // rounded as said
    let single = eps as f32;
    match Wide::new(margins, rows.clone()) {
        Wide::Floats(values) => {
            let is_single = matches!(margins, Column::F32(_));
            let eps = if is_single { single.into() } else { eps };
            for (row, value) in values.iter().enumerate() {
                visit(row, sign(value, &0.0), value.abs() <= eps);
            }
        }
        Wide::Ints(values) => {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            // rounds down, ends at u64::MAX
            let whole = eps as u64;
            for (row, value) in values.iter().enumerate() {
                visit(row, sign(value, &0), value.unsigned_abs() <= whole);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, signs};

    fn of(x: Column<'_>, y: Column<'_>) -> Vec<i8> {
        let mut found = vec![7];
        signs(x, y, &(0..x.len()), &mut found);
        found
    }

    #[test]
    fn integers_and_floats_compare_as_numbers() {
        let big = 1 << 53;
        let ints = [big + 1, big, -big - 1, i64::MAX, i64::MIN, 0, 3, -3, 5, 5];
        let floats = [
            9_007_199_254_740_992.0,
            9_007_199_254_740_992.0,
            -9_007_199_254_740_992.0,
            9_223_372_036_854_775_808.0,
            -9_223_372_036_854_775_808.0,
            -0.0,
            3.5,
            -3.5,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        let want = [1, 0, -1, -1, 0, 0, -1, 1, -1, 1];
        assert_eq!(of(Column::I64(&ints), Column::F64(&floats)), want);
        assert_eq!(
            of(Column::F64(&floats), Column::I64(&ints)),
            want.map(|sign| -sign)
        );
    }

    #[test]
    fn single_precision_is_not_rounded_doubles() {
        let (x, y) = ([0.1_f32, 0.5, -0.0], [0.1, 0.5, 0.0]);
        assert_eq!(of(Column::F32(&x), Column::F64(&y)), [1, 0, 0]);
        assert_eq!(
            of(Column::I32(&[1, 2, 3]), Column::I64(&[2, 2, 2])),
            [-1, 0, 1]
        );
    }
}
