//! How far a policy is from an equilibrium: duality gaps with and without the pull to a reference.

use super::payoff::Game;
use super::policy::log_softmax;

/// What is reported of a policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaps {
    /// Of the problem asked: with `beta`, or `gap0` at 0.
    pub gap: f64,
    /// Without the pull to the reference: 2·max (A π), `NashConv`.
    pub gap0: f64,
    /// KL(π ‖ ρ).
    pub kl_ref: f64,
}

/// reply ← log BR(π) = log-softmax(log ρ + A π / β); `payoffs` = A π; −inf of the reference stays.
pub fn best_reply(payoffs: &[f64], beta: f64, log_ref: &[f64], reply: &mut [f64]) {
    for ((reply, payoff), log_ref) in reply.iter_mut().zip(payoffs).zip(log_ref) {
        *reply = log_ref + payoff / beta;
    }
    log_softmax(reply);
}

/// The gaps of a policy, in sums of which no term is negative. O(n²)
///
/// gap = 2β Σ π (expm1(d) − d), d = log BR − log π; gap0 = 2 Σ π (max A π − A π).
#[must_use]
pub fn measure(game: &Game<'_>, log_policy: &[f64], beta: f64, log_ref: &[f64]) -> Gaps {
    let policy: Vec<f64> = log_policy.iter().map(|l| l.exp()).collect();
    let mut payoffs = vec![0.0; policy.len()];
    game.apply(&policy, &mut payoffs);
    let gap0 = plain_gap(&policy, &payoffs);
    let kl = policy.iter().zip(log_policy.iter().zip(log_ref));
    let kl_ref: f64 = kl
        .filter(|(p, _)| **p > 0.0)
        .map(|(p, (l, r))| p * (l - r))
        .sum();
    let gap = if beta > 0.0 {
        let mut reply = vec![0.0; policy.len()];
        best_reply(&payoffs, beta, log_ref, &mut reply);
        2.0 * beta * divergence(log_policy, &reply)
    } else {
        gap0
    };
    Gaps {
        gap,
        gap0,
        kl_ref: kl_ref.max(0.0),
    }
}

/// 2 Σ π (max A π − A π); `payoffs` = A π.
#[must_use]
pub fn plain_gap(policy: &[f64], payoffs: &[f64]) -> f64 {
    let most = payoffs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let terms = policy.iter().zip(payoffs).map(|(p, x)| p * (most - x));
    2.0 * terms.sum::<f64>()
}

/// The proven step of the extragradient iteration, 2 / (β + √(β² + 4 L²)), L a bound of |A|.
#[must_use]
pub fn extragradient_step(beta: f64, bound: f64) -> f64 {
    2.0 / (beta + beta.hypot(2.0 * bound))
}

/// KL(π ‖ reply) = Σ (reply − π (1 + d)), d = log reply − log π: no term is negative, and none cancels near 0.
#[must_use]
pub fn divergence(log_policy: &[f64], reply: &[f64]) -> f64 {
    let terms = log_policy.iter().zip(reply);
    terms
        .map(|(&l, &reply)| match reply - l {
            _ if l == f64::NEG_INFINITY => reply.exp(),
            d if d.abs() < 1.0 => l.exp() * (d.exp_m1() - d),
            d => reply.exp() - l.exp() * (1.0 + d),
        })
        .sum()
}
