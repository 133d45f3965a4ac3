//! Wins, ties and losses of ready pairs, and the accuracies that they give.

use std::ops::Range;
use std::str::FromStr;

use super::rows::{self, BLOCK, nearest, ratio};
use super::sign::{signs, signs_in_band};
use crate::check::NanPolicy;
use crate::column::{Column, Lists};
use crate::error::{Error, Result};

/// Signs whose number fits a byte, so that vector instructions count 16 and more at a time.
const CHUNK: usize = 128;

/// Pairs that `chosen` wins, ties and loses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// chosen > rejected.
    pub wins: i64,
    /// chosen = rejected.
    pub ties: i64,
    /// chosen < rejected.
    pub losses: i64,
}

/// Which margins within the band are predicted ties in [`pairwise_accuracy_with_ties`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TieBand {
    /// Those of all pairs.
    All,
    /// Those of pairs whose label is a tie; the sign alone decides elsewhere.
    TiedLabels,
}

impl FromStr for TieBand {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "all" => Ok(Self::All),
            "tied_labels" => Ok(Self::TiedLabels),
            _ => {
                let expected = "\"all\" or \"tied_labels\"";
                Err(Error::domain("tie_band", expected, format!("{word:?}")))
            }
        }
    }
}

/// Wins, ties and losses of every group; the numbers are compared exactly, whatever their types.
///
/// O(n), several threads for a long list. The same as comparing row by row.
///
/// # Errors
/// Columns of different lengths, bad offsets, NaN where the policy is to raise, the policy to propagate.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::outcome_counts;
/// # fn main() -> prefcore::Result<()> {
/// let (chosen, rejected) = (Column::I64(&[3, 2, 1]), Column::F64(&[2.5, 2.0, 1.5]));
/// let counts = outcome_counts(chosen, rejected, &[0, 3], NanPolicy::Raise)?;
/// assert_eq!((counts[0].wins, counts[0].ties, counts[0].losses), (1, 1, 1));
/// # Ok(())
/// # }
/// ```
pub fn outcome_counts(
    chosen: Column<'_>,
    rejected: Column<'_>,
    offsets: &[i64],
    nan: NanPolicy,
) -> Result<Vec<Outcomes>> {
    nan.refuse_propagate()?;
    let named = [("chosen", chosen), ("rejected", rejected)];
    counted(&Lists::new(named, offsets, nan)?, signs_of_pair)
}

/// The share of pairs that `chosen` wins, a tie counting `ties`; `None` leaves ties out. NaN for no pair.
///
/// O(n), several threads for a long list; unweighted it comes from integer counts.
///
/// # Errors
/// Columns of different lengths, bad offsets, `ties` outside [0, 1], weights that are negative or not finite, NaN where
/// the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::pairwise_accuracy;
/// let (chosen, rejected) = (Column::F64(&[3.0, 2.0, 1.0]), Column::F64(&[2.0, 2.0, 0.0]));
/// let half = pairwise_accuracy(chosen, rejected, &[0, 3], Some(0.5), None, NanPolicy::Raise);
/// assert_eq!(half, Ok(vec![2.5 / 3.0]));
/// ```
pub fn pairwise_accuracy(
    chosen: Column<'_>,
    rejected: Column<'_>,
    offsets: &[i64],
    ties: Option<f64>,
    weights: Option<&[f64]>,
    nan: NanPolicy,
) -> Result<Vec<f64>> {
    if let Some(credit) = ties.filter(|credit| !(0.0..=1.0).contains(credit)) {
        return Err(Error::domain("ties", "in [0, 1], or \"drop\"", credit));
    }
    let named = [("chosen", chosen), ("rejected", rejected)];
    accuracy(named, offsets, ties, weights, nan, signs_of_pair)
}

