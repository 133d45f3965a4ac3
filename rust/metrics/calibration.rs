//! Calibration of probabilities: the reliability table and the expected calibration error.

use std::ops::Range;
use std::str::FromStr;

use super::bins::{Binning, Strategy, Sums};
use super::rows::{self, ratio};
use crate::check::{NanPolicy, any};
use crate::column::{Column, Lists};
use crate::error::{Error, Result};

/// Rows that share a set of sums: so many that clearing and adding up the sums does not count.
const BLOCK: usize = 1 << 14;

/// How the gaps of the bins become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// Sum of share * gap.
    L1,
    /// Root of the sum of share * gap^2.
    L2,
    /// Largest gap.
    Max,
}

impl FromStr for Norm {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "l1" => Ok(Self::L1),
            "l2" => Ok(Self::L2),
            "max" => Ok(Self::Max),
            _ => {
                let expected = "\"l1\", \"l2\" or \"max\"";
                Err(Error::domain("norm", expected, format!("{word:?}")))
            }
        }
    }
}

/// A row of the reliability table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    /// Ends of the bin.
    pub lower: f64,
    /// Ends of the bin.
    pub upper: f64,
    /// Rows in it.
    pub n: i64,
    /// Their mean probability; NaN for no row.
    pub mean_prob: f64,
    /// The share of them whose label is 1; NaN for no row.
    pub mean_label: f64,
}

/// Probabilities and labels with their weights, in groups.
#[derive(Debug, Clone, Copy)]
pub struct Predictions<'a> {
    /// Probabilities of label 1.
    pub probs: Column<'a>,
    /// 0 or 1.
    pub labels: Column<'a>,
    /// One per row.
    pub weights: Option<&'a [f64]>,
    /// Boundaries of the groups.
    pub offsets: &'a [i64],
    /// Rows with a NaN.
    pub nan: NanPolicy,
}

/// The reliability table of every group, bin by bin.
///
/// Sums are exact and rounded once, so that they depend neither on threads nor on the order of the rows. O(n) time with
/// bins of equal width, O(n log n) with quantiles; the same as a mean over the rows of each bin.
///
/// # Errors
/// Columns of different lengths, bad offsets, probabilities outside [0, 1], labels other than 0 and 1, weights that are
/// negative or not finite, NaN where the policy is to raise, the policy to propagate.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::{Binning, Closed, Predictions, Strategy, calibration_curve};
/// # fn main() -> prefcore::Result<()> {
/// let data = Predictions {
///     probs: Column::F64(&[0.25, 0.5, 1.0]),
///     labels: Column::I64(&[0, 1, 1]),
///     weights: None,
///     offsets: &[0, 3],
///     nan: NanPolicy::Raise,
/// };
/// let bins = Binning::new(2, Strategy::Uniform, Closed::Left)?;
/// let curve = calibration_curve(data, bins)?;
/// assert_eq!((curve[0].n, curve[0].mean_prob, curve[1].mean_prob), (1, 0.25, 0.75));
/// # Ok(())
/// # }
/// ```
pub fn calibration_curve(data: Predictions<'_>, bins: Binning) -> Result<Vec<CalibrationBin>> {
    data.nan.refuse_propagate()?;
    let finish = |edges: &[f64], sums: Option<Sums>| {
        let Some(sums) = sums else {
            return Vec::new();
        };
        let ends = edges.iter().zip(edges.get(1..).unwrap_or_default());
        let counts = sums.n();
        let rows = ends.zip(counts).zip(sums.rounded());
        let row = |(((&lower, &upper), n), [weight, prob, label]): (_, [f64; 3])| CalibrationBin {
            lower,
            upper,
            n,
            mean_prob: ratio(prob, weight),
            mean_label: ratio(label, weight),
        };
        rows.map(row).collect::<Vec<CalibrationBin>>()
    };
    Ok(data.binned(bins, finish)?.concat())
}

/// The expected calibration error of every group: the gaps between mean probability and mean label of the bins, weighted
/// with their shares of the rows. NaN for no row.
///
/// Time and exactness as [`calibration_curve`].
///
/// # Errors
/// As [`calibration_curve`]; the policy may be to propagate.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::{
///     Binning, Closed, Norm, Predictions, Strategy, expected_calibration_error,
/// };
/// # fn main() -> prefcore::Result<()> {
/// let data = Predictions {
///     probs: Column::F64(&[0.25, 0.5, 1.0, 1.0]),
///     labels: Column::I64(&[0, 1, 1, 1]),
///     weights: None,
///     offsets: &[0, 4],
///     nan: NanPolicy::Raise,
/// };
/// let bins = Binning::new(2, Strategy::Uniform, Closed::Left)?;
/// let error = expected_calibration_error(data, bins, Norm::Max)?;
/// assert_eq!(error, [0.25]);
/// # Ok(())
/// # }
/// ```
pub fn expected_calibration_error(
    data: Predictions<'_>,
    bins: Binning,
    norm: Norm,
) -> Result<Vec<f64>> {
    data.binned(bins, |_, sums| {
        sums.map_or(f64::NAN, |sums| total_gap(&sums.rounded(), norm))
    })
}

