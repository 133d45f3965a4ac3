//! What one party wins with each pure profile while the other's policy is fixed.

use super::additive::{Curve, Curves};
use super::table::Profiles;
use crate::conjoint::expectation::{Electorate, Payoff};

/// So few profiles are enumerated.
const FEW: usize = 512;
/// So many are where a tighter certificate needs them.
const SOME: usize = 65_536;

/// A payoff that also knows its profiles.
pub trait Duel: Payoff {
    /// What A wins with each profile against the policy of B; with `facing`, what B wins against that of A, which is the
    /// opposite of Q. `slate` says which levels there are.
    fn replies(&self, policy: &[f64], slate: &[f64], facing: bool, every: bool) -> Replies<'_>;
}

/// Payoffs of profiles, one by one or as curves of additive scores.
pub enum Replies<'a> {
    /// Of all profiles.
    Table(Profiles),
    /// Of additive scores.
    Additive(Curves<'a>),
}

impl Replies<'_> {
    /// The largest payoff of a profile that the slate gives any probability.
    #[must_use]
    pub fn best(&self, slate: &[f64]) -> f64 {
        match self {
            Self::Table(profiles) => profiles.best(slate),
            Self::Additive(curves) => curves.best(slate),
        }
    }
}

impl Duel for Electorate {
    fn replies(&self, policy: &[f64], slate: &[f64], facing: bool, every: bool) -> Replies<'_> {
        let layout = self.layout();
        let sign = if facing { -1.0 } else { 1.0 };
        let count = layout.ranges().map(|range| range.len());
        let count = count.fold(1, usize::saturating_mul);
        let most = if every { SOME } else { FEW };
        let series = self.groups().iter().map(|(share, voters)| {
            let series = if facing {
                voters.series_facing(policy)
            } else {
                voters.series_against(Some(policy))
            };
            (sign * share, series, voters.scores())
        });
        let additive = self
            .groups()
            .iter()
            .all(|(_, voters)| voters.scores().inter.is_empty());
        if additive && count > most {
            let curves = series.map(|(weight, series, scores)| {
                Curve::new(weight, series, layout, &scores.main, slate)
            });
            return Replies::Additive(Curves::new(layout, curves.collect()));
        }
        let mut totals = vec![0.0; count];
        for (weight, series, scores) in series {
            for (total, x) in totals.iter_mut().zip(series.at(&scores.table())) {
                *total += weight * x;
            }
        }
        Replies::Table(Profiles::new(layout, totals))
    }
}
