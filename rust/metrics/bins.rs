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
        let n = nearest(self.n);
        (0..=self.n).map(|edge| nearest(edge) / n).collect()
    }

    /// The n + 1 ends of bins between quantiles, linear between the two nearest of the rising `probs`, as NumPy's.
    #[must_use]
    pub fn quantile_edges(self, probs: &[f64]) -> Vec<f64> {
        let Some(last) = probs.len().checked_sub(1) else {
            return vec![f64::NAN; self.n + 1];
        };
        let at = |row: usize| probs.get(row.min(last)).copied().unwrap_or(f64::NAN);
        let step = 1.0 / nearest(self.n);
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
                let place = prob * nearest(self.n);
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 <= prob <= 1
                let bin = match self.closed {
                    Closed::Left => place as usize,
                    Closed::Right => (place.ceil() as usize).saturating_sub(1),
                };
                bin.min(self.n - 1)
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

/// Exact sums over the rows of every bin. Without weights those of weights and labels are counts.
#[derive(Debug, Clone)]
pub struct Sums {
    /// Rows.
    pub n: Vec<i64>,
    positive: Vec<i64>,
    prob: Vec<ExactSum>,
    /// Of the weights and of weight * label; empty without weights.
    weight: Vec<ExactSum>,
    label: Vec<ExactSum>,
}

/// Sums of a few thousand rows in units of 2^-62, in which most probabilities are integers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quick {
    prob: i128,
    n: i64,
    positive: i64,
}

impl Sums {
    pub(super) fn new(n_bins: usize, weighted: bool) -> Self {
        let sums = |n| vec![ExactSum::default(); n];
        let more = if weighted { n_bins } else { 0 };
        Self {
            n: vec![0; n_bins],
            positive: vec![0; n_bins],
            prob: sums(n_bins),
            weight: sums(more),
            label: sums(more),
        }
    }

    /// Adds rows without weights, given as bin, probability and whether the label is 1.
    pub(super) fn add(&mut self, rows: impl Iterator<Item = (usize, f64, bool)>) {
        const UNITS: f64 = 4_611_686_018_427_387_904.0;
        let mut quick = vec![Quick::default(); self.n.len()];
        for (bin, prob, positive) in rows {
            let Some(own) = quick.get_mut(bin) else {
                continue;
            };
            own.n += 1;
            own.positive += i64::from(positive);
            let scaled = prob * UNITS;
            #[allow(clippy::cast_possible_truncation)] // 0 <= prob <= 1; compared
            let units = scaled as i64;
            #[allow(clippy::cast_precision_loss)] // 53 bits of a double; compared
            if units as f64 == scaled {
                own.prob += i128::from(units);
            } else if let Some(sum) = self.prob.get_mut(bin) {
                sum.add(prob);
            }
        }
        let counts = self.n.iter_mut().zip(&mut self.positive);
        for ((own, (n, positive)), sum) in quick.into_iter().zip(counts).zip(&mut self.prob) {
            *n += own.n;
            *positive += own.positive;
            let mut rest = own.prob;
            let mut unit = 1.0 / UNITS;
            while rest > 0 {
                sum.add(nearest(rest & 0xffff_ffff) * unit);
                rest >>= 32;
                unit *= 4_294_967_296.0;
            }
        }
    }

    /// Adds a row with a weight, which multiplies the probability in double precision.
    pub(super) fn add_weighted(&mut self, bin: usize, prob: f64, positive: bool, weight: f64) {
        let counts = self.n.get_mut(bin).zip(self.positive.get_mut(bin));
        let sums = self.weight.get_mut(bin).zip(self.label.get_mut(bin));
        let all = counts.zip(sums).zip(self.prob.get_mut(bin));
        if let Some((((n, ones), (weights, labels)), probs)) = all {
            *n += 1;
            probs.add(weight * prob);
            weights.add(weight);
            if positive {
                *ones += 1;
                labels.add(weight);
            }
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        let counts = self.n.iter_mut().chain(&mut self.positive);
        let more = other.n.into_iter().chain(other.positive);
        counts.zip(more).for_each(|(count, more)| *count += more);
        let sums = self
            .prob
            .iter_mut()
            .chain(&mut self.weight)
            .chain(&mut self.label);
        let more = other
            .prob
            .into_iter()
            .chain(other.weight)
            .chain(other.label);
        sums.zip(more).for_each(|(sum, more)| sum.merge(more));
    }

    /// Of every bin the exact sums of weight, weight * prob and weight * label.
    #[must_use]
    pub fn limbs(self) -> Vec<[Limbs; 3]> {
        let count = |n: i64| {
            let mut sum = ExactSum::default();
            sum.add(nearest(n));
            sum
        };
        let (weight, label) = if self.weight.is_empty() {
            let counts = |ns: Vec<i64>| ns.into_iter().map(count).collect();
            (counts(self.n), counts(self.positive))
        } else {
            (self.weight, self.label)
        };
        let bins = weight.into_iter().zip(self.prob).zip(label);
        bins.map(|((weight, prob), label)| [weight, prob, label].map(ExactSum::limbs))
            .collect()
    }

    /// Of every bin the nearest doubles of the sums of weight, weight * prob and weight * label.
    pub(super) fn rounded(self) -> Vec<[f64; 3]> {
        if !self.weight.is_empty() {
            return self
                .limbs()
                .iter()
                .map(|bin| bin.each_ref().map(rounded))
                .collect();
        }
        let bins = self.n.into_iter().zip(self.prob).zip(self.positive);
        bins.map(|((n, prob), positive)| match n {
            0 => [0.0; 3],
            _ => [nearest(n), rounded(&prob.limbs()), nearest(positive)],
        })
        .collect()
    }
}
