//! The stages of a ranking: at each, one of the rows that are left is drawn.

use pulp::Arch;

use super::lists::{exps_below, largest, smallest};
use crate::elementary::{dispatch, softplus_and_sigmoid};

/// Scores of a list that differ by less have exponentials, sums and ratios of them that f64 can hold.
const SPREAD: f64 = 300.0;
/// A product that has no room for another ratio of them.
const FULL: f64 = 1e150;
/// A loss below which a product has lost digits. Rows that are near enough and add little each are few, so it has
/// never many factors next to 1.
const SMALL: f64 = 0.1;

/// A ranking, and room to work.
#[derive(Debug)]
pub(super) struct Ranked {
    arch: Arch,
    /// Scores in the order of the ranking.
    pub scores: Vec<f64>,
    /// The derivatives by them.
    pub grad: Vec<f64>,
    /// exp(score - largest), and the sum of those that come later.
    exps: Vec<f64>,
    later: Vec<f64>,
    /// The second by the first, and 1 by the sum of both.
    ratios: Vec<f64>,
    inverses: Vec<f64>,
}

impl Default for Ranked {
    fn default() -> Self {
        Self {
            arch: Arch::new(),
            scores: Vec::new(),
            grad: Vec::new(),
            exps: Vec::new(),
            later: Vec::new(),
            ratios: Vec::new(),
            inverses: Vec::new(),
        }
    }
}

/// The stages that count, and their weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stages<'a> {
    k: usize,
    weights: Option<&'a [f64]>,
}

impl<'a> Stages<'a> {
    /// The first k stages, or all; weights 1 unless given.
    pub fn new(k: Option<usize>, weights: Option<&'a [f64]>) -> Self {
        Self {
            k: k.unwrap_or(usize::MAX),
            weights,
        }
    }

    /// The weight of a stage; 0 after the first k.
    fn weight(self, stage: usize) -> f64 {
        if stage >= self.k {
            return 0.0;
        }
        let weight = |weights: &[f64]| weights.get(stage).copied().unwrap_or(0.0);
        self.weights.map_or(1.0, weight)
    }

    /// Loss and number of stages with a choice. A score of +inf has no chance to compare, so all is NaN.
    pub fn run(self, ranked: &mut Ranked) -> (f64, usize) {
        let terms = self.k.min(ranked.scores.len().saturating_sub(1));
        let top = largest(&ranked.scores);
        if top == f64::INFINITY {
            ranked.grad.clear();
            ranked.grad.resize(ranked.scores.len(), f64::NAN);
            return (f64::NAN, terms);
        }
        // NaN is passed over: it makes the result NaN either way.
        let spread = top - smallest(&ranked.scores);
        let loss = if top > f64::NEG_INFINITY && spread < SPREAD {
            self.near(ranked, top)
        } else {
            self.far(ranked, top)
        };
        (loss, terms)
    }

    /// One exponential a row. With e_i = exp(s_i - top) and later_i = Σ_{j>i} e_j a stage adds log(1 + later_i / e_i).
    fn near(self, ranked: &mut Ranked, top: f64) -> f64 {
        let Ranked {
            arch,
            scores,
            exps,
            later,
            ratios,
            inverses,
            grad,
        } = ranked;
        exps_below(*arch, scores, top, exps);
        later.clear();
        later.resize(scores.len(), 0.0);
        let mut sum = 0.0;
        for (later, &exp) in later.iter_mut().zip(&*exps).rev() {
            *later = sum;
            sum += exp;
        }
        ratios.clear();
        ratios.resize(scores.len(), 0.0);
        inverses.clear();
        inverses.resize(scores.len(), 0.0);
        dispatch(
            *arch,
            #[inline(always)]
            || {
                let rows = exps.iter().zip(&*later);
                let outputs = ratios.iter_mut().zip(inverses.iter_mut());
                for ((ratio, inverse), (exp, later)) in outputs.zip(rows) {
                    *ratio = later / exp;
                    *inverse = 1.0 / (exp + later);
                }
            },
        );
        grad.clear();
        let mut shares = 0.0; // Σ w_i / (e_i + later_i) over earlier stages
        let (mut loss, mut product) = (0.0, 1.0);
        let rows = exps.iter().zip(&*later).zip(ratios.iter().zip(&*inverses));
        for (stage, ((&exp, &later), (&ratio, &share))) in rows.enumerate() {
            let weight = self.weight(stage);
            grad.push(exp * shares - weight * (later * share));
            shares += weight * share;
            product *= if weight == 0.0 { 1.0 } else { 1.0 + ratio };
            if product > FULL {
                loss += f64::ln(product);
                product = 1.0;
            }
        }
        loss += f64::ln(product);
        // The logarithm of a product: unless the weights differ, or it is so near 1 that its rounding would show.
        if self.weights.is_none() && loss > SMALL {
            return loss;
        }
        let stages = ratios.iter().enumerate();
        let terms = stages.map(|(stage, ratio)| self.weight(stage) * ratio.ln_1p());
        terms.sum()
    }

