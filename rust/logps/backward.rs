//! Gradient of the statistics with respect to the logits.

use std::f64::consts::LN_2;

use crate::check::same_length;
use crate::{Error, Result, threads};

use super::batch::{Batch, Row, Tokens, Transform};
use super::curve::Curve;
use super::logit::Logit;
use super::real::Real;
use super::tile::{BLOCK, Tile, Weight};
use super::total::Total;

/// Beyond this size the rounding of a saved f32 log-sum-exp would show in the gradient (2^-19, relative).
const LSE_TRUSTED: f64 = 64.0;

/// What comes back to the statistics and what [`super::token_stats`] returned: one number per row, or none at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Upstream<'a, R> {
    /// Derivative of the objective with respect to the log-probs.
    pub grad_logps: Option<&'a [R]>,
    /// Derivative of the objective with respect to the log-sum-exp.
    pub grad_lse: Option<&'a [R]>,
    /// Derivative of the objective with respect to the entropy.
    pub grad_entropy: Option<&'a [R]>,
    /// Derivative of the objective with respect to ln Σ p².
    pub grad_log_sum_sq_probs: Option<&'a [R]>,
    /// The log-sum-exp itself; summed up again where it is missing.
    pub lse: Option<&'a [R]>,
    /// The entropy; needed with its derivative.
    pub entropy: Option<&'a [R]>,
    /// ln Σ p²; needed with its derivative.
    pub log_sum_sq_probs: Option<&'a [R]>,
}

/// Writes the gradient with respect to the logits into `out`, one slice per row; every entry is written.
///
/// With p = softmax(z), H the entropy and S = Σ p², and dL/dx = dL/dz · dz/dx:
///
/// ```text
/// dL/dz_j = grad_logps (1[j = target] - p_j) + grad_lse p_j
///           - grad_entropy p_j (ln p_j + H) + 2 grad_log_sum_sq_probs (p_j² / S - p_j)
/// ```
///
/// The target's 1 - p is the sum of the other p, so it does not cancel. Masked rows, and rows whose upstream gradients
/// are all 0, are not read and get zeros, as do all entries of -inf. Each row is read and written once,
/// O(rows · vocabulary); rows with a soft cap, or with |lse| above 64, where a saved f32 is too coarse, are summed up
/// again before.
///
/// # Errors
/// As [`super::token_stats`], and [`crate::Error::Shape`] for lengths that do not fit; a row of -inf gives NaN here.
///
/// ```
/// use prefcore::logps::{Tokens, Transform, Upstream, token_stats_backward};
///
/// let tokens = Tokens { targets: &[0], mask: None, shape: &[1] };
/// let transform = Transform { temperature: 1.0, row_temperature: None, softcap: None, logit_scale: 1.0 };
/// let upstream = Upstream { grad_logps: Some(&[1.0]), ..Upstream::default() };
/// let mut out = [0.0; 4];
/// token_stats_backward(&[&[0.0_f64; 4]], &tokens, &transform, &upstream, vec![&mut out])?;
/// assert!((out[0] - 0.75).abs() < 1e-15 && (out[1] + 0.25).abs() < 1e-15);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn token_stats_backward<T: Logit>(
    rows: &[&[T]],
    tokens: &Tokens,
    transform: &Transform,
    upstream: &Upstream<T::Real>,
    out: Vec<&mut [T]>,
) -> Result<()> {
    let batch = Batch::new(rows, tokens, transform)?;
    same_length("out", out.len(), "logits", rows.len())?;
    for row in &out {
        same_length("out", row.len(), "logits", batch.vocabulary())?;
    }
    let pairs = out.into_iter().zip(rows).collect();
    for_each_row(&batch, upstream, pairs, |job, (out, row), tile| {
        job.write(row, out, tile);
    })
}

/// As [`token_stats_backward`], over the logits themselves: a thread allocates the copy of one row at a time.
///
/// # Errors
/// As [`token_stats_backward`]; nothing is written then.
pub fn token_stats_backward_in_place<T: Logit>(
    rows: Vec<&mut [T]>,
    tokens: &Tokens,
    transform: &Transform,
    upstream: &Upstream<T::Real>,
) -> Result<()> {
    let batch = Batch::new(&rows, tokens, transform)?;
    for_each_row(&batch, upstream, rows, |job, row, tile| {
        if job.is_needed() {
            let logits = row.to_vec();
            job.write(&logits, row, tile);
        } else {
            row.fill(T::default());
        }
    })
}

/// Hands out the rows to the threads, each with its number and the gradients that come back to it.
fn for_each_row<R: Real, I: Send>(
    batch: &Batch,
    upstream: &Upstream<R>,
    items: Vec<I>,
    work: impl Fn(Job, I, &mut Tile<R>) + Sync + Send,
) -> Result<()> {
    upstream.check(batch.len())?;
    let (count, vocabulary) = (batch.len(), batch.vocabulary());
    let mut items = items.into_iter();
    let parts = threads::split(count, |row| row * vocabulary)
        .into_iter()
        .map(|range| {
            (
                range.clone(),
                items.by_ref().take(range.len()).collect::<Vec<_>>(),
            )
        })
        .collect();
    threads::map(parts, count * vocabulary, |(range, items)| {
        let mut tile = Tile::new();
        for (index, item) in range.zip(items) {
            let back = upstream.of(index);
            work(Job { batch, index, back }, item, &mut tile);
        }
    });
    Ok(())
}

/// The gradient of one row.
struct Job<'a> {
    batch: &'a Batch<'a>,
    index: usize,
    back: Back,
}

