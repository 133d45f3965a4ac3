//! One block of two rows, policy and reference, in the kernel's number type.

use std::f64::consts::LN_2;

use pulp::Arch;

use super::curve::{Anchors, View};
use super::logit::Logit;
use super::pair_sums::{Entry, Maxima, PairSums, alone, expm1_near, is_near};
use super::real::Real;
use super::tile::{BLOCK, LANES, larger};
use crate::elementary::dispatch;

/// The gradient at an entry with probabilities p and q: `p (constant + ratio ln(p/q) + log ln p + square p) + difference
/// (p - q)`, times dz/dx.
#[derive(Debug, Clone, Copy)]
pub(super) struct PairWeight {
    pub constant: f64,
    pub ratio: f64,
    pub log: f64,
    pub square: f64,
    pub difference: f64,
}

/// Logarithms of the sums of all exps of the two rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogSums {
    pub policy: f64,
    pub reference: f64,
}

/// The vector loops over two blocks of equal length, at most [`BLOCK`], and the buffers of those who need conversion.
pub(super) struct PairTile<R> {
    arch: Arch,
    policy: [R; BLOCK],
    reference: [R; BLOCK],
    values: [R; BLOCK],
}

/// Runs a loop for the kind of curve that both anchors belong to, compiled for the best instruction set.
macro_rules! vectorized {
    ($arch:expr, $anchors:expr, |$policy:ident, $reference:ident| $body:expr) => {
        match $anchors {
            Anchors::Linear($policy, $reference) => dispatch(
                $arch,
                #[inline(always)]
                || $body,
            ),
            Anchors::Capped($policy, $reference) => dispatch(
                $arch,
                #[inline(always)]
                || $body,
            ),
        }
    };
}

impl<R: Real> PairTile<R> {
    pub fn new() -> Self {
        Self {
            arch: Arch::new(),
            policy: [R::ZERO; BLOCK],
            reference: [R::ZERO; BLOCK],
            values: [R::ZERO; BLOCK],
        }
    }

    pub fn maxima<T: Logit<Real = R>>(&mut self, policy: &[T], reference: &[T]) -> Maxima {
        let (p, _) = self.policy.split_at_mut(policy.len());
        let (q, _) = self.reference.split_at_mut(reference.len());
        dispatch(
            self.arch,
            #[inline(always)]
            || maxima(T::read(policy, p), T::read(reference, q)),
        )
    }

    pub fn sums<T: Logit<Real = R>>(
        &mut self,
        policy: &[T],
        reference: &[T],
        anchors: Anchors<R>,
    ) -> PairSums {
        let (p, _) = self.policy.split_at_mut(policy.len());
        let (q, _) = self.reference.split_at_mut(reference.len());
        vectorized!(self.arch, anchors, |to_p, to_q| sums(
            to_p,
            to_q,
            T::read(policy, p),
            T::read(reference, q)
        ))
    }

    /// Writes the gradient at each logit of the policy.
    pub fn gradient<T: Logit<Real = R>>(
        &mut self,
        policy: &[T],
        reference: &[T],
        anchors: Anchors<R>,
        log_sums: LogSums,
        weight: PairWeight,
        out: &mut [T],
    ) {
        let (p, _) = self.policy.split_at_mut(policy.len());
        let (q, _) = self.reference.split_at_mut(reference.len());
        let (values, _) = self.values.split_at_mut(out.len());
        vectorized!(self.arch, anchors, |to_p, to_q| {
            let (p, q) = (T::read(policy, p), T::read(reference, q));
            T::write(
                out,
                values,
                #[inline(always)]
                |out| gradient(to_p, to_q, p, q, log_sums, weight, out),
            );
        });
    }
}

#[inline(always)]
fn maxima<R: Real>(policy: &[R], reference: &[R]) -> Maxima {
    Maxima {
        policy: largest(
            policy,
            reference,
            #[inline(always)]
            |x, _| x,
        ),
        reference: largest(
            policy,
            reference,
            #[inline(always)]
            |_, w| w,
        ),
        reference_alone: largest(
            policy,
            reference,
            #[inline(always)]
            |x, w| alone(w, x),
        ),
        policy_alone: largest(
            policy,
            reference,
            #[inline(always)]
            |x, w| alone(x, w),
        ),
    }
}

