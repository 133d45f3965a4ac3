//! The rows to score, checked.

use crate::check::same_length;
use crate::{Error, Result};

use super::curve::Curve;
use super::logit::Logit;

/// Which entry of each row is scored.
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'a> {
    /// Entry per row, in `0..vocabulary`; not read where the mask is false.
    pub targets: &'a [i64],
    /// True = the row counts. Without a mask every row does.
    pub mask: Option<&'a [bool]>,
    /// Shape of the batch, whose product is the number of rows; names positions in errors.
    pub shape: &'a [usize],
}

/// The transform of the logits: z = softcap · tanh(logit scale · x / softcap) / temperature.
#[derive(Debug, Clone, Copy)]
pub struct Transform<'a> {
    /// Divides z; above 0.
    pub temperature: f64,
    /// One temperature per row, instead of `temperature`.
    pub row_temperature: Option<&'a [f64]>,
    /// Bound of z times temperature, above 0; without one the logits are only scaled.
    pub softcap: Option<f64>,
    /// Multiplies the logits; above 0.
    pub logit_scale: f64,
}

/// Tokens and transform that fit one another and a number of rows.
pub(super) struct Batch<'a> {
    count: usize,
    vocabulary: usize,
    tokens: &'a Tokens<'a>,
    transform: &'a Transform<'a>,
}

/// One row, parted at its target, whose logit is `target`.
pub(super) struct Row<'a, T> {
    pub before: &'a [T],
    pub target: f64,
    pub after: &'a [T],
    pub curve: Curve,
}

impl<'a> Batch<'a> {
    pub fn new<R: AsRef<[T]>, T>(
        rows: &[R],
        tokens: &'a Tokens<'a>,
        transform: &'a Transform<'a>,
    ) -> Result<Self> {
        let vocabulary = rows.first().map_or(0, |row| row.as_ref().len());
        for row in rows {
            same_length("logits", row.as_ref().len(), "the first row", vocabulary)?;
        }
        let batch = Self {
            count: rows.len(),
            vocabulary,
            tokens,
            transform,
        };
        batch.check_lengths()?;
        batch.check_factors()?;
        (0..rows.len()).try_for_each(|row| batch.check_row(row))?;
        Ok(batch)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// A row parted at its target; `None` for a masked one.
    pub fn row<'b, T: Logit>(&self, row: usize, logits: &'b [T]) -> Option<Row<'b, T>> {
        if !self.counts(row) {
            return None;
        }
        let target = usize::try_from(*self.tokens.targets.get(row)?).ok()?;
        let (before, rest) = logits.split_at_checked(target)?;
        let (&at, after) = rest.split_first()?;
        Some(Row {
            before,
            target: at.into(),
            after,
            curve: Curve::new(
                self.temperature(row),
                self.transform.softcap,
                self.transform.logit_scale,
            ),
        })
    }

    /// The error about a row without a finite logit.
    pub fn empty_row(&self, row: usize) -> Error {
        self.empty_row_of("logits", row)
    }

    /// The same about a row of another argument.
    pub fn empty_row_of(&self, argument: &'static str, row: usize) -> Error {
        Error::domain_at(
            argument,
            self.position(row),
            "a row with at least one entry above -inf",
            "-inf everywhere",
        )
    }

    /// Whether the mask lets the row count.
    pub fn counts(&self, row: usize) -> bool {
        self.tokens
            .mask
            .is_none_or(|mask| mask.get(row) == Some(&true))
    }

    fn temperature(&self, row: usize) -> f64 {
        let of_row = self.transform.row_temperature.and_then(|all| all.get(row));
        *of_row.unwrap_or(&self.transform.temperature)
    }

    fn check_lengths(&self) -> Result<()> {
        let n = self.len();
        same_length("targets", self.tokens.targets.len(), "logits", n)?;
        if let Some(mask) = self.tokens.mask {
            same_length("mask", mask.len(), "logits", n)?;
        }
        if let Some(temperature) = self.transform.row_temperature {
            same_length("row_temperature", temperature.len(), "logits", n)?;
        }
        if self.tokens.shape.iter().product::<usize>() != n {
            let expected = format!("the product {n} like logits");
            return Err(Error::shape(
                "shape",
                expected,
                format!("{:?}", self.tokens.shape),
            ));
        }
        if n > 0 && self.vocabulary == 0 {
            return Err(Error::shape("logits", "at least one entry per row", "none"));
        }
        Ok(())
    }

    fn check_factors(&self) -> Result<()> {
        let Transform {
            temperature,
            row_temperature,
            softcap,
            logit_scale,
        } = *self.transform;
        let factors = [
            ("temperature", temperature, row_temperature.is_none()),
            ("softcap", softcap.unwrap_or(1.0), true),
            ("logit_scale", logit_scale, true),
        ];
        for (argument, value, used) in factors {
            if used && !is_factor(value) {
                return Err(Error::domain(argument, FACTOR, value));
            }
        }
        Ok(())
    }

    fn check_row(&self, row: usize) -> Result<()> {
        if !self.counts(row) {
            return Ok(());
        }
        let target = self.tokens.targets.get(row).copied().unwrap_or_default();
        let vocabulary = self.vocabulary;
        if usize::try_from(target).map_or(true, |target| target >= vocabulary) {
            let expected = format!(">= 0 and < {vocabulary} (or masked)");
            return Err(Error::domain_at(
                "targets",
                self.position(row),
                expected,
                target,
            ));
        }
        let temperature = self.temperature(row);
        if is_factor(temperature) {
            return Ok(());
        }
        let position = self.position(row);
        Err(Error::domain_at(
            "temperature",
            position,
            FACTOR,
            temperature,
        ))
    }

    /// The index of a row in the shape of the batch, one number per axis.
    fn position(&self, row: usize) -> Vec<usize> {
        let mut below = self.len();
        let axes = self.tokens.shape.iter().map(|&size| {
            below /= size; // rows per step along this axis; no axis is empty where there is a row
            row / below % size
        });
        axes.collect()
    }
}

