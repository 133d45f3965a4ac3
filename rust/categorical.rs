//! Exact draws from tables: a category, a binomial count, and the counts of a multinomial.

use crate::random::Draws;

/// Probabilities below this multiple of the largest are left out: less than 1e-18 in all.
const NEGLIGIBLE: f64 = 1e-22;

/// Walker's alias table: a draw of one of K categories costs one random number.
#[derive(Debug)]
pub struct Alias {
    /// Threshold below which the cell's own category is drawn, and the category drawn otherwise.
    cells: Vec<(u64, u32)>,
}

impl Alias {
    /// The table of some weights, which are finite, at least 0 and not all 0. O(K) (Vose 1991).
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )] // the fraction is cut to 64 bits; fewer than 2^32 categories
    pub fn new(weights: &[f64]) -> Self {
        let scale = weights.len() as f64 / weights.iter().sum::<f64>();
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
        let mut cells: Vec<(u64, u32)> = (0..weights.len())
            .map(|cell| (u64::MAX, cell as u32))
            .collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..weights.len())
            .partition(|&cell| shares.get(cell).is_some_and(|&share| share < 1.0));
        while let (Some(low), Some(&high)) = (small.pop(), large.last()) {
            let share = shares.get(low).copied().unwrap_or(0.0);
            if let Some(cell) = cells.get_mut(low) {
                *cell = ((share * 2.0_f64.powi(64)) as u64, high as u32);
            }
            if let Some(rest) = shares.get_mut(high) {
                *rest -= 1.0 - share;
                if *rest < 1.0 {
                    large.pop();
                    small.push(high);
                }
            }
        }
        Self { cells }
    }

    /// A category.
    #[allow(clippy::cast_possible_truncation)] // the upper and the lower half of a product
    pub fn draw(&self, draws: &mut Draws) -> usize {
        let product = u128::from(draws.bits()) * self.cells.len() as u128;
        let cell = (product >> 64) as usize;
        let (threshold, other) = self.cells.get(cell).copied().unwrap_or((u64::MAX, 0));
        // Both are at hand: a choice without a branch, which nothing could predict.
        std::hint::select_unpredictable(product as u64 >= threshold, other as usize, cell)
    }
}

/// Binomial counts of one probability and any number of trials below a limit.
///
/// A count of n trials is the sum of counts of 2^j trials over the bits of n, and each of those is drawn from a table.
/// No logarithm and no rejection: the same counts on every machine. The tables take O(sqrt(n p q)) memory.
#[derive(Debug)]
struct Binomial {
    powers: Vec<(u64, Alias)>,
}

impl Binomial {
    /// Tables for p = `part` / `whole`, 0 < part < whole, and up to `max` trials.
    fn new(part: u64, whole: u64, max: u64) -> Self {
        let bits = u64::BITS - max.leading_zeros();
        let powers = (0..bits).map(|bit| binomial_table(1 << bit, part, whole));
        Self {
            powers: powers.collect(),
        }
    }

    fn draw(&self, trials: u64, draws: &mut Draws) -> u64 {
        let (mut rest, mut sum) = (trials, 0);
        while rest != 0 {
            if let Some((first, table)) = self.powers.get(rest.trailing_zeros() as usize) {
                sum += first + table.draw(draws) as u64;
            }
            rest &= rest - 1;
        }
        sum
    }
}

/// Poisson counts of one mean, drawn from a table of O(sqrt(mean)) entries.
#[derive(Debug)]
pub struct Poisson {
    first: u64,
    table: Alias,
}

impl Poisson {
    /// The table of a mean above 0.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )] // counts below 2^32
    pub fn new(mean: f64) -> Self {
        let below = |count: u64| (count > 0).then(|| (count - 1, count as f64 / mean));
        let above = |count: u64| Some((count + 1, mean / (count + 1) as f64));
        let (first, table) = table_around(mean as u64, below, above);
        Self { first, table }
    }

