//! Columns of any number type, integer keys in the order of their values, and columns in groups without NaN.

use std::ops::Range;

use crate::check::{self, NanPolicy, any};
use crate::error::Result;
use crate::ragged;

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
    pub fn keys(self, rows: Range<usize>, keys: &mut Vec<i64>) {
        match self {
            Self::F32(values) => fill(keys, values, rows, |value| float_key(value.into())),
            Self::F64(values) => fill(keys, values, rows, float_key),
            Self::I32(values) => fill(keys, values, rows, i64::from),
            Self::I64(values) => fill(keys, values, rows, |value| value),
        }
    }

    /// Replaces `values` by the rows as f64: what is added up and not compared. 64-bit integers above 2^53 are rounded.
    pub fn values(self, rows: Range<usize>, values: &mut Vec<f64>) {
        #[allow(clippy::cast_precision_loss)] // as said
        match self {
            Self::F32(column) => fill(values, column, rows, f64::from),
            Self::F64(column) => fill(values, column, rows, |value| value),
            Self::I32(column) => fill(values, column, rows, f64::from),
            Self::I64(column) => fill(values, column, rows, |value| value as f64),
        }
    }

    /// Some of the rows.
    fn take(self, rows: &[usize]) -> Taken {
        match self {
            Self::F32(values) => Taken::F32(taken(values, rows)),
            Self::F64(values) => Taken::F64(taken(values, rows)),
            Self::I32(values) => Taken::I32(taken(values, rows)),
            Self::I64(values) => Taken::I64(taken(values, rows)),
        }
    }

    /// Whether a row is NaN.
    #[must_use]
    pub fn is_nan(self, row: usize) -> bool {
        match self {
            Self::F32(values) => values.get(row).is_some_and(|value| value.is_nan()),
            Self::F64(values) => values.get(row).is_some_and(|value| value.is_nan()),
            Self::I32(_) | Self::I64(_) => false,
        }
    }

    /// Whether one of the rows is NaN.
    #[must_use]
    pub fn has_nan(self, rows: Range<usize>) -> bool {
        match self {
            Self::F32(values) => any(values.get(rows).unwrap_or_default(), f32::is_nan),
            Self::F64(values) => any(values.get(rows).unwrap_or_default(), f64::is_nan),
            Self::I32(_) | Self::I64(_) => false,
        }
    }

    /// No row is NaN.
    ///
    /// # Errors
    /// [`Error::Domain`](crate::Error::Domain) naming the first one, its group, and how many there are.
    pub fn refuse_nan(self, argument: &'static str, offsets: &[i64]) -> Result<()> {
        let nan_rows = (0..self.len()).filter(|&row| self.is_nan(row));
        check::no_nan(argument, nan_rows, |row| {
            let begun = |&start: &i64| usize::try_from(start).is_ok_and(|start| start <= row);
            offsets.partition_point(begun).saturating_sub(1)
        })
    }
}

/// Columns in groups, without NaN: what a metric per group works on.
///
/// Under [`NanPolicy::Omit`] and [`NanPolicy::Propagate`] rows with a NaN in any column are left out; under the latter
/// the groups that lost one are remembered, and their results are NaN. Columns without NaN are not copied.
#[derive(Debug)]
pub struct Lists<'a, const N: usize> {
    columns: [Column<'a>; N],
    taken: Option<[Taken; N]>,
    /// First row of each group, and the number of rows.
    bounds: Vec<usize>,
    /// Groups whose result is NaN; empty where there are none.
    spoiled: Vec<bool>,
}

impl<'a, const N: usize> Lists<'a, N> {
    /// Checks names, lengths, offsets and NaN, in this order.
    ///
    /// # Errors
    /// Columns of different lengths, bad offsets, NaN where the policy is to raise.
    pub fn new(
        named: [(&'static str, Column<'a>); N],
        offsets: &[i64],
        nan: NanPolicy,
    ) -> Result<Self> {
        let (like, rows) = named
            .first()
            .map_or(("", 0), |(name, column)| (*name, column.len()));
        for (name, column) in named {
            check::same_length(name, column.len(), like, rows)?;
        }
        let bounds = ragged::bounds(offsets, rows)?;
        let columns = named.map(|(_, column)| column);
        let lists = Self {
            columns,
            taken: None,
            bounds,
            spoiled: Vec::new(),
        };
        if !columns.iter().any(|column| column.has_nan(0..rows)) {
            return Ok(lists);
        }
        if nan == NanPolicy::Raise {
            for (name, column) in named {
                column.refuse_nan(name, offsets)?;
            }
        }
        Ok(lists.without_nan(nan))
    }

    fn without_nan(self, nan: NanPolicy) -> Self {
        let columns = self.columns;
        let clean = |row: &usize| !columns.iter().any(|column| column.is_nan(*row));
        let (mut rows, mut bounds, mut spoiled) = (Vec::new(), vec![0], Vec::new());
        for group in ragged::ranges(&self.bounds) {
            let before = rows.len();
            let length = group.len();
            rows.extend(group.filter(clean));
            bounds.push(rows.len());
            spoiled.push(nan == NanPolicy::Propagate && rows.len() - before < length);
        }
        let taken = Some(columns.map(|column| column.take(&rows)));
        Self {
            columns,
            taken,
            bounds,
            spoiled,
        }
    }

