//! The percentile bootstrap of a mean, and of a ratio of sums over clusters.

use std::ops::Range;

use crate::categorical::{Alias, Multinomial};
use crate::check::{self, NanPolicy};
use crate::column::Column;
use crate::error::{Error, Result};
use crate::random::{Draws, mix};
use crate::threads;

/// Replicates that a thread takes at a time.
const BLOCK: usize = 256;
/// Most kinds of units whose counts are drawn instead of the units.
const MAX_KINDS: usize = 64;
/// Largest number of values, repeats counted: tables of binomial counts grow with its square root.
const MAX_VALUES: u64 = 1 << 32;

/// What [`bootstrap_mean`] takes besides the values.
#[derive(Debug, Clone, Copy)]
pub struct Resampling<'a> {
    /// Key of the draws.
    pub seed: u64,
    /// Number of replicates, at least 2.
    pub n_resamples: usize,
    /// Of the percentile interval, in (0, 1).
    pub confidence_level: f64,
    /// Cluster of each value; whole clusters are drawn.
    pub clusters: Option<&'a [i64]>,
    /// How often each value stands in the sample.
    pub repeats: Option<&'a [i64]>,
}

/// Estimate and interval of [`bootstrap_mean`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootstrapMean {
    /// Mean of the values.
    pub estimate: f64,
    /// Mean of the replicates.
    pub resample_mean: f64,
    /// Standard deviation of the replicates, with n - 1.
    pub std_error: f64,
    /// Lower end of the percentile interval.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// What is drawn as one: a value or a cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Unit {
    sum: f64,
    size: u64,
    /// How many units are alike.
    count: u64,
}

/// Percentile bootstrap of the mean, or of sum / size over resampled clusters; NaN without a value.
///
/// Replicate r depends on `mix(seed ^ mix(r))` and on nothing else. Units that are alike are drawn together: with few
/// kinds of them a replicate costs O(kinds · log n) table look-ups, else one for each unit. The same as drawing as many
/// units as there are, with replacement, and taking the mean.
///
/// # Errors
/// Values that are not finite (NaN by the policy), lengths that differ, negative repeats or more than 2^32 values in
/// all, less than 2 replicates, a confidence level outside (0, 1).
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::{Resampling, bootstrap_mean};
/// # fn main() -> prefcore::Result<()> {
/// let resampling = Resampling {
///     seed: 0,
///     n_resamples: 20_000,
///     confidence_level: 0.95,
///     clusters: None,
///     repeats: None,
/// };
/// let mean = bootstrap_mean(Column::F64(&[1.0, 1.0, 0.5, 0.0, 1.0]), resampling, NanPolicy::Raise)?;
/// assert_eq!((mean.estimate, mean.lower, mean.upper), (0.7, 0.3, 1.0));
/// # Ok(())
/// # }
/// ```
pub fn bootstrap_mean(
    values: Column<'_>,
    resampling: Resampling<'_>,
    nan: NanPolicy,
) -> Result<BootstrapMean> {
    check_resampling(resampling)?;
    let unknown = values.has_nan(0..values.len());
    let (units, scale) = units(values, resampling, nan)?;
    if units.is_empty() || (unknown && nan == NanPolicy::Propagate) {
        let nan = f64::NAN;
        return Ok(BootstrapMean {
            estimate: nan,
            resample_mean: nan,
            std_error: nan,
            lower: nan,
            upper: nan,
        });
    }
    let (sum, size) = units.iter().fold((0.0, 0), |(sum, size), unit| {
        (
            sum + unit.sum * float(unit.count),
            size + unit.size * unit.count,
        )
    });
    let replicates = replicates(&units, resampling);
    let scaled = summary(sum / float(size), replicates, resampling.confidence_level);
    Ok(BootstrapMean {
        estimate: scaled.estimate / scale,
        resample_mean: scaled.resample_mean / scale,
        std_error: scaled.std_error / scale,
        lower: scaled.lower / scale,
        upper: scaled.upper / scale,
    })
}

