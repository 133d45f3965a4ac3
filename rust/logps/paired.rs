//! Statistics of a policy and a reference over the same rows.

use std::iter::Zip;
use std::slice::Chunks;

use crate::check::same_length;
use crate::{Error, Result, threads};

use super::batch::{Batch, Row, Tokens, Transform};
use super::curve::Anchors;
use super::logit::Logit;
use super::pair_sums::{Maxima, PairSums};
use super::pair_tile::{LogSums, PairTile};
use super::real::Real;
use super::tile::BLOCK;

/// Statistics of every pair of rows, p = softmax(z) of the policy and q of the reference; 0 in masked ones.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PairedStats<R> {
    /// ln p of the target.
    pub logps: Vec<R>,
    /// ln q of the target.
    pub ref_logps: Vec<R>,
    /// KL(q ‖ p) = Σ q ln(q / p), inf where p is 0 and q is not.
    pub kl_ref_policy: Vec<R>,
    /// KL(p ‖ q) = Σ p ln(p / q), inf where q is 0 and p is not.
    pub kl_policy_ref: Vec<R>,
    /// -Σ p ln p
    pub entropy: Vec<R>,
    /// ln Σ p²
    pub log_sum_sq_probs: Vec<R>,
    /// ln Σ exp(z) of the policy.
    pub lse: Vec<R>,
    /// ln Σ exp(z) of the reference.
    pub ref_lse: Vec<R>,
}

/// Log-probs of each row's target under policy and reference, both divergences, entropy and ln Σ p² of the policy.
///
/// Each row that counts comes from memory once (a look for the maxima brings it into the cache), O(rows · vocabulary);
/// nothing of the size of the vocabulary is allocated. A divergence is never negative, 0 for equal rows, and keeps
/// relative accuracy between nearly equal ones: where |ln p/q| < 1/16, p - q is summed up as q (exp(ln p/q) - 1), so the
/// two sums that make up a divergence belong to the very same two distributions. Naive equivalent: the definitions.
///
/// # Errors
/// As [`super::token_stats`], for either tensor, and [`crate::Error::Shape`] where their shapes differ.
///
/// ```
/// use prefcore::logps::{Tokens, Transform, paired_token_stats};
///
/// let tokens = Tokens { targets: &[0], mask: None, shape: &[1] };
/// let transform = Transform { temperature: 1.0, row_temperature: None, softcap: None, logit_scale: 1.0 };
/// let (policy, reference) = ([0.0, 0.0], [3.0_f64.ln(), 0.0]);
/// let stats = paired_token_stats(&[&policy], &[&reference], &tokens, &transform)?;
/// assert!((stats.ref_logps[0] - 0.75_f64.ln()).abs() < 1e-15);
/// assert!((stats.kl_ref_policy[0] - 0.75 * 1.5_f64.ln() - 0.25 * 0.5_f64.ln()).abs() < 1e-15);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn paired_token_stats<T: Logit>(
    policy: &[&[T]],
    reference: &[&[T]],
    tokens: &Tokens,
    transform: &Transform,
) -> Result<PairedStats<T::Real>> {
    let pairs = Pairs::new(policy, reference, tokens, transform)?;
    let (count, vocabulary) = (pairs.len(), pairs.vocabulary());
    let ranges = threads::split(count, |row| 2 * row * vocabulary);
    let parts = threads::map(ranges, 2 * count * vocabulary, |range| {
        let mut tile = PairTile::new();
        range
            .map(|index| match pairs.pair(index) {
                None => Ok([0.0; 8]),
                Some(pair) => pair
                    .stats(&mut tile)
                    .map_err(|name| pairs.empty_row(name, index)),
            })
            .collect::<Result<Vec<_>>>()
    });
    let mut stats = PairedStats::default();
    for part in parts {
        for row in part? {
            stats.push(row.map(T::Real::round));
        }
    }
    Ok(stats)
}

impl<R> PairedStats<R> {
    fn push(&mut self, row: [R; 8]) {
        let columns = [
            &mut self.logps,
            &mut self.ref_logps,
            &mut self.kl_ref_policy,
            &mut self.kl_policy_ref,
            &mut self.entropy,
            &mut self.log_sum_sq_probs,
            &mut self.lse,
            &mut self.ref_lse,
        ];
        for (column, value) in columns.into_iter().zip(row) {
            column.push(value);
        }
    }
}

/// The rows of both, checked.
pub(super) struct Pairs<'a, T> {
    batch: Batch<'a>,
    policy: &'a [&'a [T]],
    reference: &'a [&'a [T]],
}

impl<'a, T: Logit> Pairs<'a, T> {
    pub fn new(
        policy: &'a [&'a [T]],
        reference: &'a [&'a [T]],
        tokens: &'a Tokens<'a>,
        transform: &'a Transform<'a>,
    ) -> Result<Self> {
        same_length("ref_logits", reference.len(), "logits", policy.len())?;
        for (policy, reference) in policy.iter().zip(reference) {
            same_length(
                "ref_logits",
                reference.len(),
                "the row of logits",
                policy.len(),
            )?;
        }
        Ok(Self {
            batch: Batch::new(policy, tokens, transform)?,
            policy,
            reference,
        })
    }

    pub fn len(&self) -> usize {
        self.batch.len()
    }

    pub fn vocabulary(&self) -> usize {
        self.batch.vocabulary()
    }

    /// `None` for masked rows.
    pub fn pair(&self, row: usize) -> Option<Pair<'_, T>> {
        let policy = self.batch.row(row, self.policy.get(row)?)?;
        let reference = self.batch.row(row, self.reference.get(row)?)?;
        Some(Pair { policy, reference })
    }

    /// The error about a row without an entry above -inf.
    fn empty_row(&self, argument: &'static str, row: usize) -> Error {
        self.batch.empty_row_of(argument, row)
    }
}

