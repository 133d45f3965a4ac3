//! Newton steps of games side by side: elimination without row swaps, which would differ from lane to lane.
//!
//! diag β − K with K skew can always be eliminated so; where that loses digits, the residual after the step tells.

#![allow(clippy::inline_always)] // the loops must become part of the closure that `dispatch` compiles

use pulp::{Arch, Simd, WithSimd};

use crate::elementary::dispatch;
use crate::lanes::BLOCK;

/// One number per game.
pub type Lanes = [f64; BLOCK];

/// Memory of the steps of games of n actions.
pub struct Scratch {
    /// [n, n + 2]: the matrix and two right sides, which become the solutions.
    system: Vec<Lanes>,
    /// √π
    roots: Vec<Lanes>,
    /// π · step
    weighted: Vec<Lanes>,
}

impl Scratch {
    pub fn new(n: usize) -> Self {
        Self {
            system: vec![[0.0; BLOCK]; n * (n + 2)],
            roots: vec![[0.0; BLOCK]; n],
            weighted: vec![[0.0; BLOCK]; n],
        }
    }
}

/// step ← the Newton step at a policy that is `off` by log π − log BR(π). O(n³)
///
/// The equations are those of [`super::system::System::newton`].
pub fn newton_step(
    matrix: &[Lanes],
    (policy, off): (&[Lanes], &[Lanes]),
    beta: f64,
    scratch: &mut Scratch,
    step: &mut [Lanes],
) {
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            for (root, p) in scratch.roots.iter_mut().zip(policy) {
                *root = p.map(f64::sqrt);
            }
            fill(matrix, off, beta, scratch);
        },
    );
    let (system, n) = (scratch.system.as_mut_slice(), policy.len());
    Arch::new().dispatch(Elimination { system, n });
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            substitute(&mut scratch.system, policy.len());
            let shift = combine(scratch);
            for ((step, row), off) in step
                .iter_mut()
                .zip(matrix.chunks_exact(policy.len()))
                .zip(off)
            {
                let mut pull = [0.0; BLOCK];
                for (x, d) in row.iter().zip(&scratch.weighted) {
                    add_product(&mut pull, x, d);
                }
                *step = with(&with(&shift, off, |s, r| s - r), &pull, |x, pull| {
                    x + pull / beta
                });
            }
        },
    );
}

#[inline(always)]
fn with(a: &Lanes, b: &Lanes, f: impl Fn(f64, f64) -> f64) -> Lanes {
    let mut out = *a;
    for (out, b) in out.iter_mut().zip(b) {
        *out = f(*out, *b);
    }
    out
}

#[inline(always)]
fn add_product(sum: &mut Lanes, a: &Lanes, b: &Lanes) {
    let mut out = *sum;
    for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
        *out = a.mul_add(*b, *out);
    }
    *sum = out;
}

/// The rows of β − √π S √π and the right sides β √π r and β √π.
#[inline(always)]
fn fill(matrix: &[Lanes], off: &[Lanes], beta: f64, scratch: &mut Scratch) {
    let Scratch { system, roots, .. } = scratch;
    let n = roots.len();
    let rows = system.chunks_exact_mut(n + 2).zip(matrix.chunks_exact(n));
    for (i, ((out, row), (root, off))) in rows.zip(roots.iter().zip(off)).enumerate() {
        for ((out, x), other) in out.iter_mut().zip(row).zip(roots.iter()) {
            *out = with(&with(x, root, |x, root| -x * root), other, |x, other| {
                x * other
            });
        }
        if let Some(own) = out.get_mut(i) {
            *own = own.map(|x| x + beta);
        }
        if let [.., first, second] = out {
            *second = root.map(|root| beta * root);
            *first = with(second, off, |weight, r| weight * r);
        }
    }
}

/// Makes the matrix upper triangular; its diagonal then holds reciprocals.
///
/// In vectors by name: a plain loop becomes one across the places of a row, which are far apart.
struct Elimination<'a> {
    system: &'a mut [Lanes],
    n: usize,
}

impl WithSimd for Elimination<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let parts = BLOCK / S::F64_LANES;
        let width = (self.n + 2) * parts;
        let (vectors, _) = S::as_mut_simd_f64s(self.system.as_flattened_mut());
        for (column, part) in
            (0..self.n).flat_map(|column| (0..parts).map(move |part| (column, part)))
        {
            let (done, below) = vectors.split_at_mut((column + 1) * width);
            let start = column * parts + part;
            let Some([own, pivot_row @ ..]) = done.get_mut(column * width + start..) else {
                return;
            };
            *own = simd.div_f64s(simd.splat_f64s(1.0), *own);
            for row in below.chunks_exact_mut(width) {
                let Some([first, row @ ..]) = row.get_mut(start..) else {
                    return;
                };
                let factor = simd.neg_f64s(simd.mul_f64s(*first, *own));
                let rows = row
                    .chunks_exact_mut(parts)
                    .zip(pivot_row.chunks_exact(parts));
                for (x, above) in rows {
                    if let ([.., x], [.., above]) = (x, above) {
                        *x = simd.mul_add_f64s(factor, *above, *x);
                    }
                }
            }
        }
    }
}

