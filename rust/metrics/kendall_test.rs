//! Kendall's tau-b as a test of independence.

use std::f64::consts::{FRAC_1_SQRT_2, PI};
use std::str::FromStr;

use super::concordance::Concordance;
use super::correlation::float;
use crate::error::{Error, Result};

/// Largest factorial that 128 bits hold.
const EXACT_FACTORIAL: i64 = 34;
/// Most additions of an exact distribution: some seconds.
const MOST_WORK: i64 = 1 << 32;
/// Longest list without ties whose p-value is exact by default.
const AUTO_UP_TO: i64 = 33;

/// What counts as more extreme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alternative {
    /// Larger |tau|.
    TwoSided,
    /// Smaller tau.
    Less,
    /// Larger tau.
    Greater,
}

impl FromStr for Alternative {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "two-sided" => Ok(Self::TwoSided),
            "less" => Ok(Self::Less),
            "greater" => Ok(Self::Greater),
            _ => Err(Error::domain(
                "alternative",
                "\"two-sided\", \"less\" or \"greater\"",
                format!("{name:?}"),
            )),
        }
    }
}

/// Where the p-value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Exact without ties in up to 33 rows or with at most one exception, else asymptotic.
    Auto,
    /// The distribution over all permutations; no ties.
    Exact,
    /// A normal distribution with the variance under ties.
    Asymptotic,
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "exact" => Ok(Self::Exact),
            "asymptotic" => Ok(Self::Asymptotic),
            _ => Err(Error::domain(
                "method",
                "\"auto\", \"exact\" or \"asymptotic\"",
                format!("{name:?}"),
            )),
        }
    }
}

/// Sums over the values of a column that occur t > 1 times.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TieSums {
    /// t (t - 1) (t - 2)
    pub triples: f64,
    /// t (t - 1) (2 t + 5)
    pub variance: f64,
}

/// The p-value of a list that is not constant in either column.
///
/// # Errors
/// The exact method where values are tied, or where it would take minutes.
pub(super) fn p_value(
    counts: &Concordance,
    ties: [TieSums; 2],
    alternative: Alternative,
    method: Method,
) -> Result<f64> {
    let any_tie = counts.ties_x + counts.ties_y > 0;
    let few = counts.discordant.min(counts.concordant) <= 1;
    match method {
        Method::Exact if any_tie => Err(Error::domain(
            "method",
            "\"auto\" or \"asymptotic\" where values are tied",
            "\"exact\"",
        )),
        Method::Exact => exact(counts, alternative),
        Method::Auto if !any_tie && (counts.n <= AUTO_UP_TO || few) => exact(counts, alternative),
        Method::Auto | Method::Asymptotic => Ok(asymptotic(counts, ties, alternative)),
    }
}

/// Probability of a tau as extreme under all permutations.
fn exact(counts: &Concordance, alternative: Alternative) -> Result<f64> {
    let (n, pairs) = (counts.n, counts.pairs());
    let at_most = |discordant| share_up_to(n, pairs, discordant);
    match alternative {
        Alternative::Greater => at_most(counts.discordant),
        Alternative::Less => at_most(counts.concordant),
        Alternative::TwoSided => {
            let fewer = counts.discordant.min(counts.concordant);
            // In the middle both sides hold every permutation.
            if 2 * fewer == pairs {
                Ok(1.0)
            } else {
                Ok(2.0 * at_most(fewer)?)
            }
        }
    }
}

/// The share of the permutations of n that have at most `most` of the `pairs` in falling order.
fn share_up_to(n: i64, pairs: i64, most: i64) -> Result<f64> {
    if most >= pairs {
        return Ok(1.0);
    }
    let in_lower_half = 2 * most < pairs;
    // The distribution is symmetric, and the lower half of it is the accurate one.
    let fewer = if in_lower_half {
        most
    } else {
        pairs - most - 1
    };
    if n.saturating_mul(fewer) > MOST_WORK {
        let expected = format!("\"auto\" or \"asymptotic\" in a group of {n} rows");
        return Err(Error::domain("method", expected, "\"exact\""));
    }
    let length = usize::try_from(fewer).unwrap_or(0) + 1;
    if n <= EXACT_FACTORIAL {
        let below: u128 = permutations(n, length).iter().sum();
        let all: u128 = (1..=u128::try_from(n).unwrap_or(1)).product();
        let share = if in_lower_half { below } else { all - below };
        return Ok(quotient(share, all));
    }
    let below: f64 = shares(n, length).iter().sum();
    Ok(if in_lower_half { below } else { 1.0 - below })
}

#[allow(clippy::cast_precision_loss)] // both rounded once
fn quotient(part: u128, all: u128) -> f64 {
    part as f64 / all as f64
}

