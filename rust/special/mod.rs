//! Quantiles and tails of the distributions that intervals need.
#![allow(clippy::many_single_char_names)] // the names of the formulas

mod tails;

pub use tails::{fisher_tail, gamma_tail, student_quantile, student_tail};

use crate::error::{Error, Result};

/// Half of ln(2 pi).
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;
/// From here on the series of [`stirling_rest`] is exact to f64.
const STIRLING_FROM: f64 = 16.0;
/// After a step of Newton's method below this, the next would be below the rounding.
const QUADRATIC: f64 = 1e-12;
/// The continued fraction takes about the square root of a + b steps; none that ends takes as many as this.
const MAX_STEPS: u32 = 10_000_000;

/// The x with P(Z <= x) = p for a standard normal Z; infinite at 0 and 1, NaN outside.
///
/// Wichura's algorithm AS 241 (PPND16), relative error about 1e-16. O(1).
///
/// ```
/// let z = prefcore::special::normal_quantile(0.025);
/// assert!((z + 1.959963984540054).abs() < 1e-15);
/// ```
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * ratio(&CENTRAL, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    if tail == 0.0 {
        return q.signum() * f64::INFINITY;
    }
    let r = (-tail.ln()).sqrt();
    let x = if r <= 5.0 {
        ratio(&MIDDLE, r - 1.6)
    } else {
        ratio(&FAR, r - 5.0)
    };
    q.signum() * x
}

/// Coefficients from the lowest power, numerator and denominator, in |p - 1/2| <= 0.425.
#[allow(clippy::unreadable_literal, clippy::excessive_precision)] // as printed
const CENTRAL: [[f64; 8]; 2] = [
    [
        3.3871328727963666080,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ],
    [
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ],
];
/// Where a tail is above exp(-25).
#[allow(clippy::unreadable_literal, clippy::excessive_precision)]
const MIDDLE: [[f64; 8]; 2] = [
    [
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ],
    [
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ],
];
/// Beyond.
#[allow(clippy::unreadable_literal, clippy::excessive_precision)]
const FAR: [[f64; 8]; 2] = [
    [
        6.65790464350110377720,
        5.46378491116411436990,
        1.78482653991729133580,
        2.96560571828504891230e-1,
        2.65321895265761230930e-2,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ],
    [
        1.0,
        5.99832206555887937690e-1,
        1.36929880922735805310e-1,
        1.48753612908506148525e-2,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ],
];

fn ratio(coefficients: &[[f64; 8]; 2], r: f64) -> f64 {
    let [numerator, denominator] =
        coefficients.map(|powers| powers.iter().rev().fold(0.0, |sum, c| sum * r + c));
    numerator / denominator
}

/// A tail of the beta distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// P(X <= x).
    Lower,
    /// P(X >= x).
    Upper,
}

/// The x whose tail has probability `p` in the beta distribution with parameters `a`, `b` > 0.
///
/// Newton's method on the logarithm of the tail, in a bracket. The relative error of x is about 1e-14, with a + b up to
/// 1e9 as well; a step costs O(sqrt(a + b)) divisions.
///
/// # Errors
/// Parameters that are not finite and above 0, a probability outside (0, 1).
///
/// ```
/// use prefcore::special::{Tail, beta_quantile};
/// let x = beta_quantile(Tail::Lower, 0.25, 1.0, 2.0).unwrap(); // P(X <= x) = 1 - (1 - x)^2
/// assert!((x - (1.0 - 0.75_f64.sqrt())).abs() < 1e-15);
/// ```
pub fn beta_quantile(tail: Tail, p: f64, a: f64, b: f64) -> Result<f64> {
    positive("a", a)?;
    positive("b", b)?;
    if !(p > 0.0 && p < 1.0) {
        return Err(Error::domain("p", "in (0, 1)", p));
    }
    let (mut low, mut high) = (0.0, 1.0);
    let mut x = near_quantile(tail, p, a, b);
    for _ in 0..200 {
        let (slope, [lower, upper]) = beta_tails(x, a, b);
        let (value, rising) = match tail {
            Tail::Lower => (lower, true),
            Tail::Upper => (upper, false),
        };
        if (value < p) == rising {
            low = x;
        } else {
            high = x;
        }
        // d ln(tail) / d ln(x) = x f(x) / tail, up to the sign
        let step = (p / value).ln() * value / slope;
        let newton = x * (if rising { step } else { -step }).exp();
        let next = if newton > low && newton < high {
            newton
        } else {
            f64::midpoint(low, high)
        };
        let step = (next - x).abs();
        if step <= 2.0 * f64::EPSILON * x
            || (next.total_cmp(&newton).is_eq() && step <= QUADRATIC * x)
        {
            return Ok(next);
        }
        x = next;
    }
    Ok(x)
}

fn positive(name: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::domain(name, "a finite number > 0", value))
}

/// Where Newton's method starts: an end of Wilson's interval, always inside (0, 1).
fn near_quantile(tail: Tail, p: f64, a: f64, b: f64) -> f64 {
    let (n, mean) = (a + b, a / (a + b));
    let z = match tail {
        Tail::Lower => normal_quantile(p),
        Tail::Upper => -normal_quantile(p),
    };
    let half = z * z / (2.0 * n);
    let spread = z.signum() * (2.0 * half * mean * (1.0 - mean) + half * half).sqrt();
    let x = (mean + half + spread) / (1.0 + 2.0 * half);
    if x > 0.0 && x < 1.0 { x } else { mean }
}

