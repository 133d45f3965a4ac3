//! DCG, its share of the ideal, and the expected reciprocal rank.

use std::str::FromStr;

use super::hits::{Hit, Scratch};
use super::{Allowed, Judged, check_k};
use crate::elementary::float;
use crate::error::{Error, Result};
use crate::gain::{Gain, discount};

/// Labels above 0, which alone have a gain.
const POSITIVE: f64 = 5e-324;

/// Where rows of equal scores stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// In the order of the input.
    Stable,
    /// In every order alike: each gets the mean discount of their places.
    Average,
}

impl FromStr for Ties {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "stable" => Ok(Self::Stable),
            "average" => Ok(Self::Average),
            _ => {
                let expected = "\"stable\" or \"average\"";
                Err(Error::domain("ties", expected, format!("{name:?}")))
            }
        }
    }
}

/// How gains are discounted.
#[derive(Debug, Clone, Copy)]
pub struct Discounting {
    /// The last place that counts; `None` is the end of the list.
    pub k: Option<usize>,
    /// What a label is worth.
    pub gain: Gain,
    /// Where rows of equal scores stand.
    pub ties: Ties,
}

/// Discounted cumulative gain of every group: the sum of gain(label) / log2(1 + rank) over the first k ranks.
///
/// O(n) time for k of up to 16 or few positive labels, at most O(n log n). The same as sorting the rows and adding up.
///
/// # Errors
/// Labels outside the range of the gain, columns of different lengths, bad offsets, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::gain::Gain;
/// use prefcore::metrics::{Discounting, Judged, Ties, dcg};
/// let lists = Judged {
///     scores: Column::F64(&[0.1, 0.3, 0.2]),
///     labels: Column::I64(&[3, 2, 0]),
///     offsets: &[0, 3],
///     nan: NanPolicy::Raise,
/// };
/// let by = Discounting { k: None, gain: Gain::Linear, ties: Ties::Stable };
/// assert_eq!(dcg(&lists, by), Ok(vec![2.0 + 3.0 / 2.0]));
/// ```
pub fn dcg(lists: &Judged<'_>, by: Discounting) -> Result<Vec<f64>> {
    let table = Table::new(lists, by)?;
    lists.map(allowed(by.gain), |list| table.dcg(list))
}

/// Normalized DCG of every group: DCG / the DCG of the labels in falling order; `undefined` where that is 0.
///
/// Time and errors as for [`dcg`]; the ideal is counted where a list has at most 16 grades, else sorted.
///
/// # Errors
/// Labels outside the range of the gain, columns of different lengths, bad offsets, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::gain::Gain;
/// use prefcore::metrics::{Discounting, Judged, Ties, ndcg};
/// let lists = Judged {
///     scores: Column::F64(&[0.1, 0.3, 0.2, 0.7]),
///     labels: Column::I64(&[0, 2, 0, 5]),
///     offsets: &[0, 3, 4],
///     nan: NanPolicy::Raise,
/// };
/// let by = Discounting { k: None, gain: Gain::Linear, ties: Ties::Stable };
/// assert_eq!(ndcg(&lists, by, f64::NAN), Ok(vec![1.0, 1.0]));
/// ```
pub fn ndcg(lists: &Judged<'_>, by: Discounting, undefined: f64) -> Result<Vec<f64>> {
    let table = Table::new(lists, by)?;
    lists.map(allowed(by.gain), |list| {
        let ideal = list.ideal(|label| by.gain.of(label), &table.discounts);
        if ideal == 0.0 {
            return undefined;
        }
        (table.dcg(list) / ideal).min(1.0)
    })
}

/// Expected reciprocal rank of every group: the sum over the first k ranks r of P(the reader stops at r) / r, who stops
/// at a row of label l with probability (2^l - 1) / 2^`max_grade`.
///
/// Time as for [`dcg`].
///
/// # Errors
/// Labels above `max_grade`, columns of different lengths, bad offsets, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::{Judged, expected_reciprocal_rank};
/// let lists = Judged {
///     scores: Column::F64(&[0.1, 0.3]),
///     labels: Column::I64(&[1, 1]),
///     offsets: &[0, 2],
///     nan: NanPolicy::Raise,
/// };
/// assert_eq!(expected_reciprocal_rank(&lists, None, 1.0), Ok(vec![0.5 + 0.5 * 0.5 / 2.0]));
/// ```
pub fn expected_reciprocal_rank(
    lists: &Judged<'_>,
    k: Option<usize>,
    max_grade: f64,
) -> Result<Vec<f64>> {
    check_k(k)?;
    if !(max_grade > 0.0 && max_grade < f64::INFINITY) {
        return Err(Error::domain("max_grade", "finite and > 0", max_grade));
    }
    let expected = format!("in [0, max_grade = {max_grade}]");
    let allowed = Allowed {
        most: max_grade,
        expected: &expected,
    };
    lists.map(allowed, |list| {
        let (mut goes_on, mut sum) = (1.0, 0.0);
        for hit in list.hits(k, POSITIVE, false) {
            let stops = (hit.label - max_grade).exp2() - (-max_grade).exp2();
            sum += goes_on * stops / float(hit.place + 1);
            goes_on *= 1.0 - stops;
        }
        sum
    })
}

fn allowed(gain: Gain) -> Allowed<'static> {
    let (most, expected) = gain.most();
    Allowed { most, expected }
}

/// The discounts of the first places, and their sums.
struct Table {
    by: Discounting,
    discounts: Vec<f64>,
    /// Sum of the discounts before each place, and of all.
    before: Vec<f64>,
}

impl Table {
    fn new(lists: &Judged<'_>, by: Discounting) -> Result<Self> {
        check_k(by.k)?;
        let places = lists.longest().min(by.k.unwrap_or(usize::MAX));
        let discounts: Vec<f64> = (1..=places).map(|rank| discount(float(rank))).collect();
        let mut sum = 0.0;
        let mut before = vec![sum];
        before.extend(discounts.iter().map(|discount| {
            sum += discount;
            sum
        }));
        Ok(Self {
            by,
            discounts,
            before,
        })
    }

    fn dcg(&self, list: &mut Scratch) -> f64 {
        let Discounting { k, gain, ties } = self.by;
        let hits = list.hits(k, POSITIVE, ties == Ties::Average).iter();
        let gains = hits.map(|hit| gain.of(hit.label) * self.discount(hit));
        0.0 + gains.sum::<f64>() // the sum of nothing is -0
    }

    fn discount(&self, hit: &Hit) -> f64 {
        if self.by.ties == Ties::Stable || hit.equal == 1 {
            return self.discounts.get(hit.place).copied().unwrap_or(0.0);
        }
        let end = self.before.len() - 1;
        let before = |place: usize| self.before.get(place.min(end)).copied().unwrap_or(0.0);
        (before(hit.above + hit.equal) - before(hit.above)) / float(hit.equal)
    }
}
