//! The number types that logits may be stored in.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::real::Real;

/// A number type of logits. Buffers and slices that belong together have equal lengths.
pub trait Logit: Copy + Default + Into<f64> + Send + Sync {
    /// The type that the kernels calculate in, and that of the results.
    type Real: Real;

    /// The logits as numbers to calculate with: themselves, or converted (exactly) into the buffer.
    fn read<'a>(logits: &'a [Self], buffer: &'a mut [Self::Real]) -> &'a [Self::Real];

    /// Lets `fill` write results into `out` itself, or into the buffer and rounds them to nearest.
    fn write<A>(
        out: &mut [Self],
        buffer: &mut [Self::Real],
        fill: impl FnOnce(&mut [Self::Real]) -> A,
    ) -> A;
}

/// Logits that are calculated with as they are.
macro_rules! logit_as_is {
    ($($number:ty),*) => {$(
        impl Logit for $number {
            type Real = Self;

            #[inline(always)]
            fn read<'a>(logits: &'a [Self], _buffer: &'a mut [Self]) -> &'a [Self] {
                logits
            }

            #[inline(always)]
            fn write<A>(out: &mut [Self], _buffer: &mut [Self], fill: impl FnOnce(&mut [Self]) -> A) -> A {
                fill(out)
            }
        }
    )*};
}

logit_as_is!(f32, f64);

impl Logit for f16 {
    type Real = f32;

    #[inline(always)]
    fn read<'a>(logits: &'a [Self], buffer: &'a mut [f32]) -> &'a [f32] {
        logits.convert_to_f32_slice(buffer);
        buffer
    }

    #[inline(always)]
    fn write<A>(out: &mut [Self], buffer: &mut [f32], fill: impl FnOnce(&mut [f32]) -> A) -> A {
        let result = fill(buffer);
        out.convert_from_f32_slice(buffer);
        result
    }
}

// Plain loops, which become part of the dispatched vector code; the slice functions of `half` would not.
impl Logit for bf16 {
    type Real = f32;

    #[inline(always)]
    fn read<'a>(logits: &'a [Self], buffer: &'a mut [f32]) -> &'a [f32] {
        for (to, logit) in buffer.iter_mut().zip(logits) {
            *to = f32::from_bits(u32::from(logit.to_bits()) << 16);
        }
        buffer
    }

    #[inline(always)]
    fn write<A>(out: &mut [Self], buffer: &mut [f32], fill: impl FnOnce(&mut [f32]) -> A) -> A {
        let result = fill(buffer);
        for (to, &value) in out.iter_mut().zip(&*buffer) {
            *to = Self::from_f32(value);
        }
        result
    }
}
