//! Logistic regression with a Laplace prior: moments of the posterior by quadrature, or draws from it.

use pulp::Arch;

use super::quadrature::rule;
use crate::check;
use crate::elementary::{dispatch, softplus_and_sigmoid};
use crate::error::{Error, Result};
use crate::{random, threads};

/// Squares of the scale must not over- or underflow.
const SMALLEST: f64 = 1e-100;
const LARGEST: f64 = 1e100;
/// A prior that moves the linear predictor further is too wide to find the likelihood in it.
const WIDEST: f64 = 1e20;
const TILE: usize = 64;

/// Log-density Σ y·η − softplus(η) − Σ |coef| / scale with η = features·coef, up to a constant.
#[derive(Debug, Clone)]
pub struct Posterior<'a> {
    /// F columns of N numbers.
    columns: Vec<Vec<f64>>,
    labels: &'a [f64],
    scale: f64,
}

/// Moments of the first coefficients, given the others.
struct Moments {
    log_mass: f64,
    mean: Vec<f64>,
    square: Vec<f64>,
}

impl<'a> Posterior<'a> {
    /// Takes [N, F] features row by row, labels in [0, 1] and the scale of the prior of each coefficient.
    ///
    /// # Errors
    /// Lengths that do not fit; features, labels or a scale outside their range.
    pub fn new(features: &[f64], columns: usize, labels: &'a [f64], scale: f64) -> Result<Self> {
        if columns == 0 {
            return Err(Error::shape("features", "at least one column", "none"));
        }
        check::same_length("features", features.len() / columns, "labels", labels.len())?;
        if let Some((place, x)) = features.iter().enumerate().find(|(_, x)| !x.is_finite()) {
            return Err(Error::domain_at(
                "features",
                [place / columns, place % columns],
                "a finite number",
                x,
            ));
        }
        if let Some((row, y)) = labels
            .iter()
            .enumerate()
            .find(|(_, y)| !(0.0..=1.0).contains(*y))
        {
            return Err(Error::domain_at("labels", [row], "a number in [0, 1]", y));
        }
        if !(SMALLEST..=LARGEST).contains(&scale) {
            return Err(Error::domain("scale", "a number in 1e-100 to 1e100", scale));
        }
        let largest = features.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        if largest > WIDEST / scale {
            return Err(Error::domain(
                "scale",
                format!("at most 1e20 / {largest:e}, the largest feature"),
                scale,
            ));
        }
        let column = |j: usize| features.iter().skip(j).step_by(columns).copied().collect();
        Ok(Self {
            columns: (0..columns).map(column).collect(),
            labels,
            scale,
        })
    }

    /// Log-density of one coefficient as far as it depends on it; `eta` holds the others' part.
    fn density(&self, arch: Arch, eta: &[f64], column: &[f64], coef: f64) -> f64 {
        let likelihood = dispatch(
            arch,
            #[inline(always)]
            || likelihood(eta, column, self.labels, coef),
        );
        likelihood - coef.abs() / self.scale
    }

    /// Moments of the coefficients `0..=last`; `eta` holds the others' part.
    fn moments(&self, arch: Arch, last: usize, eta: &[f64]) -> Moments {
        let Some(column) = self.columns.get(last) else {
            return Moments {
                log_mass: 0.0,
                mean: Vec::new(),
                square: Vec::new(),
            };
        };
        let below = |coef: f64| {
            if last == 0 {
                let log_mass = self.density(arch, eta, column, coef);
                return Moments {
                    log_mass,
                    mean: Vec::new(),
                    square: Vec::new(),
                };
            }
            let mut shifted = eta.to_vec();
            shift(&mut shifted, column, coef);
            let mut inner = self.moments(arch, last - 1, &shifted);
            inner.log_mass -= coef.abs() / self.scale;
            inner
        };
        let points = rule(|coef| below(coef).log_mass, self.scale);
        // The outermost integral is shared out; each of its points has some hundred below it.
        let outermost = last > 0 && last + 1 == self.columns.len();
        let work = if outermost {
            points.len() * eta.len() * 100
        } else {
            0
        };
        let found = threads::map(points, work, |(coef, weight)| (coef, weight, below(coef)));
        let peak = found
            .iter()
            .map(|(.., inner)| inner.log_mass)
            .fold(f64::NEG_INFINITY, f64::max);
        let (mut mass, mut mean, mut square) = (0.0, vec![0.0; last + 1], vec![0.0; last + 1]);
        for (coef, weight, inner) in found {
            let share = weight * (inner.log_mass - peak).exp();
            mass += share;
            let firsts = inner.mean.into_iter().chain([coef]);
            let squares = inner.square.into_iter().chain([coef * coef]);
            mean.iter_mut()
                .zip(firsts)
                .for_each(|(sum, x)| *sum += share * x);
            square
                .iter_mut()
                .zip(squares)
                .for_each(|(sum, x)| *sum += share * x);
        }
        mean.iter_mut()
            .chain(&mut square)
            .for_each(|sum| *sum /= mass);
        Moments {
            log_mass: peak + mass.ln(),
            mean,
            square,
        }
    }

