//! Payoffs of two parties: what a solver needs, and the weighted sum over groups of voters.

use super::parameters::{ParameterSlopes, own_parameter_slopes, parameter_slopes};
use super::party::{Party, Sum};
use super::voters::Voters;
use crate::conjoint::Layout;

/// Q(π, ρ): what the own party, of policy π, wins against the other, of policy ρ. The other's payoff is its opposite.
pub trait Payoff: Send + Sync {
    /// Levels of both policies.
    fn layout(&self) -> &Layout;
    /// Q as a function of π.
    fn against(&self, other: &[f64]) -> Box<dyn Party + '_>;
    /// Q as a function of ρ.
    fn facing(&self, own: &[f64]) -> Box<dyn Party + '_>;
    /// Adds `weight` · (expectation given a level of each party's profile) to [M, M]: d²Q/dπ dρ'.
    fn add_cross(&self, own: &[f64], other: &[f64], weight: f64, out: &mut [f64]);
}

/// Groups of voters with their shares; all have the same levels.
#[derive(Debug, Clone)]
pub struct Electorate {
    layout: Layout,
    groups: Vec<(f64, Voters)>,
}

impl Electorate {
    /// Groups whose models have the levels of `layout`.
    #[must_use]
    pub fn new(layout: Layout, groups: Vec<(f64, Voters)>) -> Self {
        Self { layout, groups }
    }

    /// Shares and models.
    #[must_use]
    pub fn groups(&self) -> &[(f64, Voters)] {
        &self.groups
    }

    /// [`Payoff::against`], of profiles that stand alone too.
    #[must_use]
    pub fn against(&self, other: Option<&[f64]>) -> Sum<'_> {
        let groups = self.groups.iter();
        Sum(groups
            .map(|(share, voters)| (*share, voters.against(other)))
            .collect())
    }

    /// Derivatives by the parameters of all groups, one after the other.
    #[must_use]
    pub fn parameters(&self, own: &[f64], other: Option<&[f64]>) -> ParameterSlopes {
        self.joined(|voters| parameter_slopes(voters, own, other))
    }

    /// [`Self::parameters`] without those of the other policy's slopes.
    #[must_use]
    pub fn own_parameters(&self, own: &[f64], other: Option<&[f64]>) -> ParameterSlopes {
        self.joined(|voters| own_parameter_slopes(voters, own, other))
    }

    fn joined(&self, slopes: impl Fn(&Voters) -> ParameterSlopes) -> ParameterSlopes {
        let found: Vec<(f64, ParameterSlopes)> = self
            .groups
            .iter()
            .map(|(share, voters)| (*share, slopes(voters)))
            .collect();
        let count = found.iter().map(|(_, slopes)| slopes.count).sum();
        let rows = |part: &dyn Fn(&ParameterSlopes) -> Vec<f64>| {
            let mut all = Vec::new();
            for row in 0..self.layout.levels() {
                for (share, slopes) in &found {
                    let values = part(slopes);
                    let own = values.chunks_exact(slopes.count.max(1)).nth(row);
                    all.extend(own.unwrap_or_default().iter().map(|x| share * x));
                }
            }
            all
        };
        let value = found
            .iter()
            .flat_map(|(share, slopes)| slopes.value.iter().map(move |x| share * x));
        ParameterSlopes {
            count,
            value: value.collect(),
            own: rows(&|slopes| slopes.own.clone()),
            other: rows(&|slopes| slopes.other.clone()),
        }
    }
}

impl Payoff for Electorate {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn against(&self, other: &[f64]) -> Box<dyn Party + '_> {
        Box::new(Electorate::against(self, Some(other)))
    }

    fn facing(&self, own: &[f64]) -> Box<dyn Party + '_> {
        let groups = self.groups.iter();
        Box::new(Sum(groups
            .map(|(share, voters)| (*share, voters.facing(own)))
            .collect()))
    }

    fn add_cross(&self, own: &[f64], other: &[f64], weight: f64, out: &mut [f64]) {
        for (share, voters) in &self.groups {
            voters.add_cross(own, other, weight * share, out);
        }
    }
}