    /// A count.
    pub fn draw(&self, draws: &mut Draws) -> u64 {
        self.first + self.table.draw(draws) as u64
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)] // counts below 2^32
fn binomial_table(trials: u64, part: u64, whole: u64) -> (u64, Alias) {
    let odds = part as f64 / (whole - part) as f64;
    let mode = ((trials + 1) as f64 * (part as f64 / whole as f64)) as u64;
    let below = |count: u64| {
        let ratio = count as f64 / ((trials - count + 1) as f64 * odds);
        (count > 0).then(|| (count - 1, ratio))
    };
    let above = |count: u64| {
        let ratio = trials.saturating_sub(count) as f64 / (count + 1) as f64 * odds;
        (count < trials).then_some((count + 1, ratio))
    };
    table_around(mode.min(trials), below, above)
}

/// The smallest count with a probability worth a cell, and the table from there on.
///
/// `below` and `above` give the next count on their side of the mode, and its probability as a share of the one before.
fn table_around(
    mode: u64,
    below: impl Fn(u64) -> Option<(u64, f64)>,
    above: impl Fn(u64) -> Option<(u64, f64)>,
) -> (u64, Alias) {
    let walk = |step: &dyn Fn(u64) -> Option<(u64, f64)>| {
        let (mut weights, mut count, mut weight) = (Vec::new(), mode, 1.0);
        while let Some((next, ratio)) = step(count) {
            weight *= ratio;
            if weight < NEGLIGIBLE {
                break;
            }
            weights.push(weight);
            count = next;
        }
        weights
    };
    let mut weights = walk(&below);
    let first = mode - weights.len() as u64;
    weights.reverse();
    weights.push(1.0);
    weights.append(&mut walk(&above));
    (first, Alias::new(&weights))
}

/// The counts of n draws with replacement from n things, some of which are alike.
#[derive(Debug)]
pub struct Multinomial {
    /// The first category, whose number of trials is always the same; none where there is but one.
    first: Option<(u64, Alias)>,
    /// One category after the other, given those before; the last takes what is left.
    conditional: Vec<Binomial>,
    trials: u64,
}

impl Multinomial {
    /// `counts` says how many things are of each kind; none is 0.
    pub fn new(counts: &[u64]) -> Self {
        let trials: u64 = counts.iter().sum();
        let mut drawn = counts.iter().take(counts.len().saturating_sub(1));
        let mut rest = trials;
        let first = drawn.next().map(|&count| {
            rest -= count;
            binomial_table(trials, count, trials)
        });
        let conditional = drawn.map(|&count| {
            let binomial = Binomial::new(count, rest, trials);
            rest -= count;
            binomial
        });
        Self {
            first,
            conditional: conditional.collect(),
            trials,
        }
    }

    /// Calls `take` with the count of every kind, in order.
    pub fn draw(&self, draws: &mut Draws, mut take: impl FnMut(u64)) {
        let mut rest = self.trials;
        if let Some((least, table)) = &self.first {
            let count = least + table.draw(draws) as u64;
            take(count);
            rest -= count;
        }
        for binomial in &self.conditional {
            let count = binomial.draw(rest, draws);
            take(count);
            rest -= count;
        }
        take(rest);
    }
}

#[cfg(test)]
#[allow(
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]
mod tests {
    use super::{Alias, Binomial, Multinomial, Poisson};
    use crate::random::Draws;

    /// Chi-square over the counts that are expected at least 10 times, divided by their number.
    fn chi_square(seen: &[u64], expected: impl Fn(usize) -> f64) -> f64 {
        let cells: Vec<usize> = (0..seen.len())
            .filter(|&cell| expected(cell) >= 10.0)
            .collect();
        let sum: f64 = cells
            .iter()
            .map(|&cell| (seen[cell] as f64 - expected(cell)).powi(2) / expected(cell))
            .sum();
        sum / cells.len() as f64
    }

