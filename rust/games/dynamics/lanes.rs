//! Vector loops over policies that lie interleaved: number i of game k of a block of `width` at i · width + k.
//!
//! `width` divides [`LANES`], so one number per game, repeated to [`LANES`], fits every piece of that many numbers.

#![allow(clippy::inline_always)] // the loops must become part of the closure that `dispatch` compiles

use pulp::Arch;

use crate::elementary::{dispatch, exp_nonpositive};

pub const LANES: usize = 16;
/// One number per game, repeated.
pub type PerGame = [f64; LANES];

/// Brings the sums (or whatever `join` makes) of all places of a game together.
#[inline(always)]
fn joined(mut parts: PerGame, width: usize, join: impl Fn(f64, f64) -> f64) -> PerGame {
    let mut half = LANES / 2;
    while half >= width {
        let mut turned = parts;
        turned.rotate_left(half);
        for (part, other) in parts.iter_mut().zip(turned) {
            *part = join(*part, other);
        }
        half /= 2;
    }
    parts
}

#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The largest number of each game.
#[inline(always)]
fn largest(values: &[f64], width: usize) -> PerGame {
    let mut most = [f64::NEG_INFINITY; LANES];
    let pieces = values.chunks_exact(LANES);
    let rest = pieces.remainder();
    for piece in pieces {
        for (most, x) in most.iter_mut().zip(piece) {
            *most = larger(*most, *x);
        }
    }
    for (most, x) in most.iter_mut().zip(rest) {
        *most = larger(*most, *x);
    }
    joined(most, width, larger)
}

/// out ← f(x, of the game), and the sums of out.
#[inline(always)]
fn mapped(
    values: &[f64],
    out: &mut [f64],
    width: usize,
    each: &PerGame,
    f: impl Fn(f64, f64) -> f64,
) -> PerGame {
    let mut sums = [0.0; LANES];
    let (pieces, mut outs) = (values.chunks_exact(LANES), out.chunks_exact_mut(LANES));
    let rest = pieces.remainder();
    for (piece, out) in pieces.zip(outs.by_ref()) {
        for (((x, out), sum), each) in piece.iter().zip(out).zip(&mut sums).zip(each) {
            *out = f(*x, *each);
            *sum += *out;
        }
    }
    for (((x, out), sum), each) in rest
        .iter()
        .zip(outs.into_remainder())
        .zip(&mut sums)
        .zip(each)
    {
        *out = f(*x, *each);
        *sum += *out;
    }
    joined(sums, width, |a, b| a + b)
}

/// policy ← softmax(logits), logits ← logits less their largest; returns Σ exp(logits) after that.
pub fn exponentiate(logits: &mut [f64], policy: &mut [f64], width: usize) -> PerGame {
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            let most = largest(logits, width);
            for piece in logits.chunks_mut(LANES) {
                for (x, most) in piece.iter_mut().zip(&most) {
                    *x -= most;
                }
            }
            let total = mapped(logits, policy, width, &most, |x, _| exp_nonpositive(x));
            for piece in policy.chunks_mut(LANES) {
                for (p, total) in piece.iter_mut().zip(&total) {
                    *p /= total;
                }
            }
            total
        },
    )
}

/// next ← own · logits + pull · magnet + step · payoffs; −inf where the magnet is.
pub fn combine(
    next: &mut [f64],
    (logits, magnet, payoffs): (&[f64], &[f64], &[f64]),
    (own, pull, step): (&PerGame, &PerGame, &PerGame),
) {
    #[inline(always)]
    fn piece(
        next: &mut [f64],
        (logits, magnet, payoffs): (&[f64], &[f64], &[f64]),
        (own, pull, step): (&PerGame, &PerGame, &PerGame),
    ) {
        let given = logits.iter().zip(magnet).zip(payoffs);
        let weights = own.iter().zip(pull).zip(step);
        for ((next, ((l, m), u)), ((own, pull), step)) in next.iter_mut().zip(given).zip(weights) {
            let mixed = step.mul_add(*u, own.mul_add(*l, pull * m));
            *next = if *m > f64::NEG_INFINITY {
                mixed
            } else {
                f64::NEG_INFINITY
            };
        }
    }
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            let weights = (own, pull, step);
            let (ls, ms, us) = (
                logits.chunks_exact(LANES),
                magnet.chunks_exact(LANES),
                payoffs.chunks_exact(LANES),
            );
            let rest = (ls.remainder(), ms.remainder(), us.remainder());
            let mut nexts = next.chunks_exact_mut(LANES);
            for (((next, l), m), u) in nexts.by_ref().zip(ls).zip(ms).zip(us) {
                piece(next, (l, m, u), weights);
            }
            piece(nexts.into_remainder(), rest, weights);
        },
    );
}

/// 2 Σ π (max u − u) of each game.
pub fn plain_gaps(policy: &[f64], payoffs: &[f64], scratch: &mut [f64], width: usize) -> PerGame {
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            let most = largest(payoffs, width);
            for (scratch, p) in scratch.iter_mut().zip(policy) {
                *scratch = *p;
            }
            let losses = mapped_pair(scratch, payoffs, width, &most, |p, u, most| p * (most - u));
            losses.map(|loss| 2.0 * loss)
        },
    )
}

/// Σ f(x, y, of the game).
#[inline(always)]
fn mapped_pair(
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

/// 2β KL(π ‖ BR) of each game, in terms >= 0; `total` is what [`exponentiate`] gave for these logits.
pub fn pulled_gaps(
    (logits, policy, payoffs): (&[f64], &[f64], &[f64]),
    total: &PerGame,
    (beta, log_ref): (f64, &[f64]),
    (reply, probabilities): (&mut [f64], &mut [f64]),
    width: usize,
) -> PerGame {
    for ((reply, u), r) in reply.iter_mut().zip(payoffs).zip(log_ref) {
        *reply = r + u / beta;
    }
    let replies = exponentiate(reply, probabilities, width);
    let mut shift = [0.0; LANES];
    for ((shift, own), other) in shift.iter_mut().zip(total).zip(&replies) {
        *shift = own.ln() - other.ln();
    }
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
        series = (series + 1.0) * d / f64::from(n);
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

/// out ← A π of games whose matrices lie interleaved as the policies do.
pub fn apply_interleaved(matrix: &[f64], policy: &[f64], out: &mut [f64], width: usize) {
    const WIDTH: usize = LANES / 2;
    debug_assert_eq!(width, WIDTH);
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            let rows = matrix.chunks_exact(policy.len().max(1));
            for (out, row) in out.chunks_exact_mut(WIDTH).zip(rows) {
                let mut sums = [0.0; WIDTH];
                for (a, p) in row.chunks_exact(WIDTH).zip(policy.chunks_exact(WIDTH)) {
                    for ((sum, a), p) in sums.iter_mut().zip(a).zip(p) {
                        *sum = a.mul_add(*p, *sum);
                    }
                }
                out.copy_from_slice(&sums);
            }
        },
    );
}
