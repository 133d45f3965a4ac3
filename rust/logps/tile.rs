//! One block of a row, in the kernel's number type: the unit that the vector loops work on.

use pulp::Arch;

use super::curve::{Anchor, View};
use super::logit::Logit;
use super::real::Real;

/// Entries of a tile: two arrays of f32 take 8 KiB, a quarter of a first-level cache.
pub(super) const BLOCK: usize = 1024;
/// Partial sums of a tile: four vectors of eight f32, so that additions need not wait for one another.
const LANES: usize = 32;

/// Logits of a block and what is made of them. Entries past the block are -inf up to a whole number of lanes.
pub(super) struct Tile<R> {
    arch: Arch,
    logits: [R; BLOCK],
    values: [R; BLOCK],
    used: usize,
}

impl<R: Real> Tile<R> {
    pub fn new() -> Self {
        Self {
            arch: Arch::new(),
            logits: [R::NEG_INFINITY; BLOCK],
            values: [R::ZERO; BLOCK],
            used: 0,
        }
    }

    /// Takes a block of at most [`BLOCK`] logits.
    pub fn load<T: Logit<Real = R>>(&mut self, block: &[T]) {
        self.used = block.len().next_multiple_of(LANES);
        let (logits, padding) = self.logits.split_at_mut(block.len());
        padding
            .iter_mut()
            .take(LANES)
            .for_each(|x| *x = R::NEG_INFINITY);
        vectorized(
            self.arch,
            #[inline(always)]
            || load(block, logits),
        );
    }

    /// The largest logit; NaN is passed over.
    pub fn max(&self) -> f64 {
        let (logits, _) = self.logits.split_at(self.used);
        vectorized(
            self.arch,
            #[inline(always)]
            || fold(logits, R::NEG_INFINITY, max),
        )
        .into_iter()
        .fold(R::NEG_INFINITY, max)
        .into()
    }

    /// Makes the values exp(z(x) - z(top)) and returns their sum.
    pub fn exp(&mut self, anchor: Anchor<R>) -> f64 {
        let (logits, _) = self.logits.split_at(self.used);
        let (values, _) = self.values.split_at_mut(self.used);
        vectorized(
            self.arch,
            #[inline(always)]
            || {
                exps(anchor, logits, values);
                fold(values, R::ZERO, |sum, value| sum + value)
            },
        )
        .into_iter()
        .map(Into::<f64>::into)
        .sum()
    }

    /// Writes the values times `weight` times dz/dx.
    pub fn store<T: Logit<Real = R>>(&mut self, anchor: Anchor<R>, weight: R, out: &mut [T]) {
        let (values, _) = self.values.split_at_mut(out.len());
        let logits = &self.logits;
        vectorized(
            self.arch,
            #[inline(always)]
            || {
                chain(anchor, weight, logits, values);
                store(values, out);
            },
        );
    }
}

#[inline(always)]
fn load<T: Logit>(block: &[T], to: &mut [T::Real]) {
    let mut buffer = [T::Real::ZERO; BLOCK];
    let (buffer, _) = buffer.split_at_mut(block.len());
    to.copy_from_slice(T::read(block, buffer));
}

#[inline(always)]
fn store<T: Logit>(values: &[T::Real], out: &mut [T]) {
    let mut buffer = [T::Real::ZERO; BLOCK];
    let (buffer, _) = buffer.split_at_mut(values.len());
    T::write(out, buffer, |to| to.copy_from_slice(values));
}

#[inline(always)]
fn exps<R: Real>(anchor: Anchor<R>, logits: &[R], exps: &mut [R]) {
    let pairs = exps.iter_mut().zip(logits);
    match anchor {
        Anchor::Linear(line) => pairs.for_each(
            #[inline(always)]
            |(exp, &x)| *exp = line.halvings(x).exp2(),
        ),
        Anchor::Capped(cap) => pairs.for_each(
            #[inline(always)]
            |(exp, &x)| *exp = cap.halvings(x).exp2(),
        ),
    }
}

#[inline(always)]
fn chain<R: Real>(anchor: Anchor<R>, weight: R, logits: &[R], values: &mut [R]) {
    let pairs = values.iter_mut().zip(logits);
    match anchor {
        Anchor::Linear(line) => pairs.for_each(
            #[inline(always)]
            |(value, &x)| *value = *value * weight * line.slope(x),
        ),
        Anchor::Capped(cap) => pairs.for_each(
            #[inline(always)]
            |(value, &x)| *value = *value * weight * cap.slope(x),
        ),
    }
}

/// Compiles `f` once per instruction set and runs the best one that the processor has.
///
/// The bound `FnOnce` is what lets the closure itself, marked `#[inline(always)]`, become part of that copy.
#[inline(always)]
fn vectorized<A>(arch: Arch, f: impl FnOnce() -> A) -> A {
    arch.dispatch(f)
}

/// Folds every [`LANES`]-th value together, one result per lane.
#[inline(always)]
fn fold<R: Real>(values: &[R], start: R, f: impl Fn(R, R) -> R) -> [R; LANES] {
    let mut lanes = [start; LANES];
    for chunk in values.chunks_exact(LANES) {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = f(*lane, value);
        }
    }
    lanes
}

#[inline(always)]
fn max<R: Real>(a: R, b: R) -> R {
    if b > a { b } else { a }
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};
    use pulp::Arch;

    use super::super::curve::Curve;
    use super::super::logit::Logit;
    use super::Tile;

    /// Maximum, sum and stored results of a tile of 1,007 logits (not a whole number of lanes) as bits.
    fn bits<T: Logit<Real = f32>>(arch: Arch, curve: Curve, round: fn(f32) -> T) -> Vec<u64> {
        let logits: Vec<T> = (0_u16..1007)
            .map(|i| round(f32::from(i * 37 % 1009) / 31.0 - 20.0))
            .collect();
        let mut tile = Tile {
            arch,
            ..Tile::new()
        };
        let mut out = logits.clone();
        tile.load(&logits);
        let (max, anchor) = (tile.max(), curve.anchor(9.0));
        let sum = tile.exp(anchor);
        tile.store(anchor, 0.3, &mut out);
        let out = out.into_iter().map(Into::<f64>::into);
        out.chain([max, sum]).map(f64::to_bits).collect()
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        for softcap in [None, Some(7.0)] {
            let curve = Curve::new(0.9, softcap, 1.0);
            let pair = |arch| {
                (
                    bits(arch, curve, |x| x),
                    bits(arch, curve, f16::from_f32),
                    bits(arch, curve, bf16::from_f32),
                )
            };
            assert_eq!(pair(Arch::new()), pair(Arch::Scalar));
        }
    }
}
