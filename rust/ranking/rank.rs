//! Ranks of the rows of each list.

use std::ops::Range;
use std::str::FromStr;

use crate::check::NanPolicy;
use crate::column::Column;
use crate::error::{Error, Result};
use crate::ragged;

/// Work of a row in compares.
const WORK_PER_ROW: usize = 32;
/// Up to this length every two rows are compared, which beats sorting.
const SHORT: usize = 24;

/// The rank that tied rows get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The mean of their places.
    Average,
    /// The first of their places.
    Min,
    /// The last of their places.
    Max,
    /// 1 more than that of the next different value.
    Dense,
    /// Each its own place, in the order of the input.
    Ordinal,
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "average" => Ok(Self::Average),
            "min" => Ok(Self::Min),
            "max" => Ok(Self::Max),
            "dense" => Ok(Self::Dense),
            "ordinal" => Ok(Self::Ordinal),
            _ => {
                let expected = "\"average\", \"min\", \"max\", \"dense\" or \"ordinal\"";
                Err(Error::domain("method", expected, format!("{name:?}")))
            }
        }
    }
}

/// Ranks from 1 of the rows of each list, 1 for the smallest value, or the largest where `descending`.
///
/// Numbers are compared in their own type; -0 equals 0. Rows of NaN have rank NaN and no place under
/// [`NanPolicy::Omit`]; under [`NanPolicy::Propagate`] all ranks of their list are NaN. O(n log n) time and O(n) memory
/// for a list of n rows. The same as 1 + the number of rows before, plus half the number of other ties for the average.
///
/// # Errors
/// Bad offsets, NaN where the policy is to raise, `out` of another length.
///
/// ```
/// use prefcore::{check::NanPolicy, column::Column, ranking::{Method, rank}};
/// let (x, mut ranks) = ([3.0, 1.0, 1.0, 7.0], [0.0; 4]);
/// rank(Column::F64(&x), &[0, 3, 4], Method::Average, false, NanPolicy::Raise, &mut ranks)?;
/// assert_eq!(ranks, [3.0, 1.5, 1.5, 1.0]);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn rank(
    x: Column<'_>,
    offsets: &[i64],
    method: Method,
    descending: bool,
    nan: NanPolicy,
    out: &mut [f64],
) -> Result<()> {
    let bounds = ragged::bounds(offsets, x.len())?;
    let some_nan = x.has_nan(0..x.len());
    if some_nan && nan == NanPolicy::Raise {
        x.refuse_nan("x", offsets)?;
    }
    let cost = |rows: usize| rows * WORK_PER_ROW;
    ragged::fill(&bounds, cost, out, |list: &mut List, rows, ranks| {
        let without = some_nan && x.has_nan(rows.clone());
        if without && nan == NanPolicy::Propagate {
            ranks.fill(f64::NAN);
        } else {
            x.keys(rows.clone(), &mut list.keys);
            if descending {
                list.keys.iter_mut().for_each(|key| *key = !*key);
            }
            if without {
                ranks.fill(f64::NAN);
                list.sort(|row| !x.is_nan(rows.start + row));
                list.by_runs(method, ranks);
            } else if ranks.len() <= SHORT && method != Method::Dense {
                list.by_compares(method, ranks);
            } else {
                list.sort(|_| true);
                list.by_runs(method, ranks);
            }
        }
        Ok(())
    })
}

#[derive(Debug, Default)]
struct List {
    keys: Vec<i64>,
    sorted: Vec<(i64, usize)>,
}

impl List {
    /// Keys and rows of those that pass, the smallest key first, equal ones in the order of the input.
    fn sort(&mut self, pass: impl Fn(usize) -> bool) {
        self.sorted.clear();
        let rows = self.keys.iter().enumerate();
        self.sorted.extend(
            rows.filter(|&(row, _)| pass(row))
                .map(|(row, &key)| (key, row)),
        );
        self.sorted.sort_unstable();
    }

