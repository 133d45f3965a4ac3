//! Gaps of policies that lie side by side, as in [`crate::lanes`].

#![allow(clippy::inline_always)] // the loops must become part of the closure that `dispatch` compiles

use pulp::Arch;

use crate::elementary::dispatch;
use crate::lanes::{LANES, PerGame, exponentiate, joined, largest};

/// 2 Σ π (max u − u) of each game.
pub fn plain_gaps(policy: &[f64], payoffs: &[f64], width: usize) -> PerGame {
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            let most = largest(payoffs, width);
            let losses = sums(policy, payoffs, width, &most, |p, u, most| p * (most - u));
            losses.map(|loss| 2.0 * loss)
        },
    )
}

/// Σ f(x, y, of the game) of each game.
#[inline(always)]
fn sums(
    first: &[f64],
    second: &[f64],
    width: usize,
    each: &PerGame,
    f: impl Fn(f64, f64, f64) -> f64,
) -> PerGame {
    let mut sums = [0.0; LANES];
    for (x, y) in first.chunks(LANES).zip(second.chunks(LANES)) {
        for (((x, y), sum), each) in x.iter().zip(y).zip(&mut sums).zip(each) {
            *sum += f(*x, *y, *each);
        }
    }
    joined(sums, width, |a, b| a + b)
}

/// Sets reply = log BR(π) and probabilities = BR(π), reply up to a constant: log BR − log π = reply − logits + shift.
///
/// Returns the shifts; `total` is what [`exponentiate`] gave for these logits.
pub fn replies(
    payoffs: &[f64],
    total: &PerGame,
    (beta, log_ref): (f64, &[f64]),
    (reply, probabilities): (&mut [f64], &mut [f64]),
    width: usize,
) -> PerGame {
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            for ((reply, u), r) in reply.iter_mut().zip(payoffs).zip(log_ref) {
                *reply = r + u / beta;
            }
        },
    );
    let mut shift = exponentiate(reply, probabilities, width);
    for (shift, own) in shift.iter_mut().zip(total) {
        *shift = (own / *shift).ln();
    }
    shift
}

/// 2β KL(π ‖ BR) of each game, in terms >= 0; the arguments of [`replies`] beside the policy.
pub fn pulled_gaps(
    (logits, policy, payoffs): (&[f64], &[f64], &[f64]),
    total: &PerGame,
    (beta, log_ref): (f64, &[f64]),
    (reply, probabilities): (&mut [f64], &mut [f64]),
    width: usize,
) -> PerGame {
    let shift = replies(
        payoffs,
        total,
        (beta, log_ref),
        (reply, probabilities),
        width,
    );
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            let mut sums = [0.0; LANES];
            let given = logits.chunks(LANES).zip(reply.chunks(LANES));
            let given = given.zip(policy.chunks(LANES).zip(probabilities.chunks(LANES)));
            for ((l, r), (p, q)) in given {
                let logs = l.iter().zip(r).zip(p.iter().zip(q));
                for ((((l, r), (p, q)), sum), shift) in logs.zip(&mut sums).zip(&shift) {
                    *sum += divergence_term(*p, *q, r - l + shift);
                }
            }
            joined(sums, width, |a, b| a + b).map(|sum| 2.0 * beta * sum)
        },
    )
}

/// p (e^d − 1 − d) with p e^d = q: a term of KL(p ‖ q), never negative.
#[inline(always)]
fn divergence_term(p: f64, q: f64, d: f64) -> f64 {
    let mut series = 0.0;
    for n in (2..=14_u32).rev() {
        series = (series + 1.0) * d * (1.0 / f64::from(n));
    }
    // series = d/2 (1 + d/3 (1 + ...)) = (e^d - 1 - d) / d
    let near = p * series * d;
    let far = q - p - p * d;
    if p <= 0.0 {
        q
    } else if d.abs() < 0.5 {
        near
    } else {
        far
    }
}
