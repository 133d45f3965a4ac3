//! Resampling with replacement, by the counter-based generator.

use crate::check;
use crate::error::{Error, Result};
use crate::random::{Draws, key};
use crate::threads;

/// Walker's alias table: a place in proportion to its weight from one number.
struct Alias {
    /// Below this share of 2^32 the place itself, else `other`.
    own: Vec<u64>,
    other: Vec<usize>,
}

impl Alias {
    /// O(n); at least one weight is above 0.
    fn new(weights: &[f64]) -> Self {
        const WHOLE: f64 = 4_294_967_296.0;
        let n = weights.len();
        let scale = crate::elementary::float(n) / weights.iter().sum::<f64>();
        let mut share: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..n).partition(|&place| share.get(place).is_some_and(|share| *share < 1.0));
        let (mut own, mut other) = (vec![1 << 32; n], (0..n).collect::<Vec<_>>());
        while let (Some(&low), Some(&high)) = (small.last(), large.last()) {
            small.pop();
            let part = share.get(low).copied().unwrap_or(1.0);
            if let (Some(own), Some(other)) = (own.get_mut(low), other.get_mut(low)) {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 <= part < 1
                let threshold = (part * WHOLE) as u64;
                (*own, *other) = (threshold, high);
            }
            if let Some(rest) = share.get_mut(high) {
                *rest -= 1.0 - part;
                if *rest < 1.0 {
                    large.pop();
                    small.push(high);
                }
            }
        }
        Self { own, other }
    }

    fn draw(&self, draws: &mut Draws) -> usize {
        let bits = draws.bits();
        #[allow(clippy::cast_possible_truncation)] // below the length
        let place = ((u128::from(bits >> 32) * self.own.len() as u128) >> 32) as usize;
        let own = self.own.get(place).copied().unwrap_or(0);
        if bits & 0xffff_ffff < own {
            place
        } else {
            self.other.get(place).copied().unwrap_or(place)
        }
    }
}

/// Counts of `draws` draws with replacement of each of `resamples` samples from `first` on, in proportion to `weights`.
///
/// Flat [resamples, n]. Sample r depends on the seed and on r alone. O(draws) a sample
///
/// # Errors
/// A weight that is negative or not finite; none above 0 where there is anything to draw.
pub fn multinomial(
    weights: &[f64],
    draws: usize,
    seed: u64,
    first: u64,
    resamples: usize,
) -> Result<Vec<i64>> {
    if let Some(at) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
        let came = weights.get(at).copied().unwrap_or_default();
        return Err(Error::domain_at(
            "weights",
            [at],
            "a finite number >= 0",
            came,
        ));
    }
    if draws > 0 && !check::any(weights, |w| w > 0.0) {
        return Err(Error::domain("weights", "at least one above 0", "none"));
    }
    let table = (draws > 0).then(|| Alias::new(weights));
    let samples: Vec<u64> = (0..resamples as u64).map(|r| first + r).collect();
    let counts = threads::map(samples, draws * resamples, |sample| {
        let mut counts = vec![0_i64; weights.len()];
        let mut stream = Draws::new(key(seed, &[sample]));
        if let Some(table) = &table {
            for _ in 0..draws {
                if let Some(count) = counts.get_mut(table.draw(&mut stream)) {
                    *count += 1;
                }
            }
        }
        counts
    });
    Ok(counts.concat())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::multinomial;

    #[test]
    fn counts_are_in_proportion_and_do_not_depend_on_the_batch() {
        let weights = [1.0, 0.0, 3.0, 0.5, 5.5];
        let counts = multinomial(&weights, 1_000_000, 7, 0, 3).unwrap();
        for sample in counts.chunks(5) {
            assert_eq!(sample.iter().sum::<i64>(), 1_000_000);
            assert_eq!(sample[1], 0);
            for (count, weight) in sample.iter().zip(weights) {
                #[allow(clippy::cast_precision_loss)]
                let share = *count as f64 / 1e6;
                assert!((share - weight / 10.0).abs() < 2.5e-3, "{share} {weight}");
            }
        }
        assert_eq!(
            multinomial(&weights, 1_000_000, 7, 2, 1).unwrap(),
            counts[10..]
        );
        assert_eq!(multinomial(&[], 0, 7, 0, 2).unwrap(), Vec::<i64>::new());
    }
}