/// Replaces the right sides by the solutions.
#[inline(always)]
fn substitute(system: &mut [Lanes], n: usize) {
    for i in (0..n).rev() {
        let (done, later) = system.split_at_mut((i + 1) * (n + 2));
        let Some([own, row @ .., first, second]) = done.get_mut(i * (n + 2) + i..) else {
            return;
        };
        for (x, below) in row.iter().zip(later.chunks_exact(n + 2)) {
            if let [.., below_first, below_second] = below {
                let minus = x.map(|x| -x);
                add_product(first, &minus, below_first);
                add_product(second, &minus, below_second);
            }
        }
        *first = with(first, own, |x, inverse| x * inverse);
        *second = with(second, own, |x, inverse| x * inverse);
    }
}

/// Mixes the solutions so that the step has mean 0, and returns the shift that does; weighted ← π · step.
#[inline(always)]
fn combine(scratch: &mut Scratch) -> Lanes {
    let Scratch {
        system,
        roots,
        weighted,
    } = scratch;
    let n = roots.len();
    let (mut first_mean, mut second_mean) = ([0.0; BLOCK], [0.0; BLOCK]);
    for (row, root) in system.chunks_exact(n + 2).zip(roots.iter()) {
        if let [.., first, second] = row {
            add_product(&mut first_mean, first, root);
            add_product(&mut second_mean, second, root);
        }
    }
    let shift = with(&first_mean, &second_mean, |first, second| first / second);
    let rows = system.chunks_exact(n + 2).zip(roots.iter());
    for (weighted, (row, root)) in weighted.iter_mut().zip(rows) {
        if let [.., first, second] = row {
            let mixed = with(&with(&shift, second, |s, z| s * z), first, |x, z| x - z);
            *weighted = with(&mixed, root, |x, root| x * root);
        }
    }
    shift
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use pulp::{Arch, Scalar, WithSimd};

    use super::{Elimination, Lanes, Scratch, newton_step};
    use crate::elementary::float;
    use crate::lanes::BLOCK;

    /// d = s − r + S (π d) / β with Σ π d = 0, the same s for all actions of a game.
    #[test]
    fn a_step_solves_its_equations() {
        let (n, beta) = (5, 0.1);
        let number = |i: usize, k: usize| float((i * 7919 + k * 31 + 17) % 101) / 101.0;
        let lanes = |i: usize| -> Lanes { std::array::from_fn(|k| number(i, k)) };
        let mut matrix = vec![[0.0; BLOCK]; n * n];
        for (i, j) in (0..n).flat_map(|i| (0..i).map(move |j| (i, j))) {
            matrix[i * n + j] = lanes(i * n + j);
            matrix[j * n + i] = lanes(i * n + j).map(|x| -x);
        }
        let off: Vec<Lanes> = (0..n).map(|i| lanes(i + 50)).collect();
        let policy: Vec<Lanes> = (0..n).map(|i| lanes(i + 80).map(|p| p / 3.0)).collect();
        let mut step = vec![[0.0; BLOCK]; n];
        newton_step(
            &matrix,
            (&policy, &off),
            beta,
            &mut Scratch::new(n),
            &mut step,
        );
        for k in 0..BLOCK {
            let weighted = |j: usize| policy[j][k] * step[j][k];
            let shift = |i: usize| {
                let pull: f64 = (0..n).map(|j| matrix[i * n + j][k] * weighted(j)).sum();
                step[i][k] + off[i][k] - pull / beta
            };
            assert!((0..n).map(weighted).sum::<f64>().abs() < 1e-13);
            assert!((1..n).all(|i| (shift(i) - shift(0)).abs() < 1e-12));
        }
    }

    #[test]
    fn vectors_of_any_width_eliminate_alike() {
        let n = 5;
        let entry = |i: usize, k: usize| float((i * 7919 + k * 31 + 17) % 101) / 101.0;
        let diagonal = |i: usize| if i.is_multiple_of(n + 3) { 5.0 } else { 0.0 };
        let mut system: Vec<Lanes> = (0..n * (n + 2))
            .map(|i| std::array::from_fn(|k| diagonal(i) + entry(i, k)))
            .collect();
        let mut other = system.clone();
        let (first, second) = (&mut system, &mut other);
        Arch::new().dispatch(Elimination { system: first, n });
        Elimination { system: second, n }.with_simd(Scalar);
        for (i, (a, b)) in system.iter().zip(&other).enumerate() {
            let upper = i % (n + 2) >= i / (n + 2);
            let near = a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-14);
            assert!(!upper || near, "{a:?} {b:?}");
        }
    }
}
