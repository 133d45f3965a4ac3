//! One block of a row, in the kernel's number type: the unit that the vector loops work on.

use std::f64::consts::LN_2;

use pulp::Arch;

use super::curve::{Anchor, View};
use super::logit::Logit;
use super::real::Real;
use crate::elementary::dispatch;

/// Entries of a block: as f32 it takes 4 KiB, an eighth of a first-level cache.
pub(super) const BLOCK: usize = 1024;
/// Partial sums of a block: two vectors of eight f32; with four the constants of `exp2` would leave the registers.
pub(super) const LANES: usize = 16;

/// Sums over logits x, with d = z(x) - z(top) and e = exp(d).
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    /// The largest logit; NaN is passed over.
    pub max: f64,
    /// Σ e
    pub exps: f64,
    /// Σ e d
    pub logs: f64,
    /// Σ e²
    pub squares: f64,
    /// Σ d
    pub gaps: f64,
}

/// Factor of the gradient at a logit: constant + log · d / ln 2 + exp · e, all times dz/dx.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weight {
    pub constant: f64,
    pub log: f64,
    pub exp: f64,
}

/// The vector loops over blocks of at most [`BLOCK`] logits, and the buffers of those who need conversion.
pub(super) struct Tile<R> {
    arch: Arch,
    logits: [R; BLOCK],
    values: [R; BLOCK],
}

/// Runs a loop for the kind of curve that the anchor belongs to, compiled for the best instruction set.
macro_rules! vectorized {
    ($arch:expr, $anchor:expr, |$view:ident| $body:expr) => {
        match $anchor {
            Anchor::Linear($view) => dispatch(
                $arch,
                #[inline(always)]
                || $body,
            ),
            Anchor::Capped($view) => dispatch(
                $arch,
                #[inline(always)]
                || $body,
            ),
        }
    };
}

impl<R: Real> Tile<R> {
    pub fn new() -> Self {
        Self {
            arch: Arch::new(),
            logits: [R::ZERO; BLOCK],
            values: [R::ZERO; BLOCK],
        }
    }

    /// The largest logit; NaN is passed over.
    pub fn max<T: Logit<Real = R>>(&mut self, block: &[T]) -> f64 {
        let (buffer, _) = self.logits.split_at_mut(block.len());
        dispatch(
            self.arch,
            #[inline(always)]
            || max(T::read(block, buffer)),
        )
    }

    /// The maximum and Σ e, without the other sums.
    pub fn exps<T: Logit<Real = R>>(&mut self, block: &[T], anchor: Anchor<R>) -> Sums {
        let (buffer, _) = self.logits.split_at_mut(block.len());
        vectorized!(self.arch, anchor, |view| exps(view, T::read(block, buffer)))
    }

    /// All sums.
    pub fn sums<T: Logit<Real = R>>(&mut self, block: &[T], anchor: Anchor<R>) -> Sums {
        let (buffer, _) = self.logits.split_at_mut(block.len());
        vectorized!(self.arch, anchor, |view| sums(view, T::read(block, buffer)))
    }

    /// Writes e times the weight at each logit, and returns Σ e.
    pub fn gradient<T: Logit<Real = R>>(
        &mut self,
        block: &[T],
        anchor: Anchor<R>,
        weight: Weight,
        out: &mut [T],
    ) -> f64 {
        let (logits, _) = self.logits.split_at_mut(block.len());
        let (values, _) = self.values.split_at_mut(block.len());
        let [constant, log, exp] = [weight.constant, weight.log, weight.exp].map(R::round);
        let plain = weight.log == 0.0 && weight.exp == 0.0;
        vectorized!(self.arch, anchor, |view| {
            let logits = T::read(block, logits);
            T::write(
                out,
                values,
                #[inline(always)]
                |out| {
                    if plain {
                        gradient(view, logits, |_, _| constant, out)
                    } else {
                        gradient(view, logits, |d, e| constant + log * d + exp * e, out)
                    }
                },
            )
        })
    }
}

#[inline(always)]
fn max<R: Real>(logits: &[R]) -> f64 {
    let mut maxima = [R::NEG_INFINITY; LANES];
    for_each_chunk(
        logits,
        #[inline(always)]
        |chunk| {
            for (max, &x) in maxima.iter_mut().zip(chunk) {
                *max = larger(*max, x);
            }
        },
    );
    largest(maxima)
}

#[inline(always)]
fn exps<R: Real>(view: impl View<R>, logits: &[R]) -> Sums {
    let mut exps = [R::ZERO; LANES];
    for_each_chunk(
        logits,
        #[inline(always)]
        |chunk| {
            for (sum, &x) in exps.iter_mut().zip(chunk) {
                *sum += view.halvings(x).exp2();
            }
        },
    );
    Sums {
        max: max(logits), // a loop of its own: together they need more registers than there are
        exps: total(exps),
        ..Sums::NONE
    }
}

