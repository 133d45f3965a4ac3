//! Exponential, log(1 + x) and their kin in f64, free of branches and calls so that the compiler can vectorize loops
//! over them, and the call that makes it do so. The platform's own are a call per number.

#![allow(clippy::inline_always)] // the purpose of the module: a call would not be vectorized

use std::f64::consts::LOG2_E;

use pulp::Arch;

/// ln 2 in two parts; products of the first with integers below 2^21 are exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// e^x with the power of two 2^-1023, whose bits are those of 0.
const TINY: f64 = -709.0;

/// Compiles `f` once per instruction set and runs the best one that the processor has.
///
/// The bound `FnOnce` is what lets the closure itself, marked `#[inline(always)]`, become part of that copy.
#[inline(always)]
pub fn dispatch<A>(arch: Arch, f: impl FnOnce() -> A) -> A {
    arch.dispatch(f)
}

/// Adds `part` to `total`, entry by entry.
pub fn add(total: &mut [f64], part: &[f64]) {
    total.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
}

/// A count as a double; rounded above 2^53.
#[inline]
#[must_use]
#[allow(clippy::cast_precision_loss)] // as said
pub const fn float(count: usize) -> f64 {
    count as f64
}

/// e^x for x <= 0, within two units in the last place; 0 where e^x is no normal number, NaN for NaN.
#[inline(always)]
#[must_use]
pub fn exp_nonpositive(x: f64) -> f64 {
    // Adding 1.5 · 2^52 leaves the nearest integer n in the low bits.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    let inside = if x < TINY { TINY } else { x };
    let shifted = inside.mul_add(LOG2_E, SHIFT);
    let n = shifted - SHIFT;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, inside));
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(0x3ff0_0000_0000_0000));
    exp_series(r) * power
}

/// e^r for |r| <= ln 2 / 2: the terms up to r^13 / 13!, whose rest is below 1e-17.
#[inline(always)]
fn exp_series(r: f64) -> f64 {
    let mut sum = 1.0 / 6_227_020_800.0;
    for factorial in [
        479_001_600.0,
        39_916_800.0,
        3_628_800.0,
        362_880.0,
        40_320.0,
        5_040.0,
        720.0,
        120.0,
        24.0,
        6.0,
        2.0,
        1.0,
        1.0_f64,
    ] {
        sum = r.mul_add(sum, 1.0 / factorial);
    }
    sum
}

/// log(1 + x) for 0 <= x <= 1, of full relative accuracy near 0 too.
///
/// log(1 + x) = 2 artanh(s) with s = x / (2 + x) <= 1/3: the terms up to s^33, whose rest is below 1e-17.
#[inline(always)]
#[must_use]
pub fn log1p_unit(x: f64) -> f64 {
    let s = x / (2.0 + x);
    let square = s * s;
    let mut sum = 1.0 / 33.0;
    for n in (0..16_u32).rev() {
        sum = square.mul_add(sum, 1.0 / f64::from(2 * n + 1));
    }
    2.0 * s * sum
}

/// log(1 + e^x) and sigmoid(x), at any x.
#[inline(always)]
#[must_use]
pub fn softplus_and_sigmoid(x: f64) -> (f64, f64) {
    let v = exp_nonpositive(-x.abs());
    let inverse = 1.0 / (1.0 + v);
    let above = if x > 0.0 { x } else { 0.0 };
    let sigmoid = if x > 0.0 { inverse } else { v * inverse };
    (above + log1p_unit(v), sigmoid)
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::{exp_nonpositive, log1p_unit, softplus_and_sigmoid};

    #[test]
    fn exp_and_log1p_are_accurate_to_two_units_in_the_last_place() {
        for step in 0..1_000_000_u32 {
            let unit = f64::from(step) / 1e6;
            let x = -708.3 * unit * unit;
            let want = x.exp();
            assert!((exp_nonpositive(x) - want).abs() <= 4.5e-16 * want, "{x}");
            for v in [unit, unit * 1e-9] {
                assert!((log1p_unit(v) - v.ln_1p()).abs() <= 4.5e-16 * v, "{v}");
            }
        }
    }

    #[test]
    fn ends_are_clean() {
        assert_eq!(exp_nonpositive(0.0), 1.0);
        assert_eq!(exp_nonpositive(-0.0), 1.0);
        for x in [-709.0, -1e4, f64::MIN, f64::NEG_INFINITY] {
            assert_eq!(exp_nonpositive(x), 0.0);
        }
        assert!(exp_nonpositive(f64::NAN).is_nan());
        assert_eq!(softplus_and_sigmoid(1e4), (1e4, 1.0));
        assert_eq!(softplus_and_sigmoid(-1e4), (0.0, 0.0));
        assert_eq!(softplus_and_sigmoid(f64::INFINITY), (f64::INFINITY, 1.0));
        assert_eq!(softplus_and_sigmoid(f64::NEG_INFINITY), (0.0, 0.0));
        let (value, slope) = softplus_and_sigmoid(f64::NAN);
        assert!(value.is_nan() && slope.is_nan());
    }
}