impl Job<'_> {
    fn is_needed(&self) -> bool {
        self.batch.counts(self.index) && !self.back.is_zero()
    }

    fn write<T: Logit>(&self, logits: &[T], out: &mut [T], tile: &mut Tile<T::Real>) {
        let row = self.batch.row(self.index, logits);
        match row.filter(|_| self.is_needed()) {
            None => out.fill(T::default()),
            Some(row) => row_gradient(&row, &self.back, tile, out),
        }
    }
}

/// [`Upstream`] of one row; what is missing is 0.
#[derive(Debug, Clone, Copy)]
struct Back {
    grad_logps: f64,
    grad_lse: f64,
    grad_entropy: f64,
    grad_log_sum_sq_probs: f64,
    lse: f64,
    entropy: f64,
    log_sum_sq_probs: f64,
}

impl<R: Real> Upstream<'_, R> {
    fn check(&self, count: usize) -> Result<()> {
        let columns = [
            ("grad_logps", self.grad_logps),
            ("grad_lse", self.grad_lse),
            ("grad_entropy", self.grad_entropy),
            ("grad_log_sum_sq_probs", self.grad_log_sum_sq_probs),
            ("lse", self.lse),
            ("entropy", self.entropy),
            ("log_sum_sq_probs", self.log_sum_sq_probs),
        ];
        for (name, column) in columns {
            same_length(name, column.map_or(count, <[R]>::len), "logits", count)?;
        }
        let missing = |argument| {
            Err(Error::shape(
                argument,
                "one entry per row where its gradient is given",
                "none",
            ))
        };
        if self.grad_entropy.is_some() && self.entropy.is_none() {
            return missing("entropy");
        }
        if self.grad_log_sum_sq_probs.is_some() && self.log_sum_sq_probs.is_none() {
            return missing("log_sum_sq_probs");
        }
        Ok(())
    }

    fn of(&self, index: usize) -> Back {
        let or = |column: Option<&[R]>, missing: f64| {
            let value = column.and_then(|column| column.get(index));
            value.map_or(missing, |&value| value.into())
        };
        Back {
            grad_logps: or(self.grad_logps, 0.0),
            grad_lse: or(self.grad_lse, 0.0),
            grad_entropy: or(self.grad_entropy, 0.0),
            grad_log_sum_sq_probs: or(self.grad_log_sum_sq_probs, 0.0),
            lse: or(self.lse, f64::INFINITY), // never trusted
            entropy: or(self.entropy, 0.0),
            log_sum_sq_probs: or(self.log_sum_sq_probs, 0.0),
        }
    }
}

impl Back {
    fn is_zero(&self) -> bool {
        let grads = [
            self.grad_logps,
            self.grad_lse,
            self.grad_entropy,
            self.grad_log_sum_sq_probs,
        ];
        grads.into_iter().all(|grad| grad == 0.0)
    }

    /// Factors c, d and s such that dL/dz is p (c + d ln p + s p) at every entry but the target.
    fn factors(&self) -> [f64; 3] {
        let constant =
            self.grad_lse - self.grad_entropy * self.entropy - 2.0 * self.grad_log_sum_sq_probs;
        let square = 2.0 * self.grad_log_sum_sq_probs * (-self.log_sum_sq_probs).exp();
        [constant - self.grad_logps, -self.grad_entropy, square]
    }
}

fn row_gradient<T: Logit>(row: &Row<T>, back: &Back, tile: &mut Tile<T::Real>, out: &mut [T]) {
    let (top, share) = softmax(row, back.lse, tile);
    let [constant, log, square] = back.factors();
    let weight = Weight {
        constant: share * (constant + log * share.ln()),
        log: share * log * LN_2,
        exp: share * share * square,
    };
    let (before, rest) = out.split_at_mut(row.before.len());
    let (at, after) = rest.split_at_mut(1);
    let mut write = |logits: &[T], out: &mut [T]| -> f64 {
        let anchor = row.curve.anchor(top);
        let blocks = logits.chunks(BLOCK).zip(out.chunks_mut(BLOCK));
        blocks
            .map(|(block, out)| tile.gradient(block, anchor, weight, out))
            .sum()
    };
    let others = share * (write(row.before, before) + write(row.after, after));
    let gradient = if row.target == f64::NEG_INFINITY {
        0.0
    } else {
        let log_p = share.ln() + row.curve.gap(row.target, top);
        let p = log_p.exp();
        let of_log = if p == 0.0 { 0.0 } else { log * log_p };
        let of_p = p * (constant + back.grad_logps + of_log + square * p);
        row.curve.slope(row.target) * (back.grad_logps * others + of_p)
    };
    T::write(at, &mut [T::Real::ZERO], |at| {
        at.fill(T::Real::round(gradient));
    });
}

/// `(top, share)` such that the softmax of a logit x is share · exp(z(x) - z(top)).
fn softmax<T: Logit>(row: &Row<T>, lse: f64, tile: &mut Tile<T::Real>) -> (f64, f64) {
    if let Curve::Linear { scale } = row.curve {
        // The logit where z = lse, and the little that its rounding misses.
        let top: f64 = T::Real::round(lse / scale).into();
        if lse.abs() <= LSE_TRUSTED && top.is_finite() {
            return (top, (scale * top - lse).exp());
        }
    }
    let others = Total::new(row.curve, false)
        .add(row.before, tile)
        .add(row.after, tile);
    let top = others.sums.max.max(row.target);
    (top, 1.0 / others.with(row.target).sums.exps)
}
