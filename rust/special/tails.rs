//! Tails of the beta and gamma distributions, from which those of t, F and chi-squared follow.

use super::{
    HALF_LN_TAU, MAX_STEPS, Tail, beta_quantile, beta_tails, deviance, positive, stirling_rest,
};
use crate::error::{Error, Result};

/// P(|T| >= t), T of Student's distribution of `df` degrees of freedom. O(sqrt(df))
///
/// # Errors
/// Degrees of freedom that are not finite and above 0, a t that is NaN.
///
/// ```
/// let p = prefcore::special::student_tail(1.0, 1.0)?; // Cauchy
/// assert!((p - 0.5).abs() < 1e-15);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn student_tail(t: f64, df: f64) -> Result<f64> {
    positive("df", df)?;
    if t.is_nan() {
        return Err(Error::domain("t", "a number", t));
    }
    Ok(beta_upper(t * t, df, 0.5, df / 2.0))
}

/// The t >= 0 with P(|T| >= t) = p, T of Student's distribution of `df` degrees of freedom. O(sqrt(df)) a step
///
/// # Errors
/// Degrees of freedom that are not finite and above 0, a probability outside (0, 1).
///
/// ```
/// let t = prefcore::special::student_quantile(0.5, 1.0)?;
/// assert!((t - 1.0).abs() < 1e-14);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn student_quantile(p: f64, df: f64) -> Result<f64> {
    positive("df", df)?;
    // t² / (df + t²), or 1 less it: the smaller is the one that is known well
    let share = beta_quantile(Tail::Upper, p, 0.5, df / 2.0)?;
    let square = if share < 0.5 {
        share / (1.0 - share)
    } else {
        let rest = beta_quantile(Tail::Lower, p, df / 2.0, 0.5)?;
        (1.0 - rest) / rest
    };
    Ok((df * square).sqrt())
}

/// P(F >= f), F of Fisher's distribution of `df` and `df_denominator` degrees of freedom. O(sqrt(df + `df_denominator`))
///
/// # Errors
/// Degrees of freedom that are not finite and above 0, an f that is not >= 0.
///
/// ```
/// let p = prefcore::special::fisher_tail(1.0, 2.0, 2.0)?; // 1 / (1 + f)
/// assert!((p - 0.5).abs() < 1e-15);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn fisher_tail(f: f64, df: f64, df_denominator: f64) -> Result<f64> {
    positive("df", df)?;
    positive("df_denominator", df_denominator)?;
    if f.is_nan() || f < 0.0 {
        return Err(Error::domain("f", "a number >= 0", f));
    }
    Ok(beta_upper(
        df * f,
        df_denominator,
        df / 2.0,
        df_denominator / 2.0,
    ))
}

/// P(X >= u / (u + v)) of the beta distribution with parameters a, b; from the smaller of both shares.
fn beta_upper(u: f64, v: f64, a: f64, b: f64) -> f64 {
    let (share, rest) = (u / (u + v), v / (u + v));
    if share <= 0.0 {
        1.0
    } else if u == f64::INFINITY || rest <= 0.0 {
        0.0
    } else if share < rest {
        beta_tails(share, a, b).1[1]
    } else {
        beta_tails(rest, b, a).1[0]
    }
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
    use super::{fisher_tail, gamma_tail, student_quantile, student_tail};

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
    fn tails_of_t_and_f_are_those_of_closed_forms() {
        for t in [1e-8, 0.3, 1.0, 40.0, 1e9_f64] {
            // of one degree of freedom 2 atan(1 / t) / pi, of two 1 - t / sqrt(2 + t²)
            let cauchy = 2.0 * (1.0 / t).atan() / std::f64::consts::PI;
            let found = student_tail(t, 1.0).unwrap();
            assert!((found - cauchy).abs() <= 1e-14 * cauchy, "{t}: {found}");
            assert_eq!(student_tail(-t, 1.0).unwrap(), found);
            let root = (2.0 + t * t).sqrt();
            let two = 2.0 / (root * (root + t));
            assert!((student_tail(t, 2.0).unwrap() - two).abs() <= 1e-14 * two);
            let back = student_quantile(found, 1.0).unwrap();
            assert!((back - t).abs() <= 1e-12 * t || found > 0.999_999);
            // of two and d degrees (1 + 2 f / d)^(-d / 2)
            let power = (1.0 + 0.5 * t).powi(-2);
            let found = fisher_tail(t, 2.0, 4.0).unwrap();
            assert!((found - power).abs() <= 1e-13 * power, "{t}: {found}");
        }
        assert_eq!(student_tail(0.0, 3.0).unwrap(), 1.0);
        assert_eq!(student_tail(f64::INFINITY, 3.0).unwrap(), 0.0);
        assert_eq!(fisher_tail(0.0, 3.0, 4.0).unwrap(), 1.0);
        assert_eq!(
            fisher_tail(-1.0, 3.0, 4.0).unwrap_err().to_string(),
            "f must be a number >= 0, got -1"
        );
        assert_eq!(
            student_tail(f64::NAN, 3.0).unwrap_err().to_string(),
            "t must be a number, got NaN"
        );
        assert_eq!(
            student_quantile(0.5, 0.0).unwrap_err().to_string(),
            "df must be a finite number > 0, got 0"
        );
    }
}