    fn by_runs(&self, method: Method, ranks: &mut [f64]) {
        let mut before = 0;
        for (distinct, run) in self.sorted.chunk_by(|a, b| a.0 == b.0).enumerate() {
            let places = before + 1..before + run.len() + 1;
            for (place, &(_, row)) in places.clone().zip(run) {
                if let Some(rank) = ranks.get_mut(row) {
                    *rank = among(method, &places, place, distinct);
                }
            }
            before += run.len();
        }
    }

    fn by_compares(&self, method: Method, ranks: &mut [f64]) {
        for (row, (rank, &key)) in ranks.iter_mut().zip(&self.keys).enumerate() {
            let (mut less, mut equal) = (0_i64, 0_i64);
            for &other in &self.keys {
                less += i64::from(other < key);
                equal += i64::from(other == key);
            }
            let (less, equal) = (whole(less), whole(equal));
            let place = if method == Method::Ordinal {
                let earlier = self.keys.iter().take(row);
                less + 1 + earlier.filter(|&&other| other == key).count()
            } else {
                less + 1
            };
            *rank = among(method, &(less + 1..less + equal + 1), place, 0);
        }
    }
}

fn whole(count: i64) -> usize {
    usize::try_from(count).unwrap_or(0)
}

/// The rank of a row that ties with all at `places`, has one of them itself, and follows so many `distinct` values.
#[allow(clippy::cast_precision_loss)] // rows below 2^53
fn among(method: Method, places: &Range<usize>, place: usize, distinct: usize) -> f64 {
    match method {
        Method::Average => (places.start + places.end - 1) as f64 / 2.0,
        Method::Min => places.start as f64,
        Method::Max => (places.end - 1) as f64,
        Method::Dense => (distinct + 1) as f64,
        Method::Ordinal => place as f64,
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::unwrap_used)]
mod tests {
    use super::{Column, List, Method, NanPolicy, rank};
    use crate::random;

    const METHODS: [Method; 5] = [
        Method::Average,
        Method::Min,
        Method::Max,
        Method::Dense,
        Method::Ordinal,
    ];

    #[test]
    fn compares_and_runs_give_the_same() {
        let draw = |row| i64::try_from(random::key(5, &[row]) % 9).unwrap();
        let mut list = List {
            keys: (0..60).map(draw).collect(),
            sorted: Vec::new(),
        };
        list.sort(|_| true);
        for method in METHODS
            .into_iter()
            .filter(|&method| method != Method::Dense)
        {
            let (mut one, mut other) = ([0.0; 60], [0.0; 60]);
            list.by_compares(method, &mut one);
            list.by_runs(method, &mut other);
            assert_eq!(one, other);
        }
    }

    #[test]
    fn rows_of_nan_have_no_place() {
        let x = [2.0, f64::NAN, 1.0, 2.0, 5.0, 4.0];
        let ranks = |method, nan| {
            let mut out = [0.0; 6];
            rank(Column::F64(&x), &[0, 4, 6], method, true, nan, &mut out).unwrap();
            out.map(|rank| if rank.is_nan() { -1.0 } else { rank })
        };
        let omit = METHODS.map(|method| ranks(method, NanPolicy::Omit));
        assert_eq!(omit.map(|ranks| ranks[0]), [1.5, 1.0, 2.0, 1.0, 1.0]);
        assert_eq!(omit.map(|ranks| ranks[2]), [3.0, 3.0, 3.0, 2.0, 3.0]);
        assert_eq!(omit.map(|ranks| ranks[3]), [1.5, 1.0, 2.0, 1.0, 2.0]);
        assert!(omit.iter().all(|ranks| ranks[1] == -1.0));
        let propagated = ranks(Method::Min, NanPolicy::Propagate);
        assert_eq!(propagated, [-1.0, -1.0, -1.0, -1.0, 1.0, 2.0]);
    }
}
