//! One group of voters: its model of the outcome, and expectations under it.

use super::additive::{Additive, Levels};
use super::pairwise::Pairwise;
use super::party::Party;
use super::sampled::{Sample, Sampled};
use super::scores::{Scores, joint};
use super::series::{Moments, Nodes, Series, moments_of};
use super::table::Table;
use crate::error::{Error, Result};

/// More profiles than this are not enumerated.
pub const MOST_PROFILES: usize = 4_000_000;
/// Scores further apart than this need too many nodes.
const FARTHEST: f64 = 1e4;

/// How outcomes follow from scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// sigmoid
    Logit,
    /// The score itself.
    Identity,
}

/// A model of the outcome: link(intercept + s(T) − s(U)) for pairs, link(intercept + s(T)) for single profiles.
#[derive(Debug, Clone)]
pub struct Voters {
    pub(super) scores: Scores,
    pub(super) intercept_is_unknown: bool,
    paired: bool,
    pub(super) link: Series,
    basis: Basis,
}

#[derive(Debug, Clone)]
enum Basis {
    Identity,
    Additive(Levels),
    /// Score of every profile.
    Profiles(Nodes, Vec<f64>),
    Sampled(Nodes, Sample),
}

impl Voters {
    /// Prepares the nodes: O(K M), and O(N) with a logit link and interactions.
    ///
    /// `intercept_is_unknown` counts the intercept among the parameters.
    ///
    /// # Errors
    /// [`Error::Domain`] where a logit link with interactions has too many profiles, or scores are too far apart.
    pub fn new(
        scores: Scores,
        intercept: f64,
        intercept_is_unknown: bool,
        link: Link,
        paired: bool,
    ) -> Result<Self> {
        Self::with_sample(scores, intercept, intercept_is_unknown, link, paired, None)
    }

