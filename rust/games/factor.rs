//! A times a policy, from the embeddings of a general preference model: A π = V · (J gate Vᵀ π).

#![allow(clippy::inline_always)] // the loops must become part of the closure that `dispatch` compiles

use pulp::Arch;

use super::payoff::{BLOCK, PER_WORK, Values};
use crate::elementary::dispatch;
use crate::error::{Error, Result};
use crate::threads;

/// [`Game::apply`](super::Game::apply) of factor form, of arguments as users give them: O(n·k), two passes over `values`.
///
/// The check costs no pass: a sum over a number that is not finite is not finite.
///
/// # Errors
/// A number of `values` or of `policy` that is not finite.
pub fn gpm_matvec(values: Values<'_>, gate: &[f64], policy: &[f64]) -> Result<Vec<f64>> {
    let mut out = vec![0.0; policy.len()];
    let sums = match values {
        Values::F64(values) => {
            let sums = turned(values, gate, policy);
            spread(values, &sums, &mut out);
            sums
        }
        Values::F32(values) => {
            let sums = turned(values, gate, policy);
            spread(values, &sums, &mut out);
            sums
        }
    };
    if sums.iter().all(|sum| sum.is_finite()) {
        return Ok(out);
    }
    if let Some(at) = values.first(|x| !x.is_finite()) {
        let place = [at / sums.len(), at % sums.len()];
        return Err(Error::domain_at(
            "embeddings",
            place,
            "a finite number",
            values.at(at),
        ));
    }
    match policy.iter().enumerate().find(|(_, p)| !p.is_finite()) {
        Some((at, p)) => Err(Error::domain_at("policy", [at], "a finite number", p)),
        None => Ok(out),
    }
}

/// J gate Vᵀ π. Blocks of rows have sums of their own, which are added in order: no bit depends on the threads.
pub(super) fn turned<T: Copy + Into<f64> + Sync>(
    values: &[T],
    gate: &[f64],
    policy: &[f64],
) -> Vec<f64> {
    let width = (2 * gate.len()).max(1);
    let rows = (BLOCK / width).max(1);
    let blocks = values.chunks(rows * width).zip(policy.chunks(rows));
    let parts = threads::map(
        blocks.collect(),
        values.len() / PER_WORK,
        |(values, policy)| {
            dispatch(
                Arch::new(),
                #[inline(always)]
                || match width {
                    2 => sums::<T, 2>(values, policy).to_vec(),
                    4 => sums::<T, 4>(values, policy).to_vec(),
                    8 => sums::<T, 8>(values, policy).to_vec(),
                    16 => sums::<T, 16>(values, policy).to_vec(),
                    _ => sums_of_any(values, policy, width),
                },
            )
        },
    );
    let mut sums = vec![0.0; width];
    for part in parts {
        sums.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
    }
    for (pair, gate) in sums.chunks_exact_mut(2).zip(gate) {
        if let [even, odd] = pair {
            (*even, *odd) = (gate * *odd, -gate * *even);
        }
    }
    sums
}

/// With 512-bit vectors the compiler gathers the numbers of many rows, three times slower than what it does in 256 bits.
fn without_gathers(arch: Arch) -> Arch {
    match arch {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(wide) => Arch::V3(*wide),
        other => other,
    }
}

/// out = V · sums.
pub(super) fn spread<T: Copy + Into<f64> + Sync>(values: &[T], sums: &[f64], out: &mut [f64]) {
    let rows = (BLOCK / sums.len().max(1)).max(1);
    let blocks = out
        .chunks_mut(rows)
        .zip(values.chunks(rows * sums.len().max(1)));
    threads::map(
        blocks.collect(),
        values.len() / PER_WORK,
        |(out, values)| {
            dispatch(
                without_gathers(Arch::new()),
                #[inline(always)]
                || {
                    if let Ok(sums) = <&[f64; 2]>::try_from(sums) {
                        products(values, sums, out);
                    } else if let Ok(sums) = <&[f64; 4]>::try_from(sums) {
                        products(values, sums, out);
                    } else if let Ok(sums) = <&[f64; 8]>::try_from(sums) {
                        quarters::<T, 8, 4>(values, sums, out);
                    } else if let Ok(sums) = <&[f64; 16]>::try_from(sums) {
                        quarters::<T, 16, 2>(values, sums, out);
                    } else {
                        for (out, row) in out.iter_mut().zip(values.chunks_exact(sums.len().max(1)))
                        {
                            *out = product(row, sums);
                        }
                    }
                },
            );
        },
    );
}

