//! A payoff that is a function of an additive score: E e^{iωs} is a product over the factors.

use super::party::{Party, Pass};
use super::scores::Scores;
use super::series::{Moments, Series};
use super::wave::Wave;
use crate::conjoint::Layout;

/// Scores of levels with e^{i k h score} at the nodes.
#[derive(Debug, Clone)]
pub struct Levels {
    layout: Layout,
    scores: Vec<f64>,
    waves: Vec<Wave>,
}

impl Levels {
    /// `scores` and `waves` have one entry for each level.
    #[must_use]
    pub fn new(layout: Layout, scores: Vec<f64>, waves: Vec<Wave>) -> Self {
        Self {
            layout,
            scores,
            waves,
        }
    }

    fn nodes(&self) -> usize {
        self.waves.first().map_or(0, Wave::len)
    }

    /// Score and wave of each level of factor `d`, and its probabilities.
    fn factor<'a>(&'a self, d: usize, policy: &'a [f64]) -> (&'a [f64], &'a [Wave], &'a [f64]) {
        let range = self.layout.range(d);
        (
            self.scores.get(range.clone()).unwrap_or_default(),
            self.waves.get(range.clone()).unwrap_or_default(),
            policy.get(range).unwrap_or_default(),
        )
    }

    /// Of the score of one factor.
    fn moments_of(&self, d: usize, policy: &[f64]) -> Moments {
        let (scores, waves, own) = self.factor(d, policy);
        let mut wave = Wave::real(0.0, self.nodes());
        wave.add_rows(own, waves);
        Moments {
            mean: scores.iter().zip(own).map(|(s, p)| s * p).sum(),
            wave,
        }
    }

    /// Of the score of all factors: O(K M).
    #[must_use]
    pub fn moments(&self, policy: &[f64]) -> Moments {
        let mut all = Moments::none(self.nodes());
        for d in 0..self.layout.factors() {
            all = joined(&all, &self.moments_of(d, policy));
        }
        all
    }

    /// Moments given each level: O(K M).
    #[must_use]
    pub fn conditional(&self, policy: &[f64]) -> Vec<Moments> {
        let after = self.after(policy);
        let mut before = Moments::none(self.nodes());
        let mut given = Vec::with_capacity(self.waves.len());
        for (d, after) in after.iter().skip(1).enumerate() {
            let (scores, waves, _) = self.factor(d, policy);
            let elsewhere = joined(&before, after);
            given.extend(scores.iter().zip(waves).map(|(&score, wave)| Moments {
                mean: elsewhere.mean + score,
                wave: elsewhere.wave.times(wave),
            }));
            before = joined(&before, &self.moments_of(d, policy));
        }
        given
    }

    /// Of the factors from d on, for d = 0, …, D.
    fn after(&self, policy: &[f64]) -> Vec<Moments> {
        let mut after = vec![Moments::none(self.nodes())];
        for d in (0..self.layout.factors()).rev() {
            let next = match after.last() {
                Some(last) => joined(&self.moments_of(d, policy), last),
                None => self.moments_of(d, policy),
            };
            after.push(next);
        }
        after.reverse();
        after
    }
}

/// Of the sum of two independent scores.
fn joined(one: &Moments, other: &Moments) -> Moments {
    Moments {
        mean: one.mean + other.mean,
        wave: one.wave.times(&other.wave),
    }
}

/// E f(s) of the additive score.
pub struct Additive<'a> {
    levels: &'a Levels,
    series: Series,
}

impl<'a> Additive<'a> {
    /// The payoff of a profile is the series at its score.
    #[must_use]
    pub fn new(levels: &'a Levels, series: Series) -> Self {
        Self { levels, series }
    }
}

struct AdditivePass<'a> {
    party: &'a Additive<'a>,
    /// Coefficients times the waves of the factors that were left, and the mean of their scores.
    before: Moments,
    after: Vec<Moments>,
}

impl Party for Additive<'_> {
    /// O(K M)
    fn begin(&self, policy: &[f64]) -> Box<dyn Pass + '_> {
        Box::new(AdditivePass {
            party: self,
            before: Moments {
                mean: 0.0,
                wave: self.series.wave.clone(),
            },
            after: self.levels.after(policy),
        })
    }

    /// O(K M²)
    fn add_curvature(&self, policy: &[f64], weight: f64, out: &mut [f64]) {
        let (layout, m) = (&self.levels.layout, self.levels.layout.levels());
        let after = self.levels.after(policy);
        let mut before = Moments {
            mean: 0.0,
            wave: self.series.wave.clone(),
        };
        for d in 0..layout.factors() {
            let (scores, waves, _) = self.levels.factor(d, policy);
            let mut between = before.clone();
            for e in d + 1..layout.factors() {
                let others = match after.get(e + 1) {
                    Some(after) => joined(&between, after),
                    None => between.clone(),
                };
                let (columns, column_waves, _) = self.levels.factor(e, policy);
                let shift = self.series.constant + self.series.linear * others.mean;
                for ((row, score), wave) in layout.range(d).zip(scores).zip(waves) {
                    let mut values: Vec<f64> = columns
                        .iter()
                        .map(|s| weight * (shift + self.series.linear * (score + s)))
                        .collect();
                    let both = others.wave.times(wave);
                    both.add_products(weight, column_waves, &mut values);
                    for (column, value) in layout.range(e).zip(values) {
                        for place in [row * m + column, column * m + row] {
                            if let Some(cell) = out.get_mut(place) {
                                *cell += value;
                            }
                        }
                    }
                }
                between = joined(&between, &self.levels.moments_of(e, policy));
            }
            before = joined(&before, &self.levels.moments_of(d, policy));
        }
    }

    fn add_mixed_bounds(&self, weight: f64, out: &mut [f64]) {
        let scores = Scores {
            layout: self.levels.layout.clone(),
            main: self.levels.scores.clone(),
            inter: Vec::new(),
        };
        let (low, high) = scores.ends();
        scores.add_mixed_bounds(0.25, self.series.bend(low, high), weight, out);
    }

    fn is_quadratic(&self) -> bool {
        self.levels.layout.factors() <= 2
    }
}

/// max |sigmoid''| = 1/(6√3)
pub const BEND: f64 = 0.096_225_044_864_937_63;

impl Pass for AdditivePass<'_> {
    fn add_slopes(&mut self, d: usize, policy: &[f64], weight: f64, out: &mut [f64]) {
        let (scores, waves, _) = self.party.levels.factor(d, policy);
        let Some(after) = self.after.get(d + 1) else {
            return;
        };
        let (others, series) = (joined(&self.before, after), &self.party.series);
        let shift = series.constant + series.linear * others.mean;
        for (out, score) in out.iter_mut().zip(scores) {
            *out += weight * (shift + series.linear * score);
        }
        others.wave.add_products(weight, waves, out);
    }

    fn leave(&mut self, d: usize, policy: &[f64]) {
        self.before = joined(&self.before, &self.party.levels.moments_of(d, policy));
    }
}