    /// The columns, in the order in which they were given.
    #[must_use]
    pub fn columns(&self) -> [Column<'_>; N] {
        match &self.taken {
            Some(taken) => taken.each_ref().map(Taken::borrow),
            None => self.columns,
        }
    }

    /// `value` of the rows of every group, on several threads where the work is large; NaN for a spoiled group.
    ///
    /// `cost(n)` is the work of a group of n rows in additions; scratch of type `S` is used again and again.
    ///
    /// # Errors
    /// The first error of `value`, in the order of the groups.
    pub fn map<S: Default>(
        &self,
        cost: impl Fn(usize) -> usize,
        value: impl Fn(&mut S, Range<usize>) -> Result<f64> + Sync + Send,
    ) -> Result<Vec<f64>> {
        let mut values = ragged::map(&self.bounds, cost, value)?;
        self.spoil(&mut values);
        Ok(values)
    }

    /// Makes the results of spoiled groups NaN.
    pub fn spoil(&self, values: &mut [f64]) {
        let spoiled = values.iter_mut().zip(&self.spoiled);
        spoiled
            .filter(|(_, spoiled)| **spoiled)
            .for_each(|(value, _)| *value = f64::NAN);
    }

    /// `finish` of the sums of every group, which `part` makes of at most `block` rows and `add` adds up in their order.
    ///
    /// As [`ragged::fold`]: a long list takes several threads, and its bits depend on `block` only.
    ///
    /// # Errors
    /// The first error of `part`, in the order of the rows.
    pub fn fold<S: Default, A: Send, R: Send>(
        &self,
        block: usize,
        cost: impl Fn(usize) -> usize,
        part: impl Fn(&mut S, Range<usize>) -> Result<A> + Sync + Send,
        add: impl Fn(&mut A, A),
        finish: impl Fn(A) -> R + Sync + Send,
    ) -> Result<Vec<R>> {
        ragged::fold(&self.bounds, block, cost, part, add, finish)
    }

    /// Group of a row.
    #[must_use]
    pub fn group_of(&self, row: usize) -> usize {
        let begun = self.bounds.partition_point(|&start| start <= row);
        begun.saturating_sub(1)
    }

    /// Whether the result of a group is NaN because a NaN was left out of it.
    #[must_use]
    pub fn is_spoiled(&self, group: usize) -> bool {
        self.spoiled.get(group).copied().unwrap_or(false)
    }

    /// As [`Self::map`], for results that have no NaN.
    ///
    /// # Errors
    /// The first error of `value`, in the order of the groups.
    pub fn map_counts<S: Default, R: Send>(
        &self,
        cost: impl Fn(usize) -> usize,
        value: impl Fn(&mut S, Range<usize>) -> Result<R> + Sync + Send,
    ) -> Result<Vec<R>> {
        ragged::map(&self.bounds, cost, value)
    }
}

/// Rows of a column, copied.
#[derive(Debug)]
enum Taken {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I32(Vec<i32>),
    I64(Vec<i64>),
}

impl Taken {
    fn borrow(&self) -> Column<'_> {
        match self {
            Self::F32(values) => Column::F32(values),
            Self::F64(values) => Column::F64(values),
            Self::I32(values) => Column::I32(values),
            Self::I64(values) => Column::I64(values),
        }
    }
}

fn taken<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter()
        .filter_map(|&row| values.get(row).copied())
        .collect()
}

fn fill<T: Copy, U>(out: &mut Vec<U>, values: &[T], rows: Range<usize>, of: impl Fn(T) -> U) {
    out.clear();
    out.extend(values.get(rows).unwrap_or_default().iter().copied().map(of));
}

/// The bits of a float, those of the magnitude reversed where it is negative; the sum turns -0.0 into 0.0.
fn float_key(value: f64) -> i64 {
    let bits = i64::from_ne_bytes((value + 0.0).to_ne_bytes());
    bits ^ ((bits >> 63) & i64::MAX)
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::unwrap_used)]
mod tests {
    use super::{Column, Lists};
    use crate::check::NanPolicy;

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

    #[test]
    fn rows_with_nan_are_left_out_and_their_group_may_be_spoiled() {
        let (x, y) = ([1.0, f64::NAN, 3.0, 4.0], [1.0_f32, 2.0, 3.0, f32::NAN]);
        let sums = |nan| {
            let named = [("x", Column::F64(&x)), ("y", Column::F32(&y))];
            let lists = Lists::new(named, &[0, 2, 2, 4], nan)?;
            let [x, _] = lists.columns();
            lists.map(
                |n| n,
                |values: &mut Vec<f64>, rows| {
                    x.values(rows, values);
                    Ok(values.iter().sum())
                },
            )
        };
        assert_eq!(sums(NanPolicy::Omit), Ok(vec![1.0, 0.0, 3.0]));
        let [first, second, third] = sums(NanPolicy::Propagate).unwrap().try_into().unwrap();
        assert!(first.is_nan() && third.is_nan());
        assert_eq!(second, 0.0);
        assert!(
            sums(NanPolicy::Raise)
                .unwrap_err()
                .to_string()
                .contains("x[1]")
        );
    }
}