/// Σ p · row, in four sums at a time: one alone would wait for its last addition.
#[inline(always)]
fn sums<T: Copy + Into<f64>, const W: usize>(values: &[T], policy: &[f64]) -> [f64; W] {
    let (rows, _) = values.as_chunks::<W>();
    let (pieces, last) = rows.as_chunks::<4>();
    let (policies, last_policies) = policy.as_chunks::<4>();
    let mut lanes = [[0.0; W]; 4];
    for (rows, policy) in pieces.iter().zip(policies) {
        for ((lanes, row), p) in lanes.iter_mut().zip(rows).zip(policy) {
            for (lane, &x) in lanes.iter_mut().zip(row) {
                *lane = p.mul_add(x.into(), *lane);
            }
        }
    }
    let mut total = [0.0; W];
    for lanes in lanes {
        total
            .iter_mut()
            .zip(lanes)
            .for_each(|(total, x)| *total += x);
    }
    for (row, p) in last.iter().zip(last_policies) {
        for (total, &x) in total.iter_mut().zip(row) {
            *total = p.mul_add(x.into(), *total);
        }
    }
    total
}

#[inline(always)]
fn sums_of_any<T: Copy + Into<f64>>(values: &[T], policy: &[f64], width: usize) -> Vec<f64> {
    let mut total = vec![0.0; width];
    for (row, p) in values.chunks_exact(width).zip(policy) {
        for (total, &x) in total.iter_mut().zip(row) {
            *total = p.mul_add(x.into(), *total);
        }
    }
    total
}

#[inline(always)]
fn product<T: Copy + Into<f64>>(row: &[T], sums: &[f64]) -> f64 {
    row.iter().zip(sums).map(|(&x, sum)| x.into() * sum).sum()
}

#[inline(always)]
fn products<T: Copy + Into<f64>, const W: usize>(values: &[T], sums: &[f64; W], out: &mut [f64]) {
    let (rows, _) = values.as_chunks::<W>();
    for (out, row) in out.iter_mut().zip(rows) {
        *out = product(row, sums);
    }
}

/// [`products`] of wide rows, a few at a time in quarters of vectors: the compiler would gather number by number.
#[inline(always)]
fn quarters<T: Copy + Into<f64>, const W: usize, const ROWS: usize>(
    values: &[T],
    sums: &[f64; W],
    out: &mut [f64],
) {
    let (rows, _) = values.as_chunks::<W>();
    let ((pieces, last), (outs, last_outs)) =
        (rows.as_chunks::<ROWS>(), out.as_chunks_mut::<ROWS>());
    let (sums_by_four, _) = sums.as_chunks::<4>();
    for (out, rows) in outs.iter_mut().zip(pieces) {
        let mut parts = [[0.0; 4]; ROWS];
        for (parts, row) in parts.iter_mut().zip(rows) {
            let (row, _) = row.as_chunks::<4>();
            for (values, sums) in row.iter().zip(sums_by_four) {
                for ((part, &x), sum) in parts.iter_mut().zip(values).zip(sums) {
                    *part = x.into().mul_add(*sum, *part);
                }
            }
        }
        for (out, [a, b, c, d]) in out.iter_mut().zip(parts) {
            *out = (a + c) + (b + d);
        }
    }
    for (out, row) in last_outs.iter_mut().zip(last) {
        *out = product(row, sums);
    }
}
