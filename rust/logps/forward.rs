//! Statistics of a batch of rows.

use crate::{Result, threads};

use super::batch::{Batch, Row, Tokens, Transform};
use super::logit::Logit;
use super::real::Real;
use super::tile::Tile;
use super::total::Total;

/// Which statistics are wanted beside log-prob and log-sum-exp.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)] // one per statistic
pub struct Extras {
    /// Entropy.
    pub entropy: bool,
    /// Logarithm of the sum of squared probabilities.
    pub log_sum_sq_probs: bool,
    /// Whether the target is the first of the largest logits.
    pub is_top1: bool,
    /// Mean of z over the vocabulary.
    pub mean_logits: bool,
}

/// Statistics of every row, 0 in masked ones; empty where not wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TokenStats<R> {
    /// Log-prob of the target in nats.
    pub logps: Vec<R>,
    /// ln Σ exp(z).
    pub lse: Vec<R>,
    /// -Σ p ln p in nats.
    pub entropy: Vec<R>,
    /// ln Σ p².
    pub log_sum_sq_probs: Vec<R>,
    /// Whether the target is the first of the largest logits.
    pub is_top1: Vec<bool>,
    /// Mean of z over the vocabulary.
    pub mean_logits: Vec<R>,
}

/// Log-prob of each row's target, log-sum-exp of each row, and what else is wanted.
///
/// One pass over each row that counts, O(rows · vocabulary); rows that do not count are not read. For f64 logits the
/// results are f64; for f32, f16 and bf16 they are f32, within 2e-6 of the definition (measured up to a vocabulary of
/// 128,256, spread 8) before their rounding. Naive equivalent: p = softmax(z), then each definition.
///
/// # Errors
/// [`crate::Error::Shape`] for lengths that do not fit or an empty vocabulary; [`crate::Error::Domain`] for a target
/// outside the vocabulary, a temperature, soft cap or scale that is not finite and above 0, and a row of -inf.
///
/// ```
/// use prefcore::logps::{Extras, Tokens, Transform, token_stats};
///
/// let tokens = Tokens { targets: &[0, -100], mask: Some(&[true, false]), shape: &[2] };
/// let transform = Transform { temperature: 1.0, row_temperature: None, softcap: None, logit_scale: 1.0 };
/// let extras = Extras { entropy: true, ..Extras::default() };
/// let stats = token_stats(&[&[0.0_f64, 0.0], &[f64::NAN, 0.0]], &tokens, &transform, extras)?;
/// assert_eq!(stats.logps, [-std::f64::consts::LN_2, 0.0]);
/// assert_eq!(stats.lse, [std::f64::consts::LN_2, 0.0]);
/// assert_eq!(stats.entropy, [std::f64::consts::LN_2, 0.0]);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn token_stats<T: Logit>(
    rows: &[&[T]],
    tokens: &Tokens,
    transform: &Transform,
    extras: Extras,
) -> Result<TokenStats<T::Real>> {
    let batch = Batch::new(rows, tokens, transform)?;
    let vocabulary = batch.vocabulary();
    let ranges = threads::split(batch.len(), |row| row * vocabulary);
    let parts = threads::map(ranges, batch.len() * vocabulary, |range| {
        let mut tile = Tile::new();
        let rows = range.clone().zip(rows.get(range).unwrap_or_default());
        rows.map(|(index, logits)| match batch.row(index, logits) {
            None => Ok(RowStats::default()),
            Some(row) => row_stats(&row, extras, &mut tile).ok_or_else(|| batch.empty_row(index)),
        })
        .collect::<Result<Vec<_>>>()
    });
    let rows = parts.into_iter().collect::<Result<Vec<_>>>()?.concat();
    Ok(TokenStats {
        logps: column(&rows, true, |row| row.logps),
        lse: column(&rows, true, |row| row.lse),
        entropy: column(&rows, extras.entropy, |row| row.entropy),
        log_sum_sq_probs: column(&rows, extras.log_sum_sq_probs, |row| row.log_sum_sq_probs),
        is_top1: rows
            .iter()
            .map(|row| row.is_top1)
            .filter(|_| extras.is_top1)
            .collect(),
        mean_logits: column(&rows, extras.mean_logits, |row| row.mean_logits),
    })
}

fn column<R: Real>(rows: &[RowStats], wanted: bool, of: impl Fn(&RowStats) -> f64) -> Vec<R> {
    let wanted = rows.iter().filter(|_| wanted);
    wanted.map(|row| R::round(of(row))).collect()
}

#[derive(Debug, Clone, Copy, Default)]
struct RowStats {
    logps: f64,
    lse: f64,
    entropy: f64,
    log_sum_sq_probs: f64,
    is_top1: bool,
    mean_logits: f64,
}

/// `None` where every entry is -inf.
fn row_stats<T: Logit>(row: &Row<T>, extras: Extras, tile: &mut Tile<T::Real>) -> Option<RowStats> {
    let every = extras.entropy || extras.log_sum_sq_probs || extras.mean_logits;
    let before = Total::new(row.curve, every).add(row.before, tile);
    let others = before.add(row.after, tile);
    if others.sums.exps == 0.0 && row.target == f64::NEG_INFINITY {
        return None;
    }
    let (logps, lse) = others.log_prob(row.target);
    let first = row.before.is_empty() || row.target > before.sums.max;
    let stats = RowStats {
        logps,
        lse,
        is_top1: first && row.target >= others.sums.max && !logps.is_nan(),
        ..RowStats::default()
    };
    Some(if every {
        moments(stats, &others, row.target)
    } else {
        stats
    })
}

fn moments(stats: RowStats, others: &Total, target: f64) -> RowStats {
    let whole = others.with(target);
    let entropy = whole.log_exps - whole.sums.logs / whole.sums.exps;
    RowStats {
        entropy: if entropy < 0.0 { 0.0 } else { entropy },
        log_sum_sq_probs: whole.log_squares - 2.0 * whole.log_exps,
        mean_logits: whole.mean,
        ..stats
    }
}