/// x times the density at x of the beta distribution, and its lower and upper tail there, 0 < x < 1.
fn beta_tails(x: f64, a: f64, b: f64) -> (f64, [f64; 2]) {
    let y = 1.0 - x;
    let (n, mean) = (a + b, a / (a + b));
    // x^a y^b / B(a, b) by way of the binomial probability: no logarithm of a large gamma function (Loader 2000).
    let deviance = deviance(a, n * x) + deviance(b, n * y);
    let rest = stirling_rest(n) - stirling_rest(a) - stirling_rest(b);
    let power = (mean * b).sqrt() * (rest - deviance - HALF_LN_TAU).exp();
    if x < mean {
        let lower = power / fraction([x, y], [a, b]);
        (power / y, [lower, 1.0 - lower])
    } else {
        let upper = power / fraction([y, x], [b, a]);
        (power / y, [1.0 - upper, upper])
    }
}

/// The continued fraction of `x^a y^b / (B(a, b) I_x(a, b))`, y = 1 - x, by Lentz's method; it is short for x below
/// a / (a + b).
///
/// The even part of DLMF 8.17.22 (Didonato and Morris 1992), in which nothing cancels where x is close to 1.
fn fraction([x, y]: [f64; 2], [a, b]: [f64; 2]) -> f64 {
    let gap = a * y - b * x + 1.0;
    let term = |m: f64| {
        m + m * (b - m) * x / (a + 2.0 * m - 1.0)
            + (a + m) * (gap + m * (1.0 + y)) / (a + 2.0 * m + 1.0)
    };
    let mut value = a * gap / (a + 1.0);
    let (mut c, mut d) = (value, 0.0);
    for step in 1..MAX_STEPS {
        let m = f64::from(step);
        let root = x / (a + 2.0 * m - 1.0);
        let numerator = (a + m - 1.0) * root * (a + b + m - 1.0) * root * m * (b - m);
        let denominator = term(m);
        d = 1.0 / (denominator + numerator * d);
        c = denominator + numerator / c;
        value *= c * d;
        if (c * d - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    value
}

/// ln(gamma(x + 1)) - ((x + 1/2) ln x - x + ln(2 pi) / 2), x > 0.
pub(crate) fn stirling_rest(x: f64) -> f64 {
    if x < STIRLING_FROM {
        return stirling_rest(x + 1.0) + (x + 0.5) * (1.0 / x).ln_1p() - 1.0;
    }
    let squared = 1.0 / (x * x);
    let series = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    series.iter().rev().fold(0.0, |sum, c| sum * squared + c) / x
}

/// x ln(x / m) + m - x, by a series where the two are close and the terms cancel.
fn deviance(x: f64, m: f64) -> f64 {
    let v = (x - m) / (x + m);
    if v.abs() >= 0.1 {
        return x * (x / m).ln() + m - x;
    }
    let mut sum = (x - m) * v;
    let mut power = 2.0 * x * v;
    for odd in 1..100 {
        power *= v * v;
        let term = power / f64::from(2 * odd + 1);
        sum += term;
        if term.abs() <= f64::EPSILON * sum / 4.0 {
            break;
        }
    }
    sum
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::unwrap_used)]
mod tests {
    use super::{Tail, beta_quantile, beta_tails, normal_quantile};

    fn close(got: f64, want: f64) -> bool {
        (got - want).abs() <= 1e-14 * want.abs()
    }

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        assert_eq!(normal_quantile(0.5), 0.0);
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert!(normal_quantile(-0.1).is_nan() && normal_quantile(f64::NAN).is_nan());
        assert!(close(normal_quantile(0.975), 1.959_963_984_540_054));
        assert!(close(normal_quantile(1e-10), -6.361_340_902_404_056));
        assert!(close(normal_quantile(1e-300), -37.047_096_299_361_2));
    }

    #[test]
    fn tails_of_powers_are_powers() {
        for x in [1e-9, 0.1, 0.5, 0.9] {
            for a in [0.5, 1.0, 7.0, 30.0] {
                let (slope, [lower, upper]) = beta_tails(x, a, 1.0);
                let tol = 1e-14 * (1.0 - x.ln() * a); // the rounding of a large exponent
                assert!((lower / x.powf(a) - 1.0).abs() < tol, "{x} {a}: {lower}");
                assert!((slope / (a * x.powf(a)) - 1.0).abs() < tol);
                assert!((lower + upper - 1.0).abs() < 1e-15);
            }
        }
    }

    #[test]
    fn quantiles_of_both_tails_are_those_of_powers() {
        for b in [1.0, 20.0, 1e9] {
            // P(X >= x) = (1 - x)^b
            let want = -(0.025_f64.ln() / b).exp_m1();
            assert!(close(
                beta_quantile(Tail::Upper, 0.025, 1.0, b).unwrap(),
                want
            ));
            let want = (0.025_f64.ln() / b).exp();
            assert!(close(
                beta_quantile(Tail::Lower, 0.025, b, 1.0).unwrap(),
                want
            ));
        }
    }

    #[test]
    fn bad_parameters_are_named() {
        let error = |p, a, b| {
            let x = beta_quantile(Tail::Lower, p, a, b);
            x.unwrap_err().to_string()
        };
        assert_eq!(error(0.5, 0.0, 1.0), "a must be a finite number > 0, got 0");
        assert_eq!(
            error(0.5, 1.0, f64::NAN),
            "b must be a finite number > 0, got NaN"
        );
        assert_eq!(error(1.0, 1.0, 1.0), "p must be in (0, 1), got 1");
    }
}