const FACTOR: &str = "a finite number > 0";

fn is_factor(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Batch, Tokens, Transform};
    use crate::Error;

    const PLAIN: Transform = Transform {
        temperature: 1.0,
        row_temperature: None,
        softcap: None,
        logit_scale: 1.0,
    };

    fn check(targets: &[i64], transform: Transform, message: &str) {
        let tokens = Tokens {
            targets,
            mask: None,
            shape: &[2, 1, 2],
        };
        let error = Batch::new(&[&[0.0_f64; 8][..]; 4], &tokens, &transform).err();
        assert_eq!(error.unwrap().to_string(), message);
    }

    #[test]
    fn errors_name_the_position() {
        check(
            &[0; 3],
            PLAIN,
            "targets must have length 4 like logits, got 3",
        );
        check(
            &[0, 7, 8, 0],
            PLAIN,
            "targets[1, 0, 0] must be >= 0 and < 8 (or masked), got 8",
        );
        check(
            &[0, -1, 0, 0],
            PLAIN,
            "targets[0, 0, 1] must be >= 0 and < 8 (or masked), got -1",
        );
        let (mut rowwise, mut capped, mut scaled) = (PLAIN, PLAIN, PLAIN);
        rowwise.row_temperature = Some(&[1.0, 1.0, -0.5, 0.0]);
        capped.softcap = Some(f64::NAN);
        scaled.logit_scale = f64::INFINITY;
        check(
            &[0; 4],
            rowwise,
            "temperature[1, 0, 0] must be a finite number > 0, got -0.5",
        );
        check(
            &[0; 4],
            capped,
            "softcap must be a finite number > 0, got NaN",
        );
        check(
            &[0; 4],
            scaled,
            "logit_scale must be a finite number > 0, got inf",
        );
    }

    #[test]
    fn rows_of_other_lengths_and_empty_vocabularies_are_refused() {
        let tokens = Tokens {
            targets: &[0, 0],
            mask: None,
            shape: &[2],
        };
        for rows in [[&[0.0_f32; 2][..], &[0.0; 3]], [&[], &[]]] {
            let error = Batch::new(&rows, &tokens, &PLAIN).err();
            assert!(matches!(error, Some(Error::Shape { .. })));
        }
    }
}
