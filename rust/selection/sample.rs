//! Seeded samples of rows, without replacement.

use super::best::{Best, at, candidate, for_each_key};
use super::{RaggedRows, must_omit, select};
use crate::check::NanPolicy;
use crate::column::Column;
use crate::error::{Error, Result};
use crate::{ragged, random};

#[derive(Default)]
struct Scratch {
    weights: Vec<f64>,
    keys: Vec<i64>,
    best: Best,
}

/// k rows of every group without replacement, each with the probability that its weight has among those left.
///
/// The rows of largest `log_weight + g`, g = -log(-log(u)) with the uniform u of `key(seed, [group, row in group])`, in
/// the order of the rows; those of weight -inf never, so that there may be fewer. O(n + k log k) time and O(k) memory
/// beside the keys for a group of n rows.
///
/// # Errors
/// Bad offsets, a weight of inf, NaN where the policy is to raise, the policy to propagate.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::selection::gumbel_top_k;
/// let weights = Column::F64(&[0.0, f64::NEG_INFINITY, 50.0]);
/// let drawn = |k| gumbel_top_k(weights, k, 0, &[0, 3], NanPolicy::Raise).unwrap().rows;
/// assert_eq!(drawn(1), [2]);
/// assert_eq!(drawn(3), [0, 2]);
/// ```
pub fn gumbel_top_k(
    log_weights: Column<'_>,
    k: usize,
    seed: u64,
    offsets: &[i64],
    nan: NanPolicy,
) -> Result<RaggedRows> {
    let bounds = ragged::bounds(offsets, log_weights.len())?;
    let omit = must_omit("log_weights", log_weights, offsets, nan)?;
    let mut all = Vec::new();
    log_weights.values(0..log_weights.len(), &mut all);
    if let Some(row) = all.iter().position(|&weight| weight == f64::INFINITY) {
        return Err(Error::domain_at("log_weights", [row], "below inf", "inf"));
    }
    Ok(select(&bounds, |list: &mut Scratch, group, rows, out| {
        let start = rows.start;
        let weights = all.get(rows).unwrap_or_default();
        list.weights.clear();
        list.weights
            .extend(weights.iter().enumerate().map(|(local, weight)| {
                weight + gumbel(random::key(seed, &[group as u64, local as u64]))
            }));
        let (perturbed, whole) = (Column::F64(&list.weights), 0..list.weights.len());
        list.best.restart(k);
        for_each_key(perturbed, whole, omit, &mut list.keys, |key, local| {
            if weights.get(local) != Some(&f64::NEG_INFINITY) {
                list.best.push(candidate(key, start + local));
            }
        });
        list.best.write_in_order(out);
    }))
}

/// Standard Gumbel number of a key, finite: u = (its upper 52 bits + 1/2) / 2^52 is exact, and neither 0 nor 1.
#[allow(clippy::cast_precision_loss)] // 52 bits
fn gumbel(key: u64) -> f64 {
    let uniform = ((key >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
    -(-uniform.ln()).ln()
}

/// `sizes[c]` rows of each class c, those of the smallest `key(seed, [row])`, all in the order of the rows.
///
/// O(n) time. Rows of a class without a size are never drawn; where a class has fewer rows, all of them.
///
/// # Errors
/// A negative size.
///
/// ```
/// use prefcore::selection::balanced_indices;
/// let rows = balanced_indices(&[0, 0, 1, 0, -1, 1], &[2, 1], 7).unwrap();
/// assert_eq!(rows.len(), 3);
/// ```
pub fn balanced_indices(classes: &[i64], sizes: &[i64], seed: u64) -> Result<Vec<i64>> {
    let mut chosen = Vec::with_capacity(sizes.len());
    for (class, &size) in sizes.iter().enumerate() {
        let Ok(size) = usize::try_from(size) else {
            return Err(Error::domain_at("sizes", [class], "at least 0", size));
        };
        let mut best = Best::default();
        best.restart(size);
        chosen.push(best);
    }
    for (row, &class) in classes.iter().enumerate() {
        let best = usize::try_from(class).ok().and_then(|c| chosen.get_mut(c));
        if let Some(best) = best {
            best.push(at(random::key(seed, &[row as u64]), row));
        }
    }
    let mut rows = Vec::new();
    for mut best in chosen {
        best.write_in_order(&mut rows);
    }
    rows.sort_unstable();
    Ok(rows)
}
