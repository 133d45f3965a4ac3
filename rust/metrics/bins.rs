//! Bins of probabilities, and exact sums over them.

use std::str::FromStr;

use super::rows::nearest;
use crate::error::{Error, Result};
use crate::exact::{ExactSum, Limbs, rounded};

/// Most bins that a curve may have: more would be the rows themselves.
pub const MAX_BINS: usize = 10_000;

/// End of a bin that belongs to it; the outermost ones belong to the outermost bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// [a, b), and [a, 1] at the top.
    Left,
    /// (a, b], and [0, b] at the bottom.
    Right,
}

impl FromStr for Closed {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "left" => Ok(Self::Left),
            "right" => Ok(Self::Right),
            _ => {
                let expected = "\"left\" or \"right\"";
                Err(Error::domain("closed", expected, format!("{word:?}")))
            }
        }
    }
}

/// How [0, 1] is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Bins of equal width.
    Uniform,
    /// Bins between quantiles of the group's probabilities.
    Quantile,
}

impl FromStr for Strategy {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "uniform" => Ok(Self::Uniform),
            "quantile" => Ok(Self::Quantile),
            _ => {
                let expected = "\"uniform\" or \"quantile\"";
                Err(Error::domain("strategy", expected, format!("{word:?}")))
            }
        }
    }
}

/// Bins, their number checked.
#[derive(Debug, Clone, Copy)]
pub struct Binning {
    n: usize,
    per_unit: f64,
    /// How they are cut.
    pub strategy: Strategy,
    closed: Closed,
}

impl Binning {
    /// `n` bins.
    ///
    /// # Errors
    /// [`Error::Domain`] for no bin and for more than [`MAX_BINS`].
    pub fn new(n: usize, strategy: Strategy, closed: Closed) -> Result<Self> {
        if n == 0 || n > MAX_BINS {
            let expected = format!("in 1..={MAX_BINS}");
            return Err(Error::domain("n_bins", expected, n));
        }
        Ok(Self {
            n,
            per_unit: nearest(n),
            strategy,
            closed,
        })
    }

    /// Number of bins.
    #[must_use]
    pub fn len(self) -> usize {
        self.n
    }

    /// Never.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.n == 0
    }

    /// The n + 1 ends of bins of equal width.
    #[must_use]
    pub fn uniform_edges(self) -> Vec<f64> {
        (0..=self.n)
            .map(|edge| nearest(edge) / self.per_unit)
            .collect()
    }

    /// The n + 1 ends of bins between quantiles, linear between the two nearest of the rising `probs`, as `numpy.quantile`.
    #[must_use]
    pub fn quantile_edges(self, probs: &[f64]) -> Vec<f64> {
        let Some(last) = probs.len().checked_sub(1) else {
            return vec![f64::NAN; self.n + 1];
        };
        let at = |row: usize| probs.get(row.min(last)).copied().unwrap_or(f64::NAN);
        let step = 1.0 / self.per_unit;
        let edge = |edge: usize| {
            let share = if edge == self.n {
                1.0
            } else {
                nearest(edge) * step
            };
            let place = share * nearest(last);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 <= place <= last
            let row = place as usize;
            let (low, high, part) = (at(row), at(row + 1), place - place.floor());
            let gap = high - low;
            if part < 0.5 {
                low + gap * part
            } else {
                high - gap * (1.0 - part)
            }
        };
        (0..=self.n).map(edge).collect()
    }

    /// Bin of a probability.
    pub(super) fn bin(self, prob: f64, edges: &[f64]) -> usize {
        match self.strategy {
            Strategy::Uniform => {
                let place = prob * self.per_unit;
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 <= prob <= 1
                let bin = match self.closed {
                    Closed::Left => place as u32,
                    Closed::Right => (place.ceil() as u32).saturating_sub(1),
                };
                usize::try_from(bin).unwrap_or(0).min(self.n - 1)
            }
            Strategy::Quantile => {
                let inner = edges.get(1..self.n).unwrap_or_default();
                match self.closed {
                    Closed::Left => inner.partition_point(|&edge| edge <= prob),
                    Closed::Right => inner.partition_point(|&edge| edge < prob),
                }
            }
        }
    }
}

/// Probabilities of at least 2^-32 are integers in units of 2^-84, and 2^43 of them fit 128 bits.
const UNIT: f64 = 1.0 / 19_342_813_113_834_066_795_298_816.0;
/// Exponent of the bits of 2^-32, whose last bit is the unit.
const LOWEST: u64 = 1_023 - 32;

/// Exact sums over the rows of every bin. Without weights those of weights and labels are counts.
#[derive(Debug, Clone)]
pub struct Sums {
    counts: Vec<Count>,
    /// What the counts do not hold: small probabilities, if any; with weights, all of it.
    prob: Vec<ExactSum>,
    /// Of the weights and of weight * label; empty without weights.
    weight: Vec<ExactSum>,
    label: Vec<ExactSum>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    n: i64,
    positive: i64,
    /// Sum of the probabilities of at least 2^-32, in units of 2^-84.
    prob: i128,
}

impl Count {
    /// Exact parts of the sum of probabilities.
    fn add_to(self, sum: &mut ExactSum) {
        let (mut rest, mut unit) = (self.prob, UNIT);
        while rest > 0 {
            sum.add(nearest(rest & 0xffff_ffff) * unit);
            rest >>= 32;
            unit *= 4_294_967_296.0;
        }
    }
}

