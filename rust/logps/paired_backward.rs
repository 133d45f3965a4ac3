//! Gradient of the paired statistics with respect to the logits of the policy.

use crate::check::same_length;
use crate::{Result, threads};

use super::batch::{Tokens, Transform};
use super::logit::Logit;
use super::pair_sums::PairSums;
use super::pair_tile::{LogSums, PairTile, PairWeight};
use super::paired::{Pair, Pairs, Tops};
use super::real::Real;
use super::tile::BLOCK;

/// Beyond this size the rounding of a saved f32 log-prob would show in the gradient (2^-19, relative).
const LOGPS_TRUSTED: f64 = 64.0;

/// What comes back to the statistics and what [`super::paired_token_stats`] returned: one number per row.
#[derive(Debug, Clone, Copy)]
pub struct PairedUpstream<'a, R> {
    /// Derivative of the objective with respect to the log-probs of the policy.
    pub grad_logps: &'a [R],
    /// Derivative of the objective with respect to KL(q ‖ p).
    pub grad_kl_ref_policy: &'a [R],
    /// Derivative of the objective with respect to KL(p ‖ q).
    pub grad_kl_policy_ref: &'a [R],
    /// Derivative of the objective with respect to the entropy.
    pub grad_entropy: &'a [R],
    /// Derivative of the objective with respect to ln Σ p².
    pub grad_log_sum_sq_probs: &'a [R],
    /// Log-prob of the target under the policy.
    pub logps: &'a [R],
    /// Log-prob of the target under the reference.
    pub ref_logps: &'a [R],
    /// KL(p ‖ q)
    pub kl_policy_ref: &'a [R],
    /// Entropy of the policy.
    pub entropy: &'a [R],
    /// ln Σ p²
    pub log_sum_sq_probs: &'a [R],
}

/// Writes the gradient with respect to the logits of the policy into `out`, row after row; every entry is written.
///
/// `dL/dz_v = c1 (1[v = target] - p) + c2 (p - q) + c3 p (ln(p/q) - KL(p ‖ q)) - c4 p (ln p + H) + 2 c5 (p²/Σp² - p)`
/// with the five upstream gradients in the order of [`PairedUpstream`], and dL/dx = dL/dz · dz/dx. Neither 1 - p of the
/// target nor p - q of similar distributions cancels. Masked rows, and rows whose upstream gradients are all 0, are not
/// read and get zeros, as do entries of -inf. Where KL(p ‖ q) is infinite, its gradient is NaN. O(rows · vocabulary).
///
/// # Errors
/// As [`super::paired_token_stats`], and [`crate::Error::Shape`] for lengths that do not fit; a row of -inf gives NaN.
pub fn paired_token_stats_backward<T: Logit>(
    policy: &[&[T]],
    reference: &[&[T]],
    tokens: &Tokens,
    transform: &Transform,
    upstream: &PairedUpstream<T::Real>,
    out: &mut [T],
) -> Result<()> {
    let pairs = Pairs::new(policy, reference, tokens, transform)?;
    let (count, vocabulary) = (pairs.len(), pairs.vocabulary());
    for (name, column) in upstream.columns() {
        same_length(name, column.len(), "logits", count)?;
    }
    same_length("out", out.len(), "logits", count * vocabulary)?;
    let mut rest = out;
    let parts: Vec<_> = threads::split(count, |row| 2 * row * vocabulary)
        .into_iter()
        .map(|range| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(range.len() * vocabulary);
            rest = tail;
            (range, head)
        })
        .collect();
    threads::map(parts, 2 * count * vocabulary, |(range, out)| {
        let mut tile = PairTile::new();
        for (index, out) in range.zip(out.chunks_exact_mut(vocabulary)) {
            let saved = Saved::new(upstream, index);
            match pairs.pair(index).filter(|_| saved.is_needed()) {
                None => out.fill(T::default()),
                Some(pair) => pair.gradient(&saved, &mut tile, out),
            }
        }
    });
    Ok(())
}

impl<R> PairedUpstream<'_, R> {
    fn columns(&self) -> [(&'static str, &[R]); 10] {
        [
            ("grad_logps", self.grad_logps),
            ("grad_kl_ref_policy", self.grad_kl_ref_policy),
            ("grad_kl_policy_ref", self.grad_kl_policy_ref),
            ("grad_entropy", self.grad_entropy),
            ("grad_log_sum_sq_probs", self.grad_log_sum_sq_probs),
            ("logps", self.logps),
            ("ref_logps", self.ref_logps),
            ("kl_policy_ref", self.kl_policy_ref),
            ("entropy", self.entropy),
            ("log_sum_sq_probs", self.log_sum_sq_probs),
        ]
    }
}

