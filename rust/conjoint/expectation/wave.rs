//! Complex numbers at the nodes of the Fourier sum, real and imaginary parts apart so that loops take vector
//! instructions.

#![allow(clippy::inline_always)] // what is not inlined into the dispatched closure would not be vectorized

use pulp::Arch;

use crate::elementary::dispatch;

/// Numbers summed side by side: a sum of doubles in their order takes no vector instructions.
const LANES: usize = 8;

/// K complex numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Wave {
    /// Real parts.
    pub re: Vec<f64>,
    /// Imaginary parts.
    pub im: Vec<f64>,
}

impl Wave {
    /// K times the same real number.
    #[must_use]
    pub fn real(value: f64, k: usize) -> Self {
        Self {
            re: vec![value; k],
            im: vec![0.0; k],
        }
    }

    /// The powers z, z², …, zᴷ of e^{i angle}, each the product of its two halves: log K roundings at most.
    #[must_use]
    pub fn powers(angle: f64, k: usize) -> Self {
        let (sine, cosine) = angle.sin_cos();
        let (mut re, mut im) = (Vec::with_capacity(k), Vec::with_capacity(k));
        for place in 0..k {
            let half = place / 2;
            let rest = if place % 2 == 0 {
                half.wrapping_sub(1)
            } else {
                half
            };
            let at = |values: &[f64], place: usize| values.get(place).copied();
            let halves = (at(&re, half), at(&im, half), at(&re, rest), at(&im, rest));
            let (x, y) = match halves {
                (Some(a), Some(b), Some(c), Some(d)) => (a * c - b * d, a * d + b * c),
                _ => (cosine, sine),
            };
            re.push(x);
            im.push(y);
        }
        Self { re, im }
    }

    /// Number K.
    #[must_use]
    pub fn len(&self) -> usize {
        self.re.len()
    }

    /// Whether there are no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.re.is_empty()
    }

    /// The conjugates.
    #[must_use]
    pub fn conjugate(&self) -> Self {
        Self {
            re: self.re.clone(),
            im: self.im.iter().map(|x| -x).collect(),
        }
    }

    /// Number by number times real factors.
    #[must_use]
    pub fn scaled(&self, factors: &[f64]) -> Self {
        let times = |values: &[f64]| values.iter().zip(factors).map(|(x, f)| x * f).collect();
        Self {
            re: times(&self.re),
            im: times(&self.im),
        }
    }

    /// Number by number times another.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        let mut product = self.clone();
        product.multiply(other);
        product
    }

    /// Number by number times another, in place.
    pub fn multiply(&mut self, other: &Self) {
        dispatch(
            Arch::new(),
            #[inline(always)]
            || {
                let mine = self.re.iter_mut().zip(&mut self.im);
                for ((re, im), (x, y)) in mine.zip(other.re.iter().zip(&other.im)) {
                    (*re, *im) = (*re * x - *im * y, *re * y + *im * x);
                }
            },
        );
    }

    /// Adds the rows of a table, each times its weight.
    pub fn add_rows(&mut self, weights: &[f64], rows: &[Self]) {
        dispatch(
            Arch::new(),
            #[inline(always)]
            || {
                for (&weight, row) in weights.iter().zip(rows) {
                    for (total, x) in self.re.iter_mut().zip(&row.re) {
                        *total += weight * x;
                    }
                    for (total, x) in self.im.iter_mut().zip(&row.im) {
                        *total += weight * x;
                    }
                }
            },
        );
    }

    /// Adds `weight` · Im Σ self · row, of each row to its place.
    pub fn add_products(&self, weight: f64, rows: &[Self], out: &mut [f64]) {
        dispatch(
            Arch::new(),
            #[inline(always)]
            || {
                for (out, row) in out.iter_mut().zip(rows) {
                    *out += weight * (dot(&self.re, &row.im) + dot(&self.im, &row.re));
                }
            },
        );
    }

    /// Im Σ self · other.
    #[must_use]
    pub fn product(&self, other: &Self) -> f64 {
        dot(&self.re, &other.im) + dot(&self.im, &other.re)
    }
}

#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a_blocks
        .remainder()
        .iter()
        .zip(b_blocks.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a_blocks.zip(b_blocks) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f64>() + rest
}
