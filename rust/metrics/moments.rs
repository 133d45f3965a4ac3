//! Product-moment correlation of two columns, of their values and of their ranks.

#![allow(clippy::inline_always)] // what is not inlined into the dispatched closure would not be vectorized

use std::ops::Range;

use pulp::Arch;

use crate::check::NanPolicy;
use crate::column::{Column, Lists};
use crate::elementary::{dispatch, float};
use crate::error::Result;

/// Longest list in which comparing every row with every other beats sorting.
const DIRECT_UP_TO: usize = 48;
/// Work of a row in additions, sorting it included.
const WORK_PER_ROW: usize = 32;
/// Rows that are added up in lanes before the sums are added.
const BLOCK: usize = 1024;
const LANES: usize = 8;

/// Pearson's correlation of every group, NaN where it is undefined.
///
/// sum (x - mean x)(y - mean y) / sqrt(sum (x - mean x)^2 sum (y - mean y)^2), in two passes over columns brought near 1
/// by a power of two, so that nothing overflows or vanishes. O(n). Undefined: less than two rows, a constant column, an
/// infinity.
///
/// # Errors
/// Columns of different lengths, bad offsets, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::pearson;
/// let (x, y) = (Column::F64(&[1e200, 2e200, 4e200]), Column::I64(&[1, 2, 4]));
/// assert_eq!(pearson(x, y, &[0, 3], NanPolicy::Raise), Ok(vec![1.0]));
/// ```
pub fn pearson(x: Column<'_>, y: Column<'_>, offsets: &[i64], nan: NanPolicy) -> Result<Vec<f64>> {
    let lists = Lists::new([("x", x), ("y", y)], offsets, nan)?;
    let [x, y] = lists.columns();
    lists.map(
        |n| WORK_PER_ROW * n,
        |list: &mut Values, rows| {
            x.values(rows.clone(), &mut list.x);
            y.values(rows, &mut list.y);
            if !(center(&mut list.x) && center(&mut list.y)) {
                return Ok(f64::NAN);
            }
            let of = |a: &[f64], b: &[f64]| sum(a.iter().zip(b).map(|(a, b)| a * b));
            let (in_x, in_y) = (of(&list.x, &list.x), of(&list.y, &list.y));
            let r = of(&list.x, &list.y) / (in_x * in_y).sqrt();
            Ok(r.clamp(-1.0, 1.0))
        },
    )
}

/// Spearman's correlation of every group: Pearson's of the ranks, tied rows sharing the mean of theirs.
///
/// Twice a row's rank minus the mean rank is the number of rows below it minus that of rows above it: an integer, so that
/// all sums are exact. O(n log n) time, O(n^2) comparisons without a branch in short lists. Undefined as [`pearson`]; an
/// infinity is a number like any other.
///
/// # Errors
/// Columns of different lengths, bad offsets, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::spearman;
/// let (x, y) = (Column::F64(&[1.0, 2.0, 3.0, 4.0, 5.0]), Column::I64(&[2, 1, 4, 3, 5]));
/// assert_eq!(spearman(x, y, &[0, 5], NanPolicy::Raise), Ok(vec![0.8]));
/// ```
pub fn spearman(x: Column<'_>, y: Column<'_>, offsets: &[i64], nan: NanPolicy) -> Result<Vec<f64>> {
    let lists = Lists::new([("x", x), ("y", y)], offsets, nan)?;
    let [x, y] = lists.columns();
    lists.map(
        |n| WORK_PER_ROW * n,
        |list: &mut Ranks, rows| {
            if rows.len() <= DIRECT_UP_TO {
                x.keys(rows.clone(), &mut list.keys);
                y.keys(rows, &mut list.other_keys);
                let (x, y) = (&list.keys, &list.other_keys);
                let [xx, yy, xy] = dispatch(
                    list.vector_unit,
                    #[inline(always)]
                    || products_directly(x, y),
                );
                Ok(ratio(xx.into(), yy.into(), xy.into()))
            } else {
                let mut centered = list.by_sorting(x, rows.clone());
                std::mem::swap(&mut centered, &mut list.spare);
                let y = list.by_sorting(y, rows);
                let of = |a: &[i64], b: &[i64]| -> i128 {
                    a.iter()
                        .zip(b)
                        .map(|(&a, &b)| i128::from(a) * i128::from(b))
                        .sum()
                };
                let value = ratio(
                    of(&list.spare, &list.spare),
                    of(&y, &y),
                    of(&list.spare, &y),
                );
                list.centered = y;
                Ok(value)
            }
        },
    )
}

#[derive(Debug, Default)]
struct Values {
    x: Vec<f64>,
    y: Vec<f64>,
}

/// Memory to rank one list in.
#[derive(Debug, Default)]
struct Ranks {
    keys: Vec<i64>,
    other_keys: Vec<i64>,
    order: Vec<(i64, usize)>,
    centered: Vec<i64>,
    spare: Vec<i64>,
    vector_unit: Arch,
}

