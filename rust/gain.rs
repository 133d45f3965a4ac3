//! What a label is worth in a ranked list, and what a place in it.

use std::f64::consts::LN_2;
use std::str::FromStr;

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
    pub(crate) fn of(self, label: f64) -> f64 {
        match self {
            Self::Linear => label,
            // 2^label - 1 is exact at whole labels, and loses the digits of small ones.
            Self::Exponential if label < 0.5 => (label * LN_2).exp_m1(),
            Self::Exponential => label.exp2() - 1.0,
        }
    }

    /// The largest label whose gains have finite sums, and what to say of a larger one.
    pub(crate) fn most(self) -> (f64, &'static str) {
        match self {
            Self::Linear => (1e300, "in [0, 1e300]"),
            Self::Exponential => (900.0, "in [0, 900] with gain=\"exponential\""),
        }
    }
}

/// 1 / log2(1 + rank), with ranks from 1.
pub(crate) fn discount(rank: f64) -> f64 {
    1.0 / (1.0 + rank).log2()
}