/// The largest value that `pick` makes of an entry; NaN is passed over.
#[inline(always)]
fn largest<R: Real>(policy: &[R], reference: &[R], pick: impl Fn(R, R) -> R) -> f64 {
    let mut lanes = [R::NEG_INFINITY; LANES];
    for_each_chunk(
        policy,
        reference,
        #[inline(always)]
        |policy, reference| {
            for ((lane, &x), &w) in lanes.iter_mut().zip(policy).zip(reference) {
                *lane = larger(*lane, pick(x, w));
            }
        },
    );
    lanes.into_iter().fold(R::NEG_INFINITY, larger).into()
}

#[inline(always)]
fn sums<R: Real>(
    to_p: impl View<R>,
    to_q: impl View<R>,
    policy: &[R],
    reference: &[R],
) -> PairSums {
    let mut lanes = [[R::ZERO; LANES]; 7];
    for_each_chunk(
        policy,
        reference,
        #[inline(always)]
        |policy, reference| {
            let [p, q, surplus, logs, p_gaps, q_gaps, squares] = &mut lanes;
            let first = p.iter_mut().zip(q).zip(surplus).zip(logs);
            let second = p_gaps.iter_mut().zip(q_gaps).zip(squares);
            let entries = policy.iter().zip(reference);
            for (((((p, q), surplus), logs), ((p_gaps, q_gaps), squares)), (&x, &w)) in
                first.zip(second).zip(entries)
            {
                let entry = Entry::new(to_p.halvings(x), to_q.halvings(w));
                *p += entry.exp_p;
                *q += entry.exp_q;
                *surplus += entry.surplus();
                *logs = entry.exp_p.mul_add(entry.log_p, *logs);
                *p_gaps = entry.exp_p.mul_add(entry.gap, *p_gaps);
                *q_gaps = entry.exp_q.mul_add(entry.gap, *q_gaps);
                *squares = entry.exp_p.mul_add(entry.exp_p, *squares);
            }
        },
    );
    let total = |lanes: [R; LANES]| lanes.into_iter().map(Into::<f64>::into).sum();
    let [policy, reference, surplus, logs, p_gaps, q_gaps, squares]: [f64; 7] = lanes.map(total);
    PairSums {
        policy,
        reference,
        surplus,
        policy_logs: LN_2 * logs,
        policy_gaps: p_gaps,
        reference_gaps: q_gaps,
        squares,
    }
}

#[inline(always)]
fn gradient<R: Real>(
    to_p: impl View<R>,
    to_q: impl View<R>,
    policy: &[R],
    reference: &[R],
    log_sums: LogSums,
    weight: PairWeight,
    out: &mut [R],
) {
    let [constant, ratio, log, square, difference] = [
        weight.constant,
        weight.ratio,
        weight.log,
        weight.square,
        weight.difference,
    ]
    .map(R::round);
    let [log_sum, shift, share_p, share_q] = [
        log_sums.policy,
        log_sums.policy - log_sums.reference,
        (-log_sums.policy).exp(),
        (-log_sums.reference).exp(),
    ]
    .map(R::round);
    for ((out, &x), &w) in out.iter_mut().zip(policy).zip(reference) {
        let entry = Entry::new(to_p.halvings(x), to_q.halvings(w));
        let (p, q) = (entry.exp_p * share_p, entry.exp_q * share_q);
        let log_p = entry.log_p.mul_add(R::round(LN_2), R::ZERO - log_sum);
        let log_ratio = R::ZERO - (entry.gap + shift);
        let inner = ratio.mul_add(log_ratio, log.mul_add(log_p, square.mul_add(p, constant)));
        let apart = if is_near(log_ratio) {
            q * expm1_near(log_ratio)
        } else {
            p - q
        };
        let own = if p == R::ZERO { p } else { p * inner };
        let gradient = difference.mul_add(apart, own) * to_p.slope(x);
        *out = if x == R::NEG_INFINITY {
            R::ZERO
        } else {
            gradient
        };
    }
}

/// Calls `f` with slices of exactly [`LANES`] logits, the last ones filled up with -inf.
#[inline(always)]
fn for_each_chunk<R: Real>(policy: &[R], reference: &[R], mut f: impl FnMut(&[R], &[R])) {
    let (policy, reference) = (policy.chunks_exact(LANES), reference.chunks_exact(LANES));
    let tails = (policy.remainder(), reference.remainder());
    for (policy, reference) in policy.zip(reference) {
        f(policy, reference);
    }
    if !tails.0.is_empty() {
        let padded = [tails.0, tails.1].map(|tail| {
            let mut padded = [R::NEG_INFINITY; LANES];
            padded.iter_mut().zip(tail).for_each(|(to, &x)| *to = x);
            padded
        });
        let [policy, reference] = &padded;
        f(policy, reference);
    }
}