impl Ranks {
    /// Rows below minus rows above, for each row.
    fn by_sorting(&mut self, column: Column<'_>, rows: Range<usize>) -> Vec<i64> {
        column.keys(rows, &mut self.keys);
        let n = self.keys.len();
        self.order.clear();
        self.order
            .extend(self.keys.iter().enumerate().map(|(row, &key)| (key, row)));
        self.order.sort_unstable();
        let mut centered = std::mem::take(&mut self.centered);
        centered.clear();
        centered.resize(n, 0);
        let mut below = 0;
        for tied in self.order.chunk_by(|a, b| a.0 == b.0) {
            let above = n - below - tied.len();
            let excess = to_i64(below) - to_i64(above);
            for &(_, row) in tied {
                if let Some(value) = centered.get_mut(row) {
                    *value = excess;
                }
            }
            below += tied.len();
        }
        centered
    }
}

/// Sums of the products x x, y y, x y of rows below minus rows above.
#[inline(always)]
fn products_directly(x: &[i64], y: &[i64]) -> [i64; 3] {
    let mut sums = [0; 3];
    for (&x_i, &y_i) in x.iter().zip(y) {
        let (mut in_x, mut in_y) = (0, 0);
        for (&x_j, &y_j) in x.iter().zip(y) {
            in_x += i64::from(x_j < x_i) - i64::from(x_j > x_i);
            in_y += i64::from(y_j < y_i) - i64::from(y_j > y_i);
        }
        let [xx, yy, xy] = &mut sums;
        *xx += in_x * in_x;
        *yy += in_y * in_y;
        *xy += in_x * in_y;
    }
    sums
}

#[allow(clippy::cast_precision_loss)] // the one rounding of each sum
fn ratio(xx: i128, yy: i128, xy: i128) -> f64 {
    if xx == 0 || yy == 0 {
        return f64::NAN;
    }
    (xy as f64 / ((xx as f64) * (yy as f64)).sqrt()).clamp(-1.0, 1.0)
}

/// Scales a column by powers of two and subtracts its mean; false where it is constant, or not finite.
#[allow(clippy::float_cmp)] // a constant column holds one number
fn center(values: &mut [f64]) -> bool {
    let largest = values.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    let constant = values
        .iter()
        .zip(values.iter().skip(1))
        .all(|(a, b)| a == b);
    if constant || largest.is_infinite() {
        return false;
    }
    let once = scale(largest);
    let twice = scale(largest * once);
    for x in values.iter_mut() {
        *x = *x * once * twice;
    }
    let mean = sum(values.iter().copied()) / float(values.len());
    for x in values.iter_mut() {
        *x -= mean;
    }
    true
}

/// A power of two near 1 / largest, as far as there is one.
fn scale(largest: f64) -> f64 {
    const BIAS: u64 = 1023;
    let exponent = largest.to_bits() >> 52;
    f64::from_bits((2 * BIAS - exponent).clamp(1, 2 * BIAS) << 52)
}

/// A sum in lanes and blocks, whose error does not grow with the number of rows.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut total, mut lanes, mut rows) = (0.0, [0.0; LANES], 0);
    let mut values = values;
    loop {
        for lane in &mut lanes {
            let Some(value) = values.next() else {
                return total + lanes.iter().sum::<f64>();
            };
            *lane += value;
        }
        rows += LANES;
        if rows % BLOCK == 0 {
            total += lanes.iter().sum::<f64>();
            lanes = [0.0; LANES];
        }
    }
}

fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Column, DIRECT_UP_TO, pearson, spearman};
    use crate::check::NanPolicy::Raise;
    use crate::random;

    fn draws(n: usize, levels: u64) -> [Vec<i64>; 2] {
        [0, 1].map(|column| {
            let key = |row| random::key(levels, &[column, row]) % levels;
            (0..n as u64)
                .map(|row| key(row).try_into().unwrap())
                .collect()
        })
    }

    /// Average ranks by counting.
    fn ranks(values: &[i64]) -> Vec<f64> {
        let count = |test: &dyn Fn(&i64) -> bool| {
            f64::from(u32::try_from(values.iter().filter(|value| test(value)).count()).unwrap())
        };
        let rank = |value: &i64| {
            count(&|other| other < value) + 0.5 * (1.0 + count(&|other| other == value))
        };
        values.iter().map(rank).collect()
    }

    #[test]
    fn spearman_is_pearson_of_average_ranks() {
        for n in [2, 5, DIRECT_UP_TO, DIRECT_UP_TO + 1, 300] {
            for levels in [2, 7, 1 << 40] {
                let [x, y] = draws(n, levels);
                let offsets = [0, i64::try_from(n).unwrap()];
                let got = spearman(Column::I64(&x), Column::I64(&y), &offsets, Raise).unwrap();
                let (x, y) = (ranks(&x), ranks(&y));
                let want = pearson(Column::F64(&x), Column::F64(&y), &offsets, Raise).unwrap();
                assert!(got[0].is_nan() && want[0].is_nan() || (got[0] - want[0]).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn a_scale_changes_nothing() {
        let x = [3.0, 1.0, 4.0, 1.0, 5.0];
        let y = [2.0, 7.0, 1.0, 8.0, 2.0];
        let of = |scale: f64| {
            let scaled = x.map(|x| x * scale);
            pearson(Column::F64(&scaled), Column::F64(&y), &[0, 5], Raise).unwrap()[0]
        };
        for power in [-1074, -600, 600, 1020] {
            let scale = 2.0_f64.powi(power / 2) * 2.0_f64.powi(power - power / 2);
            assert_eq!(of(scale), of(1.0), "2^{power}");
        }
        assert!(of(0.0).is_nan() && of(f64::INFINITY).is_nan());
    }
}