    /// One chain of Gibbs sampling, each coefficient by slices of its own density (Neal 2003).
    fn chain(&self, arch: Arch, mut uniform: Uniform, n_warmup: usize, n_draws: usize) -> Vec<f64> {
        let mut coefs: Vec<f64> = self
            .columns
            .iter()
            .map(|_| uniform.laplace(self.scale))
            .collect();
        let widths: Vec<f64> = self
            .columns
            .iter()
            .map(|column| self.width(column))
            .collect();
        let mut draws = Vec::with_capacity(n_draws * coefs.len());
        for sweep in 0..n_warmup + n_draws {
            let mut eta = vec![0.0; self.labels.len()];
            for (column, &coef) in self.columns.iter().zip(&coefs) {
                shift(&mut eta, column, coef);
            }
            for ((column, coef), &width) in self.columns.iter().zip(&mut coefs).zip(&widths) {
                shift(&mut eta, column, -*coef);
                let density = |at| self.density(arch, &eta, column, at);
                *coef = slice(density, *coef, width, &mut uniform);
                shift(&mut eta, column, *coef);
            }
            if sweep >= n_warmup {
                draws.extend_from_slice(&coefs);
            }
        }
        draws
    }

    /// About three deviations of a coefficient, given the others.
    fn width(&self, column: &[f64]) -> f64 {
        let information = column.iter().map(|x| x * x).sum::<f64>() / 8.0;
        3.0 / (information + 1.0 / (self.scale * self.scale)).sqrt()
    }
}

/// Mean and standard deviation of every coefficient by nested quadrature, to about 1e-10 of the deviation.
///
/// Each integral takes some hundred evaluations of the next, so O(N·100^F): for F up to 3. Naive equivalent: a grid.
///
/// ```
/// use prefcore::metrics::{Posterior, posterior_moments};
/// let (mean, std) = posterior_moments(&Posterior::new(&[0.0], 1, &[1.0], 0.1)?); // no information: the prior
/// assert!(mean[0].abs() < 1e-12 && (std[0] - 0.02_f64.sqrt()).abs() < 1e-10);
/// # Ok::<(), prefcore::Error>(())
/// ```
#[must_use]
pub fn posterior_moments(posterior: &Posterior<'_>) -> (Vec<f64>, Vec<f64>) {
    let last = posterior.columns.len().saturating_sub(1);
    let moments = posterior.moments(Arch::new(), last, &vec![0.0; posterior.labels.len()]);
    let std = moments
        .mean
        .iter()
        .zip(&moments.square)
        .map(|(mean, square)| (square - mean * mean).max(0.0).sqrt());
    let std = std.collect();
    (moments.mean, std)
}

/// Draws from the posterior, [chains, draws, F] flat, by Gibbs sampling; `lengths` = chains, warm-up and draws of each.
///
/// O(N·F) evaluations of softplus a sweep, some ten times over. Chains start at draws from the prior, each with a
/// stream of its own, so the bits do not depend on the number of threads.
#[must_use]
pub fn posterior_draws(
    posterior: &Posterior<'_>,
    seed: u64,
    lengths: (usize, usize, usize),
) -> Vec<f64> {
    let (n_chains, n_warmup, n_draws) = lengths;
    let arch = Arch::new();
    let work =
        posterior.labels.len() * posterior.columns.len() * (n_warmup + n_draws) * 10 * n_chains;
    let chain = |chain: usize| {
        posterior.chain(
            arch,
            Uniform {
                seed,
                chain: chain as u64,
                drawn: 0,
            },
            n_warmup,
            n_draws,
        )
    };
    threads::map((0..n_chains).collect(), work, chain).concat()
}

#[allow(clippy::inline_always)] // compiled for AVX as a part of `dispatch`
#[inline(always)]
fn likelihood(eta: &[f64], column: &[f64], labels: &[f64], coef: f64) -> f64 {
    let mut sums = [0.0_f64; TILE];
    for ((eta, column), labels) in eta
        .chunks(TILE)
        .zip(column.chunks(TILE))
        .zip(labels.chunks(TILE))
    {
        for (((sum, eta), x), y) in sums.iter_mut().zip(eta).zip(column).zip(labels) {
            let at = x.mul_add(coef, *eta);
            *sum += y.mul_add(at, -softplus_and_sigmoid(at).0);
        }
    }
    sums.iter().sum()
}

fn shift(eta: &mut [f64], column: &[f64], coef: f64) {
    eta.iter_mut()
        .zip(column)
        .for_each(|(eta, x)| *eta += coef * x);
}

/// A draw from the density e^f: a uniform height below it, then a uniform point of the slice above that height.
#[allow(clippy::neg_cmp_op_on_partial_ord)]
fn slice(f: impl Fn(f64) -> f64, from: f64, width: f64, uniform: &mut Uniform) -> f64 {
    let height = f(from) + uniform.next().ln();
    let mut low = from - width * uniform.next();
    let mut high = low + width;
    while f(low) > height {
        low -= width;
    }
    while f(high) > height {
        high += width;
    }
    loop {
        let at = low + uniform.next() * (high - low);
        // Not `>=`: NaN, where numbers overflow, must end the loop too.
        if !(f(at) < height) {
            return at;
        }
        if at < from {
            low = at;
        } else {
            high = at;
        }
    }
}

/// Numbers in (0, 1) of one chain.
struct Uniform {
    seed: u64,
    chain: u64,
    drawn: u64,
}

impl Uniform {
    fn next(&mut self) -> f64 {
        self.drawn += 1;
        let key = random::key(self.seed, &[self.chain, self.drawn]);
        #[allow(clippy::cast_precision_loss)] // 53 bits
        let unit = (key >> 11) as f64 + 0.5;
        unit / 9_007_199_254_740_992.0
    }

    fn laplace(&mut self, scale: f64) -> f64 {
        let size = -self.next().ln() * scale;
        if self.next() < 0.5 { -size } else { size }
    }
}