/// Permutations of n by the number of falling pairs, below `length`: row by row, each new element falls behind 0 to j - 1.
fn permutations(n: i64, length: usize) -> Vec<u128> {
    let mut counts = vec![0_u128; length];
    if let Some(first) = counts.first_mut() {
        *first = 1;
    }
    let mut next = counts.clone();
    for j in 2..=usize::try_from(n).unwrap_or(0) {
        let mut window = 0;
        for (place, to) in next.iter_mut().enumerate() {
            window += counts.get(place).copied().unwrap_or(0);
            window -= place
                .checked_sub(j)
                .and_then(|gone| counts.get(gone))
                .copied()
                .unwrap_or(0);
            *to = window;
        }
        std::mem::swap(&mut counts, &mut next);
    }
    counts
}

/// As [`permutations`], in shares of all.
///
/// The shares rise up to the middle, so that the window holds most of what was ever added to it and the subtraction
/// costs no accuracy.
fn shares(n: i64, length: usize) -> Vec<f64> {
    let mut shares = vec![0.0; length];
    if let Some(first) = shares.first_mut() {
        *first = 1.0;
    }
    let mut next = shares.clone();
    let n = usize::try_from(n).unwrap_or(0);
    for (j, size) in (1..=n).zip(1_i32..).skip(1) {
        let (mut window, size) = (0.0, f64::from(size));
        for (place, to) in next.iter_mut().enumerate() {
            window += shares.get(place).copied().unwrap_or(0.0);
            window -= place
                .checked_sub(j)
                .and_then(|gone| shares.get(gone))
                .copied()
                .unwrap_or(0.0);
            *to = window / size;
        }
        std::mem::swap(&mut shares, &mut next);
    }
    shares
}

fn asymptotic(counts: &Concordance, ties: [TieSums; 2], alternative: Alternative) -> f64 {
    let n = float(counts.n);
    let ordered = n * (n - 1.0);
    let [x, y] = ties;
    let mut variance = (ordered * (2.0 * n + 5.0) - x.variance - y.variance) / 18.0;
    variance += 2.0 * float(counts.ties_x) * float(counts.ties_y) / ordered;
    let triples = x.triples * y.triples;
    if triples > 0.0 {
        variance += triples / (9.0 * ordered * (n - 2.0));
    }
    let z = float(counts.concordant - counts.discordant) / variance.sqrt();
    match alternative {
        Alternative::TwoSided => erfc(z.abs() * FRAC_1_SQRT_2),
        Alternative::Greater => 0.5 * erfc(z * FRAC_1_SQRT_2),
        Alternative::Less => 0.5 * erfc(-z * FRAC_1_SQRT_2),
    }
}

/// 1 - erf(x), accurate in the tail too: a series below 1, a continued fraction above.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < 1.0 {
        let (mut term, mut sum) = (x, x);
        for n in 1..30 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        return 1.0 - 2.0 / PI.sqrt() * (-x * x).exp() * sum;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 20 and 240
    let depth = (20.0 + 220.0 / (x * x)) as u32;
    let fraction = (1..=depth)
        .rev()
        .fold(x, |below, n| x + 0.5 * f64::from(n) / below);
    (-x * x).exp() / (PI.sqrt() * fraction)
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::unwrap_used)]
mod tests {
    use super::{erfc, permutations, share_up_to, shares};

    #[test]
    fn erfc_is_that_of_the_tables() {
        // scipy.special.erfc
        let table = [
            (0.0, 1.0),
            (0.5, 0.479_500_122_186_953_5),
            (0.999, 0.157_714_729_793_503_1),
            (1.0, 0.157_299_207_050_285_13),
            (2.0, 0.004_677_734_981_047_266),
            (5.0, 1.537_459_794_428_035e-12),
            (20.0, 5.395_865_611_607_901e-176),
            (-1.0, 1.842_700_792_949_715),
        ];
        for (x, want) in table {
            assert!((erfc(x) / want - 1.0).abs() < 2e-14, "{x}: {}", erfc(x));
        }
        assert_eq!(erfc(40.0), 0.0);
    }

    #[test]
    fn permutations_are_counted() {
        assert_eq!(permutations(4, 7), [1, 3, 5, 6, 5, 3, 1]);
        assert_eq!(permutations(1, 1), [1]);
    }

    #[test]
    fn exact_and_rounded_shares_agree() {
        for n in [5, 20, 34] {
            let length = usize::try_from(n * (n - 1) / 4).unwrap();
            let all: u128 = (1..=u128::try_from(n).unwrap()).product();
            for (count, share) in permutations(n, length).iter().zip(shares(n, length)) {
                let want = super::quotient(*count, all);
                assert!((share / want - 1.0).abs() < 1e-12, "{n}: {share} {want}");
            }
        }
    }

    #[test]
    fn both_halves_add_up_to_1() {
        for n in [2, 3, 10, 33, 34, 35, 60] {
            let pairs = n * (n - 1) / 2;
            for most in 0..pairs {
                let up = share_up_to(n, pairs, most).unwrap();
                let rest = share_up_to(n, pairs, pairs - most - 1).unwrap();
                assert!((up + rest - 1.0).abs() < 1e-13, "{n} {most}");
            }
        }
    }
}
