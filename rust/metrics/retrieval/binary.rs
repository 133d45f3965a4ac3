//! Metrics of rows that are relevant or not: their label reaches the threshold.

use std::str::FromStr;

use super::hits::Hit;
use super::{Judged, NONNEGATIVE, check_k, check_threshold};
use crate::elementary::float;
use crate::error::{Error, Result};

/// What the sum of precisions is divided by, R being the number of relevant rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denominator {
    /// R
    All,
    /// min(R, k)
    Min,
}

impl FromStr for Denominator {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "all" => Ok(Self::All),
            "min" => Ok(Self::Min),
            _ => {
                let expected = "\"all\" or \"min\"";
                Err(Error::domain("denominator", expected, format!("{name:?}")))
            }
        }
    }
}

/// Average precision of every group: the precision at each relevant rank of the first k, summed and divided by the
/// number of relevant rows; `undefined` where there is none.
///
/// O(n) time where few rows are relevant, at most O(n log n).
///
/// # Errors
/// Negative labels, columns of different lengths, bad offsets, NaN where the policy is to raise, a threshold of 0.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::{Denominator, Judged, average_precision};
/// let lists = Judged {
///     scores: Column::F64(&[0.9, 0.8, 0.7]),
///     labels: Column::I64(&[1, 0, 1]),
///     offsets: &[0, 3],
///     nan: NanPolicy::Raise,
/// };
/// let precision = average_precision(&lists, None, 1.0, Denominator::All, f64::NAN);
/// assert_eq!(precision, Ok(vec![(1.0 + 2.0 / 3.0) / 2.0]));
/// ```
pub fn average_precision(
    lists: &Judged<'_>,
    k: Option<usize>,
    threshold: f64,
    denominator: Denominator,
    undefined: f64,
) -> Result<Vec<f64>> {
    check_k(k)?;
    check_threshold(threshold)?;
    lists.map(NONNEGATIVE, |list| {
        let relevant = list.relevant(threshold);
        let by = match denominator {
            Denominator::All => relevant,
            Denominator::Min => relevant.min(k.unwrap_or(relevant)),
        };
        if by == 0 {
            return undefined;
        }
        let hits = list.hits(k, threshold, false).iter().zip(1..);
        let precisions = hits.map(|(hit, found)| float(found) / float(hit.place + 1));
        (0.0 + precisions.sum::<f64>()) / float(by) // the sum of nothing is -0
    })
}

/// 1 / the rank of the first relevant row of every group; 0 where that is beyond k, `undefined` where there is none.
///
/// Time and errors as for [`average_precision`].
///
/// # Errors
/// Negative labels, columns of different lengths, bad offsets, NaN where the policy is to raise, a threshold of 0.
pub fn reciprocal_rank(
    lists: &Judged<'_>,
    k: Option<usize>,
    threshold: f64,
    undefined: f64,
) -> Result<Vec<f64>> {
    check_k(k)?;
    check_threshold(threshold)?;
    let first = |hits: &[Hit]| hits.first().map(|hit| hit.place);
    lists.map(NONNEGATIVE, |list| {
        match first(list.hits(k, threshold, false)) {
            Some(place) => 1.0 / float(place + 1),
            None if list.relevant(threshold) > 0 => 0.0,
            None => undefined,
        }
    })
}

/// Relevant rows among the first k of every group, divided by k, whatever the number of rows.
///
/// Time and errors as for [`average_precision`].
///
/// # Errors
/// Negative labels, columns of different lengths, bad offsets, NaN where the policy is to raise, a threshold of 0.
pub fn precision_at_k(lists: &Judged<'_>, k: usize, threshold: f64) -> Result<Vec<f64>> {
    check_k(Some(k))?;
    check_threshold(threshold)?;
    lists.map(NONNEGATIVE, |list| {
        float(list.hits(Some(k), threshold, false).len()) / float(k)
    })
}

/// Relevant rows among the first k of every group, divided by all relevant ones; `undefined` where there is none.
///
/// Time and errors as for [`average_precision`].
///
/// # Errors
/// Negative labels, columns of different lengths, bad offsets, NaN where the policy is to raise, a threshold of 0.
pub fn recall_at_k(
    lists: &Judged<'_>,
    k: usize,
    threshold: f64,
    undefined: f64,
) -> Result<Vec<f64>> {
    check_k(Some(k))?;
    check_threshold(threshold)?;
    lists.map(NONNEGATIVE, |list| match list.relevant(threshold) {
        0 => undefined,
        relevant => float(list.hits(Some(k), threshold, false).len()) / float(relevant),
    })
}

/// Precision at R, the number of relevant rows of the group; `undefined` where that is 0.
///
/// Time and errors as for [`average_precision`].
///
/// # Errors
/// Negative labels, columns of different lengths, bad offsets, NaN where the policy is to raise, a threshold of 0.
pub fn r_precision(lists: &Judged<'_>, threshold: f64, undefined: f64) -> Result<Vec<f64>> {
    check_threshold(threshold)?;
    lists.map(NONNEGATIVE, |list| match list.relevant(threshold) {
        0 => undefined,
        relevant => {
            let found = list.hits(Some(relevant), threshold, false).len();
            float(found) / float(relevant)
        }
    })
}

/// Rank-biased precision of every group: (1 - p) times the sum of p^(rank - 1) over the relevant rows.
///
/// Time and errors as for [`average_precision`].
///
/// # Errors
/// As for [`average_precision`]; p outside (0, 1).
pub fn rank_biased_precision(lists: &Judged<'_>, p: f64, threshold: f64) -> Result<Vec<f64>> {
    if !(p > 0.0 && p < 1.0) {
        return Err(Error::domain("p", "in (0, 1)", p));
    }
    check_threshold(threshold)?;
    let power = |place: usize| p.powi(i32::try_from(place).unwrap_or(i32::MAX));
    lists.map(NONNEGATIVE, |list| {
        let hits = list.hits(None, threshold, false).iter();
        (1.0 - p) * (0.0 + hits.map(|hit| power(hit.place)).sum::<f64>()) // the sum of nothing is -0
    })
}