/// The exact sums of the bins over the rows of one group, for a state that later rows are added to.
///
/// # Errors
/// As [`calibration_curve`]; bins between quantiles.
pub fn calibration_sums(data: Predictions<'_>, bins: Binning) -> Result<Sums> {
    data.nan.refuse_propagate()?;
    let whole = data.binned(bins, |_, sums| sums)?;
    let mut sums = Sums::new(bins.len(), data.weights.is_some());
    whole
        .into_iter()
        .flatten()
        .for_each(|more| sums.merge(more));
    Ok(sums)
}

fn total_gap(bins: &[[f64; 3]], norm: Norm) -> f64 {
    let total: f64 = bins.iter().map(|[weight, ..]| weight).sum();
    if total == 0.0 {
        return f64::NAN;
    }
    let filled = bins.iter().filter(|[weight, ..]| *weight > 0.0);
    let gaps = filled
        .map(|[weight, prob, label]| (weight / total, (prob / weight - label / weight).abs()));
    match norm {
        Norm::L1 => gaps.map(|(share, gap)| share * gap).sum(),
        Norm::L2 => gaps
            .map(|(share, gap)| share * gap * gap)
            .sum::<f64>()
            .sqrt(),
        Norm::Max => gaps.fold(0.0, |largest, (_, gap)| gap.max(largest)),
    }
}

impl Predictions<'_> {
    fn binned<R: Send>(
        self,
        bins: Binning,
        finish: impl Fn(&[f64], Option<Sums>) -> R + Sync + Send,
    ) -> Result<Vec<R>> {
        rows::weights(self.weights)?;
        let named = [("probs", self.probs), ("labels", self.labels)];
        let found = match self.weights {
            None => Lists::new(named, self.offsets, self.nan)
                .and_then(|lists| binned(&lists, bins, finish)),
            Some(weights) => {
                let [probs, labels] = named;
                let named = [probs, labels, ("weights", Column::F64(weights))];
                Lists::new(named, self.offsets, self.nan)
                    .and_then(|lists| binned(&lists, bins, finish))
            }
        };
        found.or_else(|error| {
            rows::probabilities(self.probs)?; // named by the caller's row
            rows::binary_labels(self.labels)?;
            Err(error)
        })
    }
}

/// `finish` of the ends and sums of the bins of every group; it gets no sums where a NaN propagates.
///
/// Numbers out of range are an error without a place, so that they need no pass of their own.
fn binned<const N: usize, R: Send>(
    lists: &Lists<'_, N>,
    bins: Binning,
    finish: impl Fn(&[f64], Option<Sums>) -> R + Sync + Send,
) -> Result<Vec<R>> {
    let columns = lists.columns();
    let [probs, labels, weights @ ..] = columns.as_slice() else {
        return Ok(Vec::new());
    };
    let uniform = bins.uniform_edges();
    let quantiles = match bins.strategy {
        Strategy::Uniform => Vec::new(),
        Strategy::Quantile => lists.map_counts(
            |n| n * 16,
            |sorted: &mut Vec<f64>, rows| {
                probs.values(rows, sorted);
                sorted.sort_unstable_by(f64::total_cmp);
                Ok(bins.quantile_edges(sorted))
            },
        )?,
    };
    let no_rows = match bins.strategy {
        Strategy::Uniform => uniform,
        Strategy::Quantile => bins.quantile_edges(&[]),
    };
    let edges_of = |group: Option<usize>| {
        let own = group.and_then(|group| quantiles.get(group));
        own.unwrap_or(&no_rows)
    };
    let part = |[prob, label, weight]: &mut [Vec<f64>; 3], rows: Range<usize>| {
        let group = (!rows.is_empty()).then(|| lists.group_of(rows.start));
        let edges = edges_of(group);
        let mut sums = Sums::new(bins.len(), !weights.is_empty());
        probs.values(rows.clone(), prob);
        labels.values(rows.clone(), label);
        if any(prob, rows::is_no_probability) || any(label, rows::is_not_binary) {
            return Err(Error::domain("probs", "in [0, 1]", "another number"));
        }
        let binned = prob.iter().zip(label.iter());
        let binned = binned.map(|(&prob, &label)| (bins.bin(prob, edges), prob, label != 0.0));
        match weights.first() {
            None => sums.add(binned),
            Some(weights) => {
                weights.values(rows, weight);
                for ((bin, prob, positive), &weight) in binned.zip(weight.iter()) {
                    sums.add_weighted(bin, prob, positive, weight);
                }
            }
        }
        Ok((group, sums))
    };
    let add = |(_, sums): &mut (_, Sums), (_, more)| sums.merge(more);
    let of_group = |(group, sums): (Option<usize>, Sums)| {
        let spoiled = group.is_some_and(|group| lists.is_spoiled(group));
        finish(edges_of(group), (!spoiled).then_some(sums))
    };
    let block = BLOCK.max(64 * bins.len());
    lists.fold(block, |n| 8 * n + bins.len(), part, add, of_group)
}
