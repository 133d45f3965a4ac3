//! The sigmoid as a Fourier sum, which turns an expectation over pairs of profiles into sums over nodes.

#![allow(clippy::inline_always)] // what is not inlined into the dispatched closure would not be vectorized

use std::f64::consts::PI;

use pulp::Arch;

use super::additive::BEND;
use super::wave::Wave;
use crate::elementary::{dispatch, float};

/// e^{-38} is what is left of the next period; see [`Nodes::new`].
const PERIOD: f64 = 38.0;
/// Beyond this frequency the weights are below 1e-16.
const HIGHEST: f64 = 12.5;
/// Nodes come in vectors of so many.
const LANES: usize = 8;
/// Scores at which a second derivative is looked at.
const POINTS: usize = 2 * BLOCK;
/// max |sigmoid''''| < 0.13
const FOURTH: f64 = 0.13;
/// Scores evaluated side by side.
const BLOCK: usize = 64;

/// sigmoid(x) = 1/2 + h x/(2π) + Σ_k w_k sin(k h x) with w_k = h/sinh(π k h), at |x| <= reach within 1e-15.
///
/// The trapezoid rule on sigmoid(x) = 1/2 + ∫ sin(ωx)/sinh(πω) dω with step h = 2π/(reach + 38). Without a link, no
/// nodes: link(x) = x.
#[derive(Debug, Clone)]
pub struct Nodes {
    step: f64,
    weights: Vec<f64>,
    logit: bool,
}

impl Nodes {
    /// For arguments of the sigmoid up to `reach`.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a small positive number
    pub fn new(reach: f64) -> Self {
        let step = 2.0 * PI / (reach + PERIOD);
        let count = (HIGHEST / step).ceil() as usize;
        let count = count.next_multiple_of(LANES);
        let weights = (1..=count)
            .map(|k| step / (PI * step * float(k)).sinh())
            .collect();
        Self {
            step,
            weights,
            logit: true,
        }
    }

    /// Of the identity.
    #[must_use]
    pub fn identity() -> Self {
        Self {
            step: 0.0,
            weights: Vec::new(),
            logit: false,
        }
    }

    /// Whether the link is the sigmoid.
    #[must_use]
    pub fn logit(&self) -> bool {
        self.logit
    }

    /// Number K.
    #[must_use]
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// e^{i k h score} at all nodes.
    #[must_use]
    pub fn wave(&self, score: f64) -> Wave {
        Wave::powers(self.step * score, self.len())
    }

    /// link(intercept + s) as a function of s.
    #[must_use]
    pub fn link(&self, intercept: f64) -> Series {
        let (half, slope) = if self.logit {
            (0.5, self.step / (2.0 * PI))
        } else {
            (0.0, 1.0)
        };
        Series {
            step: self.step,
            constant: half + slope * intercept,
            linear: slope,
            wave: self.wave(intercept).scaled(&self.weights),
        }
    }
}

/// Mean E s and E e^{i k h s} at the nodes, of the score s of a random profile.
#[derive(Debug, Clone)]
pub struct Moments {
    /// E s
    pub mean: f64,
    /// E e^{i k h s}
    pub wave: Wave,
}

impl Moments {
    /// Of the score 0.
    #[must_use]
    pub fn none(k: usize) -> Self {
        Self {
            mean: 0.0,
            wave: Wave::real(1.0, k),
        }
    }
}

/// The function constant + linear · s + Im Σ_k wave_k e^{i k h s} of a score.
#[derive(Debug, Clone)]
pub struct Series {
    /// h
    pub step: f64,
    /// At no score.
    pub constant: f64,
    /// Slope.
    pub linear: f64,
    /// Coefficients of the nodes.
    pub wave: Wave,
}

impl Series {
    /// E of the function over a random score.
    #[must_use]
    pub fn mean(&self, moments: &Moments) -> f64 {
        self.constant + self.linear * moments.mean + self.wave.product(&moments.wave)
    }

    /// E f(s − S) as a function of s, where `other` are the moments of S.
    #[must_use]
    pub fn against(&self, other: &Moments) -> Self {
        Self {
            step: self.step,
            constant: self.constant - self.linear * other.mean,
            linear: self.linear,
            wave: self.wave.times(&other.wave.conjugate()),
        }
    }

    /// E f(S − s) as a function of s, where `own` are the moments of S.
    #[must_use]
    pub fn facing(&self, own: &Moments) -> Self {
        // Im[q conj z] = Im[-conj(q) z]
        let mut wave = self.wave.times(&own.wave);
        wave.re.iter_mut().for_each(|x| *x = -*x);
        Self {
            step: self.step,
            constant: self.constant + self.linear * own.mean,
            linear: -self.linear,
            wave,
        }
    }

    /// The derivative by the score.
    #[must_use]
    pub fn derivative(&self) -> Self {
        let frequencies: Vec<f64> = (1..=self.wave.len())
            .map(|k| self.step * float(k))
            .collect();
        let scaled = self.wave.scaled(&frequencies);
        Self {
            step: self.step,
            constant: self.linear,
            linear: 0.0,
            wave: Wave {
                re: scaled.im.iter().map(|x| -x).collect(),
                im: scaled.re,
            },
        }
    }

