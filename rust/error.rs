//! The one error type of the crate, classed by what the caller can do about it.

use std::fmt::Display;

/// Result of every fallible function of the crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A number of so many characters is still read at a glance.
const LONGEST: usize = 24;

/// What was wrong with an argument. One variant per Python exception class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A length or shape does not fit.
    #[error("{argument} must have {expected}, got {actual}")]
    Shape {
        /// Name of the argument.
        argument: &'static str,
        /// What would have been right.
        expected: String,
        /// What came.
        actual: String,
    },
    /// A value lies outside its range, or is missing where one is needed.
    #[error("{argument}{} must be {expected}, got {actual}", place(index))]
    Domain {
        /// Name of the argument.
        argument: &'static str,
        /// Position of the first offending value, one number per axis; empty for a plain number.
        index: Vec<usize>,
        /// What would have been right.
        expected: String,
        /// What came.
        actual: String,
    },
    /// The data separate perfectly, so the estimate asked for is infinite.
    #[error("{0}")]
    Separation(String),
    /// Columns depend on one another, so the estimate asked for is not unique.
    #[error("{0}")]
    RankDeficient(String),
}

impl Error {
    /// The same error under the name that the caller knows the argument by.
    #[must_use]
    pub fn of(mut self, name: &'static str) -> Self {
        match &mut self {
            Self::Shape { argument, .. } | Self::Domain { argument, .. } => *argument = name,
            Self::Separation(_) | Self::RankDeficient(_) => {}
        }
        self
    }

    /// A length or shape that does not fit.
    pub fn shape(argument: &'static str, expected: impl Display, actual: impl Display) -> Self {
        Self::Shape {
            argument,
            expected: expected.to_string(),
            actual: actual.to_string(),
        }
    }

    /// A plain number outside its range.
    pub fn domain(argument: &'static str, expected: impl Display, actual: impl Display) -> Self {
        Self::Domain {
            argument,
            index: Vec::new(),
            expected: expected.to_string(),
            actual: short(actual.to_string()),
        }
    }

    /// An array entry outside its range.
    pub fn domain_at(
        argument: &'static str,
        index: impl Into<Vec<usize>>,
        expected: impl Display,
        actual: impl Display,
    ) -> Self {
        Self::Domain {
            argument,
            index: index.into(),
            expected: expected.to_string(),
            actual: short(actual.to_string()),
        }
    }
}

/// A number in as few digits as tell it apart: Rust writes 1e300 with 301 digits.
fn short(text: String) -> String {
    match text.parse::<f64>() {
        Ok(number) if text.len() > LONGEST => format!("{number:e}"),
        _ => text,
    }
}

fn place(index: &[usize]) -> String {
    if index.is_empty() {
        String::new()
    } else {
        format!("{index:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn messages_name_argument_position_value_and_expectation() {
        let shape = Error::shape("y", "length 3 like x", 2);
        assert_eq!(shape.to_string(), "y must have length 3 like x, got 2");
        let domain = Error::domain_at("offsets", [2], "at least offsets[1] = 3", 2);
        assert_eq!(
            domain.to_string(),
            "offsets[2] must be at least offsets[1] = 3, got 2"
        );
        let at = Error::domain_at("targets", [1, 3], "in 0..8", 9);
        assert_eq!(at.to_string(), "targets[1, 3] must be in 0..8, got 9");
        assert_eq!(
            Error::domain("min_gap", "a number >= 0", -1.0).to_string(),
            "min_gap must be a number >= 0, got -1"
        );
        let large = Error::domain("ridge", "in [0, 1e100]", 3e300).to_string();
        assert_eq!(large, "ridge must be in [0, 1e100], got 3e300");
        let small = Error::domain_at("weights", [0], "0", 1e-320).to_string();
        assert_eq!(small, "weights[0] must be 0, got 1e-320");
    }
}
