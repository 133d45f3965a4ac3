//! The argument checks that several modules share.

use crate::error::{Error, Result};

/// What to do with NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NanPolicy {
    /// Error naming the first one.
    Raise,
    /// Leave the row (or pair of values) out.
    Omit,
    /// The result of that group is NaN.
    Propagate,
}

impl NanPolicy {
    /// Results are integers, which have no NaN.
    ///
    /// # Errors
    /// [`Error::Domain`] for [`NanPolicy::Propagate`].
    pub fn refuse_propagate(self) -> Result<()> {
        if self != Self::Propagate {
            return Ok(());
        }
        let expected = "\"raise\" or \"omit\" where the results are integers";
        Err(Error::domain("nan", expected, "\"propagate\""))
    }
}

/// `offsets` are group boundaries: first 0, last `n`, never decreasing. Returns the number of groups.
///
/// # Errors
/// [`Error::Domain`] naming the offending entry; [`Error::Shape`] when `offsets` is empty.
pub fn offsets(offsets: &[i64], n: usize) -> Result<usize> {
    let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
        return Err(Error::shape("offsets", "at least one entry", "none"));
    };
    if first != 0 {
        return Err(Error::domain_at("offsets", [0], 0, first));
    }
    let steps = || offsets.iter().zip(offsets.get(1..).unwrap_or_default());
    // Counted, not sought: without an exit the loop takes vector instructions.
    if steps().filter(|(before, after)| after < before).count() > 0 {
        for (index, (before, after)) in steps().enumerate() {
            if after < before {
                let expected = format!("at least offsets[{index}] = {before}");
                return Err(Error::domain_at("offsets", [index + 1], expected, after));
            }
        }
    }
    if usize::try_from(last) != Ok(n) {
        return Err(Error::domain_at(
            "offsets",
            [offsets.len() - 1],
            format!("{n}, the number of rows"),
            last,
        ));
    }
    Ok(offsets.len() - 1)
}

/// No row is NaN. `nan_rows` yields those that are, in order; `group_of` the group of a row.
///
/// # Errors
/// [`Error::Domain`] naming the first such row, its group, and how many there are.
pub fn no_nan(
    argument: &'static str,
    mut nan_rows: impl Iterator<Item = usize>,
    group_of: impl Fn(usize) -> usize,
) -> Result<()> {
    let Some(first) = nan_rows.next() else {
        return Ok(());
    };
    let (group, n) = (group_of(first), 1 + nan_rows.count());
    let actual = format!("NaN in group {group} ({n} NaN in all)");
    Err(Error::domain_at(
        argument,
        [first],
        "a number, or nan=\"omit\" given",
        actual,
    ))
}

/// Numbers are finite and at least 0: weights.
///
/// # Errors
/// [`Error::Domain`] naming the first that is not.
pub fn finite_nonnegative(argument: &'static str, values: &[f64]) -> Result<()> {
    let bad = |value: &f64| !(*value >= 0.0 && value.is_finite());
    match values.iter().position(bad) {
        None => Ok(()),
        Some(at) => {
            let came = values.get(at).copied().unwrap_or_default();
            Err(Error::domain_at(
                argument,
                [at],
                "a finite number >= 0",
                came,
            ))
        }
    }
}

/// Whether a value passes the test, without the early exit that would keep the compiler from vector instructions.
pub fn any<T: Copy>(values: &[T], test: impl Fn(T) -> bool) -> bool {
    values
        .iter()
        .fold(false, |found, &value| found | test(value))
}

/// Two columns have the same length.
///
/// # Errors
/// [`Error::Shape`] naming `argument`.
pub fn same_length(
    argument: &'static str,
    actual: usize,
    like: &'static str,
    expected: usize,
) -> Result<()> {
    if actual == expected {
        return Ok(());
    }
    Err(Error::shape(
        argument,
        format!("length {expected} like {like}"),
        actual,
    ))
}
