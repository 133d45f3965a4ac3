//! Small games side by side, one in each lane of the vectors: number i of game k of a block of `width` lies at
//! i · width + k. The parts of a step of log-policies, whose arithmetic for a game does not depend on its neighbours.
//!
//! `width` divides [`LANES`], so one number per game, repeated to [`LANES`], fits every piece of that many numbers.

#![allow(clippy::inline_always)] // the loops must become part of the closure that `dispatch` compiles

use std::ops::{Deref, DerefMut};

use pulp::Arch;

use crate::elementary::{dispatch, exp_nonpositive};

/// Numbers that are handled at once: two vectors, so that one need not wait for the other.
pub const LANES: usize = 16;
/// Games of a block of small games.
pub const BLOCK: usize = LANES / 2;
/// Bytes.
const CACHE_LINE: usize = 64;
/// One number per game, repeated.
pub type PerGame = [f64; LANES];

/// One number per game of a block of [`BLOCK`].
#[must_use]
pub fn repeated(numbers: [f64; BLOCK]) -> PerGame {
    let mut all = [0.0; LANES];
    for half in all.chunks_exact_mut(BLOCK) {
        half.copy_from_slice(&numbers);
    }
    all
}

/// Numbers that begin where a cache line does: else every vector would lie across two. Their memory serves again.
#[derive(Debug, Default)]
pub struct Aligned {
    memory: Vec<f64>,
    start: usize,
    count: usize,
}

impl Aligned {
    /// Makes them so many of one value.
    pub fn reset(&mut self, count: usize, value: f64) {
        self.memory.clear();
        self.memory
            .resize(count + CACHE_LINE / size_of::<f64>(), value);
        (self.start, self.count) = (self.memory.as_ptr().align_offset(CACHE_LINE), count);
    }
}

impl Deref for Aligned {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        let all = self.start..self.start + self.count;
        self.memory.get(all).unwrap_or_default()
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f64] {
        let all = self.start..self.start + self.count;
        self.memory.get_mut(all).unwrap_or_default()
    }
}

/// Writes the numbers of one game into its lane.
pub fn put(block: &mut [f64], lane: usize, width: usize, numbers: impl Iterator<Item = f64>) {
    let own = block.iter_mut().skip(lane).step_by(width);
    own.zip(numbers).for_each(|(place, number)| *place = number);
}

/// The numbers of one game.
pub fn lane(block: &[f64], lane: usize, width: usize) -> impl Iterator<Item = f64> {
    block.iter().skip(lane).step_by(width).copied()
}

/// Brings the sums (or whatever `join` makes) of all places of a game together.
#[inline(always)]
#[must_use]
pub fn joined(mut parts: PerGame, width: usize, join: impl Fn(f64, f64) -> f64) -> PerGame {
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
#[must_use]
pub fn largest(values: &[f64], width: usize) -> PerGame {
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

/// policy ← exp(logits), and its sums.
#[inline(always)]
fn exponentials(logits: &[f64], policy: &mut [f64], width: usize) -> PerGame {
    let mut sums = [0.0; LANES];
    let (pieces, mut outs) = (logits.chunks_exact(LANES), policy.chunks_exact_mut(LANES));
    let rest = pieces.remainder();
    for (piece, out) in pieces.zip(outs.by_ref()) {
        for ((x, out), sum) in piece.iter().zip(out).zip(&mut sums) {
            *out = exp_nonpositive(*x);
            *sum += *out;
        }
    }
    let outs = outs.into_remainder();
    for ((x, out), sum) in rest.iter().zip(outs).zip(&mut sums) {
        *out = exp_nonpositive(*x);
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
            let total = exponentials(logits, policy, width);
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

/// out ← A π of a block of [`BLOCK`] games whose matrices lie as the policies do.
pub fn apply(matrix: &[f64], policy: &[f64], out: &mut [f64]) {
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            let rows = matrix.chunks_exact(policy.len().max(1));
            for (out, row) in out.chunks_exact_mut(BLOCK).zip(rows) {
                let mut sums = [0.0; BLOCK];
                for (a, p) in row.chunks_exact(BLOCK).zip(policy.chunks_exact(BLOCK)) {
                    for ((sum, a), p) in sums.iter_mut().zip(a).zip(p) {
                        *sum = a.mul_add(*p, *sum);
                    }
                }
                out.copy_from_slice(&sums);
            }
        },
    );
}
