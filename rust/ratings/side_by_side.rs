//! Bradley-Terry fits of resamples side by side, one in each lane of the vectors.
//!
//! Newton's method with the Hessian of all the data at their own estimate: it is factored once, and a step of eight
//! resamples reads it once. The error falls by about the share in which a resample differs from the data, so a lane in
//! which it does not halve is left to Newton's method proper. A lane that has arrived moves no more.

#![allow(clippy::inline_always)] // the loop must become part of the function that pulp compiles

use pulp::{Arch, Simd, WithSimd};

use super::laplacian::{Laplacian, center};
use crate::elementary::dispatch;
use crate::lanes::{BLOCK, lane};

/// One number per resample.
pub type Lanes = [f64; BLOCK];

/// A step that moves no rating by more than this is the last: as steps halve at least, the error left is below it.
const ARRIVED: f64 = 2e-13;
/// From a first step of 1 on, halved each time.
const LIMIT: usize = 43;

/// What all resamples share.
pub struct Shared<'a> {
    /// [C] items of each cell.
    pub pairs: &'a [(usize, usize)],
    /// Of the data at `start`.
    pub hessian: Laplacian<'a>,
    /// [n] the estimate of the data.
    pub start: &'a [f64],
}

/// Ratings [n] of each resample, from the scores of the first and the second item of every cell [C].
///
/// `None` where the steps do not shrink fast enough. Wins and ties of each resample must lead from every item to every
/// other. O(C + n²) a step
pub fn fit(shared: &Shared<'_>, (above, below): (&[Lanes], &[Lanes])) -> [Option<Vec<f64>>; BLOCK] {
    let n = shared.start.len();
    let mut theta: Vec<Lanes> = shared.start.iter().map(|&x| [x; BLOCK]).collect();
    let (mut strength, mut step) = (theta.clone(), vec![[0.0; BLOCK]; n]);
    let (mut moving, mut arrived) = ([true; BLOCK], [false; BLOCK]);
    let mut before = [f64::INFINITY; BLOCK];
    for _ in 0..LIMIT {
        for (strength, theta) in strength.iter_mut().zip(&theta) {
            *strength = theta.map(f64::exp);
        }
        step.fill([0.0; BLOCK]);
        Arch::new().dispatch(Gradient {
            pairs: shared.pairs,
            scores: (above, below),
            strength: &strength,
            sums: &mut step,
        });
        shared.hessian.solve_each(step.as_flattened_mut(), BLOCK);
        let moved = advance(&mut theta, &step, moving);
        let lanes = moved.iter().zip(&mut before).zip(&mut moving);
        for (((moved, before), moving), arrived) in lanes.zip(&mut arrived) {
            *arrived |= *moving && *moved <= ARRIVED;
            *moving &= *moved > ARRIVED && *moved <= 0.5 * *before;
            *before = *moved;
        }
        if !moving.contains(&true) {
            break;
        }
    }
    std::array::from_fn(|k| {
        let mut own: Vec<f64> = lane(theta.as_flattened(), k, BLOCK).collect();
        center(&mut own);
        arrived
            .get(k)
            .is_some_and(|&arrived| arrived)
            .then_some(own)
    })
}

/// Takes the steps of the lanes that move; the largest move of each.
fn advance(theta: &mut [Lanes], step: &[Lanes], moving: [bool; BLOCK]) -> Lanes {
    let moves = moving.map(|moving| f64::from(u8::from(moving)));
    let mut most = [0.0_f64; BLOCK];
    for (theta, step) in theta.iter_mut().zip(step) {
        let lanes = theta.iter_mut().zip(step).zip(&moves);
        for (((x, d), moves), most) in lanes.zip(&mut most) {
            *x = if *moves > 0.0 { *x + d } else { *x };
            // NaN stays
            *most = if d.abs() > *most || d.is_nan() {
                d.abs()
            } else {
                *most
            };
        }
    }
    most
}

/// sums ← for each item, Σ of its scores less what its strength leads to: p = `strength_i` / (`strength_i` + `strength_j`).
struct Gradient<'a> {
    pairs: &'a [(usize, usize)],
    scores: (&'a [Lanes], &'a [Lanes]),
    strength: &'a [Lanes],
    sums: &'a mut [Lanes],
}

impl WithSimd for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let parts = BLOCK / S::F64_LANES;
        let (above, _) = S::as_simd_f64s(self.scores.0.as_flattened());
        let (below, _) = S::as_simd_f64s(self.scores.1.as_flattened());
        let (strength, _) = S::as_simd_f64s(self.strength.as_flattened());
        let (sums, _) = S::as_mut_simd_f64s(self.sums.as_flattened_mut());
        let cells = above.chunks_exact(parts).zip(below.chunks_exact(parts));
        for (&(i, j), (above, below)) in self.pairs.iter().zip(cells) {
            for (part, (&above, &below)) in above.iter().zip(below).enumerate() {
                let (i, j) = (i * parts + part, j * parts + part);
                let (Some(&one), Some(&two)) = (strength.get(i), strength.get(j)) else {
                    return;
                };
                let lead = simd.mul_add_f64s(above, two, simd.neg_f64s(simd.mul_f64s(below, one)));
                let slope = simd.div_f64s(lead, simd.add_f64s(one, two));
                if let Some(sum) = sums.get_mut(i) {
                    *sum = simd.add_f64s(*sum, slope);
                }
                if let Some(sum) = sums.get_mut(j) {
                    *sum = simd.sub_f64s(*sum, slope);
                }
            }
        }
    }
}

/// The variance of an outcome of every cell, times its weight: the curve of the log-likelihood.
pub fn curves(pairs: &[(usize, usize)], games: &[f64], theta: &[f64]) -> Vec<f64> {
    let at = |item: usize| theta.get(item).copied().unwrap_or(f64::NAN);
    let curve = |(&(i, j), games): (&(usize, usize), &f64)| {
        let small = (-(at(i) - at(j)).abs()).exp();
        games * small / ((1.0 + small) * (1.0 + small))
    };
    pairs.iter().zip(games).map(curve).collect()
}

/// Scores of the first and the second item of every cell, for up to [`BLOCK`] resamples.
pub fn scores(
    cells: usize,
    units: impl Iterator<Item = (usize, f64, f64)>,
    counts: &[&[i64]],
) -> (Vec<Lanes>, Vec<Lanes>) {
    let (mut above, mut below) = (vec![[0.0; BLOCK]; cells], vec![[0.0; BLOCK]; cells]);
    let mut counts: [_; BLOCK] =
        std::array::from_fn(|k| counts.get(k).copied().unwrap_or_default().iter());
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            for (cell, outcome, weight) in units {
                let drawn = counts.each_mut().map(|count| number(count.next()));
                if let (Some(above), Some(below)) = (above.get_mut(cell), below.get_mut(cell)) {
                    for ((above, below), count) in above.iter_mut().zip(below).zip(&drawn) {
                        let total = weight * count;
                        *above += total * outcome;
                        *below += total * (1.0 - outcome);
                    }
                }
            }
        },
    );
    (above, below)
}

#[inline(always)]
#[allow(clippy::cast_precision_loss)] // numbers of comparisons
fn number(count: Option<&i64>) -> f64 {
    count.map_or(0.0, |&count| count as f64)
}
