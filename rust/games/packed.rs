//! A times a policy, from the upper triangle of A.

#![allow(clippy::inline_always)] // the loops must become part of the closure that `dispatch` compiles

use std::mem::take;

use pulp::Arch;

use super::payoff::{BLOCK, PER_WORK};
use crate::elementary::dispatch;
use crate::threads;

/// Rows that share one pass over the policy and the sums.
const ROWS: usize = 4;
/// Sums of a row: with more of them the compiler gives up its vectors.
const LANES: usize = 4;

/// out = A · policy: O(n²), half of the reads of a dense matrix.
///
/// Each block of rows adds to sums of its own, and the sums to one another in order, so no bit depends on the threads.
pub(super) fn packed<T: Copy + Into<f64> + Sync>(values: &[T], policy: &[f64], out: &mut [f64]) {
    let n = policy.len();
    let blocks = blocks(values, n);
    let sums = threads::map(blocks, values.len() / PER_WORK, |(start, rows, values)| {
        let mut sums = vec![0.0; n - start];
        triangle(
            values,
            policy.get(start..).unwrap_or_default(),
            rows,
            &mut sums,
        );
        sums
    });
    out.fill(0.0);
    for sums in sums {
        let own = out.iter_mut().rev().zip(sums.iter().rev());
        own.for_each(|(out, x)| *out += x);
    }
}

/// First row, number of rows and values of blocks of about equal size.
fn blocks<T>(values: &[T], n: usize) -> Vec<(usize, usize, &[T])> {
    let mut blocks = Vec::new();
    let (mut start, mut rest) = (0, values);
    while start < n {
        let (mut end, mut size) = (start, 0);
        while end < n && size < BLOCK {
            end += 1;
            size += n - end;
        }
        let (own, after) = rest.split_at(size.min(rest.len()));
        blocks.push((start, end - start, own));
        (start, rest) = (end, after);
    }
    blocks
}

/// Adds what the first rows of an upper triangle give to their own sums and, with the other sign, to the later ones.
fn triangle<T: Copy + Into<f64>>(values: &[T], policy: &[f64], rows: usize, sums: &mut [f64]) {
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            let (mut rest, mut policy, mut sums, mut left) = (values, policy, sums, rows);
            while left >= ROWS {
                let (Some((own, later)), Some((head, tail))) = (
                    policy.split_first_chunk::<ROWS>(),
                    take(&mut sums).split_first_chunk_mut::<ROWS>(),
                ) else {
                    return;
                };
                rest = together(rest, (own, later), (head, tail));
                (policy, sums, left) = (later, tail, left - ROWS);
            }
            while left > 0 {
                let (Some((own, later)), Some((sum, tail))) =
                    (policy.split_first(), take(&mut sums).split_first_mut())
                else {
                    return;
                };
                let (row, after) = rest.split_at(later.len().min(rest.len()));
                let [x] = add([row], later, [*own], tail);
                *sum += x;
                (rest, policy, sums, left) = (after, later, tail, left - 1);
            }
        },
    );
}

/// Adds the first rows: the corner of pairs among them one by one, the rest in one pass. Returns the values behind them.
#[inline(always)]
fn together<'a, T: Copy + Into<f64>>(
    values: &'a [T],
    (own, later): (&[f64; ROWS], &[f64]),
    (head, tail): (&mut [f64; ROWS], &mut [f64]),
) -> &'a [T] {
    let mut far: [&[T]; ROWS] = [&[]; ROWS];
    let mut rest = values;
    for (r, far) in far.iter_mut().enumerate() {
        let (near, after) = rest.split_at((ROWS - 1 - r).min(rest.len()));
        let (row, after) = after.split_at(later.len().min(after.len()));
        (*far, rest) = (row, after);
        let ((_, others), (upper, lower)) = (own.split_at(r + 1), head.split_at_mut(r + 1));
        if let (Some(sum), Some(own)) = (upper.last_mut(), own.get(r)) {
            let [x] = add([near], others, [*own], lower);
            *sum += x;
        }
    }
    for (sum, x) in head.iter_mut().zip(add(far, later, *own, tail)) {
        *sum += x;
    }
    rest
}

/// others ← others − Σ own · row; returns row · policy of each row.
#[inline(always)]
fn add<T: Copy + Into<f64>, const R: usize>(
    rows: [&[T]; R],
    policy: &[f64],
    own: [f64; R],
    others: &mut [f64],
) -> [f64; R] {
    let ((pieces, last), (sums, last_sums)) =
        (policy.as_chunks::<LANES>(), others.as_chunks_mut::<LANES>());
    let rows = rows.map(<[T]>::as_chunks::<LANES>);
    let mut values = rows.map(|(pieces, _)| pieces.iter());
    let mut lanes = [[0.0; LANES]; R];
    for (policy, sums) in pieces.iter().zip(sums) {
        let mut sum = *sums;
        for ((values, lanes), own) in values.iter_mut().zip(&mut lanes).zip(&own) {
            let Some(values) = values.next() else { break };
            for ((lane, &x), p) in lanes.iter_mut().zip(values).zip(policy) {
                *lane = x.into().mul_add(*p, *lane);
            }
            for (sum, &x) in sum.iter_mut().zip(values) {
                *sum = (-own).mul_add(x.into(), *sum);
            }
        }
        *sums = sum;
    }
    let mut totals = lanes.map(|lanes| lanes.iter().sum());
    for ((total, (_, row)), own) in totals.iter_mut().zip(rows).zip(own) {
        for ((&x, p), sum) in row.iter().zip(last).zip(last_sums.iter_mut()) {
            *total = x.into().mul_add(*p, *total);
            *sum = (-own).mul_add(x.into(), *sum);
        }
    }
    totals
}