fn check_resampling(resampling: Resampling<'_>) -> Result<()> {
    let level = resampling.confidence_level;
    if !(level > 0.0 && level < 1.0) {
        return Err(Error::domain("confidence_level", "in (0, 1)", level));
    }
    if resampling.n_resamples < 2 {
        return Err(Error::domain(
            "n_resamples",
            "at least 2",
            resampling.n_resamples,
        ));
    }
    Ok(())
}

/// The units in the order of sum and size, those alike counted, and the power of two that their sums are multiplied by.
fn units(
    values: Column<'_>,
    resampling: Resampling<'_>,
    nan: NanPolicy,
) -> Result<(Vec<Unit>, f64)> {
    let n = values.len();
    let (mut numbers, mut keys) = (Vec::new(), Vec::new());
    values.values(0..n, &mut numbers);
    if nan == NanPolicy::Raise {
        values.refuse_nan("values", &[0, i64::try_from(n).unwrap_or(i64::MAX)])?;
    }
    if let Some(row) = numbers.iter().position(|value| value.is_infinite()) {
        let value = numbers.get(row).copied().unwrap_or_default();
        return Err(Error::domain_at("values", [row], "a finite number", value));
    }
    let scale = scale(&numbers);
    for value in &mut numbers {
        *value *= scale;
    }
    let repeats = repeats(resampling.repeats, n)?;
    let clusters = resampling.clusters;
    if let Some(clusters) = clusters {
        check::same_length("clusters", clusters.len(), "values", n)?;
    }
    values.keys(0..n, &mut keys);
    let cluster = |row: usize| clusters.and_then(|clusters| clusters.get(row)).copied();
    let key = |row: usize| keys.get(row).copied();
    let value = |row: usize| numbers.get(row).copied().unwrap_or_default();
    let repeat = |row: usize| repeats.get(row).copied().unwrap_or(1);
    let mut rows: Vec<usize> = (0..n)
        .filter(|&row| !value(row).is_nan() && repeat(row) > 0)
        .collect();
    // Sorted also within a cluster: the order of the rows does not matter to any bit.
    rows.sort_unstable_by_key(|&row| (cluster(row), key(row)));
    let mut units: Vec<Unit> = if clusters.is_some() {
        let members = rows.chunk_by(|&one, &other| cluster(one) == cluster(other));
        members
            .map(|members| Unit {
                sum: members
                    .iter()
                    .map(|&row| value(row) * float(repeat(row)))
                    .sum(),
                size: members.iter().map(|&row| repeat(row)).sum(),
                count: 1,
            })
            .collect()
    } else {
        let alone = rows.iter().map(|&row| Unit {
            sum: value(row),
            size: 1,
            count: repeat(row),
        });
        alone.collect()
    };
    units.sort_unstable_by(|one, other| {
        let by_sum = one.sum.total_cmp(&other.sum);
        by_sum.then(one.size.cmp(&other.size))
    });
    units.dedup_by(|one, kept| {
        let alike = one.sum.total_cmp(&kept.sum).is_eq() && one.size == kept.size;
        if alike {
            kept.count += one.count;
        }
        alike
    });
    Ok((units, scale))
}

/// 1, or a power of two that keeps the sums of very large values and the squares of very small ones in range.
fn scale(values: &[f64]) -> f64 {
    let top = values
        .iter()
        .fold(0.0, |top: f64, value| top.max(value.abs()));
    if top > 2.0_f64.powi(400) {
        2.0_f64.powi(-700)
    } else if top > 0.0 && top < 2.0_f64.powi(-400) {
        2.0_f64.powi(700)
    } else {
        1.0
    }
}

/// The repeats as counts; empty where every value stands once.
fn repeats(repeats: Option<&[i64]>, n: usize) -> Result<Vec<u64>> {
    let Some(repeats) = repeats else {
        return Ok(Vec::new());
    };
    check::same_length("repeats", repeats.len(), "values", n)?;
    let mut sum = 0_u64;
    let mut counts = Vec::with_capacity(n);
    for (row, &repeat) in repeats.iter().enumerate() {
        let Ok(count) = u64::try_from(repeat) else {
            return Err(Error::domain_at("repeats", [row], "a count >= 0", repeat));
        };
        sum = sum.saturating_add(count);
        counts.push(count);
    }
    if sum > MAX_VALUES {
        return Err(Error::domain(
            "the sum of repeats",
            format!("at most {MAX_VALUES}"),
            sum,
        ));
    }
    Ok(counts)
}