    /// The same with expectations over (draws, seed) where levels interact under a logit link.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn with_sample(
        scores: Scores,
        intercept: f64,
        intercept_is_unknown: bool,
        link: Link,
        paired: bool,
        sample: Option<(usize, u64)>,
    ) -> Result<Self> {
        let reach = intercept.abs()
            + if paired {
                scores.spread()
            } else {
                scores.largest()
            };
        if reach.is_nan() || reach > FARTHEST {
            let expected = format!("scores of profiles at most {FARTHEST} apart");
            return Err(Error::domain("model", expected, reach));
        }
        let nodes = match link {
            Link::Identity => Nodes::identity(),
            Link::Logit => Nodes::new(reach),
        };
        let series = nodes.link(intercept);
        let basis = if link == Link::Identity {
            Basis::Identity
        } else if scores.inter.is_empty() {
            let waves = scores.main.iter().map(|&score| nodes.wave(score)).collect();
            Basis::Additive(Levels::new(
                scores.layout.clone(),
                scores.main.clone(),
                waves,
            ))
        } else if let Some((draws, seed)) = sample {
            Basis::Sampled(nodes, Sample::new(draws, scores.layout.factors(), seed))
        } else if scores.profiles() <= MOST_PROFILES {
            Basis::Profiles(nodes, scores.table())
        } else {
            let expected = format!(
                "a model of at most {MOST_PROFILES} profiles where levels interact (see sampled)"
            );
            return Err(Error::domain("model", expected, scores.profiles()));
        };
        Ok(Self {
            scores,
            intercept_is_unknown,
            paired,
            link: series,
            basis,
        })
    }

    /// Whether the outcome is that of two profiles.
    #[must_use]
    pub fn paired(&self) -> bool {
        self.paired
    }

    /// Scores of levels.
    #[must_use]
    pub fn scores(&self) -> &Scores {
        &self.scores
    }

    /// Of the score of a random profile; of no profile where there is none.
    #[must_use]
    pub fn moments(&self, policy: Option<&[f64]>) -> Moments {
        let Some(policy) = policy.filter(|_| self.paired) else {
            return Moments::none(self.link.wave.len());
        };
        self.own_moments(policy)
    }

    fn own_moments(&self, policy: &[f64]) -> Moments {
        match &self.basis {
            Basis::Identity => Moments {
                mean: self.scores.mean(policy),
                ..Moments::none(0)
            },
            Basis::Additive(levels) => levels.moments(policy),
            Basis::Profiles(nodes, scores) => {
                seen(nodes, &joint(&self.scores.layout, policy), scores)
            }
            Basis::Sampled(nodes, sample) => sample.moments(nodes, &self.scores, policy),
        }
    }

    /// Expected outcome of each profile, the level of the last factor running fastest.
    #[must_use]
    pub fn profile_values(&self, other: Option<&[f64]>) -> Vec<f64> {
        self.link
            .against(&self.moments(other))
            .at(&self.scores.table())
    }

    /// The payoff of the own policy against that of the other, which is ignored where profiles stand alone.
    #[must_use]
    pub fn against(&self, other: Option<&[f64]>) -> Box<dyn Party + '_> {
        self.party(self.series_against(other))
    }

    /// [`Self::against`] as a function of the score.
    #[must_use]
    pub fn series_against(&self, other: Option<&[f64]>) -> Series {
        self.link.against(&self.moments(other))
    }

    /// The same payoff as a function of the other's policy.
    #[must_use]
    pub fn facing(&self, own: &[f64]) -> Box<dyn Party + '_> {
        self.party(self.series_facing(own))
    }

    /// [`Self::facing`] as a function of the other's score.
    #[must_use]
    pub fn series_facing(&self, own: &[f64]) -> Series {
        self.link.facing(&self.own_moments(own))
    }

    /// [`Self::against`] with the derivative of the link.
    pub(super) fn steep_against(&self, other: Option<&[f64]>) -> Box<dyn Party + '_> {
        self.party(self.link.derivative().against(&self.moments(other)))
    }

    /// [`Self::facing`] with the derivative of the link.
    pub(super) fn steep_facing(&self, own: &[f64]) -> Box<dyn Party + '_> {
        self.party(self.link.derivative().facing(&self.own_moments(own)))
    }

    fn party(&self, series: Series) -> Box<dyn Party + '_> {
        match &self.basis {
            Basis::Identity => Box::new(Pairwise::new(&self.scores, &series)),
            Basis::Additive(levels) => Box::new(Additive::new(levels, series)),
            Basis::Profiles(_, scores) => {
                Box::new(Table::new(self.scores.layout.clone(), series.at(scores)))
            }
            Basis::Sampled(_, sample) => Box::new(Sampled::new(&self.scores, sample, series)),
        }
    }

    /// Adds `weight` · E[link | t_d = l, u_e = m] to [M, M].
    pub fn add_cross(&self, own: &[f64], other: &[f64], weight: f64, out: &mut [f64]) {
        cross(
            &self.link,
            &self.conditional(own),
            &self.conditional(other),
            weight,
            out,
        );
    }

    /// [`Self::add_cross`] with the derivative of the link, from moments given each level.
    pub(super) fn add_steep_cross(&self, own: &[Moments], other: &[Moments], out: &mut [f64]) {
        cross(&self.link.derivative(), own, other, 1.0, out);
    }

    /// Moments of the score given each level: O(K M), where levels interact O(K N D).
    #[must_use]
    pub fn conditional(&self, policy: &[f64]) -> Vec<Moments> {
        let layout = &self.scores.layout;
        match &self.basis {
            Basis::Identity => {
                let mut means = vec![0.0; layout.levels()];
                for (d, range) in layout.ranges().enumerate() {
                    if let Some(means) = means.get_mut(range) {
                        self.scores.add_conditional(d, policy, 1.0, means);
                    }
                }
                let none = Moments::none(0);
                means
                    .into_iter()
                    .map(|mean| Moments {
                        mean,
                        ..none.clone()
                    })
                    .collect()
            }
            Basis::Additive(levels) => levels.conditional(policy),
            Basis::Sampled(nodes, sample) => {
                self.each_fixed(policy, |fixed| sample.moments(nodes, &self.scores, fixed))
            }
            Basis::Profiles(nodes, scores) => {
                self.each_fixed(policy, |fixed| seen(nodes, &joint(layout, fixed), scores))
            }
        }
    }

    /// For each level, of the policy that gives it all the probability of its factor.
    fn each_fixed(&self, policy: &[f64], make: impl Fn(&[f64]) -> Moments) -> Vec<Moments> {
        let ranges = self.scores.layout.ranges();
        let each = ranges.flat_map(|range| range.clone().map(move |level| (range.clone(), level)));
        each.map(|(range, level)| {
            let mut fixed = policy.to_vec();
            super::pairwise::fix(&mut fixed, range, level);
            make(&fixed)
        })
        .collect()
    }
}

/// Moments without the profiles of no weight.
fn seen(nodes: &Nodes, weights: &[f64], scores: &[f64]) -> Moments {
    let both = weights.iter().zip(scores).filter(|(w, _)| **w > 0.0);
    let (weights, scores): (Vec<f64>, Vec<f64>) = both.unzip();
    moments_of(nodes, &weights, &scores)
}

/// E f(S − S') for each pair of moments.
fn cross(f: &Series, own: &[Moments], other: &[Moments], weight: f64, out: &mut [f64]) {
    let conjugates: Vec<_> = other
        .iter()
        .map(|moments| moments.wave.conjugate())
        .collect();
    for (row, own) in out.chunks_exact_mut(other.len().max(1)).zip(own) {
        for (cell, other) in row.iter_mut().zip(other) {
            *cell += weight * (f.constant + f.linear * (own.mean - other.mean));
        }
        f.wave
            .times(&own.wave)
            .add_products(weight, &conjugates, row);
    }
}