/// The share of margins that predict a label of +1, 0 or -1, a margin of at most `eps` predicting a tie.
///
/// O(n), several threads for a long list. `eps` becomes a number of the margins' type where that is f32.
///
/// # Errors
/// As [`pairwise_accuracy`]; labels other than +1, 0, -1, a negative `eps` or NaN.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::{TieBand, pairwise_accuracy_with_ties};
/// let (margins, labels) = (Column::F64(&[0.4, 0.05, -0.02]), Column::I64(&[1, 1, 0]));
/// let share = |band| {
///     pairwise_accuracy_with_ties(margins, labels, &[0, 3], (0.1, band), None, NanPolicy::Raise)
/// };
/// assert_eq!(share(TieBand::All), Ok(vec![2.0 / 3.0])); // the second is a predicted tie
/// assert_eq!(share(TieBand::TiedLabels), Ok(vec![1.0]));
/// ```
pub fn pairwise_accuracy_with_ties(
    margins: Column<'_>,
    labels: Column<'_>,
    offsets: &[i64],
    (eps, band): (f64, TieBand),
    weights: Option<&[f64]>,
    nan: NanPolicy,
) -> Result<Vec<f64>> {
    if eps.is_nan() || eps < 0.0 {
        return Err(Error::domain("eps", "a number >= 0", eps));
    }
    #[allow(clippy::float_cmp)] // these three and no others
    let outside = |label: f64| label != 0.0 && label.abs() != 1.0;
    rows::refuse("labels", labels, "+1, 0 or -1", outside)?;
    let verdicts = |columns: &[Column<'_>], rows: &Range<usize>, right: &mut Vec<i8>| {
        let [margins, labels, ..] = columns else {
            return;
        };
        let mut truth = Vec::new();
        labels.values(rows.clone(), &mut truth);
        signs_in_band(*margins, rows, eps, |row, sign, tied| {
            let truth = truth.get(row).copied().unwrap_or(0.0);
            let tied = tied && (band == TieBand::All || truth == 0.0);
            let predicted = if tied { 0 } else { sign };
            #[allow(clippy::float_cmp)] // both are +1, 0 or -1
            right.push(if f64::from(predicted) == truth { 1 } else { -1 });
        });
    };
    let named = [("margins", margins), ("labels", labels)];
    accuracy(named, offsets, Some(0.0), weights, nan, verdicts)
}