/// The numbers of one row.
struct Saved {
    /// c1 to c5
    grads: [f64; 5],
    logps: [f64; 2],
    kl: f64,
    entropy: f64,
    log_squares: f64,
}

impl Saved {
    fn new<R: Real>(upstream: &PairedUpstream<R>, row: usize) -> Self {
        let of_row = upstream
            .columns()
            .map(|(_, column)| column.get(row).copied().unwrap_or_default().into());
        let [
            c1,
            c2,
            c3,
            c4,
            c5,
            logps,
            ref_logps,
            kl,
            entropy,
            log_squares,
        ] = of_row;
        Self {
            grads: [c1, c2, c3, c4, c5],
            logps: [logps, ref_logps],
            kl,
            entropy,
            log_squares,
        }
    }

    fn is_needed(&self) -> bool {
        self.grads.iter().any(|&grad| grad != 0.0)
    }

    /// The gradient in the order of p.
    fn weight(&self) -> PairWeight {
        let [c1, c2, c3, c4, c5] = self.grads;
        PairWeight {
            constant: -c1 - self.divergence() - times(c4, self.entropy) - 2.0 * c5,
            ratio: c3,
            log: -c4,
            square: times(2.0 * c5, (-self.log_squares).exp()),
            difference: c2,
        }
    }

    /// c3 KL(p ‖ q); NaN where that is infinite.
    fn divergence(&self) -> f64 {
        times(
            self.grads[2],
            if self.kl == f64::INFINITY {
                f64::NAN
            } else {
                self.kl
            },
        )
    }

    /// dL/dz of the target, from its log-probs, which keep relative accuracy where p is nearly 1.
    fn own(&self) -> f64 {
        let [c1, c2, c3, c4, c5] = self.grads;
        let [log_p, log_q] = self.logps;
        let (p, log_ratio) = (log_p.exp(), log_p - log_q);
        let apart = if log_ratio.abs() < 1.0 {
            log_q.exp() * log_ratio.exp_m1()
        } else {
            p - log_q.exp()
        };
        let inner = times(c3, log_ratio) - self.divergence() - times(c4, log_p + self.entropy)
            + times(2.0 * c5, (log_p - self.log_squares).exp_m1());
        times(c2, apart) - c1 * log_p.exp_m1() + times(p, inner)
    }
}

/// A product in which 0 wins over infinity and NaN.
fn times(factor: f64, value: f64) -> f64 {
    if factor == 0.0 { 0.0 } else { factor * value }
}

impl<T: Logit> Pair<'_, T> {
    fn gradient(&self, saved: &Saved, tile: &mut PairTile<T::Real>, out: &mut [T]) {
        let tops = self.maxima(tile).tops();
        let (anchors, log_sums, weight) = (
            self.anchors(tops),
            self.log_sums(saved, tops, tile),
            saved.weight(),
        );
        let (before, after) = self.sides();
        let (out_before, rest) = out.split_at_mut(self.before());
        let (at, out_after) = rest.split_at_mut(1);
        let outs = out_before
            .chunks_mut(BLOCK)
            .chain(out_after.chunks_mut(BLOCK));
        for ((policy, reference), out) in before.chain(after).zip(outs) {
            tile.gradient(policy, reference, anchors, log_sums, weight, out);
        }
        let own = T::Real::round(self.target_slope() * saved.own());
        T::write(at, &mut [own], |at| at.fill(own));
    }

    /// From the saved log-probs, or summed up again where their rounding would show.
    fn log_sums(&self, saved: &Saved, tops: Tops, tile: &mut PairTile<T::Real>) -> LogSums {
        let [log_p, log_q] = self.exponents(tops);
        if saved.logps.iter().all(|logps| logps.abs() <= LOGPS_TRUSTED) {
            let [logps, ref_logps] = saved.logps;
            return LogSums {
                policy: log_p - logps,
                reference: log_q - ref_logps,
            };
        }
        LogSums::new(self.others(tops, tile), PairSums::of_one(log_p, log_q))
    }
}
