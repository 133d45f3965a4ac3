//! One block of two rows, policy and reference, in the kernel's number type.

use std::f64::consts::LN_2;

use pulp::Arch;

use super::curve::{Anchor, View};
use super::logit::Logit;
use super::real::Real;
use super::tile::BLOCK;

/// Partial sums of a block: two vectors of eight f32 for each of the seven sums.
const LANES: usize = 16;
/// Exponents are cut off here, above -inf: `0 · (-inf)` would be NaN, and this times 0 is 0.
const FLOOR: f64 = -1e37;
/// Below this |d|, exp(-d) - 1 is a series: the difference of two exps would cancel.
const NEAR: f64 = 1.0 / 16.0;

/// The largest logits of two rows; NaN is passed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maxima {
    /// Of the policy.
    pub policy: f64,
    /// Of the reference.
    pub reference: f64,
    /// Of the reference, where the policy has -inf.
    pub reference_alone: f64,
    /// Of the policy, where the reference has -inf.
    pub policy_alone: f64,
}

/// Sums over the entries of two rows, with a = `z(x) - z(top)` of the policy, b of the reference and d = b - a.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PairSums {
    /// Σ exp(a)
    pub policy: f64,
    /// Σ exp(b)
    pub reference: f64,
    /// Σ (exp(a) - exp(b)), without cancellation
    pub surplus: f64,
    /// Σ exp(a) a
    pub policy_logs: f64,
    /// Σ exp(a) d
    pub policy_gaps: f64,
    /// Σ exp(b) d
    pub reference_gaps: f64,
    /// Σ exp(a)²
    pub squares: f64,
}

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
            [Anchor::Linear($policy), Anchor::Linear($reference)] => dispatch(
                $arch,
                #[inline(always)]
                || $body,
            ),
            [Anchor::Capped($policy), Anchor::Capped($reference)] => dispatch(
                $arch,
                #[inline(always)]
                || $body,
            ),
            _ => unreachable!("both rows have one transform"),
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
        anchors: [Anchor<R>; 2],
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
        anchors: [Anchor<R>; 2],
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

/// Compiles `f` once per instruction set and runs the best one that the processor has; see `tile.rs`.
#[inline(always)]
fn dispatch<A>(arch: Arch, f: impl FnOnce() -> A) -> A {
    arch.dispatch(f)
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

/// x where the other row has -inf, else -inf.
#[inline(always)]
fn alone<R: Real>(x: R, other: R) -> R {
    if other == R::NEG_INFINITY {
        x
    } else {
        R::NEG_INFINITY
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

/// An entry of both rows.
struct Entry<R> {
    exp_p: R,
    exp_q: R,
    /// Of the policy, in units of ln 2.
    log_p: R,
    /// d, in nats.
    gap: R,
}

impl<R: Real> Entry<R> {
    /// From the two exponents in units of ln 2.
    #[inline(always)]
    fn new(log_p: R, log_q: R) -> Self {
        let (log_p, log_q) = (above_floor(log_p), above_floor(log_q));
        Self {
            exp_p: log_p.exp2(),
            exp_q: log_q.exp2(),
            log_p,
            gap: (log_q - log_p) * R::round(LN_2),
        }
    }

    /// exp(a) - exp(b)
    #[inline(always)]
    fn surplus(&self) -> R {
        if is_near(self.gap) {
            self.exp_q * expm1_near(R::ZERO - self.gap)
        } else {
            self.exp_p - self.exp_q
        }
    }
}

impl Maxima {
    pub fn of_one(policy: f64, reference: f64) -> Self {
        Self {
            policy,
            reference,
            reference_alone: alone(reference, policy),
            policy_alone: alone(policy, reference),
        }
    }

    pub fn max(self, other: Self) -> Self {
        Self {
            policy: self.policy.max(other.policy),
            reference: self.reference.max(other.reference),
            reference_alone: self.reference_alone.max(other.reference_alone),
            policy_alone: self.policy_alone.max(other.policy_alone),
        }
    }
}

impl PairSums {
    /// Of one entry, from a and b in nats; -inf where it is masked.
    pub fn of_one(a: f64, b: f64) -> Self {
        let entry = Entry::new(a / LN_2, b / LN_2);
        Self {
            policy: entry.exp_p,
            reference: entry.exp_q,
            surplus: entry.surplus(),
            policy_logs: LN_2 * entry.exp_p * entry.log_p,
            policy_gaps: entry.exp_p * entry.gap,
            reference_gaps: entry.exp_q * entry.gap,
            squares: entry.exp_p * entry.exp_p,
        }
    }

    pub fn add(self, other: Self) -> Self {
        Self {
            policy: self.policy + other.policy,
            reference: self.reference + other.reference,
            surplus: self.surplus + other.surplus,
            policy_logs: self.policy_logs + other.policy_logs,
            policy_gaps: self.policy_gaps + other.policy_gaps,
            reference_gaps: self.reference_gaps + other.reference_gaps,
            squares: self.squares + other.squares,
        }
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

#[inline(always)]
fn larger<R: Real>(a: R, b: R) -> R {
    if b > a { b } else { a }
}

#[inline(always)]
fn above_floor<R: Real>(exponent: R) -> R {
    let floor = R::round(FLOOR);
    if exponent < floor { floor } else { exponent }
}

#[inline(always)]
fn is_near<R: Real>(x: R) -> bool {
    (x < R::round(NEAR)) & (x > R::round(-NEAR))
}

/// exp(x) - 1 for |x| <= 1/16: seven terms are exact to f64.
#[inline(always)]
fn expm1_near<R: Real>(x: R) -> R {
    let mut sum = R::round(1.0 / 5040.0);
    for factorial in [720.0, 120.0, 24.0, 6.0, 2.0, 1.0] {
        sum = x.mul_add(sum, R::round(1.0 / factorial));
    }
    x * sum
}