impl Sums {
    pub(super) fn new(n_bins: usize, weighted: bool) -> Self {
        let sums = vec![ExactSum::default(); if weighted { n_bins } else { 0 }];
        Self {
            counts: vec![Count::default(); n_bins],
            prob: sums.clone(),
            weight: sums.clone(),
            label: sums,
        }
    }

    /// Adds rows without weights, given as bin, probability and whether the label is 1.
    pub(super) fn add(&mut self, rows: impl Iterator<Item = (usize, f64, bool)>) {
        for (bin, prob, positive) in rows {
            let Some(own) = self.counts.get_mut(bin) else {
                continue;
            };
            own.n += 1;
            own.positive += i64::from(positive);
            let bits = (prob + 0.0).to_bits(); // -0.0 becomes 0.0
            if let Some(shift) = (bits >> 52).checked_sub(LOWEST) {
                let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
                own.prob += i128::from(mantissa) << shift.min(32);
            } else if prob > 0.0 {
                self.prob.resize_with(self.counts.len(), ExactSum::default);
                if let Some(sum) = self.prob.get_mut(bin) {
                    sum.add(prob);
                }
            }
        }
    }

    /// Adds a row with a weight, which multiplies the probability in double precision.
    pub(super) fn add_weighted(&mut self, bin: usize, prob: f64, positive: bool, weight: f64) {
        let sums = self.weight.get_mut(bin).zip(self.label.get_mut(bin));
        let all = self.counts.get_mut(bin).zip(self.prob.get_mut(bin));
        if let Some(((count, probs), (weights, labels))) = all.zip(sums) {
            count.n += 1;
            probs.add(weight * prob);
            weights.add(weight);
            if positive {
                labels.add(weight);
            }
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            count.n += more.n;
            count.positive += more.positive;
            count.prob += more.prob;
        }
        if self.prob.is_empty() {
            self.prob = other.prob;
        } else {
            merge_all(&mut self.prob, other.prob);
        }
        merge_all(&mut self.weight, other.weight);
        merge_all(&mut self.label, other.label);
    }

    /// Rows of every bin.
    #[must_use]
    pub fn n(&self) -> Vec<i64> {
        self.counts.iter().map(|count| count.n).collect()
    }

    /// Of every bin the exact sums of weight, weight * prob and weight * label.
    #[must_use]
    pub fn limbs(mut self) -> Vec<[Limbs; 3]> {
        let whole = |n: i64| {
            let mut sum = ExactSum::default();
            sum.add(nearest(n));
            sum
        };
        if self.weight.is_empty() {
            self.weight = self.counts.iter().map(|count| whole(count.n)).collect();
            self.label = self
                .counts
                .iter()
                .map(|count| whole(count.positive))
                .collect();
            self.prob.resize_with(self.counts.len(), ExactSum::default);
        }
        for (count, sum) in self.counts.iter().zip(&mut self.prob) {
            count.add_to(sum);
        }
        let bins = self.weight.into_iter().zip(self.prob).zip(self.label);
        bins.map(|((weight, prob), label)| [weight, prob, label].map(ExactSum::limbs))
            .collect()
    }

    /// Of every bin the nearest doubles of the sums of weight, weight * prob and weight * label.
    pub(super) fn rounded(self) -> Vec<[f64; 3]> {
        if !self.prob.is_empty() {
            let bins = self.limbs().into_iter();
            return bins.map(|bin| bin.each_ref().map(rounded)).collect();
        }
        let bins = self.counts.into_iter();
        bins.map(|bin| {
            [
                nearest(bin.n),
                nearest(bin.prob) * UNIT,
                nearest(bin.positive),
            ]
        })
        .collect()
    }
}

fn merge_all(sums: &mut [ExactSum], more: Vec<ExactSum>) {
    for (sum, more) in sums.iter_mut().zip(more) {
        sum.merge(more);
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::indexing_slicing)]
mod tests {
    use super::{ExactSum, Sums, rounded};
    use crate::random;

    #[test]
    fn probabilities_of_any_size_are_summed_exactly() {
        let draw = |row: u64| {
            let bits = random::key(1, &[row]);
            let unit = f64::from_bits((bits >> 12) | 0x3ff0_0000_0000_0000) - 1.0;
            unit * 2_f64.powi(-i32::try_from(row % 90).unwrap_or(0))
        };
        let mut probs: Vec<f64> = (0..2_000).map(draw).collect();
        probs.extend([0.0, -0.0, 1.0, 5e-324, 2_f64.powi(-32), 2_f64.powi(-33)]);
        let mut want = ExactSum::default();
        let (mut sums, mut other) = (Sums::new(1, false), Sums::new(1, false));
        for &prob in &probs {
            want.add(prob);
        }
        let (head, tail) = probs.split_at(100);
        sums.add(head.iter().map(|&prob| (0, prob, true)));
        other.add(tail.iter().map(|&prob| (0, prob, false)));
        sums.merge(other);
        let want = want.limbs();
        assert_eq!(sums.clone().limbs()[0][1], want);
        assert_eq!(sums.rounded(), [[2_006.0, rounded(&want), 100.0]]);
    }
}
