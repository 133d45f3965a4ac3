//! A payoff given for every pair of profiles: of entrants who have to win a primary.

use super::replies::{Duel, Replies};
use super::table::Profiles;
use crate::conjoint::Layout;
use crate::conjoint::expectation::{Party, Payoff, Table, joint};

/// [N, N] payoffs of the entrant of A (rows) against that of B, the level of the last factor running fastest.
#[derive(Debug, Clone)]
pub struct Entrants<'a> {
    layout: Layout,
    matrix: &'a [f64],
}

impl<'a> Entrants<'a> {
    /// `matrix` has N² entries.
    #[must_use]
    pub fn new(layout: Layout, matrix: &'a [f64]) -> Self {
        Self { layout, matrix }
    }

    fn profiles(&self) -> usize {
        self.layout.ranges().map(|range| range.len()).product()
    }

    /// M · joint(ρ): what each entrant of A wins.
    fn rows(&self, other: &[f64]) -> Vec<f64> {
        let weights = joint(&self.layout, other);
        let rows = self.matrix.chunks_exact(weights.len().max(1));
        rows.map(|row| row.iter().zip(&weights).map(|(x, q)| x * q).sum())
            .collect()
    }

    /// M' · joint(π): what A wins against each entrant of B.
    fn columns(&self, own: &[f64]) -> Vec<f64> {
        let mut totals = vec![0.0; self.profiles()];
        let weights = joint(&self.layout, own);
        for (p, row) in weights
            .iter()
            .zip(self.matrix.chunks_exact(weights.len().max(1)))
        {
            for (total, x) in totals.iter_mut().zip(row) {
                *total += p * x;
            }
        }
        totals
    }
}

impl Payoff for Entrants<'_> {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn against(&self, other: &[f64]) -> Box<dyn Party + '_> {
        Box::new(Table::new(self.layout.clone(), self.rows(other)))
    }

    fn facing(&self, own: &[f64]) -> Box<dyn Party + '_> {
        Box::new(Table::new(self.layout.clone(), self.columns(own)))
    }

    /// O(M N²)
    fn add_cross(&self, own: &[f64], other: &[f64], weight: f64, out: &mut [f64]) {
        let m = self.layout.levels();
        for (d, range) in self.layout.ranges().enumerate() {
            for level in range.clone() {
                let mut fixed = own.to_vec();
                for place in self.layout.range(d) {
                    if let Some(p) = fixed.get_mut(place) {
                        *p = f64::from(place == level);
                    }
                }
                let party = Table::new(self.layout.clone(), self.columns(&fixed));
                let (_, slopes) =
                    crate::conjoint::expectation::value_and_slopes(&party, &self.layout, other);
                let row = out.iter_mut().skip(level * m).zip(slopes);
                row.for_each(|(out, slope)| *out += weight * slope);
            }
        }
    }
}

impl Duel for Entrants<'_> {
    fn replies(&self, policy: &[f64], _slate: &[f64], facing: bool, _every: bool) -> Replies<'_> {
        Replies::Table(if facing {
            let losses = self.columns(policy);
            Profiles::new(&self.layout, losses.iter().map(|x| -x).collect())
        } else {
            Profiles::new(&self.layout, self.rows(policy))
        })
    }
}
