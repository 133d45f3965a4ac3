//! Log-probs and log-sum-exp of a batch of rows.

use crate::{Result, threads};

use super::batch::{Batch, Row, Tokens, Transform};
use super::curve::Curve;
use super::logit::Logit;
use super::real::Real;
use super::tile::{BLOCK, Tile};

/// Statistics of every row, 0 in masked ones.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenStats<R> {
    /// Log-prob of the target in nats.
    pub logps: Vec<R>,
    /// ln Σ exp(z).
    pub lse: Vec<R>,
}

/// Log-prob of each row's target, and log-sum-exp of each row.
///
/// One pass over each row that counts, O(rows · vocabulary); rows that do not count are not read. For f64 logits the
/// results are f64; for f32, f16 and bf16 they are f32, within 2e-6 of the definition (measured up to a vocabulary of
/// 128,256, spread 8) before their rounding. Naive equivalent: `z[target] - ln Σ exp(z)`.
///
/// # Errors
/// [`crate::Error::Shape`] for lengths that do not fit or an empty vocabulary; [`crate::Error::Domain`] for a target
/// outside the vocabulary, a temperature, soft cap or scale that is not finite and above 0, and a row of -inf.
///
/// ```
/// use prefcore::logps::{Tokens, Transform, token_stats};
///
/// let tokens = Tokens { targets: &[0, -100], mask: Some(&[true, false]), shape: &[2] };
/// let transform = Transform { temperature: 1.0, row_temperature: None, softcap: None, logit_scale: 1.0 };
/// let stats = token_stats(&[&[0.0_f64, 0.0], &[f64::NAN, 0.0]], &tokens, &transform)?;
/// assert_eq!(stats.logps, [-std::f64::consts::LN_2, 0.0]);
/// assert_eq!(stats.lse, [std::f64::consts::LN_2, 0.0]);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn token_stats<T: Logit>(
    rows: &[&[T]],
    tokens: &Tokens,
    transform: &Transform,
) -> Result<TokenStats<T::Real>> {
    let batch = Batch::new(rows, tokens, transform)?;
    let vocabulary = batch.vocabulary();
    let ranges = threads::split(batch.len(), |row| row * vocabulary);
    let parts = threads::map(ranges, batch.len() * vocabulary, |range| {
        let mut tile = Tile::new();
        range
            .map(|index| match batch.row(index) {
                None => Ok([0.0; 2]),
                Some(row) => row_stats(&row, &mut tile).ok_or_else(|| batch.empty_row(index)),
            })
            .collect::<Result<Vec<_>>>()
    });
    let mut stats = TokenStats {
        logps: Vec::with_capacity(batch.len()),
        lse: Vec::with_capacity(batch.len()),
    };
    for part in parts {
        for [logps, lse] in part? {
            stats.logps.push(T::Real::round(logps));
            stats.lse.push(T::Real::round(lse));
        }
    }
    Ok(stats)
}

/// `[logps, lse]`; `None` where every entry is -inf.
fn row_stats<T: Logit>(row: &Row<T>, tile: &mut Tile<T::Real>) -> Option<[f64; 2]> {
    let (curve, z) = (row.curve, row.curve.z(row.target));
    let others = LogSum::default()
        .add(row.before, curve, tile)
        .add(row.after, curve, tile);
    if others.sum == 0.0 && z == f64::NEG_INFINITY {
        return None;
    }
    if z == f64::INFINITY {
        return Some([f64::NAN; 2]); // as where another entry is +inf
    }
    let gap = others.sum.ln() + curve.gap(others.max, row.target);
    let logps = 0.0 - (gap.max(0.0) + (-gap.abs()).exp().ln_1p());
    let lse = if gap > 0.0 {
        curve.z(others.max) + others.sum.ln() + (-gap).exp().ln_1p()
    } else {
        z + gap.exp().ln_1p()
    };
    Some([logps, lse])
}

/// Σ exp(z) = sum · exp(z(max)) of the entries seen so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogSum {
    pub max: f64,
    pub sum: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self {
            max: f64::NEG_INFINITY,
            sum: 0.0,
        }
    }
}

impl LogSum {
    /// Adds more entries of the row.
    pub fn add<T: Logit>(mut self, logits: &[T], curve: Curve, tile: &mut Tile<T::Real>) -> Self {
        for block in logits.chunks(BLOCK) {
            tile.load(block);
            let max = tile.max();
            if max > self.max {
                self.sum *= curve.gap(self.max, max).exp();
                self.max = max;
            }
            // As long as all is -inf any finite anchor will do, whereas -inf would make (-inf) - (-inf).
            let top = if self.max == f64::NEG_INFINITY {
                0.0
            } else {
                self.max
            };
            self.sum += tile.exp(curve.anchor(top));
        }
        self
    }
}