#[inline(always)]
fn sums<R: Real>(view: impl View<R>, logits: &[R]) -> Sums {
    let (mut exps, mut logs, mut squares) = ([R::ZERO; LANES], [R::ZERO; LANES], [R::ZERO; LANES]);
    for_each_chunk(
        logits,
        #[inline(always)]
        |chunk| {
            let lanes = exps.iter_mut().zip(&mut logs).zip(&mut squares);
            for (((exp, log), square), &x) in lanes.zip(chunk) {
                let d = view.halvings(x);
                let e = d.exp2();
                *exp += e;
                *log += if e == R::ZERO { e } else { e * d };
                *square += e * e;
            }
        },
    );
    let mut gaps = [R::ZERO; LANES];
    let chunks = logits.chunks_exact(LANES);
    let tail = chunks.remainder(); // without the filling of `for_each_chunk`
    for chunk in chunks {
        add_gaps(view, chunk, &mut gaps);
    }
    add_gaps(view, tail, &mut gaps);
    Sums {
        max: max(logits),
        exps: total(exps),
        logs: LN_2 * total(logs),
        squares: total(squares),
        gaps: LN_2 * total(gaps),
    }
}

#[inline(always)]
fn gradient<R: Real>(
    view: impl View<R>,
    logits: &[R],
    weight: impl Fn(R, R) -> R,
    out: &mut [R],
) -> f64 {
    let mut exps = [R::ZERO; LANES];
    let (chunks, mut outs) = (logits.chunks_exact(LANES), out.chunks_exact_mut(LANES));
    let tail = chunks.remainder();
    for (chunk, out) in chunks.zip(&mut outs) {
        write_chunk(view, chunk, &weight, out, &mut exps);
    }
    write_chunk(view, tail, &weight, outs.into_remainder(), &mut exps);
    total(exps)
}

#[inline(always)]
fn add_gaps<R: Real>(view: impl View<R>, chunk: &[R], gaps: &mut [R; LANES]) {
    for (gap, &x) in gaps.iter_mut().zip(chunk) {
        *gap += view.halvings(x);
    }
}

#[inline(always)]
fn write_chunk<R: Real>(
    view: impl View<R>,
    chunk: &[R],
    weight: &impl Fn(R, R) -> R,
    out: &mut [R],
    exps: &mut [R; LANES],
) {
    for ((sum, &x), out) in exps.iter_mut().zip(chunk).zip(out) {
        let d = view.halvings(x);
        let e = d.exp2();
        *sum += e;
        *out = if e == R::ZERO { e } else { e * weight(d, e) } * view.slope(x);
    }
}

/// Calls `f` with slices of exactly [`LANES`] logits, the last one filled up with -inf.
#[inline(always)]
fn for_each_chunk<R: Real>(logits: &[R], mut f: impl FnMut(&[R])) {
    let chunks = logits.chunks_exact(LANES);
    let tail = chunks.remainder();
    for chunk in chunks {
        f(chunk);
    }
    if !tail.is_empty() {
        let mut padded = [R::NEG_INFINITY; LANES];
        for (to, &x) in padded.iter_mut().zip(tail) {
            *to = x;
        }
        f(&padded);
    }
}

#[inline(always)]
pub(super) fn larger<R: Real>(a: R, b: R) -> R {
    if b > a { b } else { a }
}

fn largest<R: Real>(lanes: [R; LANES]) -> f64 {
    lanes.into_iter().fold(R::NEG_INFINITY, larger).into()
}

fn total<R: Real>(lanes: [R; LANES]) -> f64 {
    lanes.into_iter().map(Into::<f64>::into).sum()
}

impl Sums {
    /// Of no logits.
    pub const NONE: Self = Self {
        max: f64::NEG_INFINITY,
        exps: 0.0,
        logs: 0.0,
        squares: 0.0,
        gaps: 0.0,
    };
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};
    use pulp::Arch;

    use super::super::curve::Curve;
    use super::super::logit::Logit;
    use super::{Tile, Weight};

    /// Sums and gradients of a block of 1,007 logits (not a whole number of lanes) as bits.
    fn bits<T: Logit<Real = f32>>(arch: Arch, curve: Curve, round: fn(f32) -> T) -> Vec<u64> {
        let logits: Vec<T> = (0_u16..1007)
            .map(|i| round(f32::from(i * 37 % 1009) / 31.0 - 20.0))
            .collect();
        let mut tile = Tile {
            arch,
            ..Tile::new()
        };
        let mut out = logits.clone();
        let anchor = curve.anchor(9.0);
        let weight = Weight {
            constant: 0.3,
            log: 0.2,
            exp: -0.7,
        };
        let sum = tile.gradient(&logits, anchor, weight, &mut out);
        let sums = tile.sums(&logits, anchor);
        let all = [sum, sums.exps, sums.logs, sums.squares, sums.gaps, sums.max];
        let fast = tile.exps(&logits, anchor);
        let out = out.into_iter().map(Into::<f64>::into);
        out.chain(all)
            .chain([fast.max, fast.exps, tile.max(&logits)])
            .map(f64::to_bits)
            .collect()
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        for softcap in [None, Some(7.0)] {
            let curve = Curve::new(0.9, softcap, 1.0);
            let all = |arch| {
                (
                    bits(arch, curve, |x| x),
                    bits(arch, curve, f16::from_f32),
                    bits(arch, curve, bf16::from_f32),
                )
            };
            assert_eq!(all(Arch::new()), all(Arch::Scalar));
        }
    }
}