    /// A bound of |f''| at scores from `low` to `high`: the largest at points of a grid, and what the fourth derivative of
    /// the sigmoid lets happen between two of them.
    #[must_use]
    pub fn bend(&self, low: f64, high: f64) -> f64 {
        if self.wave.is_empty() {
            return 0.0;
        }
        let step = (high - low).max(0.0) / float(POINTS - 1);
        let points: Vec<f64> = (0..POINTS).map(|k| low + step * float(k)).collect();
        let bends = self.derivative().derivative().at(&points);
        let largest = bends
            .iter()
            .fold(0.0_f64, |largest, x| largest.max(x.abs()));
        (largest + step * step / 8.0 * FOURTH).min(BEND)
    }

    /// At each score: O(N K), by Horner's rule in e^{i h s}.
    #[must_use]
    pub fn at(&self, scores: &[f64]) -> Vec<f64> {
        let mut values = vec![0.0; scores.len()];
        for (values, scores) in values.chunks_mut(BLOCK).zip(scores.chunks(BLOCK)) {
            let (cos, sin) = angles(self.step, scores);
            let (mut re, mut im) = ([0.0; BLOCK], [0.0; BLOCK]);
            dispatch(
                Arch::new(),
                #[inline(always)]
                || {
                    for (a, b) in self.wave.re.iter().zip(&self.wave.im).rev() {
                        for ((x, y), (c, s)) in re.iter_mut().zip(&mut im).zip(cos.iter().zip(&sin))
                        {
                            let (p, q) = (*x + a, *y + b);
                            (*x, *y) = (p * c - q * s, p * s + q * c);
                        }
                    }
                },
            );
            for ((value, score), y) in values.iter_mut().zip(scores).zip(im) {
                *value = self.constant + self.linear * score + y;
            }
        }
        values
    }
}

/// Σ weight · e^{i k h s} at the nodes and Σ weight · s, over many scores: O(N K).
#[must_use]
pub fn moments_of(nodes: &Nodes, weights: &[f64], scores: &[f64]) -> Moments {
    let mut wave = Wave::real(0.0, nodes.len());
    for (weights, scores) in weights.chunks(BLOCK).zip(scores.chunks(BLOCK)) {
        let (cos, sin) = angles(nodes.step, scores);
        let (mut re, mut im) = ([0.0; BLOCK], [0.0; BLOCK]);
        for (x, w) in re.iter_mut().zip(weights) {
            *x = *w;
        }
        dispatch(
            Arch::new(),
            #[inline(always)]
            || {
                for (total_re, total_im) in wave.re.iter_mut().zip(&mut wave.im) {
                    let (mut sum_re, mut sum_im) = ([0.0; LANES], [0.0; LANES]);
                    let (xs, ys) = (re.chunks_exact_mut(LANES), im.chunks_exact_mut(LANES));
                    let turns = cos.chunks_exact(LANES).zip(sin.chunks_exact(LANES));
                    for ((x, y), (c, s)) in xs.zip(ys).zip(turns) {
                        let own = x.iter_mut().zip(y).zip(c.iter().zip(s));
                        for (((x, y), (c, s)), (a, b)) in
                            own.zip(sum_re.iter_mut().zip(&mut sum_im))
                        {
                            (*x, *y) = (*x * c - *y * s, *x * s + *y * c);
                            *a += *x;
                            *b += *y;
                        }
                    }
                    *total_re += sum_re.iter().sum::<f64>();
                    *total_im += sum_im.iter().sum::<f64>();
                }
            },
        );
    }
    let mean = weights.iter().zip(scores).map(|(w, s)| w * s).sum();
    Moments { mean, wave }
}

fn angles(step: f64, scores: &[f64]) -> ([f64; BLOCK], [f64; BLOCK]) {
    let (mut cos, mut sin) = ([0.0; BLOCK], [0.0; BLOCK]);
    for ((c, s), score) in cos.iter_mut().zip(&mut sin).zip(scores) {
        (*s, *c) = (step * score).sin_cos();
    }
    (cos, sin)
}

#[cfg(test)]
mod tests {
    use super::{Moments, Nodes, moments_of};

    #[test]
    fn the_series_is_the_sigmoid_to_rounding() {
        let nodes = Nodes::new(12.0);
        let series = nodes.link(0.5).against(&Moments::none(nodes.len()));
        let scores: Vec<f64> = (0..=230_u32).map(|k| f64::from(k) * 0.1 - 11.5).collect();
        let slopes = series.derivative().at(&scores);
        for ((x, got), slope) in scores.iter().zip(series.at(&scores)).zip(slopes) {
            let want = 1.0 / (1.0 + (-0.5 - x).exp());
            assert!((got - want).abs() < 2e-15, "{x}: {got} {want}");
            assert!((slope - want * (1.0 - want)).abs() < 2e-15, "{x}");
        }
    }

    #[test]
    fn expectations_over_two_random_scores() {
        let nodes = Nodes::new(5.0);
        let (own, other) = ([0.3, -1.0, 2.0], [0.1, 0.7]);
        let (p, q) = ([0.2, 0.3, 0.5], [0.6, 0.4]);
        let (mine, theirs) = (moments_of(&nodes, &p, &own), moments_of(&nodes, &q, &other));
        let mut want = 0.0;
        for (s, p) in own.iter().zip(p) {
            for (t, q) in other.iter().zip(q) {
                want += p * q / (1.0 + (t - s - 0.25_f64).exp());
            }
        }
        let (one, two) = (
            nodes.link(0.25).against(&theirs),
            nodes.link(0.25).facing(&mine),
        );
        assert!((one.mean(&mine) - want).abs() < 1e-15);
        assert!((two.mean(&theirs) - want).abs() < 1e-15);
    }
}