/// A row of the policy and the same row of the reference.
pub(super) struct Pair<'a, T> {
    policy: Row<'a, T>,
    reference: Row<'a, T>,
}

/// The two logits that exponents are relative to.
pub(super) type Tops = [f64; 2];

impl<'a, T: Logit> Pair<'a, T> {
    /// The statistics; the name of the tensor whose row is -inf everywhere instead.
    fn stats(&self, tile: &mut PairTile<T::Real>) -> std::result::Result<[f64; 8], &'static str> {
        let maxima = self.maxima(tile);
        let tops = maxima.tops();
        let others = self.others(tops, tile);
        let [log_p, log_q] = self.exponents(tops);
        let own = PairSums::of_one(log_p, log_q);
        let sums = others.add(own);
        for (name, sum) in [("logits", sums.policy), ("ref_logits", sums.reference)] {
            if sum == 0.0 {
                return Err(name);
            }
        }
        let log_sums = LogSums::new(others, own);
        let log_squares = (others.squares + (own.squares - 1.0)).ln_1p();
        let [kl_ref_policy, kl_policy_ref] = divergences(&sums, &maxima);
        Ok([
            log_p - log_sums.policy,
            log_q - log_sums.reference,
            kl_ref_policy,
            kl_policy_ref,
            log_sums.policy - sums.policy_logs / sums.policy,
            log_squares - 2.0 * log_sums.policy,
            self.policy.curve.z(tops[0]) + log_sums.policy,
            self.reference.curve.z(tops[1]) + log_sums.reference,
        ])
    }

    pub fn maxima(&self, tile: &mut PairTile<T::Real>) -> Maxima {
        let (before, after) = self.sides();
        let blocks = before.chain(after).map(|(p, q)| tile.maxima(p, q));
        blocks.fold(
            Maxima::of_one(self.policy.target, self.reference.target),
            Maxima::max,
        )
    }

    /// Sums over all entries but the target: next to a target with nearly all of the mass, theirs keeps its digits.
    pub fn others(&self, tops: Tops, tile: &mut PairTile<T::Real>) -> PairSums {
        let anchors = self.anchors(tops);
        let (before, after) = self.sides();
        let blocks = before.chain(after).map(|(p, q)| tile.sums(p, q, anchors));
        blocks.fold(PairSums::default(), PairSums::add)
    }

    /// Exponents of the target, in nats.
    pub fn exponents(&self, [policy, reference]: Tops) -> [f64; 2] {
        [
            self.policy.curve.gap(self.policy.target, policy),
            self.reference.curve.gap(self.reference.target, reference),
        ]
    }

    pub fn anchors(&self, tops: Tops) -> Anchors<T::Real> {
        self.policy.curve.anchors(tops)
    }

    /// dz/dx of the target; 0 where it is masked vocabulary.
    pub fn target_slope(&self) -> f64 {
        match self.policy.target {
            f64::NEG_INFINITY => 0.0,
            target => self.policy.curve.slope(target),
        }
    }

    /// Number of entries before the target.
    pub fn before(&self) -> usize {
        self.policy.before.len()
    }

    /// Blocks of both rows, before the target and behind it.
    pub fn sides(&self) -> (Blocks<'a, T>, Blocks<'a, T>) {
        let blocks = |p: &'a [T], q: &'a [T]| p.chunks(BLOCK).zip(q.chunks(BLOCK));
        (
            blocks(self.policy.before, self.reference.before),
            blocks(self.policy.after, self.reference.after),
        )
    }
}

type Blocks<'a, T> = Zip<Chunks<'a, T>, Chunks<'a, T>>;

impl Maxima {
    /// The logits to look from; as long as all is -inf (beside NaN) any will do, whereas (-inf) - (-inf) would be NaN.
    pub fn tops(&self) -> Tops {
        [self.policy, self.reference].map(|max| if max == f64::NEG_INFINITY { 0.0 } else { max })
    }
}

impl LogSums {
    /// Logarithms of 1 + little where the target is the largest: so the little keeps its digits.
    pub fn new(others: PairSums, own: PairSums) -> Self {
        Self {
            policy: (others.policy + (own.policy - 1.0)).ln_1p(),
            reference: (others.reference + (own.reference - 1.0)).ln_1p(),
        }
    }
}

/// KL(q ‖ p) and KL(p ‖ q). Both are differences of numbers that nearly agree where p and q do; since `surplus` has
/// their relative accuracy, so has the difference, up to a rounding to below 0.
fn divergences(sums: &PairSums, maxima: &Maxima) -> [f64; 2] {
    let surplus = sums.surplus / sums.reference;
    let ratio = if surplus.abs() < 0.5 {
        surplus.ln_1p()
    } else {
        (sums.policy / sums.reference).ln()
    };
    let ref_policy = sums.reference_gaps / sums.reference + ratio;
    let policy_ref = 0.0 - (sums.policy_gaps / sums.policy + ratio);
    let kl = |value: f64, mass_alone: f64| {
        if ratio.is_nan() {
            ratio
        } else if mass_alone > f64::NEG_INFINITY {
            f64::INFINITY
        } else if value < 0.0 {
            0.0
        } else {
            value
        }
    };
    [
        kl(ref_policy, maxima.reference_alone),
        kl(policy_ref, maxima.policy_alone),
    ]
}
