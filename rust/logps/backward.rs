//! Gradient of the statistics with respect to the logits.

use std::ops::Range;

use crate::check::same_length;
use crate::{Result, threads};

use super::batch::{Batch, Row, Tokens, Transform};
use super::curve::Curve;
use super::forward::LogSum;
use super::logit::Logit;
use super::real::Real;
use super::tile::{BLOCK, Tile};

/// Beyond this size the rounding of a saved f32 log-sum-exp would show in the gradient (2^-19, relative).
const LSE_TRUSTED: f64 = 64.0;

/// What comes back to the statistics, one number per row, and the log-sum-exp that [`super::token_stats`] returned.
#[derive(Debug, Clone, Copy)]
pub struct Upstream<'a, R> {
    /// Derivative of the objective with respect to the log-probs.
    pub grad_logps: &'a [R],
    /// Derivative of the objective with respect to the log-sum-exp.
    pub grad_lse: &'a [R],
    /// The log-sum-exp itself.
    pub lse: &'a [R],
}

/// Writes the gradient with respect to the logits into `out`, row after row; every entry is written.
///
/// With p = softmax(z): `dL/dz_j = grad_logps · (1[j = target] - p_j) + grad_lse · p_j`, and dL/dx = dL/dz · dz/dx. The
/// target's 1 - p is the sum of the other p, so it does not cancel. Masked rows, and rows whose two upstream gradients
/// are 0, are not read and get zeros, as do all entries of -inf. Each row is read and written once, O(rows · vocabulary);
/// rows with a soft cap, or with |lse| above 64, where a saved f32 is too coarse, are summed up again before.
///
/// # Errors
/// As [`super::token_stats`], and [`crate::Error::Shape`] for lengths that do not fit; a row of -inf gives NaN here.
///
/// ```
/// use prefcore::logps::{Tokens, Transform, Upstream, token_stats_backward};
///
/// let tokens = Tokens { targets: &[0], mask: None, shape: &[1] };
/// let transform = Transform { temperature: 1.0, row_temperature: None, softcap: None, logit_scale: 1.0 };
/// let upstream = Upstream { grad_logps: &[1.0], grad_lse: &[0.0], lse: &[4.0_f64.ln()] };
/// let mut out = [0.0; 4];
/// token_stats_backward(&[&[0.0_f64; 4]], &tokens, &transform, &upstream, &mut out)?;
/// assert!((out[0] - 0.75).abs() < 1e-15 && (out[1] + 0.25).abs() < 1e-15);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn token_stats_backward<T: Logit>(
    rows: &[&[T]],
    tokens: &Tokens,
    transform: &Transform,
    upstream: &Upstream<T::Real>,
    out: &mut [T],
) -> Result<()> {
    let batch = Batch::new(rows, tokens, transform)?;
    let (count, vocabulary) = (batch.len(), batch.vocabulary());
    same_length("grad_logps", upstream.grad_logps.len(), "logits", count)?;
    same_length("grad_lse", upstream.grad_lse.len(), "logits", count)?;
    same_length("lse", upstream.lse.len(), "logits", count)?;
    same_length("out", out.len(), "logits", count * vocabulary)?;
    let ranges = threads::split(count, |row| row * vocabulary);
    let parts = part(out, ranges, vocabulary);
    threads::map(parts, count * vocabulary, |(range, out)| {
        let mut tile = Tile::new();
        for (index, out) in range.zip(out.chunks_exact_mut(vocabulary)) {
            let [grad_logps, grad_lse, lse] =
                [upstream.grad_logps, upstream.grad_lse, upstream.lse]
                    .map(|column| column.get(index).copied().unwrap_or_default().into());
            let needed = grad_logps != 0.0 || grad_lse != 0.0;
            match batch.row(index).filter(|_| needed) {
                None => out.fill(T::default()),
                Some(row) => row_gradient(&row, [grad_logps, grad_lse], lse, &mut tile, out),
            }
        }
    });
    Ok(())
}

/// The part of `out` that belongs to each range of rows.
fn part<T>(
    mut out: &mut [T],
    ranges: Vec<Range<usize>>,
    vocabulary: usize,
) -> Vec<(Range<usize>, &mut [T])> {
    let take = |range: Range<usize>| {
        let (head, tail) = std::mem::take(&mut out).split_at_mut(range.len() * vocabulary);
        out = tail;
        (range, head)
    };
    ranges.into_iter().map(take).collect()
}

fn row_gradient<T: Logit>(
    row: &Row<T>,
    [grad_logps, grad_lse]: [f64; 2],
    lse: f64,
    tile: &mut Tile<T::Real>,
    out: &mut [T],
) {
    let (top, share) = softmax(row, lse, tile);
    let weight = T::Real::round((grad_lse - grad_logps) * share);
    let (before, rest) = out.split_at_mut(row.before.len());
    let (at, after) = rest.split_at_mut(1);
    let mut write = |logits: &[T], out: &mut [T]| -> f64 {
        let anchor = row.curve.anchor(top);
        let blocks = logits.chunks(BLOCK).zip(out.chunks_mut(BLOCK));
        blocks
            .map(|(block, out)| {
                tile.load(block);
                let sum = tile.exp(anchor);
                tile.store(anchor, weight, out);
                sum
            })
            .sum()
    };
    let others = share * (write(row.before, before) + write(row.after, after));
    let gradient = if row.target == f64::NEG_INFINITY {
        0.0
    } else {
        let p = share * row.curve.gap(row.target, top).exp();
        row.curve.slope(row.target) * (grad_logps * others + grad_lse * p)
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
    let others = LogSum::default()
        .add(row.before, row.curve, tile)
        .add(row.after, row.curve, tile);
    let top = others.max.max(row.target);
    let sum =
        others.sum * row.curve.gap(others.max, top).exp() + row.curve.gap(row.target, top).exp();
    (top, 1.0 / sum)
}
