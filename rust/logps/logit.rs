//! The number types that logits may be stored in.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::real::Real;

/// A number type of logits. The methods expect slices of equal length.
pub trait Logit: Copy + Default + Into<f64> + Send + Sync {
    /// The type that the kernels calculate in, and that of the results.
    type Real: Real;

    /// Converts logits (exactly).
    fn load(logits: &[Self], to: &mut [Self::Real]);

    /// Converts results (rounding to nearest).
    fn store(values: &[Self::Real], to: &mut [Self]);
}

/// Logits that are calculated with as they are.
macro_rules! logit_as_is {
    ($($number:ty),*) => {$(
        impl Logit for $number {
            type Real = Self;

            #[inline(always)]
            fn load(logits: &[Self], to: &mut [Self]) {
                to.copy_from_slice(logits);
            }

            #[inline(always)]
            fn store(values: &[Self], to: &mut [Self]) {
                to.copy_from_slice(values);
            }
        }
    )*};
}

logit_as_is!(f32, f64);

impl Logit for f16 {
    type Real = f32;

    #[inline(always)]
    fn load(logits: &[Self], to: &mut [f32]) {
        logits.convert_to_f32_slice(to);
    }

    #[inline(always)]
    fn store(values: &[f32], to: &mut [Self]) {
        to.convert_from_f32_slice(values);
    }
}

// Plain loops, which become part of the dispatched vector code; the slice functions of `half` would not.
impl Logit for bf16 {
    type Real = f32;

    #[inline(always)]
    fn load(logits: &[Self], to: &mut [f32]) {
        for (to, logit) in to.iter_mut().zip(logits) {
            *to = f32::from_bits(u32::from(logit.to_bits()) << 16);
        }
    }

    #[inline(always)]
    fn store(values: &[f32], to: &mut [Self]) {
        for (to, &value) in to.iter_mut().zip(values) {
            *to = Self::from_f32(value);
        }
    }
}
