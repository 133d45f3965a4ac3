//! Resampling with replacement, by the counter-based generator.

use crate::categorical::Alias;
use crate::check;
use crate::error::{Error, Result};
use crate::random::{Draws, key};
use crate::threads;

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
    check::finite_nonnegative("weights", weights)?;
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
