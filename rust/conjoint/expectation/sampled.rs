//! Expectations over sampled profiles, where there are too many to enumerate.
//!
//! One set of uniform numbers serves every policy, so that policies are compared on the same draws. The slopes of a factor
//! average over all its levels at the drawn levels of the others (Rao and Blackwell).

use super::additive::BEND;
use super::party::{Party, Pass};
use super::scores::Scores;
use super::series::{Moments, Nodes, Series, moments_of};
use crate::elementary::float;
use crate::random::{Draws, key};

/// Uniform numbers [draws, D].
#[derive(Debug, Clone)]
pub struct Sample {
    uniforms: Vec<Vec<f64>>,
}

impl Sample {
    /// Of a seed; each factor's numbers are evenly spread, in an order of their own.
    #[must_use]
    pub fn new(draws: usize, factors: usize, seed: u64) -> Self {
        let column = |d: usize| {
            let mut source = Draws::new(key(seed, &[u64::try_from(d).unwrap_or_default()]));
            let mut order: Vec<usize> = (0..draws).collect();
            for end in (1..draws).rev() {
                order.swap(end, source.below(end + 1));
            }
            let place = |k: usize| (float(k) + 0.5) / float(draws);
            order.into_iter().map(place).collect::<Vec<f64>>()
        };
        let columns: Vec<Vec<f64>> = (0..factors).map(column).collect();
        let row = |i: usize| {
            columns
                .iter()
                .filter_map(|column| column.get(i).copied())
                .collect()
        };
        Self {
            uniforms: (0..draws).map(row).collect(),
        }
    }

    /// Levels, within their factor, of the drawn profiles.
    fn profiles(&self, scores: &Scores, policy: &[f64]) -> Vec<Vec<usize>> {
        let level =
            |d: usize, u: f64| drawn(policy.get(scores.layout.range(d)).unwrap_or_default(), u);
        let profile = |row: &Vec<f64>| row.iter().enumerate().map(|(d, &u)| level(d, u)).collect();
        self.uniforms.iter().map(profile).collect()
    }

    /// Moments of the score; its mean is exact.
    #[must_use]
    pub fn moments(&self, nodes: &Nodes, scores: &Scores, policy: &[f64]) -> Moments {
        let profiles = self.profiles(scores, policy);
        let values: Vec<f64> = profiles
            .iter()
            .map(|profile| score(scores, profile))
            .collect();
        let weights = vec![1.0 / float(values.len()); values.len()];
        Moments {
            mean: scores.mean(policy),
            ..moments_of(nodes, &weights, &values)
        }
    }
}

/// The first level at which the cumulated probability exceeds u, of those that have any.
fn drawn(own: &[f64], u: f64) -> usize {
    let (mut sum, mut level) = (0.0, 0);
    for (l, p) in own.iter().enumerate().filter(|(_, p)| **p > 0.0) {
        sum += p;
        level = l;
        if sum > u {
            break;
        }
    }
    level
}

fn score(scores: &Scores, profile: &[usize]) -> f64 {
    let mains = scores.layout.ranges().zip(profile).enumerate();
    mains
        .map(|(d, (_, &level))| share(scores, profile, d, level, d))
        .sum()
}

/// What level `l` of factor `d` adds to the score: its own, and its pairs with the factors below `before`.
fn share(scores: &Scores, profile: &[usize], d: usize, l: usize, before: usize) -> f64 {
    let main = scores.main.get(scores.layout.range(d).start + l).copied();
    let pairs = scores.inter.iter().map(|inter| {
        let (one, two) = inter.factors;
        let (row, column) = match (one == d, two == d) {
            (true, _) if two < before => (l, profile.get(two).copied().unwrap_or_default()),
            (_, true) if one < before => (profile.get(one).copied().unwrap_or_default(), l),
            _ => return 0.0,
        };
        let columns = scores.layout.range(two).len();
        inter
            .table
            .get(row * columns + column)
            .copied()
            .unwrap_or_default()
    });
    main.unwrap_or_default() + pairs.sum::<f64>()
}

/// E f(s) over the sample.
pub struct Sampled<'a> {
    scores: &'a Scores,
    sample: &'a Sample,
    series: Series,
}

impl<'a> Sampled<'a> {
    /// The payoff of a profile is the series at its score.
    #[must_use]
    pub fn new(scores: &'a Scores, sample: &'a Sample, series: Series) -> Self {
        Self {
            scores,
            sample,
            series,
        }
    }

    /// Adds `weight` · mean f at the profiles with each level of factor `d`.
    fn add_means(&self, profiles: &[Vec<usize>], d: usize, weight: f64, out: &mut [f64]) {
        let all = self.scores.layout.factors();
        let base: Vec<f64> = profiles
            .iter()
            .map(|profile| {
                let own = profile.get(d).copied().unwrap_or_default();
                score(self.scores, profile) - share(self.scores, profile, d, own, all)
            })
            .collect();
        for (l, out) in out.iter_mut().enumerate() {
            let with = profiles.iter().zip(&base);
            let values: Vec<f64> = with
                .map(|(profile, base)| base + share(self.scores, profile, d, l, all))
                .collect();
            *out += weight * self.series.at(&values).iter().sum::<f64>() / float(values.len());
        }
    }
}

struct SampledPass<'a> {
    party: &'a Sampled<'a>,
    profiles: Vec<Vec<usize>>,
}

impl Party for Sampled<'_> {
    fn begin(&self, policy: &[f64]) -> Box<dyn Pass + '_> {
        Box::new(SampledPass {
            party: self,
            profiles: self.sample.profiles(self.scores, policy),
        })
    }

    fn add_curvature(&self, policy: &[f64], weight: f64, out: &mut [f64]) {
        let (layout, m) = (&self.scores.layout, self.scores.layout.levels());
        for (d, range) in layout.ranges().enumerate() {
            for (l, row) in range.enumerate() {
                let mut profiles = self.sample.profiles(self.scores, policy);
                for own in profiles.iter_mut().filter_map(|profile| profile.get_mut(d)) {
                    *own = l;
                }
                for (e, columns) in layout.ranges().enumerate().filter(|(e, _)| *e != d) {
                    let start = row * m + columns.start;
                    if let Some(out) = out.get_mut(start..start + columns.len()) {
                        self.add_means(&profiles, e, weight, out);
                    }
                }
            }
        }
    }

    fn add_mixed_bounds(&self, weight: f64, out: &mut [f64]) {
        self.scores.add_mixed_bounds(0.25, BEND, weight, out);
    }

    fn is_exact(&self) -> bool {
        false
    }
}

impl Pass for SampledPass<'_> {
    fn add_slopes(&mut self, d: usize, _policy: &[f64], weight: f64, out: &mut [f64]) {
        self.party.add_means(&self.profiles, d, weight, out);
    }

    fn leave(&mut self, d: usize, policy: &[f64]) {
        let own = policy
            .get(self.party.scores.layout.range(d))
            .unwrap_or_default();
        for (profile, row) in self.profiles.iter_mut().zip(&self.party.sample.uniforms) {
            if let (Some(level), Some(&u)) = (profile.get_mut(d), row.get(d)) {
                *level = drawn(own, u);
            }
        }
    }
}
