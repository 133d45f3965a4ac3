//! Resampling with replacement, by the counter-based generator.

use crate::categorical::{Alias, Poisson};
use crate::check;
use crate::elementary::float;
use crate::error::{Error, Result};
use crate::random::{Draws, key};
use crate::threads;

/// Deviations by which the mean of the Poisson counts stays below the number of draws.
const MARGIN: f64 = 4.0;
/// Draws per category from which Poisson counts are worth their tables.
const OFTEN: usize = 2;
/// Most tables.
const TABLES: usize = 256;

/// Counts of `draws` draws with replacement of each of `resamples` samples from `first` on, in proportion to `weights`.
///
/// Flat [resamples, n]. Sample r depends on the seed and on r alone. O(draws) a sample; O(n + sqrt(draws)) where the
/// weights are few different ones.
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
    let most = (draws >= OFTEN * weights.len()).then(|| Most::new(weights, draws));
    let most = most.flatten();
    let samples: Vec<u64> = (0..resamples as u64).map(|r| first + r).collect();
    let counts = threads::map(samples, draws * resamples, |sample| {
        let mut counts = vec![0_i64; weights.len()];
        let mut stream = Draws::new(key(seed, &[sample]));
        let done = most
            .as_ref()
            .map_or(0, |most| most.draw(&mut stream, &mut counts));
        if let Some(table) = &table {
            for _ in done..draws {
                if let Some(count) = counts.get_mut(table.draw(&mut stream)) {
                    *count += 1;
                }
            }
        }
        counts
    });
    Ok(counts.concat())
}

/// Most of many draws at once: Poisson counts, which given their sum are the counts of so many draws.
struct Most {
    tables: Vec<Poisson>,
    /// [n] table of each category.
    kinds: Vec<usize>,
    draws: usize,
}

impl Most {
    /// `None` where the weights are too many different ones, or the draws too few.
    fn new(weights: &[f64], draws: usize) -> Option<Self> {
        let mut values: Vec<f64> = weights.to_vec();
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        let mean = float(draws) - MARGIN * float(draws).sqrt();
        if values.len() > TABLES || mean <= 0.0 {
            return None;
        }
        let share = mean / weights.iter().sum::<f64>();
        let kind = |weight: &f64| values.partition_point(|value| value < weight);
        Some(Self {
            kinds: weights.iter().map(kind).collect(),
            tables: values
                .iter()
                .map(|weight| Poisson::new(weight * share))
                .collect(),
            draws,
        })
    }

    /// Writes the counts; their sum, which is not above the number of draws.
    fn draw(&self, stream: &mut Draws, counts: &mut [i64]) -> usize {
        loop {
            let mut sum = 0;
            for (count, &kind) in counts.iter_mut().zip(&self.kinds) {
                let drawn = self.tables.get(kind).map_or(0, |table| table.draw(stream));
                *count = i64::try_from(drawn).unwrap_or(0);
                sum += drawn;
            }
            match usize::try_from(sum) {
                Ok(sum) if sum <= self.draws => return sum,
                _ => {}
            }
        }
    }
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

    /// 200 draws are many enough for Poisson counts, of which a few are left to draw one by one.
    #[test]
    fn a_count_has_the_mean_and_the_variance_of_a_binomial() {
        let counts = multinomial(&[1.0, 2.0, 1.0], 200, 3, 0, 50_000).unwrap();
        let own: Vec<f64> = counts
            .chunks(3)
            .map(|sample| f64::from(i32::try_from(sample[0]).unwrap()))
            .collect();
        let mean = own.iter().sum::<f64>() / 5e4;
        let variance = own.iter().map(|x| (x - 50.0).powi(2)).sum::<f64>() / 5e4;
        assert!((mean - 50.0).abs() < 0.1, "{mean}");
        assert!((variance - 37.5).abs() < 1.0, "{variance}");
        assert!(
            counts
                .chunks(3)
                .all(|sample| sample.iter().sum::<i64>() == 200)
        );
    }
}