fn signs_of_pair(columns: &[Column<'_>], rows: &Range<usize>, found: &mut Vec<i8>) {
    if let [chosen, rejected, ..] = columns {
        signs(*chosen, *rejected, rows, found);
    }
}

/// A win is a sign of 1, a tie one of 0.
fn accuracy(
    [x, y]: [(&'static str, Column<'_>); 2],
    offsets: &[i64],
    ties: Option<f64>,
    weights: Option<&[f64]>,
    nan: NanPolicy,
    verdicts: impl Fn(&[Column<'_>], &Range<usize>, &mut Vec<i8>) + Sync + Send,
) -> Result<Vec<f64>> {
    rows::weights(weights)?;
    let rate = |[wins, tied, losses]: [f64; 3]| match ties {
        Some(credit) => ratio(wins + credit * tied, wins + tied + losses),
        None => ratio(wins, wins + losses),
    };
    let Some(weights) = weights else {
        let lists = Lists::new([x, y], offsets, nan)?;
        let counts = counted(&lists, verdicts)?.into_iter();
        let shares = counts.map(|n| rate([n.wins, n.ties, n.losses].map(nearest)));
        let mut shares: Vec<f64> = shares.collect();
        lists.spoil(&mut shares);
        return Ok(shares);
    };
    let lists = Lists::new([x, y, ("weights", Column::F64(weights))], offsets, nan)?;
    let columns = lists.columns();
    let [_, _, weights] = columns;
    let part = |(signs, values): &mut (Vec<i8>, Vec<f64>), rows: Range<usize>| {
        signs.clear();
        verdicts(&columns, &rows, signs);
        weights.values(rows, values);
        let mut sums = [0.0; 3];
        for (&sign, weight) in signs.iter().zip(values.iter()) {
            let [wins, ties, losses] = &mut sums;
            *(match sign {
                1 => wins,
                0 => ties,
                _ => losses,
            }) += weight;
        }
        Ok(sums)
    };
    let add = |sums: &mut [f64; 3], more: [f64; 3]| {
        sums.iter_mut()
            .zip(more)
            .for_each(|(sum, more)| *sum += more);
    };
    let mut shares = lists.fold(BLOCK, |n| 4 * n, part, add, rate)?;
    lists.spoil(&mut shares);
    Ok(shares)
}

fn counted<const N: usize>(
    lists: &Lists<'_, N>,
    verdicts: impl Fn(&[Column<'_>], &Range<usize>, &mut Vec<i8>) + Sync + Send,
) -> Result<Vec<Outcomes>> {
    let columns = lists.columns();
    let part = |signs: &mut Vec<i8>, rows: Range<usize>| {
        signs.clear();
        verdicts(&columns, &rows, signs);
        let (mut wins, mut ties) = (0, 0);
        for chunk in signs.chunks(CHUNK) {
            wins += i64::from(number(chunk, 1));
            ties += i64::from(number(chunk, 0));
        }
        let losses = i64::try_from(signs.len()).unwrap_or(0) - wins - ties;
        Ok(Outcomes { wins, ties, losses })
    };
    let add = |sum: &mut Outcomes, more: Outcomes| {
        sum.wins += more.wins;
        sum.ties += more.ties;
        sum.losses += more.losses;
    };
    lists.fold(BLOCK, |n| 2 * n, part, add, |counts| counts)
}

/// How many of at most [`CHUNK`] signs are `of`.
fn number(chunk: &[i8], of: i8) -> u8 {
    let count = |n: u8, &sign: &i8| n.wrapping_add(u8::from(sign == of));
    chunk.iter().fold(0, count)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{TieBand, outcome_counts, pairwise_accuracy, pairwise_accuracy_with_ties};
    use crate::check::NanPolicy::{Omit, Propagate, Raise};
    use crate::column::Column;
    use crate::random;

    #[test]
    fn weights_of_one_give_the_counts_and_long_lists_the_sums_of_their_blocks() {
        let draw = |seed| {
            let value = |row| i64::try_from(random::key(seed, &[row]) % 5).unwrap_or(0);
            (0..30_000).map(value).collect::<Vec<i64>>()
        };
        let (x, y) = (draw(1), draw(2));
        let (x, y) = (Column::I64(&x), Column::I64(&y));
        let offsets = [0, 3, 3, 30_000];
        for ties in [Some(0.5), None] {
            let ones = vec![1.0; 30_000];
            let weighted = pairwise_accuracy(x, y, &offsets, ties, Some(&ones), Raise).unwrap();
            let plain = pairwise_accuracy(x, y, &offsets, ties, None, Raise).unwrap();
            assert_eq!(plain.map_bits(), weighted.map_bits());
        }
        let counts = outcome_counts(x, y, &offsets, Raise).unwrap();
        let total: i64 = counts.iter().map(|n| n.wins + n.ties + n.losses).sum();
        assert_eq!(total, 30_000);
    }

    trait MapBits {
        fn map_bits(&self) -> Vec<u64>;
    }

    impl MapBits for Vec<f64> {
        fn map_bits(&self) -> Vec<u64> {
            self.iter().map(|value| value.to_bits()).collect()
        }
    }

    #[test]
    fn bad_arguments_are_named() {
        let (x, y) = (Column::F64(&[1.0, f64::NAN]), Column::F64(&[1.0, 1.0]));
        let error = |ties, weights: Option<&[f64]>, nan| {
            let share = pairwise_accuracy(x, y, &[0, 2], ties, weights, nan);
            share.unwrap_err().to_string()
        };
        assert!(
            error(Some(1.5), None, Omit)
                .starts_with("ties must be in [0, 1], or \"drop\", got 1.5")
        );
        assert!(error(None, Some(&[1.0, -1.0]), Omit).starts_with("weights[1] must be a finite"));
        assert!(error(None, Some(&[1.0]), Omit).starts_with("weights must have length 2"));
        assert!(error(None, None, Raise).starts_with("chosen[1] must be a number"));
        let counts = outcome_counts(x, y, &[0, 2], Propagate).unwrap_err();
        assert!(counts.to_string().contains("integers"));
        let tied = pairwise_accuracy_with_ties(x, y, &[0, 2], (-1.0, TieBand::All), None, Omit);
        assert!(tied.unwrap_err().to_string().starts_with("eps must be"));
    }
}
