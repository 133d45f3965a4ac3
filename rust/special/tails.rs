//! Tails of the beta and gamma distributions, from which those of t, F and chi-squared follow.

use super::{HALF_LN_TAU, MAX_STEPS, beta_tails, deviance, positive, stirling_rest};
use crate::error::{Error, Result};

/// P(X <= x) of the beta distribution with parameters `a`, `b` > 0: the regularized incomplete beta function. O(sqrt(a + b))
///
/// # Errors
/// Parameters that are not finite and above 0, an x outside [0, 1].
///
/// ```
/// let p = prefcore::special::beta_tail(0.3, 1.0, 2.0)?; // 1 - (1 - x)^2
/// assert!((p - 0.51).abs() < 1e-15);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn beta_tail(x: f64, a: f64, b: f64) -> Result<f64> {
    positive("a", a)?;
    positive("b", b)?;
    if !(0.0..=1.0).contains(&x) {
        return Err(Error::domain("x", "in [0, 1]", x));
    }
    if x == 0.0 || x >= 1.0 {
        return Ok(x);
    }
    let (_, [lower, _]) = beta_tails(x, a, b);
    Ok(lower)
}

/// P(X >= x) of the gamma distribution of shape `a` > 0 and scale 1: the regularized upper incomplete gamma function.
///
/// A series below a + 1, else a continued fraction, both of O(sqrt(a)) terms. Half of a chi-squared variable of d degrees
/// of freedom has the shape d / 2.
///
/// # Errors
/// A shape that is not finite and above 0, an x that is not >= 0.
///
/// ```
/// let p = prefcore::special::gamma_tail(2.0, 1.0)?;
/// assert!((p - (-2.0_f64).exp()).abs() < 1e-16);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn gamma_tail(x: f64, a: f64) -> Result<f64> {
    positive("a", a)?;
    if x.is_nan() || x < 0.0 {
        return Err(Error::domain("x", "a number >= 0", x));
    }
    if x == 0.0 || x == f64::INFINITY {
        return Ok(f64::from(u8::from(x == 0.0)));
    }
    // x^a e^-x / gamma(a + 1), as the probability of a Poisson count (Loader 2000)
    let power = (-deviance(a, x) - stirling_rest(a) - HALF_LN_TAU).exp() / a.sqrt();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0, 1.0, a);
        while term > f64::EPSILON * sum / 4.0 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return Ok(1.0 - power * sum);
    }
    Ok((power * a * gamma_fraction(x, a)).min(1.0))
}

/// The continued fraction of e^x x^-a Gamma(a, x), by Lentz's method (DLMF 8.9.2, its even part).
fn gamma_fraction(x: f64, a: f64) -> f64 {
    let mut denominator = x + 1.0 - a;
    let (mut c, mut d) = (f64::INFINITY, 1.0 / denominator);
    let mut value = d;
    for step in 1..MAX_STEPS {
        let n = f64::from(step);
        let numerator = n * (a - n);
        denominator += 2.0;
        d = 1.0 / (denominator + numerator * d);
        c = denominator + numerator / c;
        value *= c * d;
        if (c * d - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    value
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::unwrap_used)]
mod tests {
    use super::{beta_tail, gamma_tail};

    #[test]
    fn tails_of_the_gamma_distribution_are_poisson_sums() {
        for a in [1_u32, 2, 5, 40] {
            for x in [1e-3, 0.5, 4.0, 41.0, 90.0_f64] {
                // P(X >= x) = P(fewer than a events at rate x)
                let mut term = (-x).exp();
                let mut want = 0.0;
                for n in 1..=a {
                    want += term;
                    term *= x / f64::from(n);
                }
                let found = gamma_tail(x, f64::from(a)).unwrap();
                assert!(
                    (found - want).abs() <= 1e-13 * want,
                    "{x} {a}: {found} {want}"
                );
            }
        }
        assert_eq!(gamma_tail(0.0, 2.5).unwrap(), 1.0);
        assert_eq!(gamma_tail(f64::INFINITY, 2.5).unwrap(), 0.0);
        assert_eq!(
            gamma_tail(-1.0, 2.5).unwrap_err().to_string(),
            "x must be a number >= 0, got -1"
        );
    }

    #[test]
    fn the_beta_tail_has_its_ends() {
        assert_eq!(beta_tail(0.0, 2.0, 3.0).unwrap(), 0.0);
        assert_eq!(beta_tail(1.0, 2.0, 3.0).unwrap(), 1.0);
        assert!((beta_tail(0.25, 3.0, 1.0).unwrap() - 0.25_f64.powi(3)).abs() < 1e-16);
        assert_eq!(
            beta_tail(1.5, 2.0, 3.0).unwrap_err().to_string(),
            "x must be in [0, 1], got 1.5"
        );
    }
}
