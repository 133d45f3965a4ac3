//! The two number types that the kernels calculate in, with a `2^x` that the compiler can vectorize.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

/// A number type of the kernels: f32 for f32, f16 and bf16 logits, f64 for f64 logits.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Into<f64>
    + Add<Output = Self>
    + AddAssign
    + Div<Output = Self>
    + Mul<Output = Self>
    + Sub<Output = Self>
    + Send
    + Sync
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Minus infinity.
    const NEG_INFINITY: Self;

    /// The nearest number of this type.
    fn round(value: f64) -> Self;

    /// The nearest number of this type that is neither 0 nor infinite, for a positive factor.
    fn factor(value: f64) -> Self;

    /// self · factor + summand with one rounding: a single instruction of every vector unit since 2013, and slow but the
    /// same bits on older ones.
    #[must_use]
    fn mul_add(self, factor: Self, summand: Self) -> Self;

    /// `2^self` for arguments up to 127; 0 below -127 (f32), NaN for NaN.
    #[must_use]
    fn exp2(self) -> Self;
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEG_INFINITY: Self = Self::NEG_INFINITY;

    #[inline]
    #[allow(clippy::cast_possible_truncation)] // rounding is the purpose
    fn round(value: f64) -> Self {
        value as Self
    }

    #[inline]
    fn factor(value: f64) -> Self {
        <Self as Real>::round(value).clamp(Self::MIN_POSITIVE, Self::MAX)
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        Self::mul_add(self, factor, summand)
    }

    /// `2^n · p(r)` with `n` the nearest integer and `p` the polynomial of degree 6 with `p(0) = 1` that has the
    /// smallest relative error, 2.6e-9, on `|r| <= 1/2` (Remez exchange).
    #[inline(always)]
    fn exp2(self) -> Self {
        // Adding 1.5 · 2^23 leaves n in the low bits; n = -127 becomes the bit pattern of 0, so -inf gives 0.
        const SHIFT: f32 = 12_582_912.0;
        let x = if self < -127.0 { -127.0 } else { self };
        let shifted = x + SHIFT;
        let r = x - (shifted - SHIFT);
        let power = Self::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
        // Estrin's order: half the latency of Horner's.
        let square = r * r;
        let low = r.mul_add(6.931_472_4e-1, 1.0);
        let middle = r.mul_add(5.550_310_4e-2, 2.402_265_2e-1);
        let high = r.mul_add(1.340_664_3e-3, 9.617_693e-3);
        let high = square.mul_add(1.559_467_8e-4, high);
        square.mul_add(square.mul_add(high, middle), low) * power
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEG_INFINITY: Self = Self::NEG_INFINITY;

    #[inline]
    fn round(value: f64) -> Self {
        value
    }

    #[inline]
    fn factor(value: f64) -> Self {
        value.clamp(Self::MIN_POSITIVE, Self::MAX)
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        Self::mul_add(self, factor, summand)
    }

    #[inline(always)]
    fn exp2(self) -> Self {
        Self::exp2(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Real;

    /// A million points from 1 down to -126, dense near 1, against the platform's f64.
    #[test]
    fn exp2_is_accurate_to_two_units_in_the_last_place() {
        for step in 0..1_000_000_u32 {
            let x = 1.0 - 126.9 * (f64::from(step) / 1e6).powi(2);
            let x = <f32 as Real>::round(x);
            let (got, want) = (f64::from(Real::exp2(x)), f64::from(x).exp2());
            assert!((got - want).abs() <= 1.5e-7 * want, "2^{x} = {got}, {want}");
        }
    }

    #[test]
    fn exp2_is_exact_at_integers_and_clean_at_the_ends() {
        for (x, power) in [
            (0.0_f32, 1.0_f32),
            (-1.0, 0.5),
            (3.0, 8.0),
            (-126.0, f32::MIN_POSITIVE),
        ] {
            assert_eq!(Real::exp2(x).to_bits(), power.to_bits());
        }
        for x in [-127.0, -1e30, f32::NEG_INFINITY] {
            assert_eq!(Real::exp2(x).to_bits(), 0);
        }
        assert!(Real::exp2(f32::NAN).is_nan());
    }
}