    /// The same with logarithms of the sums, at any scores. They are taken from the top: a sum loses the digits that a
    /// common offset takes.
    fn far(self, ranked: &mut Ranked, top: f64) -> f64 {
        let Ranked {
            scores,
            later,
            grad,
            ..
        } = ranked;
        if top > f64::NEG_INFINITY {
            for score in scores.iter_mut() {
                *score -= top;
            }
        }
        later.clear();
        later.resize(scores.len(), 0.0);
        let mut log_sum = f64::NEG_INFINITY;
        for (later, &score) in later.iter_mut().zip(&*scores).rev() {
            *later = log_sum;
            log_sum = log_add(score, log_sum);
        }
        grad.clear();
        let (mut loss, mut log_shares) = (0.0, f64::NEG_INFINITY);
        for (stage, (&score, &later)) in scores.iter().zip(&*later).enumerate() {
            let choice = score != f64::NEG_INFINITY || later != f64::NEG_INFINITY;
            let weight = if choice { self.weight(stage) } else { 0.0 };
            let (term, chance) = softplus_and_sigmoid(later - score);
            let own = if weight == 0.0 { 0.0 } else { weight * chance };
            loss += if weight == 0.0 { 0.0 } else { weight * term };
            grad.push((score + log_shares).exp() - own);
            if weight != 0.0 {
                log_shares = log_add(log_shares, weight.ln() - log_add(score, later));
            }
        }
        loss
    }
}

/// log(e^a + e^b)
#[allow(clippy::float_cmp)] // for two infinities, whose difference is NaN
fn log_add(a: f64, b: f64) -> f64 {
    if a == b {
        return a + std::f64::consts::LN_2;
    }
    let (high, low) = if a < b { (b, a) } else { (a, b) };
    high + softplus_and_sigmoid(low - high).0
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::{Ranked, Stages};

    fn both(scores: &[f64], stages: Stages<'_>) -> [(f64, Vec<f64>); 2] {
        let mut ranked = Ranked {
            scores: scores.to_vec(),
            ..Ranked::default()
        };
        let near = stages.near(&mut ranked, super::largest(scores));
        let near = (near, ranked.grad.clone());
        let far = stages.far(&mut ranked, super::largest(scores));
        let far = (far, ranked.grad.clone());
        [near, far]
    }

    #[test]
    fn both_ways_agree_and_the_gradient_sums_to_0() {
        let scores: Vec<f64> = (0..50_u32)
            .map(|i| f64::from(i * 37 % 101) - 40.0)
            .collect();
        let weights: Vec<f64> = (0..50_u32).map(|i| 1.0 / f64::from(1 + i)).collect();
        for (k, weights) in [(None, None), (Some(7), None), (None, Some(&*weights))] {
            let [near, far] = both(&scores, Stages::new(k, weights));
            assert!((near.0 - far.0).abs() <= 1e-12 * near.0);
            for (a, b) in near.1.iter().zip(&far.1) {
                assert!((a - b).abs() <= 1e-12, "{a} {b}");
            }
            assert!(near.1.iter().sum::<f64>().abs() < 1e-11);
        }
    }

    #[test]
    fn an_offset_changes_nothing_far_apart() {
        let scores = [0.0, 1.0, 0.5, -400.0, -401.0];
        let moved = scores.map(|score| score + 8192.0);
        let run = |scores: [f64; 5]| {
            let mut ranked = Ranked {
                scores: scores.to_vec(),
                ..Ranked::default()
            };
            let (loss, _) = Stages::new(None, None).run(&mut ranked);
            (loss, ranked.grad)
        };
        assert_eq!(run(scores), run(moved));
    }

    #[test]
    fn small_losses_keep_their_digits() {
        for (loss, grad) in both(&[40.0, 0.0], Stages::new(None, None)) {
            let want = (-40.0_f64).exp();
            assert!((loss - want).abs() <= 1e-13 * want);
            assert!(grad.iter().all(|g| (g.abs() - want).abs() <= 1e-13 * want));
        }
    }
}