fn replicates(units: &[Unit], resampling: Resampling<'_>) -> Vec<f64> {
    let counts: Vec<u64> = units.iter().map(|unit| unit.count).collect();
    let n: u64 = counts.iter().sum();
    let bits = usize::try_from(u64::BITS - n.leading_zeros()).unwrap_or(64);
    let by_kind = units.len() * bits;
    let few =
        units.len() <= MAX_KINDS && u64::try_from(by_kind).is_ok_and(|cost| cost <= n.max(64));
    if few {
        let table = Multinomial::new(&counts);
        return blocks(resampling, by_kind, |draws| {
            let (mut sum, mut size, mut kinds) = (0.0, 0, units.iter());
            table.draw(draws, |count| {
                if let Some(unit) = kinds.next() {
                    sum += unit.sum * float(count);
                    size += unit.size * count;
                }
            });
            sum / float(size)
        });
    }
    let trials = usize::try_from(n).unwrap_or(usize::MAX);
    if units.iter().all(|unit| (unit.count, unit.size) == (1, 1)) {
        // What the alias table would draw, without the table.
        let values: Vec<f64> = units.iter().map(|unit| unit.sum).collect();
        return blocks(resampling, trials, |draws| {
            let drawn = (0..n).filter_map(|_| values.get(draws.below(values.len())));
            drawn.sum::<f64>() / float(n)
        });
    }
    let weights: Vec<f64> = counts.iter().map(|&count| float(count)).collect();
    let table = Alias::new(&weights);
    blocks(resampling, trials, |draws| {
        let (mut sum, mut size) = (0.0, 0);
        for _ in 0..n {
            if let Some(unit) = units.get(table.draw(draws)) {
                sum += unit.sum;
                size += unit.size;
            }
        }
        sum / float(size)
    })
}

/// All replicates, in blocks over the threads.
fn blocks(
    resampling: Resampling<'_>,
    cost: usize,
    replicate: impl Fn(&mut Draws) -> f64 + Sync + Send,
) -> Vec<f64> {
    let n = resampling.n_resamples;
    let ranges: Vec<Range<usize>> = (0..n)
        .step_by(BLOCK)
        .map(|start| start..n.min(start + BLOCK))
        .collect();
    let key = |r: usize| mix(resampling.seed ^ mix(r as u64));
    let of_block = |range: Range<usize>| {
        let values = range.map(|r| replicate(&mut Draws::new(key(r))));
        values.collect::<Vec<f64>>()
    };
    threads::map(ranges, n.saturating_mul(cost), of_block).concat()
}

fn summary(estimate: f64, mut replicates: Vec<f64>, level: f64) -> BootstrapMean {
    let n = replicates.len();
    let sum = |of: &dyn Fn(f64) -> f64| replicates.iter().map(|&value| of(value)).sum::<f64>();
    let mean = estimate + sum(&|value| value - estimate) / float(n as u64);
    let squares = sum(&|value| (value - mean).powi(2));
    let tail = (1.0 - level) / 2.0;
    BootstrapMean {
        estimate,
        resample_mean: mean,
        std_error: (squares / float(n as u64 - 1)).sqrt(),
        lower: quantile(&mut replicates, tail),
        upper: quantile(&mut replicates, 1.0 - tail),
    }
}

/// The quantile between the two nearest order statistics, as `np.quantile`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a place in the list
fn quantile(values: &mut [f64], p: f64) -> f64 {
    let place = p * float(values.len() as u64 - 1);
    let (_, &mut low, above) = values.select_nth_unstable_by(place as usize, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    low + (high - low) * place.fract()
}

#[allow(clippy::cast_precision_loss)] // counts below 2^53
fn float(count: u64) -> f64 {
    count as f64
}
