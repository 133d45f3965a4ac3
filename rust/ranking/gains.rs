//! Gains, discounts and the ideal DCG of a list.

use std::f64::consts::LN_2;
use std::str::FromStr;

use super::lists::{Order, check_labels};
use crate::error::{Error, Result};

/// What a label is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gain {
    /// The label itself.
    Linear,
    /// 2^label - 1
    Exponential,
}

impl FromStr for Gain {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "linear" => Ok(Self::Linear),
            "exponential" => Ok(Self::Exponential),
            _ => Err(Error::domain(
                "gain",
                "\"linear\" or \"exponential\"",
                format!("{name:?}"),
            )),
        }
    }
}

impl Gain {
    pub(super) fn of(self, label: f64) -> f64 {
        match self {
            Self::Linear => label,
            // 2^label - 1 is exact at whole labels, and loses the digits of small ones.
            Self::Exponential if label < 0.5 => (label * LN_2).exp_m1(),
            Self::Exponential => label.exp2() - 1.0,
        }
    }

    /// Labels have gains whose sums are finite.
    pub(super) fn check(self, labels: &[f64], rows: usize) -> Result<()> {
        let (most, expected) = match self {
            Self::Linear => (1e300, "in [0, 1e300]"),
            Self::Exponential => (900.0, "in [0, 900] with gain=\"exponential\""),
        };
        check_labels(labels, rows, expected, |label| {
            (0.0..=most).contains(&label)
        })
    }
}

/// 1 / log2(1 + rank), with ranks from 1.
pub(super) fn discount(rank: f64) -> f64 {
    1.0 / (1.0 + rank).log2()
}

/// The discount of each place of a list, from 0, up to the first k.
pub(super) fn discounts(k: Option<usize>) -> impl Fn(usize) -> f64 {
    #[allow(clippy::cast_precision_loss)] // places below 2^53
    move |place| {
        if k.is_some_and(|k| place >= k) {
            0.0
        } else {
            discount((place + 1) as f64)
        }
    }
}

/// The largest DCG that a list can have.
pub(super) fn ideal_dcg(order: &mut Order, gains: &[f64], discount: impl Fn(usize) -> f64) -> f64 {
    order.descending(gains);
    let places = order.rows().enumerate();
    let gain = |row: usize| gains.get(row).copied().unwrap_or(0.0);
    places.map(|(place, row)| gain(row) * discount(place)).sum()
}
