//! What is summed up over two rows, policy and reference, and an entry of both.

use std::f64::consts::LN_2;

use super::real::Real;

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

/// An entry of both rows.
pub(super) struct Entry<R> {
    pub exp_p: R,
    pub exp_q: R,
    /// Of the policy, in units of ln 2.
    pub log_p: R,
    /// d, in nats.
    pub gap: R,
}

impl<R: Real> Entry<R> {
    /// From the two exponents in units of ln 2.
    #[inline(always)]
    pub fn new(log_p: R, log_q: R) -> Self {
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
    pub fn surplus(&self) -> R {
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

/// x where the other row has -inf, else -inf.
#[inline(always)]
pub(super) fn alone<R: Real>(x: R, other: R) -> R {
    if other == R::NEG_INFINITY {
        x
    } else {
        R::NEG_INFINITY
    }
}

#[inline(always)]
fn above_floor<R: Real>(exponent: R) -> R {
    let floor = R::round(FLOOR);
    if exponent < floor { floor } else { exponent }
}

#[inline(always)]
pub(super) fn is_near<R: Real>(x: R) -> bool {
    (x < R::round(NEAR)) & (x > R::round(-NEAR))
}

/// exp(x) - 1 for |x| <= 1/16: seven terms are exact to f64.
#[inline(always)]
pub(super) fn expm1_near<R: Real>(x: R) -> R {
    let mut sum = R::round(1.0 / 5040.0);
    for factorial in [720.0, 120.0, 24.0, 6.0, 2.0, 1.0] {
        sum = x.mul_add(sum, R::round(1.0 / factorial));
    }
    x * sum
}