    #[test]
    fn counts_of_a_mean_come_as_often_as_poisson_s_law_says() {
        for mean in [0.3, 4.0, 60.5] {
            let (poisson, mut draws, mut seen) =
                (Poisson::new(mean), Draws::new(2), vec![0_u64; 200]);
            (0..100_000).for_each(|_| seen[poisson.draw(&mut draws) as usize] += 1);
            let mut chances = vec![(-mean).exp()];
            (1..200).for_each(|k| chances.push(chances[k - 1] * mean / k as f64));
            let fit = chi_square(&seen, |count| 1e5 * chances[count]);
            assert!(fit < 2.0, "{mean}: {fit}");
        }
    }

    #[test]
    fn categories_come_in_proportion_to_their_weights() {
        let weights = [1.0, 0.0, 2.5, 7.0, 0.1, 3.0];
        let table = Alias::new(&weights);
        let (mut draws, mut seen) = (Draws::new(1), [0; 6]);
        (0..100_000).for_each(|_| seen[table.draw(&mut draws)] += 1);
        assert_eq!(seen[1], 0);
        assert!(chi_square(&seen, |cell| 1e5 * weights[cell] / 13.6) < 3.0);
    }

    /// With some 20 to 60 cells a value above 2 has a probability below 1e-3; the seed is fixed.
    #[test]
    fn binomial_counts_follow_the_exact_probabilities() {
        for (trials, part, whole) in [(13, 1, 3), (100, 1, 50), (1_000, 1, 2), (777, 76, 77)] {
            let binomial = Binomial::new(part, whole, trials);
            let mut draws = Draws::new(trials);
            let mut seen = vec![0_u64; trials as usize + 1];
            (0..100_000).for_each(|_| seen[binomial.draw(trials, &mut draws) as usize] += 1);
            let p = part as f64 / whole as f64;
            let ln_choose = |k: usize| {
                let terms = (1..=k).map(|j| ((trials as usize - k + j) as f64 / j as f64).ln());
                terms.sum::<f64>()
            };
            let expected = |k: usize| {
                let failures = (trials as usize - k) as f64;
                1e5 * (ln_choose(k) + k as f64 * p.ln() + failures * (1.0 - p).ln()).exp()
            };
            assert!(chi_square(&seen, expected) < 2.0, "{trials} {part}/{whole}");
        }
    }

    #[test]
    fn a_billion_trials_have_the_right_mean_and_spread() {
        let (trials, n) = (1_000_000_000, 2_000);
        let binomial = Binomial::new(3, 10, trials);
        let mut draws = Draws::new(5);
        let z: Vec<f64> = (0..n)
            .map(|_| (binomial.draw(trials, &mut draws) as f64 - 3e8) / 2.1e8_f64.sqrt())
            .collect();
        let mean = z.iter().sum::<f64>() / f64::from(n);
        let square = z.iter().map(|z| z * z).sum::<f64>() / f64::from(n);
        assert!(
            mean.abs() < 0.08 && (square - 1.0).abs() < 0.1,
            "{mean} {square}"
        );
    }

    #[test]
    fn counts_of_kinds_add_up() {
        let multinomial = Multinomial::new(&[5, 1, 30]);
        let mut draws = Draws::new(9);
        let mut sums = [0_u64; 3];
        for _ in 0..10_000 {
            let mut counts = Vec::new();
            multinomial.draw(&mut draws, |count| counts.push(count));
            assert_eq!(counts.iter().sum::<u64>(), 36);
            counts
                .iter()
                .zip(&mut sums)
                .for_each(|(count, sum)| *sum += count);
        }
        // means 5, 1, 30; standard errors below 0.025
        assert!(
            sums.iter()
                .zip([5.0, 1.0, 30.0])
                .all(|(&sum, mean)| (sum as f64 / 1e4 - mean).abs() < 0.1)
        );
    }
}
